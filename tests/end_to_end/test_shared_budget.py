"""Many calls at once against a cap, through one server process and through two."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest

from sandbox.run import SELLER, Sandbox
from tests.end_to_end.hosting import books, connected, error, receipt, settle_in, structured
from wallet.model import State

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(240)]

CALLS = 20
AFFORDABLE = 7


@pytest.mark.parametrize("processes", [1, 2])
async def test_twenty_calls_at_once_against_a_cap_for_seven_move_money_seven_times(
    tmp_path: Path, sandbox: Sandbox, processes: int
):
    home = settle_in(tmp_path / "home", sandbox, budget={"per_day": "0.079999"})
    balance, transfers = sandbox.chain.balance_atomic(SELLER), sandbox.chain.transfer_count()
    headers = len(sandbox.seen_payment_headers)
    ends: list[str] = []
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(home)) for _ in range(processes)]

        async def call(number: int) -> None:
            url = f"{sandbox.seller_url}/article?copy={number}"
            client = clients[number % processes]
            result = await client.call_tool("paid_fetch", {"url": url, "max_chars": 100})
            if result.is_error:
                assert error(result)["spent"] == "no"
                ends.append(error(result)["code"])
            else:
                ends.append(receipt(result)["status"])

        async with anyio.create_task_group() as group:
            for number in range(CALLS):
                group.start_soon(call, number)
        caps = structured(await clients[0].call_tool("check_balance", {}))["limits"]
    assert sorted(ends) == ["over_day_budget"] * (CALLS - AFFORDABLE) + ["settled"] * AFFORDABLE
    assert sandbox.chain.balance_atomic(SELLER) - balance == AFFORDABLE * 10_000
    assert sandbox.chain.transfer_count() - transfers == AFFORDABLE
    assert len(sandbox.seen_payment_headers) - headers == AFFORDABLE
    (day,) = (cap for cap in caps if cap["name"] == "per_day")
    assert (day["settled_usd"], day["held_usd"], day["left_usd"]) == ("0.07", "0.00", "0.009999")
    assert [one.state for one in books(home)] == [State.SETTLED] * AFFORDABLE
