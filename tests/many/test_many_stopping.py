"""A call that is stopped, cancelled or killed keeps what it paid for, and signs nothing twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from sandbox.run import Sandbox
from tests.desk import open_desk
from tests.end_to_end.hosting import (
    ERAS,
    Gate,
    books,
    connected,
    raw_server,
    settle_in,
    text,
)
from tests.many.many_kit import codes, toolbox_of
from tests.meddler import meddler
from tools.many.batch import Batch
from tools.many.outcome import Stopped
from tools.many.wanted import Wanted
from wallet.model import Evidence, State

pytestmark = pytest.mark.asyncio


async def test_a_stopped_call_lets_its_payment_finish_and_begins_no_other(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    gate = Gate()
    async with (
        meddler(sandbox.seller_url, before_paid=gate) as seller,
        open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk,
    ):
        urls = tuple(f"{seller.url}/api/weather?stop={number}" for number in range(5))
        batch = Batch(toolbox_of(desk), Wanted(urls, None, 1, None))
        async with anyio.create_task_group() as group:
            group.start_soon(batch.run)
            await gate.wait()
            batch.stop(Stopped.ASKED)
            gate.opened.set()
        assert codes(batch.outcome().pages) == ["settled", "left", "left", "left", "left"]
        assert desk.signatures == 1


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("era", ERAS)
async def test_a_cancelled_call_keeps_what_it_bought_and_the_same_call_goes_on(
    tmp_path: Path, sandbox: Sandbox, era: str
) -> None:
    gate, told = Gate(), list[float]()

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        assert total == 3
        told.append(progress)

    async with meddler(sandbox.seller_url, before_paid=gate) as seller:
        home = settle_in(tmp_path / "home", sandbox, sellers=[seller.url])
        urls = [f"{seller.url}/api/weather?cancel={era}-{number}" for number in range(3)]
        arguments = {"urls": urls, "max_total_usd": "0.0002", "concurrency": 1}
        async with connected(home, "legacy" if era == "legacy" else "auto") as client:
            async with anyio.create_task_group() as group:
                group.start_soon(client.call_tool, "fetch_many", arguments)
                await gate.wait()
                group.cancel_scope.cancel()
            gate.opened.set()
            result = await client.call_tool("fetch_many", arguments, progress_callback=heard)
        assert "1 page bought; $0.0001 spent now" in text(result)
        assert "bought earlier, nothing spent now: 1" in text(result)
        assert "over_max_total: 3." in text(result)
        assert told
        assert told == sorted(set(told))
        assert [one.state for one in books(home)] == [State.SETTLED] * 2
        assert len(set(seller.payments)) == 2


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_killed_call_is_reconciled_and_its_total_still_counts(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    gate = Gate()
    async with meddler(sandbox.seller_url, before_paid=gate) as seller:
        home = settle_in(tmp_path / "home", sandbox, sellers=[seller.url])
        urls = [f"{seller.url}/api/weather?killed={number}" for number in range(3)]
        arguments: dict[str, Any] = {"urls": urls, "max_total_usd": "0.0001", "concurrency": 1}
        async with raw_server(home) as server:
            await server.initialize()
            await server.ask("tools/call", {"name": "fetch_many", "arguments": arguments})
            await gate.wait()
            server.process.kill()
            await server.process.wait()
        gate.opened.set()
        async with raw_server(home) as server:
            await server.initialize()
            told = text(await server.call("fetch_many", arguments))
            assert "over_max_total: 2-3." in told
            assert await server.hang_up() == 0
        (purchase,) = books(home)
        assert (purchase.state, purchase.evidence) == (State.SETTLED, Evidence.VERIFIED)
        assert len(set(seller.payments)) == 1
