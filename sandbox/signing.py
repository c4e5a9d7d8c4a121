"""A seller's own signatures: offers and receipts signed in every form of `offer-receipt`."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from eth_account import Account
from eth_account.messages import encode_typed_data

OFFER_MEMBERS = (
    ("version", "uint256"),
    ("resourceUrl", "string"),
    ("scheme", "string"),
    ("network", "string"),
    ("asset", "string"),
    ("payTo", "string"),
    ("amount", "string"),
    ("validUntil", "uint256"),
)
RECEIPT_MEMBERS = (
    ("version", "uint256"),
    ("network", "string"),
    ("resourceUrl", "string"),
    ("payer", "string"),
    ("issuedAt", "uint256"),
    ("transaction", "string"),
)

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def b64url(data: bytes) -> str:
    """Return unpadded base64url."""
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def eip712(kind: str, payload: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Sign an `offer` or a `receipt` as EIP-712 typed data with an account's key, 0x and 64 hex."""
    members = OFFER_MEMBERS if kind == "offer" else RECEIPT_MEMBERS
    empty = {"uint256": 0, "string": ""}
    message = {name: payload.get(name, empty[type_name]) for name, type_name in members}
    typed = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
            ],
            kind.capitalize(): [{"name": name, "type": kind_} for name, kind_ in members],
        },
        "primaryType": kind.capitalize(),
        "domain": {"name": f"x402 {kind}", "version": "1", "chainId": 1},
        "message": message,
    }
    signable = encode_typed_data(full_message=typed)
    signature = Account.from_key(key).sign_message(signable).signature
    return {
        "format": "eip712",
        "payload": dict(payload),
        "signature": "0x" + bytes(signature).hex(),
    }


@dataclass(frozen=True, slots=True)
class JwsKey:
    """A private key with the algorithm that a JWS names for it."""

    algorithm: str
    private: _PrivateKey

    @property
    def compressed(self) -> bytes:
        """Return the public key: 32 raw bytes, or a compressed point of 33."""
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        public = self.private.public_key()
        return public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    @property
    def jwk(self) -> dict[str, str]:
        """Return the public key as a JWK."""
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return {"kty": "OKP", "crv": "Ed25519", "x": b64url(self.compressed)}
        numbers = self.private.public_key().public_numbers()
        curve = "secp256k1" if self.algorithm == "ES256K" else "P-256"
        x, y = (b64url(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": curve, "x": x, "y": y}

    @property
    def did_key(self) -> str:
        """Return the public key as a did:key with its fragment."""
        prefix = {"EdDSA": b"\xed\x01", "ES256K": b"\xe7\x01", "ES256": b"\x80\x24"}
        name = "z" + base58(prefix[self.algorithm] + self.compressed)
        return f"did:key:{name}#{name}"

    @property
    def did_jwk(self) -> str:
        """Return the public key as a did:jwk with its fragment."""
        return f"did:jwk:{b64url(canonical(self.jwk))}#0"

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of a JWS signature."""
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(message)
        r, s = decode_dss_signature(self.private.sign(message, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def jws(payload: Mapping[str, Any], key: JwsKey, kid: str, **header: Any) -> dict[str, Any]:
    """Sign an offer or a receipt as a compact JWS; `header` replaces or adds members."""
    head = {"alg": key.algorithm, "kid": kid, **header}
    text = f"{b64url(canonical(head))}.{b64url(canonical(payload))}"
    return {"format": "jws", "signature": f"{text}.{b64url(key.sign(text.encode('ascii')))}"}


def new_key(algorithm: str, seed: int = 7) -> JwsKey:
    """Return the key of EdDSA, ES256K or ES256 that belongs to a number."""
    if algorithm == "EdDSA":
        private: _PrivateKey = ed25519.Ed25519PrivateKey.from_private_bytes(
            seed.to_bytes(32, "big")
        )
    else:
        curve = ec.SECP256K1() if algorithm == "ES256K" else ec.SECP256R1()
        private = ec.derive_private_key(seed, curve)
    return JwsKey(algorithm, private)


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return the canonical JSON (RFC 8785) of strings and small integers."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")


def base58(data: bytes) -> str:
    """Return base58btc."""
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text
