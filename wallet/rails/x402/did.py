"""Decentralised identifiers as JWS key names: the keys that are in the name, and only those."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from wallet.rails.codec import CodecError, as_object, decode_base64url, parse_json
from wallet.signatures import Curve, PublicKey

MAX_KID_CHARS = 2048

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_MAX_BASE58_CHARS = 64
_DID = re.compile(r"did:([a-z0-9]{1,32}):([A-Za-z0-9._:%-]+)(?:#([A-Za-z0-9._:%-]*))?", re.ASCII)
_PKH = re.compile(r"eip155:[0-9]{1,32}:(0x[0-9a-fA-F]{40})", re.ASCII)
# Multicodec names of public keys, as varints, with the length of the key behind them.
_MULTICODEC: Mapping[bytes, tuple[Curve, int]] = {
    b"\xed\x01": (Curve.ED25519, 32),
    b"\xe7\x01": (Curve.SECP256K1, 33),
    b"\x80\x24": (Curve.P256, 33),
}
_JWK_CURVES: Mapping[tuple[str, str], Curve] = {
    ("OKP", "Ed25519"): Curve.ED25519,
    ("EC", "secp256k1"): Curve.SECP256K1,
    ("EC", "P-256"): Curve.P256,
}


@dataclass(frozen=True, slots=True)
class Named:
    """What a `kid` names: a key, or an EVM account, or a `web_host` that would have to be asked.

    All three are None for a name that cannot be read here.
    """

    key: PublicKey | None = None
    account: str | None = None
    web_host: str | None = None


def read_kid(kid: str) -> Named:
    """Read a DID URL without asking anybody; never raises.

    did:key and did:jwk hold their key. did:pkh holds the address of an EVM account. did:web names
    a host, whose document is not fetched.
    """
    match = _DID.fullmatch(kid) if len(kid) <= MAX_KID_CHARS else None
    if match is None:
        return Named()
    method, name, fragment = match.groups()
    if method == "key":
        return Named(key=_did_key(name) if fragment in (None, name) else None)
    if method == "jwk":
        return Named(key=_did_jwk(name) if fragment in (None, "0") else None)
    if method == "pkh":
        account = _PKH.fullmatch(name)
        return Named(account=account.group(1) if account else None)
    if method == "web":
        return Named(web_host=unquote(name.partition(":")[0]).partition(":")[0].lower())
    return Named()


def read_jwk(value: object) -> PublicKey | None:
    """Read a public JWK (RFC 7517, 7518, 8037, 8812), or return None when it is no such key."""
    fields = as_object(value) or {}
    kind = (fields.get("kty"), fields.get("crv"))
    curve = next((curve for names, curve in _JWK_CURVES.items() if names == kind), None)
    x = _coordinate(fields, "x")
    if curve is None or x is None:
        return None
    if curve is Curve.ED25519:
        return PublicKey(curve, x)
    y = _coordinate(fields, "y")
    return None if y is None else PublicKey(curve, b"\x04" + x + y)


def _did_key(name: str) -> PublicKey | None:
    """Read a did:key name: multibase base58btc of a multicodec key."""
    data = _base58(name[1:]) if name.startswith("z") else None
    curve, length = _MULTICODEC.get((data or b"")[:2], (None, 0))
    if data is None or curve is None or len(data) != 2 + length:
        return None
    return PublicKey(curve, data[2:])


def _did_jwk(name: str) -> PublicKey | None:
    try:
        return read_jwk(parse_json(decode_base64url(name, MAX_KID_CHARS)))
    except CodecError:
        return None


def _coordinate(fields: Mapping[str, Any], name: str) -> bytes | None:
    value = fields.get(name)
    if not isinstance(value, str):
        return None
    try:
        data = decode_base64url(value, 64)
    except CodecError:
        return None
    return data if len(data) == 32 else None


def _base58(text: str) -> bytes | None:
    """Decode base58btc of at most 64 characters; keys need fewer, and the work grows squared."""
    if not 0 < len(text) <= _MAX_BASE58_CHARS:
        return None
    number = 0
    for char in text:
        digit = _BASE58.find(char)
        if digit < 0:
            return None
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
