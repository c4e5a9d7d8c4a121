"""Each report says more than the one before, and the last one says that all is done."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from tests.many.many_kit import LedgerBuyer
from tools.many.batch import Batch
from tools.many.wanted import Wanted
from wallet.ledger.sqlite import SqliteLedger

URLS = tuple(f"https://many.example/{number}" for number in range(5))


@pytest.mark.asyncio
@pytest.mark.parametrize("pauses", [0, 1, 3, 10, 100])
async def test_the_last_report_arrives_however_long_reports_take(
    tmp_path: Path, pauses: int
) -> None:
    told: list[int] = []

    async def report(done: int, of: int, words: str) -> None:
        for _ in range(pauses):
            await anyio.lowlevel.checkpoint()
        assert words.startswith(f"{done} of {of} pages, $")
        told.append(done)

    ledger = SqliteLedger(tmp_path / "ledger.sqlite3")
    buyer = LedgerBuyer(ledger, dict.fromkeys(URLS, 1), dict.fromkeys(URLS, 3))
    with anyio.fail_after(30):
        await Batch(buyer.toolbox(), Wanted(URLS, None, 1, 600), report=report).run()
    ledger.close()
    assert told == sorted(set(told))
    assert told[-1] == len(URLS)


@pytest.mark.asyncio
async def test_a_cancelled_call_ends_although_a_report_cannot_leave(tmp_path: Path) -> None:
    stuck = anyio.Event()

    async def report(done: int, of: int, words: str) -> None:
        del done, of, words
        stuck.set()
        await anyio.sleep_forever()

    ledger = SqliteLedger(tmp_path / "ledger.sqlite3")
    buyer = LedgerBuyer(ledger, dict.fromkeys(URLS, 1))
    batch = Batch(buyer.toolbox(), Wanted(URLS, None, 1, None), report=report)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(batch.run)
            await stuck.wait()
            group.cancel_scope.cancel()
    ledger.close()
