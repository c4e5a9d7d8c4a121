"""Caps under threads, processes and kills; and any order of calls against a tiny model."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)
from ledger_kit import (
    DAY_S,
    NOON,
    SIGNED,
    cap,
    money,
    request,
    spend_until_refused,
)

from wallet.ledger.base import AlreadyBoughtError, Cap, OverCapError, StaleStateError
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import OPEN_STATES, Evidence, State


@pytest.mark.parametrize("shared", [True, False])
def test_eight_threads_spend_a_cap_exactly(tmp_path: Path, shared: bool) -> None:
    path = tmp_path / "ledger.sqlite3"
    with closing(SqliteLedger(path, lock_timeout_s=50)) as ledger:

        def hold(worker: int) -> int:
            mine = ledger if shared else SqliteLedger(path, lock_timeout_s=50)
            held = 0
            try:
                while True:
                    mine.hold(request(worker=worker, caps=(cap(330_000),)))
                    held += 1
            except OverCapError:
                return held
            finally:
                if not shared:
                    mine.close()

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(hold, range(8))) == 33
        assert money(ledger) == (330_000, 0)
        assert ledger.check() == []


@pytest.mark.slow
def test_four_processes_spend_a_cap_exactly(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.sqlite3")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, mp_context=context) as pool:
        jobs = [pool.submit(spend_until_refused, path, worker, 400_000) for worker in range(4)]
        assert sum(job.result() for job in jobs) == 40
    with closing(SqliteLedger(path)) as ledger:
        assert money(ledger) == (0, 400_000)
        assert ledger.check() == []


def test_eight_threads_open_one_purchase_per_key(tmp_path: Path) -> None:
    with closing(SqliteLedger(tmp_path / "ledger.sqlite3")) as ledger:

        def hold(worker: int) -> bool:
            try:
                ledger.hold(request("same", worker=worker))
            except AlreadyBoughtError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(hold, range(40))) == 1


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 4, 9])
def test_a_writer_killed_midway_leaves_balanced_books(tmp_path: Path, steps: int) -> None:
    path = tmp_path / "ledger.sqlite3"
    folder = Path(__file__).parent
    code = (
        f"import sys; sys.path[:0] = [{str(folder)!r}, {str(folder.parents[1])!r}];"
        f"from ledger_kit import write_for_ever; write_for_ever({str(path)!r})"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert len(writer.stdout.read(steps)) == steps
        writer.kill()
    with closing(SqliteLedger(path)) as ledger:
        assert ledger.check() == []
        held, settled = money(ledger, cap(None))
        assert settled >= steps * 10_000
        assert held == 10_000 * len(ledger.open_purchases())


LIMITS = {"all": 60, "host:a": 25, "host:b": 40}
WINDOW_S = 60
Budget = tuple[str, int]


class LedgerMachine(RuleBasedStateMachine):
    """Compare the ledger with dictionaries that say what it should do."""

    purchases = Bundle("purchases")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.sqlite3"
        self.ledger = SqliteLedger(self.path)
        self.state: dict[str, State] = {}
        self.key: dict[str, str] = {}
        self.amount: dict[str, int] = {}
        self.settled_at: dict[str, int] = {}
        self.budgets: dict[str, tuple[Budget, Budget]] = {}
        self.now = NOON
        self.newest_day = 0

    @initialize()
    def begin_with_nothing(self) -> None:
        assert self.ledger.check() == []

    def spent(self, budget: Budget, states: tuple[State, ...]) -> int:
        return sum(
            self.amount[i]
            for i, state in self.state.items()
            if state in states and budget in self.budgets[i]
        )

    @rule(
        target=purchases,
        key=st.sampled_from("pqrs"),
        host=st.sampled_from("ab"),
        amount=st.integers(0, 30),
    )
    def hold(self, key: str, host: str, amount: int) -> MultipleResults[str]:
        nothing: MultipleResults[str] = multiple()
        caps = tuple(cap(LIMITS[scope], scope=scope) for scope in ("all", f"host:{host}"))
        day = max(self.newest_day, self.now // DAY_S)
        budgets: tuple[Budget, Budget] = (("all", day), (f"host:{host}", day))
        wanted = request(key, amount, caps=caps, now=self.now, repeat_window_s=WINDOW_S)
        taken = {self.key[i] for i, state in self.state.items() if state in OPEN_STATES}
        taken |= {self.key[i] for i, at in self.settled_at.items() if at > self.now - WINDOW_S}
        counted = (*OPEN_STATES, State.SETTLED)
        over = any(self.spent(b, counted) + amount > LIMITS[b[0]] for b in budgets)
        try:
            self.ledger.hold(wanted)
        except AlreadyBoughtError:
            assert key in taken
            return nothing
        except OverCapError:
            assert over
            assert key not in taken
            return nothing
        assert not over
        assert key not in taken
        self.newest_day = day
        self.state[wanted.id], self.key[wanted.id] = State.HELD, key
        self.amount[wanted.id], self.budgets[wanted.id] = amount, budgets
        return multiple(wanted.id)

    def move(
        self, i: str, allowed: tuple[State, ...], to: State, act: Callable[[], object]
    ) -> None:
        try:
            act()
        except StaleStateError:
            assert self.state[i] not in allowed
        else:
            assert self.state[i] in allowed
            self.state[i] = to

    @rule(i=purchases)
    def sign(self, i: str) -> None:
        act = lambda: self.ledger.store_signed(i, SIGNED)  # noqa: E731
        self.move(i, (State.HELD,), State.SIGNED, act)

    @rule(i=purchases)
    def lose(self, i: str) -> None:
        act = lambda: self.ledger.mark_unknown(i, "no answer came")  # noqa: E731
        self.move(i, (State.SIGNED, State.UNKNOWN), State.UNKNOWN, act)

    @rule(i=purchases, evidence=st.sampled_from(Evidence))
    def settle(self, i: str, evidence: Evidence) -> None:
        def act() -> object:
            return self.ledger.settle(i, evidence=evidence, tx_hash=None, now=self.now)

        self.move(i, (State.SIGNED, State.UNKNOWN, State.SETTLED), State.SETTLED, act)
        if self.state[i] is State.SETTLED:
            self.settled_at.setdefault(i, self.now)

    @rule(i=purchases, allowed=st.sets(st.sampled_from(OPEN_STATES)))
    def void(self, i: str, allowed: set[State]) -> None:
        def act() -> object:
            return self.ledger.void(i, allowed_from=tuple(allowed), note="proof")

        self.move(i, tuple(allowed), State.VOID, act)

    @rule(i=consumes(purchases))
    def forget(self, i: str) -> None:
        """Leave a purchase as it is from here on."""

    @rule(seconds=st.sampled_from([0, 60, DAY_S, -DAY_S, -60]))
    def turn_the_clock(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.ledger = SqliteLedger(self.path)

    @invariant()
    def states_agree_and_one_purchase_is_open_per_key(self) -> None:
        found = self.ledger.open_purchases()
        assert {p.id: p.state for p in found} == {
            i: state for i, state in self.state.items() if state in OPEN_STATES
        }
        assert len({p.key for p in found}) == len(found)

    @invariant()
    def balances_agree_and_stay_within_the_caps(self) -> None:
        day = max(self.newest_day, self.now // DAY_S)
        caps: tuple[Cap, ...] = tuple(cap(limit, scope=scope) for scope, limit in LIMITS.items())
        for one, balance in zip(caps, self.ledger.balances(caps, self.now), strict=True):
            held = self.spent((one.scope, day), OPEN_STATES)
            settled = self.spent((one.scope, day), (State.SETTLED,))
            assert (balance.held.micros, balance.settled.micros) == (held, settled)
            assert held + settled <= LIMITS[one.scope]

    def teardown(self) -> None:
        assert self.ledger.check() == []
        self.ledger.close()
        self.folder.cleanup()


LedgerMachine.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLedgerAgainstItsModel = pytest.mark.slow(LedgerMachine.TestCase)
