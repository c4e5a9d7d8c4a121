"""What a token contract says about itself, and where our own table says something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wallet.assets import Asset
from wallet.chain_answers import read_bytes, read_word
from wallet.rails.x402.eip712 import domain_separator

# First four bytes of the Keccak-256 of `name()`, `version()`, `decimals()`, `DOMAIN_SEPARATOR()`
# (EIP-20, EIP-2612; `version()` is customary).
NAME = "0x06fdde03"
VERSION = "0x54fd4d50"
DECIMALS = "0x313ce567"
DOMAIN_SEPARATOR = "0x3644e515"
SELECTORS = (NAME, VERSION, DECIMALS, DOMAIN_SEPARATOR)

_MAX_TEXT_BYTES = 256
_WORD_BYTES = 32


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """The answers of one server; None where the contract gives none, as not all have `version`.

    `separator` is 0x and 64 hex digits.
    """

    has_code: bool
    name: str | None = None
    version: str | None = None
    decimals: int | None = None
    separator: str | None = None


def read_facts(answers: dict[str, Any]) -> TokenFacts:
    """Decode the results of `eth_call` by selector; an absent one was refused by the contract.

    Raises:
        ValueError: an answer is not of its type.
    """
    name, version, decimals, separator = (answers.get(selector) for selector in SELECTORS)
    return TokenFacts(
        has_code=True,
        name=None if name is None else _read_text(name),
        version=None if version is None else _read_text(version),
        decimals=None if decimals is None else read_word(decimals),
        separator=None if separator is None else f"0x{read_word(separator):064x}",
    )


def differences(asset: Asset, facts: TokenFacts) -> list[str] | None:
    """List where a contract contradicts our row, in our words; None where it says too little.

    The separator decides: it is what a signature is made for. Names are looked at only where it
    differs, to say why, for a token may be called otherwise than its domain is.
    """
    if not facts.has_code:
        return ["there is no contract at this address"]
    if facts.separator is None or facts.decimals is None:
        return None
    found: list[str] = []
    if facts.decimals != asset.decimals:
        found.append(f"decimals: {facts.decimals} on the chain, {asset.decimals} in the table")
    if facts.separator == "0x" + domain_separator(asset).hex():
        return found
    found.append("the EIP-712 domain separator is another")
    if facts.name not in (None, asset.eip712_name):
        found.append("the name is another")
    if facts.version not in (None, asset.eip712_version):
        found.append("the version is another")
    return found


def _read_text(answer: Any) -> str:
    """Decode one ABI-encoded string of at most 256 bytes."""
    data = read_bytes(answer)
    length = int.from_bytes(data[_WORD_BYTES : 2 * _WORD_BYTES], "big")
    text = data[2 * _WORD_BYTES : 2 * _WORD_BYTES + length]
    starts_well = int.from_bytes(data[:_WORD_BYTES], "big") == _WORD_BYTES
    if not starts_well or length > _MAX_TEXT_BYTES or len(text) != length:
        raise ValueError("not a short string")
    return text.decode("utf-8")
