"""A call's own total is one more cap: continued by the same call, exact for channels too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from channel_kit import PRICE, channel, lend, now_as, opened, page, settle
from ledger_kit import NOON, cap, money, request, settled

from wallet.errors import ErrorKind
from wallet.ledger.base import Cap, OverCapError
from wallet.ledger.sqlite import SqliteLedger


@pytest.fixture
def ledger(tmp_path: Path) -> SqliteLedger:
    return SqliteLedger(tmp_path / "ledger.sqlite3", clock=lambda: NOON)


def total_of(ledger: SqliteLedger, limit: int, key: str = "call", now: int = NOON) -> Cap:
    scope = ledger.open_call_total(key, now=now, window_s=600)
    return cap(limit, scope, "total", ErrorKind.OVER_MAX_TOTAL)


def test_the_same_call_goes_on_with_its_total_until_the_window_ends(ledger: SqliteLedger) -> None:
    first = total_of(ledger, 10_000)
    settled(ledger, request(amount=10_000, caps=(cap(), first)))
    again = total_of(ledger, 10_000, now=NOON + 599)
    assert again == first
    with pytest.raises(OverCapError) as refusal:
        ledger.hold(request(amount=1, caps=(cap(), again)))
    assert refusal.value.cap.kind is ErrorKind.OVER_MAX_TOTAL
    assert money(ledger) == (0, 10_000)
    assert total_of(ledger, 10_000, "another call") != first
    later = total_of(ledger, 10_000, now=NOON + 600)
    assert later != first
    ledger.hold(request(amount=10_000, caps=(cap(), later)))
    assert total_of(ledger, 10_000, now=NOON + 601) == later
    assert ledger.check() == []


def test_a_clock_set_back_opens_no_second_total(ledger: SqliteLedger) -> None:
    first = total_of(ledger, 10_000)
    assert total_of(ledger, 10_000, now=NOON - 86_400) == first


def test_a_page_of_an_older_channel_counts_in_the_total(ledger: SqliteLedger) -> None:
    one = opened(ledger)
    total = total_of(ledger, 2 * PRICE)
    for _ in range(2):
        wanted = page(one)
        held = ledger.channels.lend(
            now_as(ledger, one), replace(wanted, caps=(total, *wanted.caps))
        )
        ledger.store_signed(held.id, "signed")
        settle(ledger, one)
    wanted = page(one)
    with pytest.raises(OverCapError):
        ledger.channels.lend(now_as(ledger, one), replace(wanted, caps=(total, *wanted.caps)))
    assert money(ledger, total) == (0, 2 * PRICE)
    assert ledger.channels.open_page(one.id) is None
    lend(ledger, one)  # a call without the total still may
    assert ledger.check() == []


def test_a_deposit_counts_whole_in_the_total_and_its_pages_not_again(ledger: SqliteLedger) -> None:
    one = channel()
    total = total_of(ledger, one.deposited_usd.micros)
    wanted = page(one)
    first = ledger.channels.open(one, replace(wanted, caps=(total, *wanted.caps)))
    ledger.store_signed(first.id, "signed")
    settle(ledger, one)
    further = page(one)
    ledger.channels.lend(now_as(ledger, one), replace(further, caps=(total, *further.caps)))
    assert sum(money(ledger, total)) == one.deposited_usd.micros
    with pytest.raises(OverCapError):
        ledger.hold(request(amount=1, caps=(cap(), total)))
    assert ledger.check() == []
