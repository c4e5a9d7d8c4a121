"""What `quote` promises: the price, the verdict, and nothing signed, held or spent."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.run import Sandbox
from tests.desk import Desk, open_desk
from tools.web.exchange import WebExchange
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebRequest
from wallet.money import Usd
from wallet.quotes import Quote

pytestmark = pytest.mark.asyncio


async def quote(desk: Desk, url: str, max_price: str | None = None) -> Quote:
    price = None if max_price is None else Usd.parse(max_price)
    exchange = WebExchange(desk.client, WebRequest("GET", url))
    return await desk.payer.quote(exchange, max_price=price)


async def test_a_quote_says_what_would_be_paid_and_pays_nothing(tmp_path: Path, sandbox: Sandbox):
    async with open_desk(tmp_path, sandbox) as desk:
        asked = await quote(desk, sandbox.seller_url + "/article")
        assert (asked.free, asked.chosen, asked.refusal) == (False, 0, None)
        assert asked.offers[0].amount_usd == Usd.parse("0.01")
        assert desk.signatures == 0
        assert await desk.purchases() == []


async def test_a_free_page_is_free_and_a_missing_one_is_not(tmp_path: Path, sandbox: Sandbox):
    async with open_desk(tmp_path, sandbox) as desk:
        assert (await quote(desk, sandbox.seller_url + "/free")).free
        missing = await quote(desk, sandbox.seller_url + "/nothing-here")
        assert (missing.free, missing.chosen, missing.refusal) == (
            False,
            None,
            ErrorKind.UPSTREAM_ERROR,
        )
        assert "404" in missing.reason


async def test_an_empty_wallet_would_not_pay_and_signs_nothing(tmp_path: Path, sandbox: Sandbox):
    async with open_desk(tmp_path, sandbox, key="0x" + "7e" * 32) as desk:
        asked = await quote(desk, sandbox.seller_url + "/article")
        assert (asked.chosen, asked.refusal) == (None, ErrorKind.INSUFFICIENT_FUNDS)
        with pytest.raises(PurserError) as refused:
            await desk.buy(sandbox.seller_url + "/article")
        assert (refused.value.kind, refused.value.spent) == (ErrorKind.INSUFFICIENT_FUNDS, "no")
        assert desk.signatures == 0


async def test_a_balance_that_cannot_be_read_promises_as_if_it_sufficed(
    tmp_path: Path, sandbox: Sandbox
):
    dead = ("http://127.0.0.1:9",)
    async with open_desk(tmp_path, sandbox, rpc_urls=dead) as desk:
        assert (await quote(desk, sandbox.seller_url + "/article")).chosen == 0
