"""`list_receipts`: what was fetched and paid, newest first."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from tools.answer import ToolAnswer, structured_answer
from tools.arguments import invalid
from tools.context import Toolbox
from wallet.errors import PurserError
from wallet.ledger.base import PurchaseFilter
from wallet.model import OPEN_STATES, Purchase, State
from wallet.receipts import receipt

_CURSOR = "before:"
_STATES: dict[str, tuple[State, ...]] = {
    "free": (State.FREE,),
    "settled": (State.SETTLED,),
    "unknown": OPEN_STATES,
    "void": (State.VOID,),
}


async def list_receipts(
    toolbox: Toolbox,
    host: Annotated[str | None, Field(max_length=253)] = None,
    status: Literal["free", "settled", "unknown", "void"] | None = None,
    since: Annotated[
        str | None,
        Field(max_length=40, description="UTC day such as 2026-11-21, or RFC 3339."),
    ] = None,
    limit: Annotated[int, Field(ge=1, le=100)] = 20,
    cursor: Annotated[
        str | None,
        Field(max_length=200, description="next_cursor of the page before."),
    ] = None,
) -> ToolAnswer:
    """List past fetches and payments, newest first, with price, status and receipt id.

    Use it to account for what was spent, or to find an id for read_purchase. Status unknown: a
    payment was sent and is not proven yet.
    """
    wanted = PurchaseFilter(
        host=None if host is None else host.lower(),
        states=() if status is None else _STATES[status],
        since=None if since is None else _unix_time(since),
        before_id=None if cursor is None else _from_cursor(cursor),
        limit=limit + 1,
    )
    found = await toolbox.records.call(lambda ledger: ledger.list_purchases(wanted))
    shown = found[:limit]
    more = _to_cursor(shown[-1].id) if len(found) > limit else None
    return structured_answer({"receipts": [brief(one) for one in shown], "next_cursor": more})


def brief(purchase: Purchase) -> dict[str, Any]:
    """Return what a list needs of a receipt; `receipt://{id}` has the rest."""
    full = receipt(purchase)
    delivery = full["delivery"]
    return {
        **{key: full[key] for key in ("id", "created_at", "status", "evidence", "spent")},
        **{key: full[key] for key in ("amount_usd", "network", "method")},
        "url": purchase.url,
        "host": purchase.host,
        "tx_hash": purchase.tx_hash,
        "http_status": None if delivery is None else delivery["http_status"],
    }


def _unix_time(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid("since", "must be a day such as 2026-11-21 or an RFC 3339 time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, int(moment.timestamp()))


def _to_cursor(purchase_id: str) -> str:
    return base64.urlsafe_b64encode(f"{_CURSOR}{purchase_id}".encode()).decode()


def _from_cursor(cursor: str) -> str:
    try:
        text = base64.b64decode(cursor, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise _bad_cursor() from None
    if not text.startswith(_CURSOR):
        raise _bad_cursor()
    return text.removeprefix(_CURSOR)


def _bad_cursor() -> PurserError:
    return invalid("cursor", "must be the next_cursor of an earlier answer")
