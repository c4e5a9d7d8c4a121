"""Approvals in the ledger: one question per call, one answer, one use, for fifteen minutes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.approvals.approval_kit import approve, buy, dear, question
from tests.ledger.ledger_kit import NOON, cap, money
from wallet.approvals import (
    CLOCK_SLACK_S,
    LIFE_S,
    PENDING_MAX,
    UNUSED_KEPT,
    ApprovalState,
)
from wallet.errors import ErrorKind
from wallet.ledger.base import (
    ApprovalMissingError,
    HoldRequest,
    OverCapError,
    PurchaseFilter,
    RateLimitedError,
)
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import State

PENDING, APPROVED, DENIED = (
    ApprovalState.PENDING,
    ApprovalState.APPROVED,
    ApprovalState.DENIED,
)
EXPIRED, CONSUMED = ApprovalState.EXPIRED, ApprovalState.CONSUMED
EVERYTHING = PurchaseFilter(limit=10_000)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    with closing(SqliteLedger(tmp_path / "ledger.sqlite3")) as opened:
        yield opened
        assert opened.check() == []


def state_of(ledger: SqliteLedger, approval_id: str) -> ApprovalState:
    found = ledger.get_approval(approval_id)
    assert found is not None
    return found.state


def other_terms(hold: HoldRequest, **changes: Any) -> HoldRequest:
    """Change a hold where its terms are: in itself, or in its transfer."""
    own = {name: value for name, value in changes.items() if name in ("key", "host", "scheme")}
    moved = {name: value for name, value in changes.items() if name not in own}
    return replace(hold, **own, transfer=replace(hold.transfer, **moved))


def test_a_question_is_kept_with_all_that_a_person_wants_to_see(ledger: SqliteLedger) -> None:
    wanted = question(dear())
    asked = ledger.ask_approval(wanted)
    assert asked.before is None
    kept = ledger.get_approval(wanted.id)
    assert kept == asked.current == ledger.latest_approval("call")
    assert kept is not None
    assert (kept.terms, kept.amount_usd) == (wanted.terms, wanted.amount_usd)
    assert (kept.method, kept.url, kept.principal) == ("GET", wanted.url, "local")
    assert (kept.state, kept.created_at, kept.expires_at) == (PENDING, NOON, NOON + 900)
    assert ledger.list_approvals() == [kept]


@pytest.mark.parametrize("answered", [False, True])
def test_the_same_terms_open_nothing_new_while_a_request_for_them_lives(
    ledger: SqliteLedger, answered: bool
) -> None:
    first = ledger.ask_approval(question(dear())).current
    if answered:
        ledger.answer_approval(first.id, approve=True, now=NOON)
    again = ledger.ask_approval(question(dear(), NOON + LIFE_S - 1))
    assert again.before == again.current
    assert again.current.id == first.id
    assert len(ledger.list_approvals(answered=True)) == 1


def test_other_terms_end_the_request_for_the_same_call(ledger: SqliteLedger) -> None:
    hold = dear()
    first = approve(ledger, hold)
    asked = ledger.ask_approval(question(other_terms(hold, pay_to="0x" + "d" * 40)))
    assert asked.before == first
    assert (state_of(ledger, first.id), asked.current.state) == (EXPIRED, PENDING)
    assert not buy(ledger, hold)


def test_an_answer_is_given_once_and_a_denial_takes_an_approval_back(
    ledger: SqliteLedger,
) -> None:
    first = approve(ledger, dear("one"))
    assert first.state is APPROVED
    taken_back = ledger.answer_approval(first.id, approve=False, now=NOON + 5)
    assert taken_back is not None
    assert (taken_back.state, taken_back.answered_at) == (DENIED, NOON + 5)
    stays = ledger.answer_approval(first.id, approve=True, now=NOON + 6)
    assert stays == taken_back
    assert not buy(ledger, dear("one"))
    assert ledger.answer_approval("ap_nowhere", approve=True, now=NOON) is None


def test_a_used_approval_takes_no_answer(ledger: SqliteLedger) -> None:
    used = approve(ledger, dear())
    assert buy(ledger, dear())
    for yes in (True, False):
        after = ledger.answer_approval(used.id, approve=yes, now=NOON)
        assert after is not None
        assert after.state is CONSUMED


def test_a_denied_call_is_not_asked_again_on_any_terms_until_its_time_is_over(
    ledger: SqliteLedger,
) -> None:
    hold = dear()
    denied = ledger.ask_approval(question(hold)).current
    ledger.answer_approval(denied.id, approve=False, now=NOON)
    for again in (hold, other_terms(hold, amount_atomic=9_999)):
        asked = ledger.ask_approval(question(again, NOON + LIFE_S - 1))
        assert asked.before == asked.current
        assert (asked.current.id, asked.current.state) == (denied.id, DENIED)
    later = ledger.ask_approval(question(hold, NOON + LIFE_S))
    assert later.current.state is PENDING
    assert state_of(ledger, denied.id) is DENIED


def test_a_price_above_the_threshold_is_not_held_without_an_approval(ledger: SqliteLedger) -> None:
    ledger.ask_approval(question(dear()))
    with pytest.raises(ApprovalMissingError):
        ledger.hold(dear())
    assert ledger.list_purchases(EVERYTHING) == []
    assert money(ledger) == (0, 0)


def test_a_price_at_the_threshold_needs_and_uses_no_approval(ledger: SqliteLedger) -> None:
    kept = approve(ledger, dear())
    held = ledger.hold(dear(approval_above=10_000))
    assert held.approval_id is None
    assert state_of(ledger, kept.id) is APPROVED


def test_a_hold_uses_its_approval_up_and_each_names_the_other(ledger: SqliteLedger) -> None:
    allowed = approve(ledger, dear())
    held = ledger.hold(dear())
    assert ledger.get(held.id) == held
    assert held.approval_id == allowed.id
    assert held.notes == (f"approved by the user: {allowed.id}",)
    used = ledger.get_approval(allowed.id)
    assert used is not None
    assert (used.state, used.purchase_id) == (CONSUMED, held.id)


def test_an_approval_is_used_once_even_when_its_payment_was_never_sent(
    ledger: SqliteLedger,
) -> None:
    approve(ledger, dear())
    held = ledger.hold(dear())
    ledger.void(held.id, allowed_from=(State.HELD,), note="never sent")
    for _ in range(3):
        assert not buy(ledger, dear(pay_again=True))
    assert ledger.ask_approval(question(dear())).current.state is PENDING


@pytest.mark.parametrize(
    "change",
    [
        {"key": "another call"},
        {"host": "evil.example"},
        {"scheme": "upto"},
        {"network_id": "eip155:84532"},
        {"asset": "0x" + "d" * 40},
        {"pay_to": "0x" + "d" * 40},
        {"amount_atomic": 10_001},
        {"amount_atomic": 9_999},
    ],
)
def test_a_hold_on_any_other_terms_is_refused_and_leaves_the_approval(
    ledger: SqliteLedger, change: dict[str, Any]
) -> None:
    allowed = approve(ledger, dear())
    with pytest.raises(ApprovalMissingError):
        ledger.hold(other_terms(dear(), **change))
    assert state_of(ledger, allowed.id) is APPROVED
    assert ledger.list_purchases(EVERYTHING) == []
    assert buy(ledger, dear())


def test_a_hold_that_another_limit_refuses_leaves_the_approval(ledger: SqliteLedger) -> None:
    allowed = approve(ledger, dear())
    with pytest.raises(OverCapError):
        ledger.hold(dear(caps=(cap(9_999),)))
    with pytest.raises(RateLimitedError):
        ledger.hold(dear(payments_per_minute=0))
    assert state_of(ledger, allowed.id) is APPROVED
    assert buy(ledger, dear())


def test_an_approval_stands_above_no_cap(ledger: SqliteLedger) -> None:
    small = cap(15_000, kind=ErrorKind.OVER_DAY_BUDGET)
    for key in ("one", "two"):
        approve(ledger, dear(key))
    assert buy(ledger, dear("one", caps=(small,)))
    with pytest.raises(OverCapError):
        ledger.hold(dear("two", caps=(small,)))


@pytest.mark.parametrize("after_s", [LIFE_S - 1, LIFE_S])
def test_an_approval_can_be_used_until_its_last_second(ledger: SqliteLedger, after_s: int) -> None:
    approve(ledger, dear())
    assert buy(ledger, dear(now=NOON + after_s)) is (after_s < LIFE_S)


def test_a_question_that_ran_out_can_no_longer_be_approved(ledger: SqliteLedger) -> None:
    asked = ledger.ask_approval(question(dear())).current
    late = ledger.answer_approval(asked.id, approve=True, now=NOON + LIFE_S)
    assert late is not None
    assert late.state is EXPIRED


def test_a_clock_set_back_revives_nothing_that_was_seen_to_run_out(ledger: SqliteLedger) -> None:
    ended = approve(ledger, dear())
    ledger.ask_approval(question(dear("another"), NOON + LIFE_S))
    assert state_of(ledger, ended.id) is EXPIRED
    assert not buy(ledger, dear(now=NOON + 1))


def test_a_clock_set_back_a_little_makes_no_approval_last_longer(ledger: SqliteLedger) -> None:
    allowed = approve(ledger, dear())
    seen = NOON + LIFE_S - 1
    ledger.ask_approval(question(dear("another"), seen))
    assert not buy(ledger, dear(now=seen + 1))
    with_slack = seen - CLOCK_SLACK_S
    assert state_of(ledger, allowed.id) is APPROVED
    assert buy(ledger, dear(now=with_slack))


def test_steps_back_that_are_small_do_not_add_up(ledger: SqliteLedger) -> None:
    allowed = approve(ledger, dear())
    ledger.answer_approval("ap_nowhere", approve=True, now=NOON - CLOCK_SLACK_S)
    assert state_of(ledger, allowed.id) is APPROVED
    ledger.answer_approval("ap_nowhere", approve=True, now=NOON - CLOCK_SLACK_S - 1)
    assert state_of(ledger, allowed.id) is EXPIRED


def test_a_clock_set_back_far_ends_what_is_open_and_new_requests_work_from_there(
    ledger: SqliteLedger,
) -> None:
    approve(ledger, dear(now=NOON + 400 * 86_400))
    assert not buy(ledger, dear())
    approve(ledger, dear())
    assert buy(ledger, dear())
    approve(ledger, dear())
    assert not buy(ledger, dear(now=NOON + LIFE_S))


def test_so_many_questions_may_wait_and_the_oldest_give_way(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PENDING_MAX == 100
    monkeypatch.setattr("wallet.ledger.approving.PENDING_MAX", 10)
    asked = [
        ledger.ask_approval(question(dear(f"call {number}"))).current.id for number in range(13)
    ]
    waiting = [one.id for one in ledger.list_approvals(limit=1_000)]
    assert waiting == asked[:2:-1]
    other = ledger.ask_approval(replace(question(dear("theirs")), principal="someone else"))
    assert other.current.state is PENDING
    assert state_of(ledger, asked[3]) is PENDING


def test_questions_never_used_are_forgotten_in_the_end_but_used_ones_are_kept(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert UNUSED_KEPT > PENDING_MAX
    monkeypatch.setattr("wallet.ledger.approving.UNUSED_KEPT", 5)
    monkeypatch.setattr("wallet.ledger.approving.PENDING_MAX", 3)
    used = approve(ledger, dear())
    assert buy(ledger, dear())
    denied = ledger.ask_approval(question(dear("denied"))).current
    ledger.answer_approval(denied.id, approve=False, now=NOON)
    for number in range(30):
        ledger.ask_approval(question(dear(f"call {number}")))
    kept = [one.state for one in ledger.list_approvals(answered=True)]
    assert kept.count(PENDING) == 3
    assert kept.count(EXPIRED) <= 6
    assert state_of(ledger, used.id) is CONSUMED
    assert state_of(ledger, denied.id) is DENIED


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE approvals SET amount_atomic = '1'",
        "UPDATE approvals SET expires_at = expires_at + 1",
        "UPDATE approvals SET terms_sha256 = 'x'",
        "UPDATE approvals SET state = 'approved', purchase_id = NULL",
        "UPDATE approvals SET purchase_id = NULL",
        "UPDATE approvals SET answered_at = 1",
        "DELETE FROM approvals",
        "UPDATE purchases SET approval_id = NULL",
    ],
)
def test_the_schema_itself_refuses_to_rewrite_an_approval(
    tmp_path: Path, ledger: SqliteLedger, statement: str
) -> None:
    approve(ledger, dear())
    assert buy(ledger, dear())
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite3", isolation_level=None)) as other:
        with pytest.raises(sqlite3.IntegrityError):
            other.execute(statement)


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE approvals SET purchase_id = NULL, state = 'expired'", "do not name each other"),
        ("UPDATE purchases SET approval_id = NULL", "do not name each other"),
        ("UPDATE approvals SET pay_to = 'x'", "does not have the terms of its hash"),
        ("UPDATE approvals SET amount_atomic = 'x'", "does not have the terms of its hash"),
        ("UPDATE purchases SET pay_to = 'x'", "has other terms than its approval"),
        ("DELETE FROM approvals", "names an approval that is missing"),
    ],
)
def test_check_says_when_an_approval_and_its_purchase_disagree(
    tmp_path: Path, statement: str, sentence: str
) -> None:
    path = tmp_path / "tampered.sqlite3"
    with closing(SqliteLedger(path)) as ledger:
        approve(ledger, dear())
        assert buy(ledger, dear())
        assert ledger.check() == []
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            triggers = other.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in triggers.fetchall():
                other.execute(f"DROP TRIGGER {name}")
            other.execute(statement)
        assert sentence in " ".join(ledger.check())
