"""The ledger from async code: lazy, one transaction at a time, never abandoned halfway."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import anyio
import pytest
from ledger_kit import NOON, cap, money, request, signed

from wallet.ledger.base import Ledger, LedgerUnavailableError, OverCapError
from wallet.ledger.sqlite import SqliteLedger
from wallet.ledger.worker import LedgerWorker
from wallet.model import State


@pytest.mark.asyncio
async def test_the_worker_opens_on_first_use_and_returns_what_the_function_returns(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.sqlite3"
    worker = LedgerWorker(lambda: SqliteLedger(path))
    assert not path.exists()
    held = await worker.call(lambda ledger: ledger.hold(request()))
    assert await worker.call(lambda ledger: ledger.get(held.id)) == held
    await worker.aclose()
    await worker.aclose()


@pytest.mark.asyncio
async def test_a_ledger_once_open_is_kept_open(tmp_path: Path) -> None:
    opened: list[SqliteLedger] = []

    def open_ledger() -> SqliteLedger:
        opened.append(SqliteLedger(tmp_path / "ledger.sqlite3"))
        return opened[-1]

    worker = LedgerWorker(open_ledger)
    for _ in range(3):
        assert await worker.call(lambda ledger: ledger.check()) == []
    assert len(opened) == 1
    await worker.aclose()


def test_the_worker_does_not_import_sqlite(tmp_path: Path) -> None:
    code = "import sys, wallet.ledger.worker; sys.exit('sqlite3' in sys.modules)"
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, timeout=50)


@pytest.mark.asyncio
async def test_a_ledger_that_cannot_be_opened_is_tried_again_on_the_next_call(
    tmp_path: Path,
) -> None:
    blocker = tmp_path / "home"
    blocker.write_text("in the way")
    worker = LedgerWorker(lambda: SqliteLedger(blocker / "ledger.sqlite3"))
    for _ in range(2):
        with pytest.raises(LedgerUnavailableError):
            await worker.call(lambda ledger: ledger.check())
    blocker.unlink()
    assert await worker.call(lambda ledger: ledger.check()) == []
    await worker.aclose()


@pytest.mark.asyncio
async def test_an_operating_system_error_while_opening_is_a_typed_refusal() -> None:
    def broken() -> Ledger:
        raise PermissionError("/secret/place")

    with pytest.raises(LedgerUnavailableError) as refusal:
        await LedgerWorker(broken).call(lambda ledger: ledger.check())
    assert "secret" not in str(refusal.value)


@pytest.mark.asyncio
async def test_refusals_pass_through_the_worker(tmp_path: Path) -> None:
    worker = LedgerWorker(lambda: SqliteLedger(tmp_path / "ledger.sqlite3"))
    with pytest.raises(OverCapError):
        await worker.call(lambda ledger: ledger.hold(request(caps=(cap(0),))))
    await worker.aclose()


@pytest.mark.asyncio
async def test_a_function_that_has_begun_is_finished_when_its_caller_is_cancelled(
    tmp_path: Path,
) -> None:
    store = SqliteLedger(tmp_path / "ledger.sqlite3")
    purchase = signed(store, request())
    worker = LedgerWorker(lambda: store)
    begun, cancelled = anyio.Event(), threading.Event()

    def mark(ledger: Ledger) -> None:
        anyio.from_thread.run_sync(begun.set)
        assert cancelled.wait(30)
        ledger.mark_unknown(purchase.id, "no answer came")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(worker.call, mark)
        await begun.wait()
        tasks.cancel_scope.cancel()
        cancelled.set()
    marked = store.get(purchase.id)
    assert marked is not None
    assert marked.state is State.UNKNOWN
    await worker.aclose()


@pytest.mark.asyncio
async def test_many_tasks_share_a_cap_exactly(tmp_path: Path) -> None:
    store = SqliteLedger(tmp_path / "ledger.sqlite3")
    worker = LedgerWorker(lambda: store)
    refused = 0

    async def hold() -> None:
        nonlocal refused
        try:
            await worker.call(lambda ledger: ledger.hold(request(caps=(cap(70_000),))))
        except OverCapError:
            refused += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(30):
            tasks.start_soon(hold)
    assert (refused, money(store, cap(70_000), NOON)) == (23, (70_000, 0))
    await worker.aclose()
