"""Holds: what is reserved, what is refused, and that a refusal leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_kit import (
    DAY_S,
    NOON,
    cap,
    money,
    put_unknown,
    request,
    settled,
    signed,
)

from wallet.errors import ErrorKind
from wallet.ledger.base import (
    AlreadyBoughtError,
    LedgerUnavailableError,
    NonceUsedError,
    OverCapError,
    PurchaseFilter,
    RateLimitedError,
)
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Evidence, State
from wallet.money import UINT256_MAX, USD_MICROS_MAX, Usd

EVERYTHING = PurchaseFilter(limit=1_000)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    store = SqliteLedger(tmp_path / "ledger.sqlite3")
    yield store
    assert store.check() == []
    store.close()


def test_a_hold_is_read_back_as_it_was_written(ledger: SqliteLedger) -> None:
    wanted = request(amount_atomic=UINT256_MAX, url="https://api.example.com/ü?q=1")
    held = ledger.hold(wanted)
    assert held == ledger.get(wanted.id)
    assert (held.state, held.evidence, held.created_at) == (State.HELD, Evidence.NONE, NOON)
    assert (held.transfer, held.amount_usd, held.url) == (
        wanted.transfer,
        wanted.amount_usd,
        wanted.url,
    )
    assert (held.settled_at, held.tx_hash, held.delivery, held.notes) == (None, None, None, ())


def test_a_hold_counts_in_every_cap_at_once(ledger: SqliteLedger) -> None:
    caps = (cap(), cap(None, window="total"), cap(50_000, scope="host:api.example.com"))
    ledger.hold(request(caps=caps))
    assert [(b.scope, b.window_id, b.held.micros) for b in ledger.balances(caps, NOON)] == [
        ("all", "2026-11-21", 10_000),
        ("all", "total", 10_000),
        ("host:api.example.com", "2026-11-21", 10_000),
    ]


def test_a_cap_can_be_used_up_to_the_last_micro_dollar(ledger: SqliteLedger) -> None:
    settled(ledger, request(amount=600, caps=(cap(1_000),)))
    ledger.hold(request(amount=400, caps=(cap(1_000),)))
    with pytest.raises(OverCapError):
        ledger.hold(request(amount=1, caps=(cap(1_000),)))


@pytest.mark.parametrize("limit", [0, 9_999])
def test_a_hold_over_the_day_cap_writes_nothing(ledger: SqliteLedger, limit: int) -> None:
    wide, narrow = cap(None, window="total"), cap(limit, scope="host:api.example.com")
    with pytest.raises(OverCapError) as refusal:
        ledger.hold(request(caps=(narrow, wide)))
    assert refusal.value.cap == narrow
    assert ledger.list_purchases(EVERYTHING) == []
    assert money(ledger, wide) == money(ledger, narrow) == (0, 0)


def test_a_refusal_names_the_first_full_cap_and_its_balance(ledger: SqliteLedger) -> None:
    day, total = cap(15_000), cap(15_000, window="total", kind=ErrorKind.OVER_TOTAL_BUDGET)
    settled(ledger, request(caps=(day, total), amount=4_000))
    ledger.hold(request(caps=(day, total), amount=6_000))
    with pytest.raises(OverCapError) as refusal:
        ledger.hold(request(caps=(total, day), amount=6_000))
    assert refusal.value.cap == day
    assert (refusal.value.balance.held, refusal.value.balance.settled) == (Usd(6_000), Usd(4_000))
    assert refusal.value.balance.window_id == "2026-11-21"


def test_a_refused_hold_gives_back_what_other_caps_reserved(ledger: SqliteLedger) -> None:
    day, host = cap(None), cap(5_000, scope="host:api.example.com")
    with pytest.raises(OverCapError):
        ledger.hold(request(caps=(day, host)))
    assert money(ledger, day) == (0, 0)


@pytest.mark.parametrize("limit", [None, USD_MICROS_MAX])
def test_a_sum_beyond_64_bits_is_refused_not_wrapped(
    ledger: SqliteLedger, limit: int | None
) -> None:
    ledger.hold(request(amount=USD_MICROS_MAX, caps=(cap(limit),)))
    with pytest.raises(OverCapError):
        ledger.hold(request(amount=1, caps=(cap(limit),)))
    assert money(ledger) == (USD_MICROS_MAX, 0)


def test_two_caps_on_one_budget_are_a_mistake(ledger: SqliteLedger) -> None:
    with pytest.raises(ValueError, match="same budget"):
        ledger.hold(request(caps=(cap(5), cap(6))))
    assert ledger.list_purchases(EVERYTHING) == []


@pytest.mark.parametrize("pay_again", [False, True])
def test_an_open_purchase_refuses_the_same_key(ledger: SqliteLedger, pay_again: bool) -> None:
    first = ledger.hold(request("same"))
    for begin in (None, lambda: ledger.store_signed(first.id, "x")):
        if begin is not None:
            begin()
        with pytest.raises(AlreadyBoughtError) as refusal:
            ledger.hold(request("same", pay_again=pay_again))
        assert refusal.value.purchase == ledger.get(first.id)
    ledger.mark_unknown(first.id, "no answer came")
    with pytest.raises(AlreadyBoughtError):
        ledger.hold(request("same", pay_again=pay_again, now=NOON + DAY_S * 400))


def test_a_settled_purchase_refuses_the_same_key_within_the_window(ledger: SqliteLedger) -> None:
    first = settled(ledger, request("same"))
    with pytest.raises(AlreadyBoughtError) as refusal:
        ledger.hold(request("same", now=NOON + 599))
    assert refusal.value.purchase == first
    assert ledger.hold(request("same", now=NOON + 600)).state is State.HELD


def test_the_repeat_window_runs_from_settlement(ledger: SqliteLedger) -> None:
    late = put_unknown(ledger, request("same"))
    ledger.settle(late.id, evidence=Evidence.VERIFIED, tx_hash=None, now=NOON + 3_000)
    with pytest.raises(AlreadyBoughtError):
        ledger.hold(request("same", now=NOON + 3_500))


def test_paying_again_is_itself_done_once(ledger: SqliteLedger) -> None:
    settled(ledger, request("same"))
    settled(ledger, request("same", pay_again=True, now=NOON + 1))
    with pytest.raises(AlreadyBoughtError):
        ledger.hold(request("same", pay_again=True, now=NOON + 2))


def test_a_freed_purchase_does_not_refuse_the_same_key(ledger: SqliteLedger) -> None:
    first = ledger.hold(request("same"))
    ledger.void(first.id, allowed_from=(State.HELD,), note="never sent")
    assert ledger.hold(request("same")).state is State.HELD


def test_payments_per_minute_counts_freed_holds_too(ledger: SqliteLedger) -> None:
    for _ in range(2):
        held = ledger.hold(request(payments_per_minute=2))
        ledger.void(held.id, allowed_from=(State.HELD,), note="never sent")
    with pytest.raises(RateLimitedError):
        ledger.hold(request(payments_per_minute=2, now=NOON + 59))
    assert ledger.hold(request(payments_per_minute=2, now=NOON + 60)).state is State.HELD


def test_no_payments_per_minute_means_none(ledger: SqliteLedger) -> None:
    with pytest.raises(RateLimitedError):
        ledger.hold(request(payments_per_minute=0))


@pytest.mark.parametrize("nonce", ["0x" + "ab" * 32, "0x" + "AB" * 32])
def test_a_nonce_is_used_once_even_after_its_hold_was_freed(
    ledger: SqliteLedger, nonce: str
) -> None:
    first = ledger.hold(request(nonce="0x" + "ab" * 32))
    ledger.void(first.id, allowed_from=(State.HELD,), note="never sent")
    with pytest.raises(NonceUsedError):
        ledger.hold(request(nonce=nonce))
    assert money(ledger) == (0, 0)


def test_a_purchase_id_is_used_once(ledger: SqliteLedger) -> None:
    first = settled(ledger, request())
    with pytest.raises(LedgerUnavailableError):
        ledger.hold(replace(request(), id=first.id))
    assert ledger.get(first.id) == first


def test_a_new_utc_day_has_a_new_budget(ledger: SqliteLedger) -> None:
    midnight = NOON + DAY_S // 2
    settled(ledger, request(caps=(cap(10_000),), now=midnight - 1))
    with pytest.raises(OverCapError):
        ledger.hold(request(caps=(cap(10_000),), now=midnight - 1))
    assert ledger.hold(request(caps=(cap(10_000),), now=midnight)).state is State.HELD


def test_a_clock_set_back_cannot_reopen_a_finished_day(
    tmp_path: Path, ledger: SqliteLedger
) -> None:
    settled(ledger, request(caps=(cap(10_000),), now=NOON + DAY_S))
    assert money(ledger, now=NOON) == (0, 10_000)
    with pytest.raises(OverCapError) as refusal:
        ledger.hold(request(caps=(cap(10_000),), now=NOON))
    assert refusal.value.balance.window_id == "2026-11-22"
    again = SqliteLedger(tmp_path / "ledger.sqlite3")
    with pytest.raises(OverCapError):
        again.hold(request(caps=(cap(10_000),), now=NOON - 30 * DAY_S))
    again.close()


def test_a_refused_hold_does_not_move_the_day(ledger: SqliteLedger) -> None:
    with pytest.raises(OverCapError):
        ledger.hold(request(caps=(cap(0),), now=NOON + 9 * DAY_S))
    ledger.hold(request())
    assert ledger.balances((cap(),), NOON)[0].window_id == "2026-11-21"


def test_a_hold_settles_in_the_day_it_was_made(ledger: SqliteLedger) -> None:
    late = signed(ledger, request())
    settled(ledger, request(now=NOON + DAY_S))
    ledger.settle(late.id, evidence=Evidence.VERIFIED, tx_hash=None, now=NOON + DAY_S)
    assert money(ledger, now=NOON + DAY_S) == (0, 10_000)
    assert ledger.check() == []


def test_a_value_that_does_not_fit_is_refused(ledger: SqliteLedger) -> None:
    for wanted in (replace(request(), now=2**31, repeat_window_s=2**70), request(url="\ud800")):
        with pytest.raises(LedgerUnavailableError, match="does not fit"):
            ledger.hold(wanted)
    assert ledger.list_purchases(EVERYTHING) == []
