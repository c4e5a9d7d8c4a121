"""The only way to a signature: the transfer of a held purchase, read from the ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn, Protocol

from wallet.assets import Asset, find_asset
from wallet.model import Method, Purchase, State, Transfer

SIGNED = {
    "exact": (Method.EIP3009, Method.PERMIT2),
    "upto": (Method.UPTO,),
}
"""By scheme: the methods by which its transfers are signed; nothing else is signed."""


class SigningRefusedError(Exception):
    """The signer will not sign; the text is ours and never holds a key or a signature."""


@dataclass(frozen=True, slots=True)
class _CheckedHold:
    """Terms that `_check` has let through; nothing else makes one.

    With `permit_nonce` it stands for the EIP-2612 permit beside the transfer, not for the transfer.
    """

    transfer: Transfer
    asset: Asset
    permit_nonce: int | None = None


class UnlockedKey:
    """A private key in memory: opaque, and good only for holds that this module has checked.

    Args:
        secret: the 32 bytes of a secp256k1 key.

    Raises:
        ValueError: not 32 bytes, or outside the curve's range; the text never quotes the key.
    """

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        from eth_keys.datatypes import PrivateKey
        from eth_utils.exceptions import ValidationError

        if len(secret) != 32:
            secret = b""  # some tracebacks show the locals of each frame
            raise ValueError("a private key has 32 bytes")
        try:
            self._key = PrivateKey(secret)
        except (ValidationError, ValueError):
            raise ValueError("the private key is outside the range of secp256k1") from None
        self.address: str = self._key.public_key.to_checksum_address()

    def sign(self, hold: _CheckedHold) -> str:
        """Sign a hold that this module has checked, and check the signature.

        Raises:
            SigningRefusedError: the terms do not fit their types, or the signature is wrong.
        """
        try:
            digest = _digest(hold)
        except ValueError:
            raise SigningRefusedError("the hold's terms do not fit the transfer's types") from None
        signed = self._key.sign_msg_hash(digest)
        if signed.recover_public_key_from_msg_hash(digest) != self._key.public_key:
            raise SigningRefusedError("the signature does not recover to the wallet's address")
        return f"0x{signed.r:064x}{signed.s:064x}{signed.v + 27:02x}"

    def __repr__(self) -> str:
        address = getattr(self, "address", None)  # None while it is being made
        return f"UnlockedKey(address={address!r}, key=<hidden>)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an unlocked key cannot be copied or pickled")


class KeySource(Protocol):
    """Where the key lives; `wallet.keystore` has the three kinds there are."""

    def address(self) -> str:
        """Return the EIP-55 address, without unlocking where that is possible."""
        ...

    def unlock(self) -> UnlockedKey:
        """Return the key.

        Raises:
            PurserError: WALLET_LOCKED, with what to do about it.
        """
        ...


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

    def _sign(self, hold: _CheckedHold) -> str:
        key = self._key()
        if hold.transfer.payer != key.address:
            raise SigningRefusedError("the payer of the hold is not this wallet")
        return key.sign(hold)

    def _key(self) -> UnlockedKey:
        with self._unlocking:
            if self._unlocked is None:
                self._unlocked = self._keys.unlock()
            return self._unlocked


def _check(purchase_id: str, purchase: Purchase | None, checked: Transfer) -> _CheckedHold:
    if purchase is None or purchase.id != purchase_id:
        raise SigningRefusedError("the ledger has no such purchase")
    if purchase.state is not State.HELD:
        raise SigningRefusedError(f"the purchase is {purchase.state}, not held")
    if purchase.transfer is None:
        raise SigningRefusedError("the purchase has no transfer")
    if purchase.transfer != checked:
        raise SigningRefusedError("the transfer in the ledger is not the one that was checked")
    if purchase.scheme not in SIGNED:
        raise SigningRefusedError("the purchase's scheme is not one that is signed as a transfer")
    if purchase.transfer.method not in SIGNED[purchase.scheme]:
        raise SigningRefusedError("the purchase's method is not one that its scheme is signed by")
    asset = find_asset(purchase.transfer.network_id, purchase.transfer.asset)
    if asset is None:
        raise SigningRefusedError("the token is not in the asset table")
    return _CheckedHold(purchase.transfer, asset)


def _digest(hold: _CheckedHold) -> bytes:
    """Return the 32 bytes to sign; a method that is not in the table is not signed."""
    from wallet.rails.x402.eip712 import transfer_digest
    from wallet.rails.x402.gas_permit import gas_permit_digest
    from wallet.rails.x402.permit2 import permit2_digest

    if hold.permit_nonce is not None:
        return gas_permit_digest(hold.transfer, hold.asset, hold.permit_nonce)
    digests = {
        Method.EIP3009: transfer_digest,
        Method.PERMIT2: permit2_digest,
        Method.UPTO: permit2_digest,
    }
    return digests[hold.transfer.method](hold.transfer, hold.asset)
