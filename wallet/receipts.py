"""Receipts: the one shape in which a purchase is shown to a model or a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from wallet.assets import find_asset
from wallet.model import Evidence, Purchase, State

SHOWN_TYPE_CHARS = 50

ReceiptStatus = Literal["free", "settled", "unknown", "void"]

_STATUS: dict[State, tuple[ReceiptStatus, str]] = {
    State.FREE: ("free", "no"),
    State.HELD: ("unknown", "unknown"),
    State.SIGNED: ("unknown", "unknown"),
    State.UNKNOWN: ("unknown", "unknown"),
    State.SETTLED: ("settled", "yes"),
    State.VOID: ("void", "no"),
}


def iso_time(unix_s: int | None) -> str | None:
    """Write unix seconds as RFC 3339 UTC, or pass None through."""
    if unix_s is None:
        return None
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def receipt(purchase: Purchase, *, reused: bool = False) -> dict[str, Any]:
    """Return the `_meta["purser/receipt"]` object; every amount is a string.

    Args:
        purchase: the ledger's row.
        reused: the content was bought earlier and cost nothing now.
    """
    status, spent = _STATUS[purchase.state]
    transfer, delivery = purchase.transfer, purchase.delivery
    asset = None if transfer is None else find_asset(transfer.network_id, transfer.asset)
    return {
        "id": purchase.id,
        "status": status,
        "evidence": str(purchase.evidence),
        "spent": spent,
        "reused": reused,
        "amount_usd": "0.00" if purchase.cost_usd is None else str(purchase.cost_usd),
        "amount_atomic": str(_atomic(purchase)),
        "asset": None
        if asset is None
        else {"symbol": asset.symbol, "address": asset.address, "decimals": asset.decimals},
        "network": None if transfer is None else transfer.network_id,
        "rail": purchase.rail,
        "scheme": purchase.scheme,
        "payer": None if transfer is None else transfer.payer,
        "pay_to": None if transfer is None else transfer.pay_to,
        "nonce": None if transfer is None else transfer.nonce,
        "valid_before": None if transfer is None else iso_time(transfer.valid_before),
        "tx_hash": purchase.tx_hash,
        "resource": purchase.url,
        "method": purchase.method,
        "created_at": iso_time(purchase.created_at),
        "settled_at": iso_time(purchase.settled_at),
        "delivery": None
        if delivery is None
        else {
            "http_status": delivery.http_status,
            "content_type": _shown_type(delivery.content_type),
            "bytes": delivery.bytes,
            "sha256": delivery.sha256,
        },
        "notes": list(purchase.notes),
    }


def _atomic(purchase: Purchase) -> int:
    if purchase.charge is not None:
        return purchase.charge.atomic
    return 0 if purchase.transfer is None else purchase.transfer.amount_atomic


def _shown_type(content_type: str) -> str:
    """Return the media type where it is short; a longer one is a seller's chance to write prose."""
    essence = content_type.partition(";")[0].strip()
    return essence if len(essence) <= SHOWN_TYPE_CHARS else "application/octet-stream"


EVIDENCE_WORDS: dict[Evidence, str] = {
    Evidence.VERIFIED: "verified on the chain",
    Evidence.CLAIMED: "claimed by the seller, not yet verified",
    Evidence.UNKNOWN: "outcome unknown",
    Evidence.NONE: "nothing to prove",
}
