"""Many processes share one ledger: they race its cap, and they are killed while they do."""

from __future__ import annotations

import multiprocessing
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.run import Sandbox
from tests.end_to_end.hosting import authorization_of
from tests.races.killing import Siege, audit, besiege, run_out
from tests.races.racing import AFFORDABLE, CALLS, PROCESSES, Race, Ran, fairness, run_race
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Evidence, State

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        "forkserver" not in multiprocessing.get_all_start_methods(),
        reason="needs processes that start in a moment",
    ),
]


def check_ends(ran: list[Ran]) -> None:
    assert [error for one in ran for error in one.errors] == []
    assert sum(one.bought for one in ran) == AFFORDABLE
    assert sum(one.refused for one in ran) == PROCESSES * CALLS - AFFORDABLE


def count(home: Path, query: str) -> int:
    with closing(sqlite3.connect(home / "ledger.sqlite3")) as connection:
        return connection.execute(query).fetchone()[0]


def test_eight_processes_sign_exactly_what_one_cap_allows_and_none_starves(tmp_path: Path) -> None:
    shares = [0] * PROCESSES
    for number in range(2):  # over two races a slow moment of the machine weighs less
        home = tmp_path / str(number)
        ran = run_race(Race(home, None))
        check_ends(ran)
        shares = [share + one.bought for share, one in zip(shares, ran, strict=True)]
        assert count(home, "SELECT count(*) FROM entries WHERE kind = 'sign'") == AFFORDABLE
        with closing(SqliteLedger(home / "ledger.sqlite3")) as ledger:
            assert ledger.check() == []
            assert ledger.open_purchases() == []
    assert fairness(shares) * 3 >= 1


def test_eight_wallets_pay_exactly_what_one_cap_allows(tmp_path: Path, sandbox: Sandbox) -> None:
    transfers, before = sandbox.chain.transfer_count(), len(sandbox.seen_payment_headers)
    ran = run_race(Race(tmp_path, (sandbox.seller_url, sandbox.rpc_url)))
    check_ends(ran)
    assert sandbox.chain.transfer_count() - transfers == AFFORDABLE
    assert len(sandbox.seen_payment_headers) - before == AFFORDABLE
    assert count(tmp_path, "SELECT count(*) FROM entries WHERE kind = 'hold'") == AFFORDABLE
    with closing(SqliteLedger(tmp_path / "ledger.sqlite3")) as ledger:
        assert ledger.check() == []
        assert ledger.open_purchases() == []


@pytest.mark.asyncio
async def test_killed_processes_never_pass_the_cap_pay_twice_or_leave_a_hold(
    tmp_path: Path, own_sandbox: Sandbox
) -> None:
    sandbox = own_sandbox
    siege = Siege(tmp_path, (sandbox.seller_url, sandbox.rpc_url), seed=2)
    besiege(siege)
    left = audit(siege)
    assert left.faults == []
    assert {one.state for one in left.open} >= {State.HELD, State.SIGNED}
    await run_out(siege, sandbox)
    found = audit(siege)
    assert found.faults == []
    assert found.open == []
    assert found.peak_micros <= siege.limit.micros
    assert found.most_signed_per_call == 1
    assert {one.evidence for one in found.settled} == {Evidence.VERIFIED}
    nonces = {authorization_of(header)["nonce"] for header in sandbox.seen_payment_headers}
    paid = {one.transfer.nonce for one in found.settled if one.transfer is not None}
    assert len(set(sandbox.seen_payment_headers)) == len(nonces)
    assert paid <= nonces
    assert sandbox.chain.transfer_count() == len(paid) == len(found.settled)
    assert len(paid) <= siege.affordable
