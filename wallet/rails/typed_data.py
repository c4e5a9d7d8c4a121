"""EIP-712 messages and their digests, for the struct types that payment protocols sign."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from wallet.rails.codec import as_object
from wallet.rails.x402.evm import is_address, is_hash, keccak256

_UINT = re.compile(r"uint([1-9][0-9]{0,2})", re.ASCII)

_Types = Mapping[str, Sequence[Mapping[str, str]]]


def typed_data(
    types: Sequence[str], domain: Mapping[str, Any], message: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a whole EIP-712 message, as wallets take it.

    Args:
        types: EIP-712 struct types such as `Mail(address to,uint256 cents)`: the domain's first,
            the primary one second, then those that it refers to.
        domain: the members of the domain.
        message: the members of the primary type.
    """
    return {
        "types": {_name(text): _members(text) for text in types},
        "primaryType": _name(types[1]),
        "domain": dict(domain),
        "message": dict(message),
    }


def typed_data_digest(data: Mapping[str, Any]) -> bytes:
    """Return the 32 bytes that are signed for a message of `typed_data` (EIP-712).

    Raises:
        ValueError: a value does not fit its type, or the message has not exactly the members of
            its type.
    """
    types = data["types"]
    separator = _hash_struct("EIP712Domain", types, data["domain"])
    struct = _hash_struct(data["primaryType"], types, data["message"])
    return keccak256(b"\x19\x01" + separator + struct)


def _hash_struct(name: str, types: _Types, value: object) -> bytes:
    fields = as_object(value)
    if fields is None or set(fields) != {member["name"] for member in types[name]}:
        raise ValueError("the message has not exactly the members of its type")
    words = [keccak256(_encode_type(name, types).encode("ascii"))]
    words += [_word(member["type"], types, fields[member["name"]]) for member in types[name]]
    return keccak256(b"".join(words))


def _encode_type(name: str, types: _Types) -> str:
    """Write the type with all that it refers to, those sorted by name (EIP-712, encodeType)."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        found.add(current)
        kinds = (member["type"] for member in types[current])
        waiting += [kind for kind in kinds if kind in types and kind not in found]
    texts: list[str] = []
    for one in (name, *sorted(found - {name})):
        members = ",".join(f"{member['type']} {member['name']}" for member in types[one])
        texts.append(f"{one}({members})")
    return "".join(texts)


def _word(kind: str, types: _Types, value: object) -> bytes:
    if kind in types:
        return _hash_struct(kind, types, value)
    if kind == "string" and isinstance(value, str):
        return keccak256(value.encode("utf-8"))
    if kind == "address" and isinstance(value, str) and is_address(value):
        return bytes.fromhex(value[2:]).rjust(32, b"\0")
    if kind == "bytes32" and isinstance(value, str) and is_hash(value):
        return bytes.fromhex(value[2:])
    size = _UINT.fullmatch(kind)
    if size and isinstance(value, int) and not isinstance(value, bool):
        return _uint_word(value, int(size.group(1)))
    raise ValueError(f"a value must be a {kind}")


def _uint_word(value: int, bits: int) -> bytes:
    if not 0 <= value < 2**bits:
        raise ValueError(f"a value must be a uint{bits}")
    return value.to_bytes(32, "big")


def _name(text: str) -> str:
    return text.partition("(")[0]


def _members(text: str) -> list[dict[str, str]]:
    members = text.partition("(")[2].removesuffix(")").split(",")
    pairs = (member.split(" ") for member in members)
    return [{"name": name, "type": kind} for kind, name in pairs]
