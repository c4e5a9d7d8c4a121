"""The wallet's key as the payer holds it: unlocked once, and signing only what the ledger holds."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

import anyio.to_thread

from wallet.errors import ErrorKind, PurserError
from wallet.ledger.base import Ledger
from wallet.model import Transfer
from wallet.rails.x402.batch.channel import Deposit, Voucher
from wallet.rails.x402.sign_in import SignIn
from wallet.signing.channels import ChannelSigner
from wallet.signing.key import KeySource, SigningRefusedError, UnlockedKey
from wallet.signing.sign_in import SignInSigner
from wallet.signing.transfers import Signer


class Vault:
    """Implements `wallet.parts.Keys` over a key source; signs in only where `may_sign_in`."""

    def __init__(self, source: KeySource, *, may_sign_in: bool = False) -> None:
        self._source = source
        self._may_sign_in = may_sign_in
        self._unlocked: UnlockedKey | None = None
        self._unlocking = threading.Lock()

    def __repr__(self) -> str:
        return "Vault(<hidden>)"

    async def address(self) -> str:
        """Return the checksummed address, without unlocking the key where that is possible.

        Raises:
            PurserError: WALLET_LOCKED.
        """
        if self._unlocked is not None:
            return self._unlocked.address
        return await anyio.to_thread.run_sync(self._source.address)

    async def unlock(self) -> str:
        """Unlock the key, once, in a worker thread, and return its checksummed address.

        Raises:
            PurserError: WALLET_LOCKED.
        """
        if self._unlocked is not None:
            return self._unlocked.address
        return (await anyio.to_thread.run_sync(self._unlock)).address

    def sign(self, ledger: Ledger, purchase_id: str, checked: Transfer) -> str:
        """Sign the transfer that was checked, as the ledger holds it; 0x and 130 hex digits.

        Raises:
            PurserError: WALLET_LOCKED, or the row is not one that may be signed.
        """
        with _refusals():
            return self._signer(ledger).sign(purchase_id, checked).signature

    def sign_permit(
        self, ledger: Ledger, purchase_id: str, checked: Transfer, permit_nonce: int
    ) -> str:
        """Sign the permit that lets Permit2 take what was checked; 0x and 130 hex digits.

        Raises:
            PurserError: WALLET_LOCKED, or the row is not one that may be signed.
        """
        with _refusals():
            return self._signer(ledger).sign_permit(purchase_id, checked, permit_nonce)

    def sign_in(self, ledger: Ledger, purchase_id: str, checked: SignIn) -> str:
        """Sign in at the site of a settled purchase of this wallet; 0x and 130 hex digits.

        Raises:
            PurserError: WALLET_LOCKED, it is not turned on, or the text is not one to sign.
        """
        with _refusals():
            if not self._may_sign_in:
                raise SigningRefusedError("signing in is not turned on")
            return SignInSigner(self._unlock(), ledger.get).sign(purchase_id, checked)

    def _signer(self, ledger: Ledger) -> Signer:
        return Signer(_Unlocked(self._unlock()), ledger.get)

    def sign_deposit(self, ledger: Ledger, checked: Deposit) -> str:
        """Sign the deposit that was checked, as the ledger holds it; 0x and 130 hex digits.

        Raises:
            PurserError: WALLET_LOCKED, or the ledger has no such deposit to make.
        """
        with _refusals():
            return self._channel_signer(ledger).sign_deposit(checked)

    def sign_voucher(self, ledger: Ledger, purchase_id: str, checked: Voucher) -> str:
        """Sign the voucher that was checked, for a held page; 0x and 130 hex digits.

        Raises:
            PurserError: WALLET_LOCKED, or the ledger has no such page.
        """
        with _refusals():
            return self._channel_signer(ledger).sign_voucher(purchase_id, checked)

    def sign_reached(self, ledger: Ledger, channel_id: str) -> tuple[Voucher, str]:
        """Sign again for what a channel's seller has acknowledged already.

        Raises:
            PurserError: WALLET_LOCKED, or the ledger has no such channel.
        """
        with _refusals():
            return self._channel_signer(ledger).sign_reached(channel_id)

    def _channel_signer(self, ledger: Ledger) -> ChannelSigner:
        channels = ledger.channels
        return ChannelSigner(self._unlock(), ledger.get, channels.get, channels.open_page)

    def _unlock(self) -> UnlockedKey:
        with self._unlocking:
            if self._unlocked is None:
                self._unlocked = self._source.unlock()
            return self._unlocked


@contextmanager
def _refusals() -> Generator[None]:
    try:
        yield
    except SigningRefusedError as error:
        raise PurserError(ErrorKind.WALLET_LOCKED, f"The signer refused: {error}.") from None


class _Unlocked:
    """A key source that is open already."""

    def __init__(self, key: UnlockedKey) -> None:
        self._key = key

    def address(self) -> str:
        return self._key.address

    def unlock(self) -> UnlockedKey:
        return self._key
