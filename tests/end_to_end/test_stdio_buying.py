"""A real MCP client over stdio, in both protocol eras: pages bought, read on, reused and shown."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp_types import ImageContent, TextResourceContents

from sandbox.run import BUYER, SELLER, Sandbox
from tests.end_to_end.hosting import ERAS, connected, error, receipt, settle_in, structured, text

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(240)]

TOOLS = {"paid_fetch", "read_purchase", "check_price", "check_balance", "list_receipts"}


async def resource(client: Client, uri: str) -> Any:
    (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    return json.loads(content.text)


@pytest.mark.parametrize("era", ERAS)
async def test_each_kind_of_page_is_bought_and_verified_on_the_chain(
    tmp_path: Path, sandbox: Sandbox, era: str
):
    home = settle_in(tmp_path / "home", sandbox)
    seller = sandbox.seller_url
    before = sandbox.chain.balance_atomic(SELLER)
    summarise = {"url": seller + "/api/summarise", "method": "POST", "body": '{"text": "A. B."}'}
    async with connected(home, era) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} >= TOOLS
        free = await client.call_tool("paid_fetch", {"url": seller + "/free"})
        page = await client.call_tool("paid_fetch", {"url": seller + "/article"})
        posted = await client.call_tool("paid_fetch", summarise)
        image = await client.call_tool("paid_fetch", {"url": seller + "/image.png"})
        older = await client.call_tool("paid_fetch", {"url": seller + "/v1/article"})
    assert (receipt(free)["status"], receipt(free)["spent"]) == ("free", "no")
    for result, price in ((page, "0.01"), (posted, "0.02"), (image, "0.005"), (older, "0.01")):
        shown = receipt(result)
        assert (shown["status"], shown["evidence"], shown["spent"]) == (
            "settled",
            "verified",
            "yes",
        )
        assert (shown["amount_usd"], shown["reused"]) == (price, False)
        assert (shown["payer"], shown["pay_to"]) == (BUYER, SELLER)
        assert sandbox.chain.nonce_used(shown["payer"], shown["nonce"])
        assert sandbox.chain.receipt(shown["tx_hash"]) is not None
    assert sandbox.chain.balance_atomic(SELLER) - before == 45_000
    assert "untrusted web content" in text(page)
    assert '"summary"' in text(posted)
    (picture,) = (block for block in image.content if isinstance(block, ImageContent))
    assert picture.mime_type == "image/png"
    assert base64.b64decode(picture.data).startswith(b"\x89PNG")


@pytest.mark.parametrize("era", ERAS)
async def test_what_was_bought_is_read_on_and_reused_even_by_the_next_process(
    tmp_path: Path, sandbox: Sandbox, era: str
):
    home = settle_in(tmp_path / "home", sandbox)
    before = len(sandbox.seen_payment_headers)
    wanted = {"url": sandbox.seller_url + "/article", "max_chars": 1_000}
    async with connected(home, era) as client:
        first = await client.call_tool("paid_fetch", wanted)
        bought = receipt(first)
        pages: list[str] = []
        for start in range(0, 5_000, 1_000):
            reading = {"receipt_id": bought["id"], "start": start, "max_chars": 1_000}
            page = await client.call_tool("read_purchase", reading)
            assert receipt(page) == bought | {"reused": True}
            pages.append(text(page).splitlines()[1])
        repeated = await client.call_tool("paid_fetch", wanted)
        assert receipt(repeated) == bought | {"reused": True}
        assert "nothing spent now" in text(repeated)
    assert len(set(pages)) == len(pages)
    async with connected(home, era) as client:
        after = await client.call_tool("paid_fetch", wanted)
        assert receipt(after) == bought | {"reused": True}
        assert text(after).splitlines()[1] == pages[0]
    assert len(sandbox.seen_payment_headers) - before == 1


@pytest.mark.parametrize("era", ERAS)
async def test_prices_are_compared_cheapest_first_and_nothing_is_paid(
    tmp_path: Path, sandbox: Sandbox, era: str
):
    home = settle_in(tmp_path / "home", sandbox)
    before = len(sandbox.seen_payment_headers)
    paths = ("/dear", "/article", "/v1/article", "/image.png", "/free", "/api/weather")
    urls = [sandbox.seller_url + path for path in paths]
    urls += ["https://192.168.0.1/", "http://shop.example/"]
    async with connected(home, era) as client:
        rows = structured(await client.call_tool("check_price", {"urls": urls}))["prices"]
        balance = structured(await client.call_tool("check_balance", {}))
        listed = structured(await client.call_tool("list_receipts", {}))
    found = [(row["url"].removeprefix(sandbox.seller_url), row["price_usd"]) for row in rows]
    assert found == [
        ("/free", "0.00"),
        ("/api/weather", "0.0001"),
        ("/image.png", "0.005"),
        ("/article", "0.01"),
        ("/v1/article", "0.01"),
        ("/dear", "25.00"),
        ("https://192.168.0.1/", None),
        ("http://shop.example/", None),
    ]
    assert [row["would_pay"] for row in rows] == [
        False,
        True,
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert rows[5]["refusal"] == "over_payment_cap"
    assert [row["error"] for row in rows[6:]] == ["private_address", "insecure_url"]
    assert len(sandbox.seen_payment_headers) == before
    assert (balance["open_holds"], listed["receipts"]) == ([], [])


async def test_the_books_tell_the_same_story_in_every_place(tmp_path: Path, sandbox: Sandbox):
    home = settle_in(tmp_path / "home", sandbox)
    async with connected(home, ERAS[1]) as client:
        bought = [
            receipt(await client.call_tool("paid_fetch", {"url": sandbox.seller_url + path}))
            for path in ("/free", "/article", "/api/weather")
        ]
        refused = await client.call_tool("paid_fetch", {"url": sandbox.seller_url + "/dear"})
        assert (error(refused)["code"], error(refused)["spent"]) == ("over_payment_cap", "no")
        balance = structured(await client.call_tool("check_balance", {}))
        listed = structured(await client.call_tool("list_receipts", {}))
        paid = structured(await client.call_tool("list_receipts", {"status": "settled"}))
        recent = await resource(client, "receipts://recent")
        single = [await resource(client, f"receipt://{one['id']}") for one in bought]
    assert balance["address"] == BUYER
    (day,) = (cap for cap in balance["limits"] if cap["name"] == "per_day")
    assert (day["settled_usd"], day["held_usd"], day["left_usd"]) == ("0.0101", "0.00", "4.9899")
    (holding,) = balance["on_chain"]
    on_chain = sandbox.chain.balance_atomic(BUYER)
    assert (holding["asset"], holding["reason"]) == ("USDC", None)
    assert Decimal(holding["amount"]) * 10**6 == on_chain
    newest_first = [one["id"] for one in reversed(bought)]
    assert [one["id"] for one in listed["receipts"]] == newest_first
    assert [one["id"] for one in paid["receipts"]] == newest_first[:2]
    assert single == bought
    assert recent == {"receipts": bought[::-1]}
