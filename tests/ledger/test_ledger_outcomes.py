"""After the hold: signing, settling, freeing, unknown outcomes, notes and reading back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_kit import (
    DELIVERY,
    NOON,
    SIGNED,
    cap,
    money,
    put_unknown,
    request,
    settled,
    signed,
)

from wallet.ledger.base import Ledger, PurchaseFilter, StaleStateError
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import OPEN_STATES, Delivery, Evidence, Purchase, State

ALL_STATES = tuple(State)
Start = Callable[[SqliteLedger], Purchase]


def _freed(ledger: SqliteLedger) -> Purchase:
    return ledger.void(ledger.hold(request()).id, allowed_from=(State.HELD,), note="never sent")


def _free(ledger: SqliteLedger, number: int = 1, key: str = "free") -> Purchase:
    return ledger.record_free(
        purchase_id=f"free-{number}",
        key=key,
        principal="local",
        method="GET",
        url="https://free.example.com/",
        host="free.example.com",
        now=NOON,
        delivery=DELIVERY,
    )


START: dict[State, Start] = {
    State.HELD: lambda ledger: ledger.hold(request()),
    State.SIGNED: lambda ledger: signed(ledger, request()),
    State.UNKNOWN: lambda ledger: put_unknown(ledger, request()),
    State.SETTLED: lambda ledger: settled(ledger, request()),
    State.VOID: _freed,
    State.FREE: _free,
}

MOVES: dict[str, tuple[Callable[[Ledger, str], object], tuple[State, ...]]] = {
    "store_signed": (lambda ledger, i: ledger.store_signed(i, SIGNED), (State.HELD,)),
    "mark_unknown": (
        lambda ledger, i: ledger.mark_unknown(i, "no answer came"),
        (State.SIGNED, State.UNKNOWN),
    ),
    "settle": (
        lambda ledger, i: ledger.settle(i, evidence=Evidence.CLAIMED, tx_hash=None, now=NOON),
        (State.SIGNED, State.UNKNOWN, State.SETTLED),
    ),
    "void": (lambda ledger, i: ledger.void(i, allowed_from=ALL_STATES, note="proof"), OPEN_STATES),
    "annotate": (lambda ledger, i: ledger.annotate(i, note="x"), (State.SETTLED, State.UNKNOWN)),
}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    store = SqliteLedger(tmp_path / "ledger.sqlite3")
    yield store
    assert store.check() == []
    store.close()


@pytest.mark.parametrize("state", ALL_STATES)
@pytest.mark.parametrize("move", MOVES)
def test_each_transition_starts_only_from_its_states(
    ledger: SqliteLedger, move: str, state: State
) -> None:
    purchase = START[state](ledger)
    before, funds = ledger.get(purchase.id), money(ledger)
    act, allowed = MOVES[move]
    if state in allowed:
        act(ledger, purchase.id)
        return
    with pytest.raises(StaleStateError):
        act(ledger, purchase.id)
    assert (ledger.get(purchase.id), money(ledger)) == (before, funds)


@pytest.mark.parametrize("move", MOVES)
def test_a_purchase_that_does_not_exist_cannot_move(ledger: SqliteLedger, move: str) -> None:
    with pytest.raises(StaleStateError):
        MOVES[move][0](ledger, "nowhere")


@pytest.mark.parametrize("state", OPEN_STATES)
def test_void_frees_only_from_the_states_the_caller_allows(
    ledger: SqliteLedger, state: State
) -> None:
    purchase = START[state](ledger)
    others = tuple(other for other in OPEN_STATES if other is not state)
    with pytest.raises(StaleStateError):
        ledger.void(purchase.id, allowed_from=others, note="not proven")
    assert money(ledger) == (10_000, 0)
    freed = ledger.void(purchase.id, allowed_from=(state,), note="the nonce was never used")
    assert (freed.state, freed.notes[-1]) == (State.VOID, "the nonce was never used")
    assert freed == ledger.get(purchase.id)
    assert money(ledger) == (0, 0)


def test_settling_moves_the_money_once(ledger: SqliteLedger) -> None:
    purchase = signed(ledger, request())
    assert money(ledger) == (10_000, 0)
    first = ledger.settle(purchase.id, evidence=Evidence.CLAIMED, tx_hash=None, now=NOON + 1)
    again = ledger.settle(purchase.id, evidence=Evidence.CLAIMED, tx_hash=None, now=NOON + 9)
    assert first == again == ledger.get(purchase.id)
    assert (again.state, again.settled_at) == (State.SETTLED, NOON + 1)
    assert money(ledger) == (0, 10_000)


def test_settling_again_fills_what_was_missing_and_raises_the_evidence(
    ledger: SqliteLedger,
) -> None:
    purchase = settled(ledger, request())
    other = Delivery(500, "text/plain", 0, "cd" * 32)
    verified = ledger.settle(
        purchase.id, evidence=Evidence.VERIFIED, tx_hash="0x1", now=NOON, delivery=DELIVERY
    )
    assert (verified.evidence, verified.tx_hash, verified.delivery) == (
        Evidence.VERIFIED,
        "0x1",
        DELIVERY,
    )
    later = ledger.settle(
        purchase.id, evidence=Evidence.CLAIMED, tx_hash="0x2", now=NOON, delivery=other
    )
    assert later == verified


def test_a_hash_read_from_the_chain_replaces_a_claimed_one(ledger: SqliteLedger) -> None:
    purchase = signed(ledger, request())
    ledger.settle(purchase.id, evidence=Evidence.CLAIMED, tx_hash="0xlie", now=NOON)
    assert ledger.annotate(purchase.id, tx_hash="0xother").tx_hash == "0xlie"
    checked = ledger.annotate(purchase.id, evidence=Evidence.VERIFIED, tx_hash="0xtrue")
    assert (checked.evidence, checked.tx_hash) == (Evidence.VERIFIED, "0xtrue")


def test_verified_without_a_hash_drops_a_claimed_one(ledger: SqliteLedger) -> None:
    purchase = signed(ledger, request())
    ledger.settle(purchase.id, evidence=Evidence.CLAIMED, tx_hash="0xlie", now=NOON)
    checked = ledger.settle(purchase.id, evidence=Evidence.VERIFIED, tx_hash=None, now=NOON)
    assert (checked.evidence, checked.tx_hash) == (Evidence.VERIFIED, None)
    assert checked == ledger.get(purchase.id)


@pytest.mark.parametrize("weaker", [Evidence.CLAIMED, Evidence.UNKNOWN, None])
def test_a_claimed_hash_never_lands_on_a_verified_purchase(
    ledger: SqliteLedger, weaker: Evidence | None
) -> None:
    purchase = signed(ledger, request())
    ledger.settle(purchase.id, evidence=Evidence.VERIFIED, tx_hash=None, now=NOON)
    after = ledger.annotate(purchase.id, evidence=weaker, tx_hash="0xlie")
    assert (after.evidence, after.tx_hash) == (Evidence.VERIFIED, None)


def test_a_proven_hash_fills_the_gap_and_then_stays(ledger: SqliteLedger) -> None:
    purchase = signed(ledger, request())
    ledger.settle(purchase.id, evidence=Evidence.VERIFIED, tx_hash=None, now=NOON)
    proven = ledger.settle(purchase.id, evidence=Evidence.VERIFIED, tx_hash="0xtrue", now=NOON)
    assert proven.tx_hash == "0xtrue"
    for tx_hash in (None, "0xother"):
        ledger.annotate(purchase.id, evidence=Evidence.VERIFIED, tx_hash=tx_hash)
    assert ledger.get(purchase.id) == proven


@pytest.mark.parametrize("weaker", [Evidence.CLAIMED, Evidence.UNKNOWN, Evidence.NONE, None])
def test_annotating_never_lowers_verified_evidence_nor_moves_money(
    ledger: SqliteLedger, weaker: Evidence | None
) -> None:
    purchase = settled(ledger, request())
    ledger.annotate(purchase.id, evidence=Evidence.VERIFIED)
    funds = money(ledger)
    after = ledger.annotate(purchase.id, evidence=weaker, delivery=DELIVERY, note="read again")
    assert (after.evidence, after.delivery, after.notes) == (
        Evidence.VERIFIED,
        DELIVERY,
        ("read again",),
    )
    assert money(ledger) == funds


def test_the_signed_payment_is_kept_while_open_and_cleared_at_the_end(
    ledger: SqliteLedger,
) -> None:
    held = ledger.hold(request())
    assert ledger.signed_payment(held.id) is None
    ledger.store_signed(held.id, SIGNED)
    assert ledger.signed_payment(held.id) == SIGNED
    ledger.mark_unknown(held.id, "no answer came")
    assert ledger.signed_payment(held.id) == SIGNED
    ledger.void(held.id, allowed_from=(State.UNKNOWN,), note="expired unused")
    assert ledger.signed_payment(held.id) is None
    assert ledger.signed_payment("nowhere") is None


def test_a_settled_purchase_keeps_its_signed_payment_until_good_content_came(
    ledger: SqliteLedger,
) -> None:
    held = ledger.hold(request())
    ledger.store_signed(held.id, SIGNED)

    def settle(delivery: Delivery | None) -> str | None:
        claimed = Evidence.CLAIMED
        ledger.settle(held.id, evidence=claimed, tx_hash=None, now=NOON, delivery=delivery)
        return ledger.signed_payment(held.id)

    assert settle(None) == SIGNED
    assert settle(replace(DELIVERY, http_status=500)) == SIGNED
    assert settle(DELIVERY) is None
    assert settle(replace(DELIVERY, http_status=500)) is None
    purchase = ledger.get(held.id)
    assert purchase is not None
    assert purchase.delivery == DELIVERY
    assert ledger.check() == []


def test_a_purchase_that_settles_with_its_content_keeps_no_payment(ledger: SqliteLedger) -> None:
    held = ledger.hold(request())
    ledger.store_signed(held.id, SIGNED)
    ledger.settle(held.id, evidence=Evidence.VERIFIED, tx_hash=None, now=NOON, delivery=DELIVERY)
    assert ledger.signed_payment(held.id) is None


def test_an_unknown_outcome_keeps_its_hold_and_gathers_notes(ledger: SqliteLedger) -> None:
    purchase = put_unknown(ledger, request())
    ledger.mark_unknown(purchase.id, "the chain cannot be read", DELIVERY)
    ledger.mark_unknown(purchase.id, "the chain cannot be read")
    now = ledger.get(purchase.id)
    assert now is not None
    assert (now.state, now.evidence, now.delivery) == (State.UNKNOWN, Evidence.UNKNOWN, DELIVERY)
    assert now.notes == ("no answer came", "the chain cannot be read")
    assert money(ledger) == (10_000, 0)


def test_notes_are_bounded_and_the_newest_stay(ledger: SqliteLedger) -> None:
    purchase = settled(ledger, request())
    for number in range(25):
        ledger.annotate(purchase.id, note=f"{number} " + "x" * 500)
    notes = ledger.annotate(purchase.id).notes
    assert len(notes) == 20
    assert [note.split()[0] for note in notes] == [str(number) for number in range(5, 25)]
    assert {len(note) for note in notes} == {300}


def test_a_free_fetch_touches_no_budget(ledger: SqliteLedger) -> None:
    free = _free(ledger)
    assert free == ledger.get(free.id)
    assert (free.state, free.evidence, free.delivery) == (State.FREE, Evidence.NONE, DELIVERY)
    assert (free.transfer, free.amount_usd) == (None, None)
    assert money(ledger) == (0, 0)
    assert ledger.hold(request("free", payments_per_minute=1)).state is State.HELD


def test_latest_skips_free_and_freed_purchases(ledger: SqliteLedger) -> None:
    assert ledger.latest("same") is None
    settled(ledger, request("same"))
    newest = settled(ledger, request("same", now=NOON + 700))
    freed = ledger.hold(request("same", now=NOON + 1_400))
    ledger.void(freed.id, allowed_from=(State.HELD,), note="never sent")
    _free(ledger, key="same")
    assert ledger.latest("same") == newest


def test_open_purchases_come_oldest_first(ledger: SqliteLedger) -> None:
    purchases = {state: START[state](ledger) for state in ALL_STATES}
    assert [found.id for found in ledger.open_purchases()] == [
        purchases[state].id for state in ALL_STATES if state in OPEN_STATES
    ]


def test_listing_filters_and_continues(ledger: SqliteLedger) -> None:
    old = [settled(ledger, request(now=NOON + second)) for second in range(5)]
    other = ledger.hold(request(host="b.example.com", now=NOON + 10))

    def ids(wanted: PurchaseFilter) -> list[str]:
        return [purchase.id for purchase in ledger.list_purchases(wanted)]

    newest_first = [purchase.id for purchase in reversed([*old, other])]
    assert ids(PurchaseFilter()) == newest_first
    assert ids(PurchaseFilter(limit=2)) == newest_first[:2]
    assert ids(PurchaseFilter(limit=2, before_id=newest_first[1])) == newest_first[2:4]
    assert ids(PurchaseFilter(host="b.example.com")) == [other.id]
    assert ids(PurchaseFilter(states=(State.HELD, State.VOID))) == [other.id]
    assert ids(PurchaseFilter(since=NOON + 4)) == newest_first[:2]
    assert ids(PurchaseFilter(limit=-1)) == []


def test_balances_are_zero_where_nothing_was_spent(ledger: SqliteLedger) -> None:
    (day, total) = ledger.balances((cap(), cap(window="total", scope="host:x")), NOON)
    assert (day.scope, day.window_id, day.held.micros) == ("all", "2026-11-21", 0)
    assert (total.scope, total.window_id, total.settled.micros) == ("host:x", "total", 0)
