"""What many pages may cost together is never passed, and the order of the pages decides."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.run import Sandbox
from tests.desk import open_desk
from tests.many.many_kit import LedgerBuyer, codes, fetch_all, toolbox_of
from tools.many.batch import Batch
from tools.many.outcome import Outcome, Stopped
from tools.many.wanted import Wanted
from wallet.ledger.sqlite import SqliteLedger
from wallet.money import Usd

PLENTY = {"per_day": Usd.parse("500"), "per_host_per_day": Usd.parse("500")}


def greedy(prices: list[int], limit: int) -> list[bool]:
    """Return which pages are bought one by one, stopping after ten in a row that do not fit."""
    bought: list[bool] = []
    used, refused = 0, 0
    for price in prices:
        fits = used + price <= limit and refused < 10
        refused = 0 if fits else refused + 1
        used += price if fits else 0
        bought.append(fits)
    return bought


@settings(max_examples=10, deadline=None)
@given(
    pages=st.lists(st.tuples(st.integers(1, 30), st.integers(0, 40)), min_size=1, max_size=24),
    limit=st.integers(0, 200),
    at_once=st.integers(1, 16),
    per_host=st.integers(1, 16),
    hosts=st.integers(1, 3),
)
def test_sixteen_at_once_buy_what_one_by_one_would_and_never_more(
    pages: list[tuple[int, int]], limit: int, at_once: int, per_host: int, hosts: int
) -> None:
    urls = [f"https://{number % hosts}.example/{number}" for number in range(len(pages))]
    prices = dict(zip(urls, (price for price, _ in pages), strict=True))
    pauses = dict(zip(urls, (pause for _, pause in pages), strict=True))
    with TemporaryDirectory() as folder:
        ledger = SqliteLedger(Path(folder) / "ledger.sqlite3")
        buyer = LedgerBuyer(ledger, prices, pauses)

        async def run() -> Outcome:
            total = str(Usd(limit))
            toolbox = buyer.toolbox(per_host)
            with anyio.fail_after(30):
                return await fetch_all(toolbox, urls, total=total, at_once=at_once)
            raise AssertionError("a scope that fails lets nothing by")

        outcome = anyio.run(run)
        assert ledger.check() == []
        ledger.close()
    assert [page.came for page in outcome.pages] == greedy(list(prices.values()), limit)
    assert outcome.spent.micros <= limit


@pytest.mark.asyncio
async def test_the_total_is_spent_to_the_last_cent_and_one_more_is_refused(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with open_desk(tmp_path, sandbox, rules=PLENTY) as desk:
        urls = [f"{sandbox.seller_url}/api/weather?total={number}" for number in range(6)]
        before = sandbox.chain.balance_atomic(sandbox.seller_address)
        outcome = await fetch_all(toolbox_of(desk), urls, total="0.0005", at_once=16)
        assert codes(outcome.pages) == ["settled"] * 5 + ["over_max_total"]
        assert outcome.spent == Usd.parse("0.0005")
        assert sandbox.chain.balance_atomic(sandbox.seller_address) - before == 500
        assert desk.signatures == 5
        assert await desk.check() == []


@pytest.mark.asyncio
async def test_a_cheaper_later_page_still_fits(tmp_path: Path, sandbox: Sandbox) -> None:
    async with open_desk(tmp_path, sandbox, rules=PLENTY) as desk:
        at = sandbox.seller_url
        urls = [f"{at}/image.png?fits", f"{at}/article?fits", f"{at}/api/weather?fits"]
        outcome = await fetch_all(toolbox_of(desk), urls, total="0.006")
        assert codes(outcome.pages) == ["settled", "over_max_total", "settled"]


@pytest.mark.asyncio
async def test_the_same_call_again_spends_no_second_total(tmp_path: Path, sandbox: Sandbox) -> None:
    async with open_desk(tmp_path, sandbox, rules=PLENTY) as desk:
        urls = [f"{sandbox.seller_url}/api/weather?again={number}" for number in range(4)]
        both: list[Outcome] = []

        async def call() -> None:
            both.append(await fetch_all(toolbox_of(desk), urls, total="0.0003"))

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            group.start_soon(call)
        third = await fetch_all(toolbox_of(desk), urls, total="0.0003")
        assert codes(third.pages) == ["earlier"] * 3 + ["over_max_total"]
        assert third.spent == Usd(0)
        assert desk.signatures == 3
        assert (both[0].spent + both[1].spent) == Usd.parse("0.0003")
        desk.clock.ahead_s = 601
        fourth = await fetch_all(toolbox_of(desk), urls, total="0.0003")
        assert codes(fourth.pages) == ["settled"] * 3 + ["over_max_total"]


@pytest.mark.asyncio
async def test_the_total_raises_no_limit_of_the_user(tmp_path: Path, sandbox: Sandbox) -> None:
    rules = {**PLENTY, "per_day": Usd.parse("0.0002")}
    async with open_desk(tmp_path, sandbox, rules=rules) as desk:
        urls = [f"{sandbox.seller_url}/api/weather?user={number}" for number in range(4)]
        outcome = await fetch_all(toolbox_of(desk), urls, total="5.00")
        assert sorted(codes(outcome.pages)) == ["over_day_budget"] * 2 + ["settled"] * 2
        assert desk.signatures == 2


@pytest.mark.asyncio
async def test_ten_refusals_in_a_row_end_the_asking(tmp_path: Path, sandbox: Sandbox) -> None:
    async with open_desk(tmp_path, sandbox, rules=PLENTY) as desk:
        urls = [f"{sandbox.seller_url}/article?ten={number}" for number in range(30)]
        outcome = await fetch_all(toolbox_of(desk), urls, total="0.01", at_once=2)
        told = codes(outcome.pages)
        assert told[:11] == ["settled"] + ["over_max_total"] * 10
        assert set(told[11:]) == {"left"}
        assert outcome.stopped is Stopped.LIMITS


@pytest.mark.asyncio
async def test_payments_per_minute_stop_the_call_and_leave_the_rest(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    rules = {**PLENTY, "payments_per_minute": 3}
    async with open_desk(tmp_path, sandbox, rules=rules) as desk:
        urls = [f"{sandbox.seller_url}/api/weather?rate={number}" for number in range(12)]
        outcome = await fetch_all(toolbox_of(desk), urls, at_once=2)
        told = codes(outcome.pages)
        assert (told.count("settled"), outcome.stopped) == (3, Stopped.RATE)
        assert 1 <= told.count("rate_limited") <= 2
        assert told[6:] == ["left"] * 6


@pytest.mark.asyncio
async def test_with_a_pause_the_pages_of_the_next_minute_are_bought_then(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    rules = {**PLENTY, "payments_per_minute": 3}
    async with open_desk(tmp_path, sandbox, rules=rules) as desk:
        waited: list[int] = []

        async def pause() -> None:
            waited.append(desk.signatures)
            await anyio.wait_all_tasks_blocked()
            desk.clock.ahead_s += 60

        urls = tuple(f"{sandbox.seller_url}/api/weather?pause={number}" for number in range(8))
        wanted = Wanted(urls, Usd.parse("0.0007"), 2, None)
        outcome = await Batch(toolbox_of(desk), wanted, pause=pause).run()
        assert sorted(codes(outcome.pages)) == ["over_max_total"] + ["settled"] * 7
        assert outcome.stopped is None
        assert waited[0] == 3
        assert desk.signatures == 7


@pytest.mark.asyncio
async def test_a_pause_ends_when_the_call_is_stopped(tmp_path: Path, sandbox: Sandbox) -> None:
    rules = {**PLENTY, "payments_per_minute": 1}
    async with open_desk(tmp_path, sandbox, rules=rules) as desk:
        urls = tuple(f"{sandbox.seller_url}/api/weather?stop={number}" for number in range(4))

        async def pause() -> None:
            assert batch.waiting
            batch.stop(Stopped.ASKED)
            await anyio.sleep_forever()

        batch = Batch(toolbox_of(desk), Wanted(urls, None, 2, None), pause=pause)
        with anyio.fail_after(30):
            outcome = await batch.run()
        assert sorted(codes(outcome.pages)) == ["left"] * 3 + ["settled"]
        assert outcome.stopped is Stopped.ASKED
        assert batch.waiting == 0


@pytest.mark.asyncio
async def test_a_price_above_the_limit_for_each_page_is_refused_and_stops_no_other(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with open_desk(tmp_path, sandbox) as desk:
        urls = (f"{sandbox.seller_url}/article", f"{sandbox.seller_url}/api/weather?each")
        wanted = Wanted(urls, None, 1, None, max_price=Usd.parse("0.009"))
        outcome = await Batch(toolbox_of(desk), wanted).run()
        assert codes(outcome.pages) == ["over_max_price", "settled"]
        assert (outcome.stopped, str(outcome.spent)) == (None, "0.0001")
