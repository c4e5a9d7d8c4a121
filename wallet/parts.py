"""What a purchase is made with: ledger, store, key, chain, rails, rules, clock and entropy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from wallet.chain import Chain
from wallet.ledger.base import Ledger
from wallet.ledger.worker import LedgerWorker
from wallet.limits import Rules
from wallet.model import Transfer
from wallet.purchases import PurchaseStore
from wallet.rails.base import Rail
from wallet.rails.x402.batch.channel import Deposit, Voucher
from wallet.rails.x402.sign_in import SignIn


class Keys(Protocol):
    """The wallet's key as the payer may use it: an address, and signatures over ledger rows."""

    async def address(self) -> str:
        """Return the checksummed address, without unlocking the key where that is possible.

        Raises:
            PurserError: WALLET_LOCKED.
        """
        ...

    async def unlock(self) -> str:
        """Unlock the key, once, and return its checksummed address.

        Raises:
            PurserError: WALLET_LOCKED.
        """
        ...

    def sign(self, ledger: Ledger, purchase_id: str, checked: Transfer) -> str:
        """Sign the transfer that was checked, as the ledger holds it; 0x and 130 hex digits.

        Blocking; runs in the ledger's thread.

        Raises:
            PurserError: the row is not HELD or not of this transfer, or the key cannot be reached.
        """
        ...

    def sign_permit(
        self, ledger: Ledger, purchase_id: str, checked: Transfer, permit_nonce: int
    ) -> str:
        """Sign the permit that lets Permit2 take what was checked; 0x and 130 hex digits.

        Blocking; runs in the ledger's thread.

        Raises:
            PurserError: as `sign`, or the transfer does not go through Permit2.
        """
        ...

    def sign_in(self, ledger: Ledger, purchase_id: str, checked: SignIn) -> str:
        """Sign in at the site of a settled purchase; 0x and 130 hex digits. Blocking, as `sign`.

        Raises:
            PurserError: the user has not turned it on, the row is not settled or not of that site,
                or the key cannot be reached.
        """
        ...

    def sign_deposit(self, ledger: Ledger, checked: Deposit) -> str:
        """Sign the deposit that was checked, as the ledger holds it. Blocking, as `sign`.

        Raises:
            PurserError: the ledger has no such deposit to make, or the key cannot be reached.
        """
        ...

    def sign_voucher(self, ledger: Ledger, purchase_id: str, checked: Voucher) -> str:
        """Sign the voucher that was checked, for a held page. Blocking, as `sign`.

        Raises:
            PurserError: the ledger has no such page, or the key cannot be reached.
        """
        ...

    def sign_reached(self, ledger: Ledger, channel_id: str) -> tuple[Voucher, str]:
        """Sign again for what a channel's seller has acknowledged already. Blocking, as `sign`.

        Raises:
            PurserError: the ledger has no such channel, or the key cannot be reached.
        """
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything the payer works with; built once, in `server/`.

    `clock` returns unix milliseconds; `entropy(n)` returns n random bytes. `room_bytes` is the
    free disk space wanted before anything is signed. `proof_wait_s` bounds how long an answer
    waits for the chain to show a settlement.
    """

    ledger: LedgerWorker
    store: PurchaseStore
    keys: Keys
    chain: Chain
    rails: tuple[Rail, ...]
    rules: Rules
    principal: str
    clock: Callable[[], int]
    entropy: Callable[[int], bytes]
    room_bytes: int
    proof_wait_s: int

    def now_s(self) -> int:
        """Return the present unix second."""
        return self.clock() // 1000
