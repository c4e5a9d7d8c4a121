"""Processes race one `max_total_usd`: together they spend it to the last cent, and never more."""

from __future__ import annotations

import multiprocessing
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.run import Sandbox
from tests.races.many_racing import WORKERS, ManyRace, Shared, race_for_total
from wallet.ledger.sqlite import SqliteLedger
from wallet.money import Usd

PAGES, AFFORDABLE, PRICE = 8, 5, 100

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        "forkserver" not in multiprocessing.get_all_start_methods(),
        reason="needs processes that start in a moment",
    ),
]


def run(home: Path, sandbox: Sandbox, calls: list[str]) -> tuple[list[Shared], int]:
    """Run one call in each process; return what they came to, and how often the seller was paid."""
    urls = tuple(
        tuple(f"{sandbox.seller_url}/api/weather?{name}={number}" for number in range(PAGES))
        for name in calls
    )
    total = str(Usd(AFFORDABLE * PRICE + PRICE - 1))
    transfers, seen = sandbox.chain.transfer_count(), len(sandbox.seen_payment_headers)
    places = (sandbox.seller_url, sandbox.rpc_url)
    ran = race_for_total(ManyRace(home, places, urls, total))
    paid = sandbox.chain.transfer_count() - transfers
    assert len(set(sandbox.seen_payment_headers[seen:])) == paid
    with closing(SqliteLedger(home / "ledger.sqlite3")) as ledger:
        assert ledger.check() == []
        assert ledger.open_purchases() == []
    return ran, paid


def test_processes_that_make_the_same_call_share_its_total(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    ran, paid = run(tmp_path, sandbox, ["shared"] * WORKERS)
    assert paid == AFFORDABLE
    assert sum(one.spent.micros for one in ran) == AFFORDABLE * PRICE
    assert set().union(*(one.codes for one in ran)) <= {"settled", "earlier", "over_max_total"}
    (after,), paid = run(tmp_path, sandbox, ["shared"])
    assert (paid, after.codes.count("earlier")) == (0, AFFORDABLE)
    assert after.codes.count("over_max_total") == PAGES - AFFORDABLE


def test_processes_with_calls_of_their_own_have_a_total_each(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    ran, paid = run(tmp_path, sandbox, [f"own{number}" for number in range(WORKERS)])
    assert paid == WORKERS * AFFORDABLE
    for one in ran:
        assert one.codes == ["settled"] * AFFORDABLE + ["over_max_total"] * (PAGES - AFFORDABLE)
        assert one.spent.micros == AFFORDABLE * PRICE
