"""Many small charges, and one that is asked for without end: the caps stop both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.hostile.catalogue import STATION_ATOMIC
from sandbox.hostile.seller import HostileSeller
from sandbox.run import Sandbox
from tests.desk import Desk, open_desk
from wallet.errors import PurserError
from wallet.money import Usd

pytestmark = pytest.mark.asyncio

CHEAP, ENDLESS = "/stations/cheap", "/stations/endless"


async def codes(desk: Desk, urls: Sequence[str], **options: Any) -> list[str]:
    """Buy each URL in turn and return how each call ended."""
    found: list[str] = []
    for url in urls:
        try:
            await desk.buy(url, **options)
            found.append("paid")
        except PurserError as error:
            found.append(error.kind.value.code)
    return found


async def test_one_host_with_many_cheap_pages_gets_no_more_than_its_budget(
    tmp_path: Path, sandbox: Sandbox, hostile: HostileSeller
):
    urls = [f"{hostile.urls['seller']}{CHEAP}?page={number}" for number in range(9)]
    before, already = sandbox.chain.transfer_count(), len(hostile.paid(CHEAP))
    async with open_desk(tmp_path, sandbox, urls=(hostile.urls["seller"],)) as desk:
        assert await codes(desk, urls) == ["paid"] * 6 + ["over_host_budget"] * 3
        assert desk.signatures == 6
        assert await desk.check() == []
    assert sandbox.chain.transfer_count() - before == 6
    assert len({one.nonce for one in hostile.paid(CHEAP)[already:]}) == 6
    assert Usd.parse("2.00").micros >= 6 * STATION_ATOMIC


async def test_ten_hosts_together_get_no_more_than_the_day(
    tmp_path: Path, sandbox: Sandbox, hostile: HostileSeller
):
    async def here(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    port = urlsplit(hostile.urls["seller"]).port
    hosts = [f"http://station-{number}.example:{port}" for number in range(10)]
    urls = [f"{host}{CHEAP}?round={number}" for number in range(2) for host in hosts]
    before = sandbox.chain.transfer_count()
    async with open_desk(tmp_path, sandbox, urls=tuple(hosts), resolver=here) as desk:
        assert await codes(desk, urls) == ["paid"] * 16 + ["over_day_budget"] * 4
        assert desk.signatures == 16
        assert await desk.check() == []
    assert sandbox.chain.transfer_count() - before == 16


async def test_a_lifetime_cap_and_a_pace_stop_the_same_stations(
    tmp_path: Path, sandbox: Sandbox, hostile: HostileSeller
):
    urls = [f"{hostile.urls['seller']}{CHEAP}?again={number}" for number in range(4)]
    local = (hostile.urls["seller"],)
    total = {"total": Usd(2 * STATION_ATOMIC)}
    async with open_desk(tmp_path / "total", sandbox, urls=local, rules=total) as desk:
        assert await codes(desk, urls) == ["paid"] * 2 + ["over_total_budget"] * 2
    pace = {"payments_per_minute": 3}
    async with open_desk(tmp_path / "pace", sandbox, urls=local, rules=pace) as desk:
        assert await codes(desk, urls) == ["paid"] * 3 + ["rate_limited"]


async def test_a_seller_that_asks_without_end_gets_one_signature(
    tmp_path: Path, sandbox: Sandbox, hostile: HostileSeller
):
    url, already = hostile.urls["seller"] + ENDLESS, len(hostile.paid(ENDLESS))
    async with open_desk(tmp_path, sandbox, urls=(hostile.urls["seller"],)) as desk:
        first, *rest = await codes(desk, [url] * 5)
        rest += await codes(desk, [url] * 5, pay_again=True)
        assert (first, set(rest)) == ("payment_rejected", {"outcome_unknown"})
        assert desk.signatures == 1
    assert len({one.nonce for one in hostile.paid(ENDLESS)[already:]}) == 1


async def test_what_an_endless_asker_holds_back_counts_against_the_caps(
    tmp_path: Path, sandbox: Sandbox, hostile: HostileSeller
):
    urls = [f"{hostile.urls['seller']}{ENDLESS}?page={number}" for number in range(5)]
    rules = {"per_host_per_day": Usd(30_000)}
    async with open_desk(tmp_path, sandbox, urls=(hostile.urls["seller"],), rules=rules) as desk:
        ends = await codes(desk, urls)
        assert ends == ["payment_rejected"] * 3 + ["over_host_budget"] * 2
        assert desk.signatures == 3


async def test_a_page_that_orders_to_buy_it_again_is_bought_at_most_twice(
    tmp_path: Path, sandbox: Sandbox, hostile: HostileSeller
):
    url, before = hostile.urls["seller"] + "/orders/page", sandbox.chain.transfer_count()
    async with open_desk(tmp_path, sandbox, urls=(hostile.urls["seller"],)) as desk:
        assert await codes(desk, [url] * 3) == ["paid"] * 3
        assert await codes(desk, [url] * 8, pay_again=True) == ["paid"] * 8
        assert desk.signatures == 2
    assert sandbox.chain.transfer_count() - before == 2
