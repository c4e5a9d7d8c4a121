"""Whole EIP-712 messages as vectors hold them, and their digests by eth-account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak


def digest_of(message: Mapping[str, Any]) -> str:
    """Return the digest that eth-account signs for a whole EIP-712 message, as 0x hex."""
    signable = cast("Any", encode_typed_data)(full_message=_whole_numbers(message))
    parts = b"\x19" + bytes(signable.version) + bytes(signable.header) + bytes(signable.body)
    return "0x" + keccak(parts).hex()


def whole(
    domain: Mapping[str, Any],
    types: Mapping[str, Any],
    primary: str,
    message: Mapping[str, Any],
) -> dict[str, Any]:
    """Return a whole message: the domain's type is written out, in the order of its members."""
    kinds = {"chainId": "uint256", "verifyingContract": "address"}
    members = [{"name": name, "type": kinds.get(name, "string")} for name in domain]
    return {
        "types": {"EIP712Domain": members, **types},
        "primaryType": primary,
        "domain": dict(domain),
        "message": _as_text(message),
    }


def _as_text(value: Any) -> Any:
    """Write integers as decimal strings, which every JSON reader keeps whole, and bytes as hex."""
    if isinstance(value, Mapping):
        return {name: _as_text(one) for name, one in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value) if isinstance(value, int) else value


def _whole_numbers(message: Mapping[str, Any]) -> dict[str, Any]:
    """Undo `_as_text`: what is digits alone is a number."""

    def read(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: read(one) for name, one in cast("Mapping[str, Any]", value).items()}
        return int(value) if isinstance(value, str) and value.isdecimal() else value

    return {**message, "message": read(message["message"])}
