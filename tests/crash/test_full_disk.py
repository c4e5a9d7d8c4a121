"""A real file system that runs full at each step of a purchase: no signature without its hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.run import Sandbox
from tests.crash.buyer import STEPS, Job
from tests.crash.crash_kit import (
    ARTICLE,
    BuyerServer,
    Told,
    assert_books_hold,
    assert_content_is_whole,
    buy,
    nonces,
    reopened,
)
from wallet.reconcile import reconcile_all

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.xdist_group("crash"),
]

REFUSED = {"error": "ledger_unavailable", "spent": "no"}
UNRECORDED = {"status": "unknown", "bytes": len(ARTICLE), "stored": False}
KEPT = {"status": "unknown", "bytes": len(ARTICLE), "stored": True}
DONE = {"status": "settled", "bytes": len(ARTICLE), "stored": True}

FULL_AT = {
    "asked": REFUSED,
    "holding": REFUSED,
    "held": REFUSED,
    "signed": REFUSED,
    "stored": UNRECORDED,
    "sending": UNRECORDED,
    "answered": UNRECORDED,
    "kept": KEPT,
    "recorded": DONE,
}
"""What the caller is told: paid content is always handed over, stored or not."""


@pytest.mark.asyncio
@pytest.mark.parametrize(("step", "expected"), FULL_AT.items())
async def test_a_disk_that_runs_full_at_a_step_costs_nothing_or_is_told_and_reconciled(
    tmp_path: Path, sandbox: Sandbox, buyer: BuyerServer, step: str, expected: dict[str, object]
):
    url, before = f"{sandbox.seller_url}/article?{tmp_path.name}", len(sandbox.seen_payment_headers)
    log = str(tmp_path / "log")
    told = (
        await buyer.run(Job(str(tmp_path / "home"), url, sandbox.rpc_url, log=log, full_at=step))
    ).told
    assert told is not None
    if "skipped" in told:
        pytest.skip(told["skipped"])
    assert told == expected
    sent = nonces(sandbox.seen_payment_headers[before:])
    assert len(sent) == (0 if expected == REFUSED else 1)
    home = tmp_path / "home-left"
    async with reopened(home, sandbox, url) as desk:
        await assert_books_hold(desk, sandbox, sent)
        assert_content_is_whole(home)
        await reconcile_all(desk.parts)
        again = await buy(desk, url)
        if expected == UNRECORDED:
            assert again == Told("upstream_error", "yes")
        else:
            assert again == Told("content", "yes", ARTICLE)
        both = nonces(sandbox.seen_payment_headers[before:])
        assert len(both) == 1
        assert sent <= both
        await assert_books_hold(desk, sandbox, both)


def test_every_step_of_the_buyer_is_tried() -> None:
    assert set(FULL_AT) == set(STEPS) - {"sent"}
