"""A call of an exported tool: bought like a page, under the same limits, and shown as it came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio.to_thread

from tools.showing import money_words
from tools.upstream.a2a import RESULT_TYPE as A2A_RESULT
from tools.upstream.a2a_answer import as_tool_result
from tools.upstream.answer import UpstreamAnswer, show_result
from wallet.receipts import receipt

if TYPE_CHECKING:
    from tools.context import Buyer
    from wallet.exchange import Exchange
    from wallet.money import Usd
    from wallet.presenting import Bought


async def buy_and_show(
    buyer: Buyer, exchange: Exchange, upstream: str, max_price: Usd | None
) -> UpstreamAnswer:
    """Call an upstream, pay when it asks, and return what it answered.

    Args:
        buyer: pays within the user's limits.
        exchange: the call.
        upstream: its name in the settings.
        max_price: the user's own limit for this upstream; it only tightens.

    Raises:
        PurserError: refused or failed; it says whether money moved.
    """
    bought = await buyer.fetch(exchange, max_price=max_price, pay_again=False)
    return await anyio.to_thread.run_sync(_shown, bought, upstream)


def _shown(bought: Bought, upstream: str) -> UpstreamAnswer:
    """Read and mark what came; a hostile result of many megabytes takes seconds, in a thread."""
    body = bought.body
    if bought.content_type == A2A_RESULT:
        body = as_tool_result(body, failed=not bought.is_good)
    told = receipt(bought.purchase, reused=bought.reused)
    return show_result(upstream, body, _footer(bought), told)


def _footer(bought: Bought) -> list[str]:
    money = money_words(bought.purchase, reused=bought.reused)
    if bought.left_today is not None:
        money += f"; ${bought.left_today} left today"
    cut = ["cut short"] if bought.truncated else []
    return [money, *cut, f"receipt {bought.purchase.id}"]
