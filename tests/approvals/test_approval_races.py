"""One approval and many who want to use it: threads and processes on one ledger."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.approvals.approval_kit import approve, buy, buy_in_a_process, dear, question
from wallet.approvals import ApprovalState
from wallet.ledger.sqlite import SqliteLedger


def test_twenty_tasks_with_one_approval_hold_once(tmp_path: Path) -> None:
    with closing(SqliteLedger(tmp_path / "ledger.sqlite3", lock_timeout_s=50)) as ledger:
        approve(ledger, dear())
        with ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(buy, ledger, dear(worker=worker)) for worker in range(20)]
        assert sum(job.result() for job in jobs) == 1
        assert ledger.check() == []


@pytest.mark.slow
def test_four_processes_with_one_approval_hold_once(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.sqlite3")
    with closing(SqliteLedger(path)) as ledger:
        approve(ledger, dear())
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(buy_in_a_process, path, worker) for worker in range(4)]
        assert sum(job.result() for job in jobs) == 1
    with closing(SqliteLedger(path)) as ledger:
        (used,) = ledger.list_approvals(answered=True)
        assert used.state is ApprovalState.CONSUMED
        assert ledger.check() == []


def test_twenty_tasks_that_ask_at_once_open_one_question(tmp_path: Path) -> None:
    with closing(SqliteLedger(tmp_path / "ledger.sqlite3", lock_timeout_s=50)) as ledger:
        with ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(ledger.ask_approval, question(dear())) for _ in range(20)]
        assert len({job.result().current.id for job in jobs}) == 1
        assert len(ledger.list_approvals(answered=True)) == 1


def test_an_answer_and_a_use_at_once_end_in_one_of_two_ways(tmp_path: Path) -> None:
    """Denied first: not held. Held first: the denial comes too late, and says so."""
    with closing(SqliteLedger(tmp_path / "ledger.sqlite3", lock_timeout_s=50)) as ledger:
        for number in range(10):
            allowed = approve(ledger, dear(f"call {number}"))
            with ThreadPoolExecutor(2) as pool:
                bought = pool.submit(buy, ledger, dear(f"call {number}"))
                denied = pool.submit(
                    ledger.answer_approval, allowed.id, approve=False, now=allowed.created_at
                )
            answered = denied.result()
            assert answered is not None
            assert bought.result() is (answered.state is ApprovalState.CONSUMED)
        assert ledger.check() == []
