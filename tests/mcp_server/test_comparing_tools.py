"""Comparing before buying: searches on the wire, and twenty prices at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest
from mcp.client import Client
from mcp_types import CallToolResult, TextContent
from stub_toolbox import ERAS, Stub, StubBuyer

from tools import check_price as checking
from tools.directories.entries import Query
from wallet.exchange import Exchange
from wallet.money import Usd
from wallet.quotes import Quote, unpaid_quote


async def call(
    stub: Stub, tool: str, arguments: dict[str, Any], era: Any = "legacy"
) -> CallToolResult:
    async with Client(stub.server(), mode=era) as client:
        return await client.call_tool(tool, arguments)


@dataclass
class CrowdedBuyer(StubBuyer):
    """Lets a call go on once as many as can be asked at once are being asked."""

    expected: int = 0
    now: Counter[str] = field(default_factory=Counter[str])
    most: Counter[str] = field(default_factory=Counter[str])
    together: int = 0
    full: anyio.Event = field(default_factory=anyio.Event)

    async def quote(self, exchange: Exchange, *, max_price: Usd | None) -> Quote:
        url = exchange.request.url
        host = urlsplit(url).hostname or ""
        self.now[host] += 1
        self.most[host] = max(self.most[host], self.now[host])
        self.together = max(self.together, self.now.total())
        if self.now.total() == self.expected:
            self.full.set()
        await self.full.wait()
        self.now[host] -= 1
        return unpaid_quote(url, 200)


@pytest.mark.asyncio
async def test_twenty_prices_are_asked_at_once_and_two_of_one_host() -> None:
    own = [f"https://s{number}.example/" for number in range(14)]
    crowd = [f"https://crowd.example/{number}" for number in range(6)]
    buyer = CrowdedBuyer(expected=14 + checking.AT_ONCE_PER_HOST)
    result = await call(Stub(buyer=buyer), "check_price", {"urls": [*crowd, *own]})
    assert result.structured_content is not None
    assert [row["free"] for row in result.structured_content["prices"]] == [True] * 20
    assert buyer.most["crowd.example"] == checking.AT_ONCE_PER_HOST == 2
    assert buyer.together == 16


@pytest.mark.asyncio
async def test_a_seller_that_never_answers_is_a_row_and_keeps_no_other_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Silent(StubBuyer):
        async def quote(self, exchange: Exchange, *, max_price: Usd | None) -> Quote:
            if "silent" in exchange.request.url:
                await anyio.sleep_forever()
            return await super().quote(exchange, max_price=max_price)

    monkeypatch.setattr(checking, "DEADLINE_S", 0.3)
    urls = ["https://silent.example/", "https://quick.example/", "https://[bad/"]
    result = await call(Stub(buyer=Silent()), "check_price", {"urls": urls})
    assert result.structured_content is not None
    rows = {row["url"]: row for row in result.structured_content["prices"]}
    assert rows["https://quick.example/"]["free"] is True
    assert rows["https://silent.example/"]["error"] == "timeout"
    assert next(iter(rows)) == "https://quick.example/"


@pytest.mark.asyncio
async def test_a_price_that_a_directory_listed_stands_beside_the_seller_s() -> None:
    stub = Stub()
    listed = {"price_usd": "0.01", "directory": "d.example", "at": "2026-11-21T00:00:00Z"}
    stub.finder.prices = {"https://a.example/": {**listed}}
    urls = ["https://a.example/", "https://b.example/"]
    result = await call(stub, "check_price", {"urls": urls})
    assert result.structured_content is not None
    first, second = result.structured_content["prices"]
    assert first["listed"] == listed
    assert "listed" not in second


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_a_search_says_first_whose_words_follow(era: Any) -> None:
    stub = Stub()
    arguments = {"query": "tide tables", "max_price_usd": "0.05", "network": "base", "limit": 3}
    result = await call(stub, "find_paid_services", arguments, era)
    assert stub.finder.asked == [Query("tide tables", Usd.parse("0.05"), "eip155:8453", 3)]
    assert isinstance(result.content[0], TextContent)
    assert result.content[0].text.startswith('{"warning":"URLs, and all that stands under `untrus')


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"query": "!?"}, "query"),
        ({"query": ""}, "query"),
        ({"query": "x" * 401}, "query"),
        ({"query": "x", "network": "eip155:7"}, "network"),
        ({"query": "x", "network": "USDC"}, "network"),
        ({"query": "x", "limit": 51}, "limit"),
        ({"query": "x", "limit": 0}, "limit"),
        ({"query": "x", "max_price_usd": "1e3"}, "max_price_usd"),
        ({"query": "x", "refresh": True}, "refresh"),
    ],
)
async def test_a_search_that_means_nothing_is_refused(
    arguments: dict[str, Any], named: str
) -> None:
    stub = Stub()
    result = await call(stub, "find_paid_services", arguments)
    assert result.is_error
    assert isinstance(result.content[0], TextContent)
    assert named in result.content[0].text
    assert stub.finder.asked == []
