"""How a purchase is written as a row and read back, and which UTC day a budget belongs to."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime

from wallet.ledger.base import HoldRequest, LedgerUnavailableError
from wallet.model import Charge, Delivery, Evidence, Method, Purchase, State, Transfer
from wallet.money import Usd

Values = dict[str, str | int | None]


def utc_day(now: int) -> str:
    """Return the UTC day of a unix time in seconds: `2026-11-21`."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def purchase_from_row(row: sqlite3.Row) -> Purchase:
    """Read a whole row of `purchases`.

    Raises:
        LedgerUnavailableError: the row holds something no ledger writes.
    """
    try:
        return Purchase(
            id=row["id"],
            key=row["key"],
            principal=row["principal"],
            method=row["method"],
            url=row["url"],
            host=row["host"],
            state=State(row["state"]),
            evidence=Evidence(row["evidence"]),
            created_at=row["created_at"],
            settled_at=row["settled_at"],
            pay_again=bool(row["pay_again"]),
            rail=row["rail"],
            scheme=row["scheme"],
            transfer=_transfer(row),
            amount_usd=None if row["nonce"] is None else Usd(row["amount_usd_micros"]),
            tx_hash=row["tx_hash"],
            delivery=_delivery(row),
            notes=tuple(json.loads(row["notes"])),
            approval_id=row["approval_id"],
            charge=_charge(row),
            channel_id=row["channel_id"],
            cumulative_atomic=row["cumulative_atomic"],
        )
    except (ValueError, TypeError):
        raise LedgerUnavailableError("the ledger file is damaged") from None


def _transfer(row: sqlite3.Row) -> Transfer | None:
    if row["nonce"] is None:
        return None
    return Transfer(
        network_id=row["network_id"],
        asset=row["asset"],
        payer=row["payer"],
        pay_to=row["pay_to"],
        amount_atomic=int(row["amount_atomic"]),
        valid_after=row["valid_after"],
        valid_before=row["valid_before"],
        nonce=row["nonce"],
        method=Method(row["transfer_method"]),
        facilitator=row["facilitator"],
    )


def _charge(row: sqlite3.Row) -> Charge | None:
    if row["charged_atomic"] is None:
        return None
    return Charge(int(row["charged_atomic"]), Usd(row["charged_usd_micros"]))


def _delivery(row: sqlite3.Row) -> Delivery | None:
    if row["http_status"] is None:
        return None
    return Delivery(
        http_status=row["http_status"],
        content_type=row["content_type"],
        bytes=row["body_bytes"],
        sha256=row["body_sha256"],
    )


def held_purchase(
    request: HoldRequest,
    approval_id: str | None,
    *,
    channel_id: str | None = None,
    cumulative_atomic: int | None = None,
) -> Purchase:
    """Return the purchase a hold begins: HELD, with nothing signed or delivered."""
    return Purchase(
        id=request.id,
        key=request.key,
        principal=request.principal,
        method=request.method,
        url=request.url,
        host=request.host,
        state=State.HELD,
        evidence=Evidence.NONE,
        created_at=request.now,
        settled_at=None,
        pay_again=request.pay_again,
        rail=request.rail,
        scheme=request.scheme,
        transfer=request.transfer,
        amount_usd=request.amount_usd,
        tx_hash=None,
        delivery=None,
        notes=() if approval_id is None else (f"approved by the user: {approval_id}",),
        approval_id=approval_id,
        channel_id=channel_id,
        cumulative_atomic=cumulative_atomic,
    )


def free_purchase(
    purchase_id: str,
    key: str,
    principal: str,
    method: str,
    url: str,
    host: str,
    now: int,
    delivery: Delivery,
) -> Purchase:
    """Return the row of a fetch that cost nothing."""
    return Purchase(
        id=purchase_id,
        key=key,
        principal=principal,
        method=method,
        url=url,
        host=host,
        state=State.FREE,
        evidence=Evidence.NONE,
        created_at=now,
        settled_at=None,
        pay_again=False,
        rail=None,
        scheme=None,
        transfer=None,
        amount_usd=None,
        tx_hash=None,
        delivery=delivery,
        notes=(),
    )


def _micros(amount: Usd | None) -> int | None:
    return None if amount is None else amount.micros


def terms_values(purchase: Purchase) -> Values:
    """Return the columns that are written once and never change."""
    transfer = purchase.transfer
    return {
        "id": purchase.id,
        "key": purchase.key,
        "principal": purchase.principal,
        "method": purchase.method,
        "url": purchase.url,
        "host": purchase.host,
        "created_at": purchase.created_at,
        "pay_again": int(purchase.pay_again),
        "rail": purchase.rail,
        "scheme": purchase.scheme,
        "network_id": transfer and transfer.network_id,
        "asset": transfer and transfer.asset,
        "payer": transfer and transfer.payer,
        "pay_to": transfer and transfer.pay_to,
        "amount_atomic": str(transfer.amount_atomic) if transfer else None,
        "valid_after": transfer and transfer.valid_after,
        "valid_before": transfer and transfer.valid_before,
        "nonce": transfer and transfer.nonce,
        "amount_usd_micros": _micros(purchase.amount_usd),
        "approval_id": purchase.approval_id,
        "transfer_method": transfer and transfer.method.value,
        "facilitator": transfer and transfer.facilitator,
        "channel_id": purchase.channel_id,
        "cumulative_atomic": purchase.cumulative_atomic,
    }


def progress_values(purchase: Purchase) -> Values:
    """Return the columns that change as a purchase moves on."""
    delivery = purchase.delivery
    return {
        "state": purchase.state.value,
        "evidence": purchase.evidence.value,
        "settled_at": purchase.settled_at,
        "tx_hash": purchase.tx_hash,
        "http_status": delivery and delivery.http_status,
        "content_type": delivery and delivery.content_type,
        "body_bytes": delivery and delivery.bytes,
        "body_sha256": delivery and delivery.sha256,
        "notes": json.dumps(purchase.notes, ensure_ascii=False),
        "charged_atomic": str(purchase.charge.atomic) if purchase.charge else None,
        "charged_usd_micros": purchase.charge.usd.micros if purchase.charge else None,
    }
