"""Check the signatures of others: the curve work, on public keys alone, loaded when needed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum

from wallet.rails.x402.evm import checksum_address, keccak256


class Curve(Enum):
    """The kinds of public key there are; SECP256K1 is also an EVM account's."""

    ED25519 = "Ed25519"
    SECP256K1 = "secp256k1"
    P256 = "P-256"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key: 32 raw bytes on ED25519, an SEC 1 point of 33 or 65 bytes on the others."""

    curve: Curve
    data: bytes


def recover_address(digest: bytes, signature: bytes) -> str | None:
    """Return the EIP-55 address that signed a 32-byte digest, or None when no key can have.

    `signature` is r, s and v in 65 bytes; v is 27 or 28, or 0 or 1 as some signers write it.
    """
    if len(signature) != 65 or signature[64] not in (0, 1, 27, 28):
        return None
    return _recovered(digest, signature[:64], signature[64] % 27)


def may_be_from(address: str, message: bytes, signature: bytes) -> bool:
    """Tell whether an EVM account signed a message by ES256K (RFC 8812), whose v is not told."""
    if len(signature) != 64:
        return False
    digest = hashlib.sha256(message).digest()
    found = (_recovered(digest, signature, parity) for parity in (0, 1))
    return any(one is not None and one.lower() == address.lower() for one in found)


def verify(key: PublicKey, message: bytes, signature: bytes) -> bool:
    """Tell whether a JWS signature is of this key: EdDSA, ES256K or ES256 (RFC 7518, 8037, 8812).

    A key that is no point of its curve has signed nothing.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if len(signature) != 64:
        return False
    try:
        if key.curve is Curve.ED25519:
            Ed25519PublicKey.from_public_bytes(key.data).verify(signature, message)
        else:
            _verify_ecdsa(key, message, signature)
    except (InvalidSignature, ValueError):
        return False
    return True


def evm_address(key: PublicKey) -> str | None:
    """Return the EIP-55 address of a SECP256K1 key; None for another key or no point of it."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if key.curve is not Curve.SECP256K1:
        return None
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), key.data)
    except ValueError:
        return None
    whole = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return checksum_address("0x" + keccak256(whole[1:])[-20:].hex())


def personal_message_digest(text: str) -> bytes:
    """Return the 32 bytes that are signed for a text (EIP-191, version 0x45)."""
    data = text.encode("utf-8")
    return keccak256(b"\x19Ethereum Signed Message:\n%d" % len(data) + data)


def _verify_ecdsa(key: PublicKey, message: bytes, signature: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    curve = ec.SECP256K1() if key.curve is Curve.SECP256K1 else ec.SECP256R1()
    point = ec.EllipticCurvePublicKey.from_encoded_point(curve, key.data)
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    point.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))


def _recovered(digest: bytes, signature: bytes, parity: int) -> str | None:
    from eth_keys.datatypes import Signature
    from eth_keys.exceptions import BadSignature
    from eth_utils.exceptions import ValidationError

    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    try:
        signed = Signature(vrs=(parity, r, s))
        return signed.recover_public_key_from_msg_hash(digest).to_checksum_address()
    except (BadSignature, ValidationError, ValueError):
        return None
