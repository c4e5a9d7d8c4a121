"""What JSON-RPC servers answer about chains, decoded strictly; pure functions of results."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from wallet.model import Transfer

# First four bytes of the Keccak-256 of each function's signature (EIP-20, EIP-2612, EIP-3009).
BALANCE_OF = "0x70a08231"
ALLOWANCE = "0xdd62ed3e"
PERMIT_NONCES = "0x7ecebe00"
AUTHORIZATION_STATE = "0xe94a0102"
# Keccak-256 of each event's signature (EIP-20, EIP-3009).
TRANSFER_TOPIC = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
AUTHORIZATION_USED_TOPIC = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5"

_WORD = re.compile(r"0x[0-9a-fA-F]{64}", re.ASCII)
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_BYTES = re.compile(r"0x(?:[0-9a-fA-F]{2})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class TransferProof:
    """What a transaction receipt proves.

    `found`: the transaction is in a block. `proven`: it succeeded, used this authorization, and
    moved exactly this amount of this token from payer to payee, or `taken_atomic` of it where the
    amount is a ceiling.
    """

    found: bool
    proven: bool
    taken_atomic: int | None = None


def is_hash(value: str) -> bool:
    """Tell whether a text is 0x and 64 hex digits."""
    return _WORD.fullmatch(value) is not None


def read_proof(transfer: Transfer, tx_hash: str, receipt: Any) -> TransferProof:
    """Compare a transaction receipt, or None, with what was signed (EIP-20, EIP-3009 events).

    Raises:
        ValueError, KeyError, TypeError: it is not a receipt of this transaction.
    """
    logs = read_receipt(tx_hash, receipt)
    if logs is None:
        return TransferProof(found=receipt is not None, proven=False)
    asset = transfer.asset.lower()
    parties = [TRANSFER_TOPIC, padded(transfer.payer), padded(transfer.pay_to)]
    moved = (asset, parties, word(transfer.amount_atomic))
    used = (asset, _used_topics(transfer), "0x")
    return TransferProof(found=True, proven=moved in logs and used in logs)


def read_receipt(tx_hash: str, receipt: Any) -> list[tuple[str, list[str], str]] | None:
    """Return contract, topics and data of each log, in lower case; None without a success.

    Raises:
        ValueError, KeyError, TypeError: it is not a receipt of this transaction.
    """
    if receipt is None:
        return None
    if str(receipt["transactionHash"]).lower() != tx_hash.lower():
        raise ValueError("a receipt of another transaction")
    read_quantity(receipt["blockNumber"])
    if read_quantity(receipt["status"]) != 1:
        return None
    return [
        (
            str(log["address"]).lower(),
            [str(topic).lower() for topic in log["topics"]],
            str(log["data"]).lower(),
        )
        for log in receipt["logs"]
    ]


def used_filter(transfer: Transfer, first_block: int, last_block: int) -> dict[str, Any]:
    """Return the `eth_getLogs` filter that finds the use of this one authorization (EIP-3009)."""
    return {
        "address": transfer.asset,
        "topics": _used_topics(transfer),
        "fromBlock": hex(first_block),
        "toBlock": hex(last_block),
    }


def read_used_hash(transfer: Transfer, logs: Any) -> str | None:
    """Return the transaction hash of the event that used this authorization, if it is there.

    Raises:
        ValueError, KeyError, TypeError: these are not logs.
    """
    for log in logs:
        topics = [str(topic).lower() for topic in log["topics"]]
        if str(log["address"]).lower() == transfer.asset.lower() and topics == _used_topics(
            transfer
        ):
            return _match(_WORD, log["transactionHash"]).lower()
    return None


def _used_topics(transfer: Transfer) -> list[str]:
    return [AUTHORIZATION_USED_TOPIC, padded(transfer.payer), transfer.nonce.lower()]


def contract_call(contract: str, selector: str, *words: str) -> dict[str, str]:
    """Return the `eth_call` object of a function that takes 32-byte words."""
    return {"to": contract, "data": selector + "".join(padded(word)[2:] for word in words)}


def padded(value: str) -> str:
    """Pad an address or a hash to a 32-byte word, in lower case."""
    return "0x" + value.removeprefix("0x").lower().rjust(64, "0")


def word(number: int) -> str:
    """Return a number as a 32-byte word."""
    return f"0x{number:064x}"


def _match(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise ValueError("not the hexadecimal text that was asked for")
    return value


def read_quantity(value: Any) -> int:
    """Return the number that a hex quantity stands for.

    Raises:
        ValueError: it is not one.
    """
    return int(_match(_QUANTITY, value), 16)


def read_bytes(value: Any) -> bytes:
    """Return the bytes of 0x hex.

    Raises:
        ValueError: it is not hex.
    """
    return bytes.fromhex(_match(_BYTES, value)[2:])


def read_word(value: Any) -> int:
    """Return the number in one 32-byte word.

    Raises:
        ValueError: it is not one word.
    """
    return int(_match(_WORD, value), 16)


def read_words(value: Any) -> tuple[int, ...]:
    """Return the numbers in any count of 32-byte words.

    Raises:
        ValueError: it is not made of whole words, or of none.
    """
    data = read_bytes(value)
    if not data or len(data) % 32:
        raise ValueError("not whole words")
    return tuple(int.from_bytes(data[at : at + 32], "big") for at in range(0, len(data), 32))
