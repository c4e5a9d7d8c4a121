"""Many pages through one channel: its vouchers go one at a time, and none waits in a queue."""

from __future__ import annotations

import base64
from pathlib import Path

import anyio
import httpx
import pytest

from sandbox.run import Sandbox
from tests.channels.channel_desk import channel_desk, limits, page_url
from tests.end_to_end.hosting import Gate
from tests.many.many_kit import codes, fetch_all, toolbox_of
from tests.meddler import PaidAnswer, meddler
from tools.many.batch import Batch
from tools.many.outcome import Stopped
from tools.many.wanted import Wanted

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]


async def test_vouchers_and_pages_that_asked_first_do_not_wait_for_each_other(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with channel_desk(tmp_path, sandbox, rules=limits()) as desk:
        toolbox = toolbox_of(desk, per_host_concurrency=1)
        urls = [page_url(sandbox, number) for number in range(5_000, 5_024)]
        with anyio.fail_after(30):
            outcome = await fetch_all(toolbox, urls, at_once=8)
        assert set(codes(outcome.pages)) == {"settled"}
        assert await desk.check() == []


async def test_a_page_whose_voucher_went_out_is_never_told_as_not_fetched(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with httpx.AsyncClient(trust_env=False) as plain:
        asked = (await plain.get(page_url(sandbox, 1))).headers["payment-required"]
    dearer = base64.b64encode(base64.b64decode(asked).replace(b'"100"', b'"200"')).decode()

    def wants_more(_: PaidAnswer) -> PaidAnswer:
        return PaidAnswer(402, [("PAYMENT-REQUIRED", dearer)], b"{}")

    gate = Gate()
    gate.opened.set()
    async with (
        meddler(sandbox.seller_url, before_paid=gate) as seller,
        channel_desk(tmp_path, sandbox, urls=(seller.url,), rules=limits()) as desk,
    ):
        await desk.buy(f"{seller.url}/batch/page/6000")
        gate.reached, gate.opened = anyio.Event(), anyio.Event()
        seller.trick, seller.withhold = wants_more, True
        urls = tuple(f"{seller.url}/batch/page/{number}" for number in (6001, 6002))
        batch = Batch(toolbox_of(desk), Wanted(urls, None, 1, None))
        async with anyio.create_task_group() as group:
            group.start_soon(batch.run)
            await gate.wait()
            batch.stop(Stopped.ASKED)
            gate.opened.set()
        first, second = batch.outcome().pages
        assert codes([first, second]) == ["outcome_unknown", "left"]
        assert first.error is not None
        assert first.error.spent == "unknown"
        assert await desk.check() == []
