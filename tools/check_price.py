"""`check_price`: what URLs would cost and whether they would be paid; signs nothing."""

from __future__ import annotations

from typing import Annotated, Any

import anyio
from pydantic import Field

from tools.answer import ToolAnswer, structured_answer
from tools.arguments import Body, Headers, Method, Urls, web_request
from tools.context import Toolbox
from wallet.approvals import Approval
from wallet.errors import PurserError
from wallet.exchange import WebRequest
from wallet.quotes import Quote, QuotedOffer
from wallet.receipts import iso_time

AT_ONCE = 5
OFFERS_SHOWN = 10
"""A seller may list many; the model's attention is not the seller's to fill."""


async def check_price(
    toolbox: Toolbox,
    urls: Annotated[Urls, Field(description="1 to 20 https URLs.")],
    method: Annotated[Method, Field(description="For all of them.")] = "GET",
    headers: Annotated[Headers | None, Field(description="As in paid_fetch.")] = None,
    body: Annotated[Body | None, Field(description="As in paid_fetch.")] = None,
) -> ToolAnswer:
    """Show what URLs cost before buying, cheapest first; it pays nothing and signs nothing.

    Each row has the price in USD, and would_pay or the reason why not. The request itself is
    sent, so use only methods that are safe to repeat.
    """
    # Bad arguments fail the call as a whole; a bad URL only fails its own row.
    template = web_request(urls[0], method, headers, body)
    wanted = list(dict.fromkeys(urls))
    rows: list[tuple[tuple[int, int], dict[str, Any]]] = []
    turns = anyio.CapacityLimiter(AT_ONCE)

    async def ask(url: str) -> None:
        request = WebRequest(template.method, url, template.headers, template.body)
        async with turns:
            rows.append(await _row(toolbox, url, request))

    async with anyio.create_task_group() as group:
        for url in wanted:
            group.start_soon(ask, url)
    order = {url: position for position, url in enumerate(wanted)}
    rows.sort(key=lambda ranked: (ranked[0], order[ranked[1]["url"]]))
    return structured_answer({"prices": [row for _, row in rows]})


async def _row(
    toolbox: Toolbox, url: str, request: WebRequest
) -> tuple[tuple[int, int], dict[str, Any]]:
    """Return a row with its rank: payable ones by price, then refused ones, then failures."""
    try:
        quote = await toolbox.buyer.quote(toolbox.web.exchange(request), max_price=None)
    except PurserError as error:
        row = {"url": url, "free": None, "price_usd": None, "would_pay": False}
        return (2, 0), {**row, "error": error.kind.value.code, "reason": error.detail}
    return _quoted(url, quote)


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
