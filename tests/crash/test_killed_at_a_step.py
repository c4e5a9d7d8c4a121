"""kill -9 at each step of a paid fetch: what a wallet finds that is opened after it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from sandbox.run import Sandbox
from tests.crash.buyer import STEPS, Job
from tests.crash.crash_kit import (
    ARTICLE,
    ROOT,
    BuyerServer,
    assert_books_hold,
    buy,
    cashed,
    nonces,
    reopened,
)
from tests.desk import Desk
from tests.meddler import Meddler, PaidAnswer, meddler
from wallet.assets import find_network
from wallet.reconcile import reconcile_all

SOON_S = 5

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.xdist_group("crash"),
]


@dataclass(frozen=True, slots=True)
class After:
    """What is found: `left` by the buyer, and `settled` by reconciling a minute later.

    Both are states, or `nothing`. The same call is made `at_once`, before that minute, and once
    more at its end, when it is told `later`. The seller never sees a second signature.
    """

    left: str
    at_once: str
    settled: str
    later: str


NOTHING = After("nothing", "content", "settled", "content")
UNSIGNED = After("held", "outcome_unknown", "void", "content")
UNSENT = After("signed", "content", "settled", "content")
PAID = After("signed", "upstream_error", "settled", "upstream_error")
DONE = After("settled", "content", "settled", "content")

NEVER = After("nothing", "outcome_unknown", "unknown", "outcome_unknown")
NEVER_SIGNED = After("held", "outcome_unknown", "void", "outcome_unknown")
NEVER_ANSWERED = After("signed", "outcome_unknown", "unknown", "outcome_unknown")
GIVEN_UP = After("unknown", "outcome_unknown", "unknown", "outcome_unknown")

HONEST = {
    "asked": NOTHING,
    "holding": NOTHING,
    "held": UNSIGNED,
    "signed": UNSIGNED,
    "stored": UNSENT,
    "sending": UNSENT,
    "sent": PAID,
    "answered": PAID,
    "kept": UNSENT,
    "recorded": DONE,
}
SILENT = {
    "asked": NEVER,
    "holding": NEVER,
    "held": NEVER_SIGNED,
    "signed": NEVER_SIGNED,
    "stored": NEVER_ANSWERED,
    "sending": NEVER_ANSWERED,
    "sent": NEVER_ANSWERED,
    "recorded": GIVEN_UP,
}
SPENT = {"content": "yes", "upstream_error": "yes", "outcome_unknown": "unknown"}
"""A seller that never answers a payment never cashes it either; of its answer there is no step."""


def say_nothing(answer: PaidAnswer) -> None:
    """Close the connection without an answer."""


@dataclass
class Counter:
    """A seller, and the moment at which it has a payment in its hands."""

    seller: Meddler
    reached: anyio.Event
    opened: anyio.Event


@asynccontextmanager
async def counter(sandbox: Sandbox, *, honest: bool) -> AsyncGenerator[Counter]:
    """Run a seller that waits with each payment until it may go on."""
    reached, opened = anyio.Event(), anyio.Event()

    async def wait() -> None:
        reached.set()
        await opened.wait()

    async with meddler(
        sandbox.seller_url,
        (lambda answer: answer) if honest else say_nothing,
        withhold=not honest,
        before_paid=wait,
    ) as seller:
        yield Counter(seller, reached, opened)


async def die(buyer: BuyerServer, at: Counter, job: Job) -> None:
    """Buy, and be killed at the step; at `sent` by us, once the seller has the payment."""
    process = await buyer.start(job)
    if job.die_at == "sent":
        with anyio.fail_after(60):
            await at.reached.wait()
        os.kill(process, signal.SIGKILL)
    at.opened.set()
    assert (await buyer.end()).status == -signal.SIGKILL


def job_at(step: str, home: Path, sandbox: Sandbox, url: str) -> Job:
    log = str(home.parent / "log")
    return Job(str(home), f"{url}/article?{step}", sandbox.rpc_url, log=log, die_at=step)


async def states(desk: Desk) -> str:
    found = [one.state.value for one in await desk.purchases()]
    assert len(found) <= 1
    return (*found, "nothing")[0]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("honest", "step", "expected"),
    [
        *((True, step, after) for step, after in HONEST.items()),
        *((False, step, after) for step, after in SILENT.items()),
    ],
)
async def test_a_buyer_killed_at_a_step_leaves_what_the_table_says(
    tmp_path: Path,
    sandbox: Sandbox,
    buyer: BuyerServer,
    honest: bool,
    step: str,
    expected: After,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("wallet.repeats.JOIN_WAIT_S", 0)
    home = tmp_path / "home"
    async with counter(sandbox, honest=honest) as at:
        job = job_at(step, home, sandbox, at.seller.url)
        await die(buyer, at, job)
        sent = nonces(at.seller.payments)
        if honest and step == "sent":
            await cashed(sandbox, *sent)
        async with reopened(home, sandbox, job.url, SOON_S) as desk:
            left = await states(desk)
            await assert_books_hold(desk, sandbox, sent)
            at_once = await buy(desk, job.url)
            await assert_books_hold(desk, sandbox, nonces(at.seller.payments))
        async with reopened(home, sandbox, job.url) as desk:
            await reconcile_all(desk.parts)
            settled = await states(desk)
            later = await buy(desk, job.url)
            await assert_books_hold(desk, sandbox, nonces(at.seller.payments))
        assert After(left, at_once.answer, settled, later.answer) == expected
        for told in (at_once, later):
            assert told.spent == SPENT[told.answer]
            assert told.body == (ARTICLE if told.answer == "content" else b"")
        assert len(nonces(at.seller.payments)) == 1


@pytest.mark.asyncio
async def test_what_no_seller_cashed_is_freed_once_the_chain_shows_it_dead(
    tmp_path: Path, own_sandbox: Sandbox, buyer: BuyerServer
):
    sandbox = own_sandbox
    network = find_network(sandbox.network)
    assert network is not None
    dead_in_s = 120 + network.finality_margin_s + 5
    async with AsyncExitStack() as sellers:
        cases: list[tuple[Counter, Job]] = []
        for step in SILENT:
            (tmp_path / step).mkdir()
            at = await sellers.enter_async_context(counter(sandbox, honest=False))
            job = job_at(step, tmp_path / step / "home", sandbox, at.seller.url)
            await die(buyer, at, job)
            cases.append((at, job))
        sandbox.chain.advance_time(dead_in_s)
        for at, job in cases:
            sent = nonces(at.seller.payments)
            async with reopened(Path(job.home), sandbox, job.url, dead_in_s) as desk:
                done = await reconcile_all(desk.parts)
                assert (done.settled, done.still_open) == ((), ())
                expected = "nothing" if SILENT[job.die_at].left == "nothing" else "void"
                assert (job.die_at, await states(desk)) == (job.die_at, expected)
                assert await desk.check() == []
                assert (await buy(desk, job.url)).spent == "unknown"
                assert len(nonces(at.seller.payments) - sent) == 1


def test_the_tables_have_every_step_and_how_it_works_shows_them() -> None:
    assert tuple(HONEST) == STEPS
    assert set(SILENT) == set(STEPS) - {"answered", "kept"}
    page = (ROOT / "docs" / "how-it-works.md").read_text(encoding="utf-8")
    section = page.partition("## What a crash can leave behind")[2].partition("\n## ")[0]
    row = r"^\| `(\w+)` \| [^|]+ \| (\w+) \| [^|]+ \| (\w+)"
    shown = re.findall(row, section, re.M)
    assert shown == [(step, after.left, after.settled) for step, after in HONEST.items()]
