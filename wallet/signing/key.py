"""The private key in memory, and where it comes from; it signs only what a signer has checked."""

from __future__ import annotations

from typing import NoReturn, Protocol

from wallet.signing.checked import Checked, digest_of


class SigningRefusedError(Exception):
    """A signer will not sign; the text is ours and never holds a key or a signature."""


class UnlockedKey:
    """A private key in memory: opaque, and good only for what the signers here have checked.

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

    def sign(self, hold: Checked) -> str:
        """Sign what a signer has checked, and check the signature.

        Raises:
            SigningRefusedError: the terms do not fit their types, or the signature is wrong.
        """
        try:
            digest = digest_of(hold)
        except ValueError:
            raise SigningRefusedError("the terms do not fit their types") from None
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
