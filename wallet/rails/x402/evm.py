"""Addresses and hashes of EVM chains, as far as a challenge and a signature digest need them."""

from __future__ import annotations

import re

ZERO_ADDRESS = "0x" + "0" * 40

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_HASH = re.compile(r"0x[0-9a-fA-F]{64}", re.ASCII)


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 hash that Ethereum uses."""
    from eth_hash.auto import keccak

    return keccak(data)


def is_address(text: str) -> bool:
    """Tell whether the text is 0x and 40 hex digits, in any case."""
    return _ADDRESS.fullmatch(text) is not None


def is_hash(text: str) -> bool:
    """Tell whether the text is 0x and 64 hex digits, in any case."""
    return _HASH.fullmatch(text) is not None


def checksum_address(address: str) -> str:
    """Return the EIP-55 spelling of an address.

    Raises:
        ValueError: the text is not 0x and 40 hex digits.
    """
    if not is_address(address):
        raise ValueError("an address must be 0x and 40 hex digits")
    digits = address[2:].lower()
    marks = keccak256(digits.encode("ascii")).hex()
    pairs = zip(digits, marks, strict=False)
    return "0x" + "".join(digit.upper() if mark >= "8" else digit for digit, mark in pairs)


def has_wrong_checksum(address: str) -> bool:
    """Tell whether a mixed-case address fails EIP-55; one case throughout carries no checksum."""
    digits = address[2:]
    if digits in (digits.lower(), digits.upper()):
        return False
    return checksum_address(address) != address
