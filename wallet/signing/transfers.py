"""Sign the transfer of a held purchase, and the permit that may go with it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from wallet.assets import find_asset
from wallet.methods import transfer_methods
from wallet.model import Purchase, State, Transfer
from wallet.signing.checked import CheckedHold
from wallet.signing.key import KeySource, SigningRefusedError, UnlockedKey


@dataclass(frozen=True, slots=True)
class SignedTransfer:
    """A signed transfer: a bearer cheque until `transfer.valid_before`.

    `signature` is 0x and 130 hex digits (r, s, v), with s in the lower half and v 27 or 28.
    """

    purchase_id: str
    transfer: Transfer
    signature: str = field(repr=False)


class Signer:
    """Signs purchases that the ledger holds, and nothing else.

    It takes an id and the terms that were checked, and signs where the ledger holds these very
    terms under that id: neither the caller nor whoever can write the ledger's file chooses alone.
    Calls block (a keystore may take half a second to open), so make them in a worker thread.

    Args:
        keys: the source of the key; it is asked once, at the first signature or `prepare`.
        load: reads one purchase from the ledger.
    """

    def __init__(self, keys: KeySource, load: Callable[[str], Purchase | None]) -> None:
        self._keys = keys
        self._load = load
        self._unlocked: UnlockedKey | None = None
        self._unlocking = threading.Lock()

    def __repr__(self) -> str:
        return "Signer(<hidden>)"

    def address(self) -> str:
        """Return the payer's EIP-55 address.

        Raises:
            PurserError: WALLET_LOCKED.
        """
        return self._keys.address()

    def prepare(self) -> None:
        """Unlock the key and load the curve library, so that the first signature is quick.

        Raises:
            PurserError: WALLET_LOCKED.
        """
        self._key()

    def sign(self, purchase_id: str, checked: Transfer) -> SignedTransfer:
        """Sign the transfer of a HELD purchase, under domains and contracts of our own tables.

        What is signed belongs to the transfer's method: EIP-3009, or a Permit2 witness transfer.

        Signing is deterministic (RFC 6979): the same hold always gives the same bytes.

        Args:
            purchase_id: the row to sign.
            checked: the transfer that the caps were checked on.

        Raises:
            SigningRefusedError: no such hold, other terms than those that were checked, not a
                transfer we sign, or not our payer.
            PurserError: WALLET_LOCKED.
            LedgerUnavailableError: the purchase cannot be read.
        """
        hold = _check(purchase_id, self._load(purchase_id), checked)
        return SignedTransfer(purchase_id, hold.transfer, self._sign(hold))

    def sign_permit(self, purchase_id: str, checked: Transfer, permit_nonce: int) -> str:
        """Sign the EIP-2612 permit that lets Permit2 take a HELD purchase's amount, and no more.

        It ends when the transfer does, and without the transfer's own signature it moves nothing.
        Returns 0x and 130 hex digits.

        Args:
            purchase_id: the row to sign for; its transfer goes through Permit2.
            checked: the transfer that the caps were checked on.
            permit_nonce: the payer's next permit nonce at the token. It may be wrong: then the
                permit is refused by the token.

        Raises:
            SigningRefusedError: as `sign`, or the transfer does not go through Permit2.
            PurserError: WALLET_LOCKED.
            LedgerUnavailableError: the purchase cannot be read.
        """
        hold = _check(purchase_id, self._load(purchase_id), checked)
        return self._sign(replace(hold, permit_nonce=permit_nonce))

    def _sign(self, hold: CheckedHold) -> str:
        key = self._key()
        if hold.transfer.payer != key.address:
            raise SigningRefusedError("the payer of the hold is not this wallet")
        return key.sign(hold)

    def _key(self) -> UnlockedKey:
        with self._unlocking:
            if self._unlocked is None:
                self._unlocked = self._keys.unlock()
            return self._unlocked


def _check(purchase_id: str, purchase: Purchase | None, checked: Transfer) -> CheckedHold:
    if purchase is None or purchase.id != purchase_id:
        raise SigningRefusedError("the ledger has no such purchase")
    if purchase.state is not State.HELD:
        raise SigningRefusedError(f"the purchase is {purchase.state}, not held")
    if purchase.transfer is None:
        raise SigningRefusedError("the purchase has no transfer")
    if purchase.transfer != checked:
        raise SigningRefusedError("the transfer in the ledger is not the one that was checked")
    if purchase.transfer.method not in transfer_methods(purchase.rail, purchase.scheme):
        raise SigningRefusedError("the purchase's scheme is not signed by its method")
    asset = find_asset(purchase.transfer.network_id, purchase.transfer.asset)
    if asset is None:
        raise SigningRefusedError("the token is not in the asset table")
    return CheckedHold(purchase.transfer, asset)
