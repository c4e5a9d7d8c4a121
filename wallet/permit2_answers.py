"""What JSON-RPC servers answer about Permit2 transfers, decoded strictly; pure functions.

Permit2 has no event for a transfer, and the events of the x402 proxies have no arguments. A used
nonce shows as its bit in `nonceBitmap`. Which transaction used it shows in what that transaction
called: one that succeeds and calls the proxy itself with our nonce has used it, because the proxy
fails otherwise.
"""

from __future__ import annotations

from typing import Any

from wallet.assets import contracts
from wallet.chain_answers import (
    TRANSFER_TOPIC,
    TransferProof,
    contract_call,
    padded,
    read_bytes,
    read_receipt,
    read_word,
    word,
)
from wallet.model import Method, Transfer
from wallet.rails.x402.permit2 import SPENDERS

# First four bytes of the Keccak-256 of each function's signature (Permit2, x402's proxies).
NONCE_BITMAP = "0x4fe02b44"
SETTLE = {Method.PERMIT2: "13cd3b53", Method.UPTO: "ff11e7b4"}
SETTLE_WITH_PERMIT = {Method.PERMIT2: "fa340378", Method.UPTO: "016c1748"}

_SELECTOR_BYTES = 4
_WORD_BYTES = 32
_PERMIT_WORDS = 5  # the EIP-2612 permit that `settleWithPermit` takes first
_TAKEN_AT = 4  # which word of the upto proxy's `settle` is the amount that is taken


def nonce_call(transfer: Transfer) -> dict[str, str]:
    """Return the `eth_call` object that reads the word of the bitmap with this nonce's bit."""
    position = word(int(transfer.nonce, 16) >> 8)
    return contract_call(contracts()["permit2"].address, NONCE_BITMAP, transfer.payer, position)


def read_nonce_used(transfer: Transfer, value: Any) -> bool:
    """Tell from that word whether the nonce is used up, or was invalidated by its owner.

    Raises:
        ValueError: it is not one word.
    """
    return read_word(value) >> (int(transfer.nonce, 16) & 0xFF) & 1 == 1


def read_permit2_proof(
    transfer: Transfer, tx_hash: str, receipt: Any, transaction: Any
) -> TransferProof:
    """Compare a transaction and its receipt with what was signed.

    A settlement that reached the proxy through another contract is not proven here.

    Raises:
        ValueError, KeyError, TypeError: they are not this transaction and its receipt.
    """
    logs = read_receipt(tx_hash, receipt)
    if logs is None:
        return TransferProof(found=True, proven=False)
    if str(transaction["hash"]).lower() != tx_hash.lower():
        raise ValueError("another transaction")
    called = str(transaction["to"]).lower()
    if called != contracts()[SPENDERS[transfer.method]].address.lower():
        return TransferProof(found=True, proven=False)
    taken = _taken(transfer, read_bytes(transaction["input"]))
    if taken is None:
        return TransferProof(found=True, proven=False)
    topics = [TRANSFER_TOPIC, padded(transfer.payer), padded(transfer.pay_to)]
    moved = (transfer.asset.lower(), topics, word(taken))
    if moved not in logs:
        return TransferProof(found=True, proven=False)
    return TransferProof(True, True, taken if transfer.method is Method.UPTO else None)


def transfer_filter(transfer: Transfer, first_block: int, last_block: int) -> dict[str, Any]:
    """Return the `eth_getLogs` filter for all that the payer paid to the payee (EIP-20)."""
    return {
        "address": transfer.asset,
        "topics": [TRANSFER_TOPIC, padded(transfer.payer), padded(transfer.pay_to)],
        "fromBlock": hex(first_block),
        "toBlock": hex(last_block),
    }


def read_candidates(transfer: Transfer, logs: Any, at_most: int) -> list[str]:
    """Return the hashes of the latest transfers whose amount fits, newest first.

    Raises:
        ValueError, KeyError, TypeError: these are not logs.
    """
    found: list[str] = []
    for log in reversed(list(logs)):
        amount, tx_hash = read_word(log["data"]), word(read_word(log["transactionHash"]))
        exact = amount == transfer.amount_atomic
        fits = 0 < amount <= transfer.amount_atomic if transfer.is_ceiling else exact
        if fits and tx_hash not in found:
            found.append(tx_hash)
    return found[:at_most]


def _taken(transfer: Transfer, data: bytes) -> int | None:
    """Return the amount that a call of the proxy takes by this very transfer, or None."""
    selector, at = data[:_SELECTOR_BYTES].hex(), _SELECTOR_BYTES
    if selector == SETTLE_WITH_PERMIT[transfer.method]:
        at += _PERMIT_WORDS * _WORD_BYTES
    elif selector != SETTLE[transfer.method]:
        return None
    given = [
        "0x" + data[one : one + _WORD_BYTES].hex() for one in range(at, len(data), _WORD_BYTES)
    ]
    taken = transfer.amount_atomic
    if transfer.method is Method.UPTO:
        taken = read_word(given.pop(_TAKEN_AT)) if len(given) > _TAKEN_AT else 0
    signed = _signed_words(transfer)
    as_signed = given[: len(signed)] == signed
    return taken if as_signed and 0 < taken <= transfer.amount_atomic else None


def _signed_words(transfer: Transfer) -> list[str]:
    """Return what `settle` takes before the signature, as words, without the amount of upto."""
    witness = [padded(transfer.pay_to), word(transfer.valid_after)]
    if transfer.facilitator is not None:
        witness.insert(1, padded(transfer.facilitator))
    return [
        padded(transfer.asset),
        word(transfer.amount_atomic),
        transfer.nonce.lower(),
        word(transfer.valid_before),
        padded(transfer.payer),
        *witness,
    ]
