"""Read what a seller says about settling: a claim, reduced to fields that are safe to keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wallet.assets import find_network
from wallet.exchange import WebResponse
from wallet.model import Settlement, Transfer
from wallet.money import parse_atomic
from wallet.rails.codec import CodecError, as_object, decode_base64, parse_json
from wallet.rails.x402.evm import checksum_address, is_address, is_hash
from wallet.rails.x402.offer import NETWORK_NAME
from wallet.rails.x402.reasons import KNOWN, UNRECOGNISED

HEADERS = ("PAYMENT-RESPONSE", "X-PAYMENT-RESPONSE")


def read_settlement(response: WebResponse) -> Settlement | None:
    """Read the settlement response (x402 v2 section 5.3) without ever raising.

    The v2 header name is preferred. A field that is absent or malformed is None; without a
    boolean `success` there is no settlement response at all.
    """
    for name in HEADERS:
        values = response.values(name)
        settlement = _read(values[0]) if len(set(values)) == 1 else None
        if settlement is not None:
            return settlement
    return None


def settlement_extensions(response: WebResponse) -> Mapping[str, Any] | None:
    """Return the extensions of the settlement response that is read, or None without any."""
    for name in HEADERS:
        values = response.values(name)
        fields = _fields(values[0]) if len(set(values)) == 1 else None
        if fields is not None:
            return as_object(fields.get("extensions"))
    return None


def settlement_disagrees(settlement: Settlement, transfer: Transfer) -> list[str]:
    """List, in our words, where the claim names something else than what was signed.

    Fields the seller left out are no disagreement. The amount is compared exactly, as the
    `exact` scheme demands; under `upto` it may also be less.
    """
    notes: list[str] = []
    if settlement.network is not None:
        network = find_network(settlement.network)
        if network is None or network.id != transfer.network_id:
            notes.append("it names another network")
    if settlement.payer is not None and settlement.payer.lower() != transfer.payer.lower():
        notes.append("it names another payer")
    if settlement.amount_atomic is not None and not _fits(settlement.amount_atomic, transfer):
        notes.append("it names another amount")
    return notes


def _fits(amount_atomic: int, transfer: Transfer) -> bool:
    if transfer.is_ceiling:
        return amount_atomic <= transfer.amount_atomic
    return amount_atomic == transfer.amount_atomic


def _fields(value: str) -> dict[str, Any] | None:
    try:
        fields = as_object(parse_json(decode_base64(value)))
    except CodecError:
        return None
    return fields if fields and isinstance(fields.get("success"), bool) else None


def _read(value: str) -> Settlement | None:
    fields = _fields(value)
    if fields is None:
        return None
    return Settlement(
        success=fields["success"],
        tx_hash=_tx_hash(fields.get("transaction")),
        network=_network(fields.get("network")),
        payer=_payer(fields.get("payer")),
        amount_atomic=_amount(fields.get("amount")),
        error_reason=_reason(fields.get("errorReason")),
    )


def _tx_hash(value: object) -> str | None:
    return value.lower() if isinstance(value, str) and is_hash(value) else None


def _network(value: object) -> str | None:
    return value if isinstance(value, str) and NETWORK_NAME.fullmatch(value) else None


def _payer(value: object) -> str | None:
    return checksum_address(value) if isinstance(value, str) and is_address(value) else None


def _amount(value: object) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        return parse_atomic(value)
    except ValueError:
        return None


def _reason(value: object) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) and value in KNOWN else UNRECOGNISED
