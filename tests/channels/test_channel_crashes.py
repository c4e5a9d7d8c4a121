"""kill -9 at each step of a page: what the next wallet finds, and that it pays nothing twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio.to_thread
import pytest
from channel_desk import FUNDS, PRICE, channel_desk, channels_of, day, page_url, vouchers
from page_buyer import STEPS

from sandbox.run import Sandbox
from wallet.channels.model import LIVE_STATES, ChannelState
from wallet.errors import ErrorKind, PurserError
from wallet.model import State
from wallet.reconcile import reconcile_all

ROOT = Path(__file__).resolve().parents[2]
KILLED = "-9"
EVERYTHING = os.environ.get("PURSER_CRASH") == "all"
TRIED = (
    *(("signed", True), ("sending", True), ("answered", True)),
    *(("held", False), ("stored", False), ("answered", False)),
)
"""What is tried by default: the step, and whether it is the deposit's."""
A_MINUTE_LATER_S = 61

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def buyer() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.channels.page_buyer"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def killed(process: subprocess.Popen[str], **job: object) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(job) + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


DEATHS = [
    pytest.param(step, first, id=f"{step}-{'deposit' if first else 'voucher'}")
    for first in (True, False)
    for step in STEPS
    if EVERYTHING or (step, first) in TRIED
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("step", "first"), DEATHS)
async def test_a_buyer_killed_at_a_step_leaves_books_that_the_next_one_puts_right(
    tmp_path: Path, sandbox: Sandbox, buyer: subprocess.Popen[str], step: str, first: bool
) -> None:
    key, payer = sandbox.open_account(FUNDS)
    sandbox.seen_payment_headers.clear()
    pages = [1] if first else [1, 2]
    places = {"seller_url": sandbox.seller_url, "rpc_url": sandbox.rpc_url}

    def run() -> str:
        return killed(buyer, home=str(tmp_path), key=key, pages=pages, die_at=step, **places)

    assert await anyio.to_thread.run_sync(run) == KILLED
    async with channel_desk(tmp_path, sandbox, key=key) as desk:
        assert await desk.check() == []
        (channel,) = await channels_of(desk, ended=True)
        assert max([0, *vouchers(sandbox.seen_payment_headers)]) <= channel.signed_max_atomic
        assert sum(await day(desk)) == 100 * PRICE
        desk.clock.ahead_s = A_MINUTE_LATER_S
        await reconcile_all(desk.parts)
        if first and step in ("stored", "sending"):
            # A deposit that was signed and never sent: nobody can know, until it is dead.
            with pytest.raises(PurserError) as waiting:
                await desk.buy(page_url(sandbox, 9))
            assert waiting.value.kind is ErrorKind.OUTCOME_UNKNOWN
            assert sum(await day(desk)) == 100 * PRICE
            assert sandbox.chain.balance_atomic(payer) == FUNDS
            assert await desk.check() == []
            return
        assert (await desk.buy(page_url(sandbox, 9))).is_good
        assert await desk.check() == []
        open_one = next(one for one in await channels_of(desk) if one.state is ChannelState.OPEN)
        settled = [
            one
            for one in await desk.purchases()
            if one.state is State.SETTLED and one.channel_id == open_one.id
        ]
        assert len(settled) * PRICE == open_one.charged_atomic
        assert open_one.charged_atomic == vouchers(sandbox.seen_payment_headers)[-1]
        live = [one for one in await channels_of(desk) if one.state in LIVE_STATES]
        assert sandbox.chain.balance_atomic(payer) == FUNDS - 100 * PRICE * len(live)
