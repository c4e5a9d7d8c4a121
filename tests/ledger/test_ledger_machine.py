"""Any order of calls on connections whose commits fail: each happens whole, or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
)
from ledger_kit import DELIVERY, NOON, SIGNED, cap, request

from wallet.errors import ErrorKind
from wallet.ledger.base import (
    AlreadyBoughtError,
    LedgerUnavailableError,
    OverCapError,
    RateLimitedError,
    StaleStateError,
)
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import OPEN_STATES, Evidence, State

DAY = cap(60)
TOTAL = cap(90, window="total", kind=ErrorKind.OVER_TOTAL_BUDGET)
WINDOW_S = 60
PER_MINUTE = 6
REFUSED = (AlreadyBoughtError, OverCapError, RateLimitedError, StaleStateError)
FAULTS = st.sampled_from([None, None, "before", "after", "after"])


class FaultyConnection(sqlite3.Connection):
    """A real connection whose next COMMIT can fail, before or after it took effect."""

    fault: str | None = None

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        fault, self.fault = (self.fault, None) if sql == "COMMIT" else (None, self.fault)
        if fault == "before":
            raise _disk_error()
        done = super().execute(sql, parameters)
        if fault == "after":
            raise _disk_error()
        return done


def _disk_error() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return error


class FailingLedgerMachine(RuleBasedStateMachine):
    """Two processes' ledgers over one file, against dictionaries that say what should be in it."""

    purchases = Bundle("purchases")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.connections: list[FaultyConnection] = []
        path = Path(self.folder.name) / "ledger.sqlite3"
        with patch.object(sqlite3, "connect", partial(self._connect, sqlite3.connect)):
            self.ledgers = [SqliteLedger(path, clock=lambda: self.now) for _ in range(2)]
        self.now = NOON
        self.states: dict[str, State] = {}
        self.keys: dict[str, tuple[str, bool]] = {}
        self.amounts: dict[str, int] = {}
        self.created: dict[str, int] = {}
        self.settled_at: dict[str, int] = {}

    def _connect(self, real: Callable[..., Any], *args: Any, **kwargs: Any) -> sqlite3.Connection:
        self.connections.append(real(*args, factory=FaultyConnection, **kwargs))
        return self.connections[-1]

    def act(self, which: int, fault: str | None, call: Callable[[SqliteLedger], object]) -> bool:
        """Make one call with one fault; tell whether it must have taken effect."""
        self.connections[which].fault = fault
        try:
            call(self.ledgers[which])
        except LedgerUnavailableError:
            assert fault is not None
            return fault == "after"
        finally:
            self.connections[which].fault = None
        return True

    def may_hold(self, key: str, amount: int, pay_again: bool) -> bool:
        counted = sum(a for i, a in self.amounts.items() if self.states[i] is not State.VOID)
        recent = sum(at > self.now - 60 for at in self.created.values())
        same = [i for i, (other, _) in self.keys.items() if other == key]
        is_open = any(self.states[i] in OPEN_STATES for i in same)
        repeats = any(
            self.states[i] is State.SETTLED
            and self.settled_at[i] > self.now - WINDOW_S
            and (self.keys[i][1] or not pay_again)
            for i in same
        )
        return counted + amount <= 60 and recent < PER_MINUTE and not is_open and not repeats

    @rule(
        target=purchases,
        which=st.integers(0, 1),
        fault=FAULTS,
        key=st.sampled_from("pqr"),
        amount=st.integers(0, 30),
        pay_again=st.booleans(),
    )
    def hold(
        self, which: int, fault: str | None, key: str, amount: int, pay_again: bool
    ) -> MultipleResults[str]:
        nothing: MultipleResults[str] = multiple()
        wanted = request(
            key,
            amount,
            caps=(DAY, TOTAL),
            now=self.now,
            pay_again=pay_again,
            payments_per_minute=PER_MINUTE,
            repeat_window_s=WINDOW_S,
        )
        allowed = self.may_hold(key, amount, pay_again)
        try:
            happened = self.act(which, fault, lambda ledger: ledger.hold(wanted))
        except REFUSED:
            assert not allowed
            return nothing
        assert allowed
        if not happened:
            return nothing
        self.states[wanted.id], self.keys[wanted.id] = State.HELD, (key, pay_again)
        self.amounts[wanted.id], self.created[wanted.id] = amount, self.now
        return multiple(wanted.id)

    def move(
        self,
        i: str,
        which: int,
        fault: str | None,
        allowed: tuple[State, ...],
        to: State,
        call: Callable[[SqliteLedger], object],
    ) -> None:
        try:
            happened = self.act(which, fault, call)
        except StaleStateError:
            assert self.states[i] not in allowed
            return
        assert self.states[i] in allowed
        if happened:
            self.states[i] = to
        if self.states[i] is State.SETTLED:
            self.settled_at.setdefault(i, self.now)

    @rule(i=purchases, which=st.integers(0, 1), fault=FAULTS)
    def sign(self, i: str, which: int, fault: str | None) -> None:
        self.move(
            i,
            which,
            fault,
            (State.HELD,),
            State.SIGNED,
            lambda ledger: ledger.store_signed(i, SIGNED),
        )

    @rule(i=purchases, which=st.integers(0, 1), fault=FAULTS)
    def lose(self, i: str, which: int, fault: str | None) -> None:
        self.move(
            i,
            which,
            fault,
            (State.SIGNED, State.UNKNOWN),
            State.UNKNOWN,
            lambda ledger: ledger.mark_unknown(i, "no answer", DELIVERY),
        )

    @rule(i=purchases, which=st.integers(0, 1), fault=FAULTS, known=st.sampled_from(Evidence))
    def settle(self, i: str, which: int, fault: str | None, known: Evidence) -> None:
        allowed = (State.SIGNED, State.UNKNOWN, State.SETTLED)
        self.move(
            i,
            which,
            fault,
            allowed,
            State.SETTLED,
            lambda ledger: ledger.settle(i, evidence=known, tx_hash=None, now=self.now),
        )

    @rule(i=purchases, which=st.integers(0, 1), fault=FAULTS)
    def void(self, i: str, which: int, fault: str | None) -> None:
        self.move(
            i,
            which,
            fault,
            OPEN_STATES,
            State.VOID,
            lambda ledger: ledger.void(i, allowed_from=OPEN_STATES, note="proof"),
        )

    @rule(i=purchases, which=st.integers(0, 1), fault=FAULTS, note=st.text(max_size=5))
    def annotate(self, i: str, which: int, fault: str | None, note: str) -> None:
        states = (State.SETTLED, State.UNKNOWN)
        self.move(
            i, which, fault, states, self.states[i], lambda ledger: ledger.annotate(i, note=note)
        )

    @rule(seconds=st.sampled_from([1, 30, 61]))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds

    @invariant()
    def both_connections_read_what_the_model_says(self) -> None:
        held = sum(self.amounts[i] for i, state in self.states.items() if state in OPEN_STATES)
        settled = sum(self.amounts[i] for i, s in self.states.items() if s is State.SETTLED)
        for ledger in self.ledgers:
            for i, state in self.states.items():
                found = ledger.get(i)
                assert found is not None
                assert found.state is state
            for balance in ledger.balances((DAY, TOTAL), self.now):
                assert (balance.held.micros, balance.settled.micros) == (held, settled)

    def teardown(self) -> None:
        faults = [ledger.check() for ledger in self.ledgers]
        for ledger in self.ledgers:
            ledger.close()
        self.folder.cleanup()
        assert faults == [[], []]


FailingLedgerMachine.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLedgerWithFailingCommits = pytest.mark.slow(FailingLedgerMachine.TestCase)
