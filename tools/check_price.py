"""`check_price`: what URLs would cost and whether they would be paid; signs nothing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlsplit

import anyio
from pydantic import Field

from tools.answer import ToolAnswer, structured_answer
from tools.arguments import Body, Headers, Method, Urls, web_request
from tools.context import Toolbox
from wallet.approvals import Approval
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebRequest
from wallet.quotes import Quote, QuotedOffer
from wallet.receipts import iso_time

AT_ONCE = 20
AT_ONCE_PER_HOST = 2
DEADLINE_S = 50
"""Hosts give a tool about a minute; what has not answered by then is a row that says so."""
OFFERS_SHOWN = 10
"""A seller may list many; the model's attention is not the seller's to fill."""


async def check_price(
    toolbox: Toolbox,
    urls: Annotated[Urls, Field(description="1 to 20 https URLs.")],
    method: Method = "GET",
    headers: Headers | None = None,
    body: Body | None = None,
) -> ToolAnswer:
    """Show what URLs cost before buying, cheapest first; it pays nothing and signs nothing.

    Each row has the price in USD, and would_pay or the reason why not; listed is what a directory
    said. The request itself is sent, so use only methods that are safe to repeat.
    """
    # Bad arguments fail the call as a whole; a bad URL only fails its own row.
    template = web_request(urls[0], method, headers, body)
    wanted = list(dict.fromkeys(urls))
    rows = {url: _failed(url, _LATE) for url in wanted}
    turns = anyio.CapacityLimiter(AT_ONCE)
    per_host = defaultdict[str, anyio.CapacityLimiter](
        lambda: anyio.CapacityLimiter(AT_ONCE_PER_HOST)
    )

    async def ask(url: str) -> None:
        request = replace(template, url=url)
        # A host's turn comes first, so that a crowd at one host keeps no other waiting.
        async with per_host[_host(url)], turns:
            rows[url] = await _row(toolbox, url, request)

    with anyio.move_on_after(DEADLINE_S):
        async with anyio.create_task_group() as group:
            for url in wanted:
                group.start_soon(ask, url)
    for url, listed in (await toolbox.finder.listed(wanted)).items():
        rows[url][1]["listed"] = listed
    ranked = sorted(rows.values(), key=lambda pair: pair[0])
    return structured_answer({"prices": [row for _, row in ranked]})


async def _row(
    toolbox: Toolbox, url: str, request: WebRequest
) -> tuple[tuple[int, int], dict[str, Any]]:
    """Return a row with its rank: payable ones by price, then refused ones, then failures."""
    try:
        quote = await toolbox.buyer.quote(toolbox.web.exchange(request), max_price=None)
    except PurserError as error:
        return _failed(url, error)
    return _quoted(url, quote)


_LATE = PurserError(ErrorKind.TIMEOUT, f"No answer within {DEADLINE_S} seconds.")


def _failed(url: str, error: PurserError) -> tuple[tuple[int, int], dict[str, Any]]:
    row = {"url": url, "free": None, "price_usd": None, "would_pay": False}
    return (2, 0), {**row, "error": error.kind.value.code, "reason": error.detail}


def _host(url: str) -> str:
    """Return what a URL's host is called, or nothing where the guard will refuse it anyway."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _quoted(url: str, quote: Quote) -> tuple[tuple[int, int], dict[str, Any]]:
    priced = [one.amount_usd for one in quote.offers if one.amount_usd is not None]
    chosen = next((one for one in quote.offers if one.index == quote.chosen), None)
    price = chosen.amount_usd if chosen is not None else min(priced, default=None)
    shown = list(quote.offers[:OFFERS_SHOWN])
    if chosen is not None and chosen not in shown:
        shown.append(chosen)
    row: dict[str, Any] = {
        "url": url,
        "free": quote.free,
        "price_usd": "0.00" if quote.free else None if price is None else str(price),
        "would_pay": chosen is not None,
        "chosen_offer": quote.chosen,
        "refusal": None if quote.refusal is None else quote.refusal.value.code,
        "reason": quote.reason,
        "approval": None if quote.approval is None else _approval(quote.approval),
        "offers": [_offer(one) for one in shown],
        "offers_total": len(quote.offers),
    }
    if quote.free:
        return (0, 0), row
    if price is None:
        return (2, 0), row
    return (0 if chosen is not None else 1, price.micros), row


def _approval(one: Approval) -> dict[str, Any]:
    """Return the request that bears on the quote, as the ledger has it."""
    return {"id": one.id, "state": str(one.state), "expires_at": iso_time(one.expires_at)}


def _offer(one: QuotedOffer) -> dict[str, Any]:
    return {
        "index": one.index,
        "rail": one.rail,
        "scheme": one.scheme,
        "network": one.network,
        "asset": one.asset_symbol,
        "amount": one.amount,
        "price_usd": None if one.amount_usd is None else str(one.amount_usd),
        "pay_to": one.pay_to,
        "payment_flow": one.payment_flow,
        "allowed": one.allowed,
        "refusal": None if one.refusal is None else one.refusal.value.code,
        "reason": one.reason,
    }
