"""A file call of a purchase fails, or is the buyer's last: the books hold, nobody pays twice.

By default one call of each kind is spoilt, in one way each. Every call in every way takes some
minutes: `PURSER_CRASH=all uv run pytest tests/crash/test_failing_calls.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from sandbox.run import Sandbox
from tests.crash.buyer import Job
from tests.crash.crash_kit import (
    ARTICLE,
    EVERYTHING,
    TRIED_JOURNALS,
    BuyerServer,
    Ended,
    assert_books_hold,
    assert_content_is_whole,
    buy,
    calls_of,
    nonces,
    reopened,
)
from tests.crash.faults import FAIL, FAULTS, FULL, FileCall
from wallet.model import State
from wallet.reconcile import reconcile_all

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.xdist_group("crash"),
]

KILLED = -9

Spoilt = tuple[int, str]
"""The number of a call, and what befalls it."""


def one_of_each_kind(calls: Sequence[FileCall]) -> list[Spoilt]:
    """Choose the last call of each kind within each step; the faults take turns."""
    step, last = "opening", dict[tuple[str, tuple[str, str]], int]()
    for call in calls:
        if call.op == "mark":
            step = call.path
        else:
            last[step, call.kind] = call.number
    return list(zip(sorted(last.values()), itertools.cycle(FAULTS), strict=False))


def every_call(calls: Sequence[FileCall]) -> list[Spoilt]:
    numbers = [call.number for call in calls if call.op != "mark"]
    return list(itertools.product(numbers, FAULTS))


@pytest.mark.parametrize("journal", TRIED_JOURNALS)
async def test_a_purchase_with_one_spoilt_file_call_keeps_every_rule(
    tmp_path: Path, sandbox: Sandbox, buyer: BuyerServer, journal: str
):
    clean = job_in(tmp_path / "clean", sandbox, journal)
    ended = await buyer.run(clean)
    assert ended.told == {"status": "settled", "bytes": len(ARTICLE), "stored": True}
    calls = calls_of(clean)
    assert {call.path for call in calls if call.op == "mark"} >= {"held", "stored", "recorded"}
    chosen = every_call(calls) if EVERYTHING else one_of_each_kind(calls)
    for number, fault in chosen:
        where = f"{journal}: call {number} {FAULTS[fault]}: {calls_at(calls, number)}"
        try:
            await spoil(tmp_path / f"{number}{fault}", sandbox, buyer, journal, (number, fault))
        except AssertionError as error:
            raise AssertionError(where) from error


def job_in(folder: Path, sandbox: Sandbox, journal: str, spoilt: Spoilt = (0, "-")) -> Job:
    folder.mkdir()
    return Job(
        home=str(folder / "home"),
        url=f"{sandbox.seller_url}/article?{folder.parent.name}-{folder.name}",
        rpc_url=sandbox.rpc_url,
        log=str(folder / "log"),
        call=spoilt[0],
        fault=spoilt[1],
        journal=journal,
    )


def calls_at(calls: Sequence[FileCall], number: int) -> tuple[str, str]:
    return next(call.kind for call in calls if call.number == number and call.op != "mark")


async def spoil(
    folder: Path, sandbox: Sandbox, buyer: BuyerServer, journal: str, spoilt: Spoilt
) -> None:
    """Make a purchase with one spoilt call, then the same call again in a wallet that works."""
    job, home = job_in(folder, sandbox, journal, spoilt), folder / "home"
    before = len(sandbox.seen_payment_headers)
    ended = await buyer.run(job)
    sent = nonces(sandbox.seen_payment_headers[before:])
    assert len(sent) <= 1
    assert_told_the_truth(ended, spoilt, sent)
    async with reopened(home, sandbox, job.url) as desk:
        found = await assert_books_hold(desk, sandbox, sent)
        stored = {one.transfer.nonce for one in found if one.transfer and one.state is State.SIGNED}
        if home.joinpath("purchases").exists():
            assert_content_is_whole(home)
        await reconcile_all(desk.parts)
        await assert_books_hold(desk, sandbox, sent)
        again = await buy(desk, job.url)
        both = nonces(sandbox.seen_payment_headers[before:])
        # Only what provably never left may be signed anew.
        assert len(both) <= 1
        assert both <= (sent or stored) or not (sent or stored)
        assert again.answer == "content" or both <= sent
        assert again.body in (b"", ARTICLE)
        if ended.told is not None and ended.told.get("stored"):
            assert again.answer == "content"
        await assert_books_hold(desk, sandbox, both)
        assert_content_is_whole(home)


def assert_told_the_truth(ended: Ended, spoilt: Spoilt, sent: set[str]) -> None:
    """The buyer was killed, or its caller was told what happened."""
    if ended.status == KILLED:
        assert spoilt[1] not in (FAIL, FULL)
        return
    assert ended.told is not None
    if "status" in ended.told:
        assert ended.told["bytes"] == len(ARTICLE)
        assert sent
    else:
        assert (ended.told["spent"] == "no") == (not sent)
