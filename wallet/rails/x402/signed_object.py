"""Signed offers and receipts as they are sent: read strictly, their signatures not checked yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from wallet.rails.codec import CodecError, as_object, decode_base64url, parse_json
from wallet.rails.x402.evm import keccak256

MAX_TEXT_CHARS = 2048
MAX_JWS_CHARS = 8192
PAYLOAD_VERSION = 1

_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId)"
_DOMAIN_VERSION = "1"
_DOMAIN_CHAIN_ID = 1
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kind:
    """What is signed: its EIP-712 domain name and type, and the member that may be absent."""

    domain_name: str
    type_text: str
    optional: str


OFFER = Kind(
    "x402 offer",
    "Offer(uint256 version,string resourceUrl,string scheme,string network,string asset,"
    "string payTo,string amount,uint256 validUntil)",
    "validUntil",
)
RECEIPT = Kind(
    "x402 receipt",
    "Receipt(uint256 version,string network,string resourceUrl,string payer,uint256 issuedAt,"
    "string transaction)",
    "transaction",
)
"""Offer and Receipt Extension sections 4.3 and 5.3."""


class Form(Enum):
    """The two forms of a signature there are (section 3.1)."""

    EIP712 = "eip712"
    JWS = "jws"


@dataclass(frozen=True, slots=True)
class SignedObject:
    """One signed offer or receipt: every member of its type is in `fields`, an absent one empty.

    `payload` is what was sent of them in the EIP-712 form, and None in a JWS, which holds it.
    `accept_index` is not signed.
    """

    kind: Kind
    form: Form
    fields: Mapping[str, str | int]
    signature: str
    accept_index: int | None
    payload: Mapping[str, Any] | None

    @property
    def raw(self) -> Mapping[str, Any]:
        """Return the object as others check it: what came, without what plays no part in it."""
        payload = {} if self.payload is None else {"payload": self.payload}
        return {"format": self.form.value, **payload, "signature": self.signature}

    def text(self, name: str) -> str:
        """Return a member that is a string."""
        return str(self.fields[name])

    def number(self, name: str) -> int:
        """Return a member that is an unsigned integer."""
        return int(self.fields[name])


def read_signed(kind: Kind, value: object) -> SignedObject | None:
    """Read one signed object (section 3.1), or return None when it cannot be read whole.

    An EIP-712 payload with more members than its type is not read: the further ones are not
    signed. Only payload version 1 is known.
    """
    raw = as_object(value)
    signature = None if raw is None else raw.get("signature")
    if raw is None or not isinstance(signature, str):
        return None
    if raw.get("format") == Form.EIP712.value:
        payload = as_object(raw.get("payload"))
        if payload is None or _SIGNATURE.fullmatch(signature) is None:
            return None
        if payload.keys() - _members(kind).keys():
            return None
        form = Form.EIP712
    elif raw.get("format") == Form.JWS.value and "payload" not in raw:
        payload = jws_part(signature, 1)
        form = Form.JWS
    else:
        return None
    fields = None if payload is None else _fields(kind, payload)
    if fields is None:
        return None
    sent = payload if form is Form.EIP712 else None
    return SignedObject(kind, form, fields, signature, _index(raw.get("acceptIndex")), sent)


def jws_part(jws: str, number: int) -> dict[str, Any] | None:
    """Return the header (0) or the payload (1) of a compact JWS of at most 8 KiB (RFC 7515)."""
    parts = jws.split(".", 3) if len(jws) <= MAX_JWS_CHARS else []
    if len(parts) != 3:
        return None
    try:
        return as_object(parse_json(decode_base64url(parts[number])))
    except CodecError:
        return None


def signed_digest(signed: SignedObject) -> bytes:
    """Return the 32 bytes that are signed in the EIP-712 form (sections 3.2, 4.3 and 5.3)."""
    domain = keccak256(
        keccak256(_DOMAIN_TYPE.encode("ascii"))
        + _word(signed.kind.domain_name)
        + _word(_DOMAIN_VERSION)
        + _word(_DOMAIN_CHAIN_ID)
    )
    members = b"".join(_word(signed.fields[name]) for name in _members(signed.kind))
    struct = keccak256(keccak256(signed.kind.type_text.encode("ascii")) + members)
    return keccak256(b"\x19\x01" + domain + struct)


def _word(value: str | int) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else keccak256(value.encode("utf-8"))


def _members(kind: Kind) -> dict[str, str]:
    """Return the members of a type by name, in order."""
    listed = kind.type_text.partition("(")[2].removesuffix(")").split(",")
    return {name: type_name for type_name, name in (member.split(" ") for member in listed)}


def _fields(kind: Kind, payload: Mapping[str, Any]) -> Mapping[str, str | int] | None:
    fields: dict[str, str | int] = {}
    for name, type_name in _members(kind).items():
        empty = 0 if type_name == "uint256" else ""
        value = payload.get(name, empty if name == kind.optional else None)
        if type_name == "uint256":
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**256:
                return None
        elif not isinstance(value, str) or len(value) > MAX_TEXT_CHARS:
            return None
        fields[name] = value
    return fields if fields["version"] == PAYLOAD_VERSION else None


def _index(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
