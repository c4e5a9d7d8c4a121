"""What was spent is summed up as the budgets count it, and nothing is summed twice or left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from channel_kit import CAPS, DEPOSIT, PRICE, buy, lend, now_as, opened
from ledger_kit import DAY_S, DELIVERY, NOON, cap, money, put_unknown, request, settled, signed

from wallet.ledger.base import HoldRequest, PurchaseFilter
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Charge, Evidence, Method, State
from wallet.money import Usd
from wallet.spending import By, Spending, Totals, broken_down, total

EVER = cap(None, window="total")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened_ledger = SqliteLedger(tmp_path / "ledger.sqlite3", clock=lambda: NOON)
    yield opened_ledger
    opened_ledger.close()


def day_of(ledger: SqliteLedger, days_later: int = 0) -> Spending:
    """Return what was spent on one UTC day."""
    midnight = NOON - NOON % DAY_S + days_later * DAY_S
    return ledger.spending(midnight, midnight + DAY_S)


def ceiling(amount: int, now: int) -> HoldRequest:
    """Return a hold of which less may be taken."""
    made = request(amount=amount, amount_atomic=amount, caps=CAPS[:2], now=now)
    facilitator = "0x" + "e" * 40
    transfer = replace(made.transfer, method=Method.UPTO, facilitator=facilitator)
    return replace(made, scheme="upto", transfer=transfer)


def mixed(ledger: SqliteLedger, now: int) -> None:
    """Buy one of each: settled, unknown, held, voided, and less than was held."""
    caps = (cap(), EVER)
    settled(ledger, request(amount=10_000, caps=caps, now=now))
    put_unknown(ledger, request(amount=3_000, caps=caps, now=now))
    ledger.hold(request(amount=400, caps=caps, now=now))
    dead = signed(ledger, request(amount=50_000, caps=caps, now=now))
    ledger.void(dead.id, allowed_from=(State.SIGNED,), note="proven dead")
    part = signed(ledger, ceiling(9_000, now))
    ledger.settle(
        part.id,
        evidence=Evidence.VERIFIED,
        tx_hash=None,
        now=now,
        charge=Charge(atomic=2_500, usd=Usd(2_500)),
    )


def test_a_day_is_summed_up_as_its_budget_counts_it(ledger: SqliteLedger) -> None:
    mixed(ledger, NOON)
    mixed(ledger, NOON + DAY_S)
    for days_later in (0, 1):
        sums = total(day_of(ledger, days_later).lines)
        assert (sums.held, sums.settled) == money(ledger, now=NOON + days_later * DAY_S)
        assert sums == Totals(
            verified=2_500,
            verified_count=1,
            claimed=10_000,
            claimed_count=1,
            unknown=3_000,
            unknown_count=1,
            unsent=400,
            unsent_count=1,
            void=50_000,
            void_count=1,
        )


def test_every_breakdown_adds_up_to_the_whole(ledger: SqliteLedger) -> None:
    mixed(ledger, NOON)
    one = opened(ledger)
    buy(ledger, one)
    spending = day_of(ledger)
    for by in By:
        parts = broken_down(spending.lines, by)
        assert sum(parts.values(), Totals()) == total(spending.lines)


def test_the_first_second_counts_and_the_last_does_not(ledger: SqliteLedger) -> None:
    midnight = NOON - NOON % DAY_S
    for at in (midnight - 1, midnight, midnight + DAY_S - 1, midnight + DAY_S):
        settled(ledger, request(now=at, caps=(EVER,)))
    assert total(day_of(ledger).lines).settled_count == 2


def test_what_settles_on_the_next_day_counts_on_the_day_it_was_bought(
    ledger: SqliteLedger,
) -> None:
    late = signed(ledger, request())
    ledger.settle(late.id, evidence=Evidence.CLAIMED, tx_hash=None, now=NOON + DAY_S)
    assert total(day_of(ledger).lines).settled == 10_000
    assert day_of(ledger, 1).lines == ()


def test_a_paid_tool_is_named_and_the_web_is_only_the_web(ledger: SqliteLedger) -> None:
    settled(ledger, request())
    settled(ledger, request(url="mcp://maps/find%20way", host="maps"))
    settled(ledger, request(url="a2a://agent/send_message", host="agent"))
    tools = broken_down(day_of(ledger).lines, By.TOOL)
    assert set(tools) == {"fetch", "maps__find way", "agent__send_message"}


def test_what_was_free_is_counted_and_costs_nothing(ledger: SqliteLedger) -> None:
    ledger.record_free(
        purchase_id="free",
        key="k",
        principal="local",
        method="GET",
        url="https://free.example/",
        host="free.example",
        now=NOON,
        delivery=DELIVERY,
    )
    assert day_of(ledger) == Spending((), (), 1)
    assert day_of(ledger, 1).free_fetches == 0


def test_a_deposit_is_held_until_pages_are_bought_from_it(ledger: SqliteLedger) -> None:
    one = opened(ledger)
    buy(ledger, one)
    lend(ledger, one)
    sums = total(day_of(ledger).lines)
    assert (sums.settled, sums.unknown, sums.unsent) == (2 * PRICE, PRICE, 0)
    assert sums.in_channels == DEPOSIT - 3 * PRICE
    assert (sums.held, sums.settled) == money(ledger, EVER)
    tools = broken_down(day_of(ledger).lines, By.TOOL)
    assert tools["payment channels"] == Totals(in_channels=DEPOSIT - 3 * PRICE)


def test_what_a_payee_claims_beyond_the_pages_counts_when_the_channel_ends(
    ledger: SqliteLedger,
) -> None:
    one = opened(ledger)
    lend(ledger, one)
    ledger.channels.close(one.id, 3 * PRICE, NOON + DAY_S)
    first, second = total(day_of(ledger).lines), total(day_of(ledger, 1).lines)
    assert (first.settled, first.held) == (2 * PRICE, 0)
    assert (second.settled, second.settled_count) == (PRICE, 0)
    assert money(ledger, EVER) == (0, 3 * PRICE)


def test_a_channel_that_ends_is_touched_on_that_day_with_what_its_pages_cost(
    ledger: SqliteLedger,
) -> None:
    one = opened(ledger)
    buy(ledger, one)
    ledger.channels.close(one.id, PRICE, NOON + DAY_S)
    midnight = NOON - NOON % DAY_S + DAY_S
    (found,) = ledger.channels_touched(midnight, midnight + DAY_S)
    assert found == (now_as(ledger, one), 2 * PRICE)
    assert ledger.channels_touched(midnight + DAY_S, midnight + 2 * DAY_S) == []


def test_purchases_are_found_by_a_piece_of_their_address_id_or_transfer(
    ledger: SqliteLedger,
) -> None:
    wanted = settled(ledger, request(url="https://api.example.com/Rare-Thing"))
    other = signed(ledger, request(url="https://api.example.com/%_"))
    ledger.settle(other.id, evidence=Evidence.CLAIMED, tx_hash="0xABCDEF", now=NOON)

    def found(text: str) -> list[str]:
        return [one.id for one in ledger.list_purchases(PurchaseFilter(text=text))]

    assert found("rare-THING") == [wanted.id]
    assert found(wanted.id) == [wanted.id]
    assert found("abcdef") == [other.id]
    assert found("%_") == [other.id]
    assert found("nowhere\ud800") == []


def test_a_listing_ends_before_its_end(ledger: SqliteLedger) -> None:
    first = settled(ledger, request(now=NOON))
    settled(ledger, request(now=NOON + 1))
    found = ledger.list_purchases(PurchaseFilter(until=NOON + 1))
    assert [one.id for one in found] == [first.id]


def test_the_mark_of_change_moves_with_what_anybody_writes_and_with_nothing_else(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    other = SqliteLedger(tmp_path / "ledger.sqlite3")
    mark = ledger.change_mark()
    assert ledger.change_mark() == mark
    other.hold(request())
    by_other = ledger.change_mark()
    assert by_other != mark
    ledger.hold(request())
    assert ledger.change_mark() not in (mark, by_other)
    other.close()
