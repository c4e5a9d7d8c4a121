"""A deposit is held once, pages come out of it, and only proof that nothing is left frees it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from channel_kit import (
    CAPS,
    DEPOSIT,
    HOST_CAP,
    PRICE,
    buy,
    channel,
    lend,
    now_as,
    opened,
    opening,
    settle,
    used,
)
from channel_kit import page as page_of
from ledger_kit import DAY_S, NOON, SIGNED, cap, money

from wallet.channels.model import ChannelState
from wallet.ledger.base import (
    AlreadyBoughtError,
    ApprovalMissingError,
    OverCapError,
    StaleStateError,
)
from wallet.ledger.channel_base import ChannelBusyError, ChannelMovedError
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Charge, Evidence, State
from wallet.money import Usd


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    with closing(SqliteLedger(tmp_path / "ledger.sqlite3", clock=lambda: NOON)) as opened_one:
        yield opened_one
        assert opened_one.check() == []


def test_a_deposit_is_held_whole_in_every_cap(ledger: SqliteLedger) -> None:
    one = opening(ledger)
    assert used(ledger) == DEPOSIT
    assert money(ledger) == (DEPOSIT, 0)
    assert one.state is ChannelState.OPENING
    assert one.held_usd == Usd(DEPOSIT - PRICE)
    assert (one.charged_atomic, one.signed_max_atomic) == (0, PRICE)


def test_a_page_moves_its_price_from_held_to_settled_and_no_cap_changes(
    ledger: SqliteLedger,
) -> None:
    one = opened(ledger)
    for number in range(2, 11):
        buy(ledger, one)
        assert used(ledger) == DEPOSIT
        assert money(ledger) == (DEPOSIT - number * PRICE, number * PRICE)
        assert now_as(ledger, one).charged_atomic == number * PRICE
    assert now_as(ledger, one).left_atomic == 0


def test_a_deposit_over_a_cap_writes_nothing(ledger: SqliteLedger) -> None:
    one = channel(DEPOSIT)
    tight = replace(page_of(one), caps=(cap(DEPOSIT - 1), HOST_CAP))
    with pytest.raises(OverCapError):
        ledger.channels.open(one, tight)
    assert used(ledger) == 0
    assert ledger.channels.get(one.id) is None
    assert ledger.channels.listed(ended=True) == []


def test_pages_of_a_later_day_count_in_the_day_of_the_deposit(ledger: SqliteLedger) -> None:
    one = opened(ledger)
    late = replace(page_of(one), now=NOON + DAY_S)
    ledger.store_signed(ledger.channels.lend(one, late).id, SIGNED)
    settle(ledger, one)
    assert money(ledger) == (DEPOSIT - 2 * PRICE, 2 * PRICE)
    assert money(ledger, CAPS[0], NOON + DAY_S) == (0, 0)


def test_a_second_page_waits_for_the_first(ledger: SqliteLedger) -> None:
    one = opened(ledger)
    under_way = lend(ledger, one)
    with pytest.raises(ChannelBusyError):
        lend(ledger, one)
    ledger.mark_unknown(under_way.id, "no answer came")
    with pytest.raises(ChannelBusyError):
        lend(ledger, one)
    settle(ledger, one)
    lend(ledger, one)


def test_the_schema_itself_refuses_two_open_pages_of_one_channel(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    one = opened(ledger)
    first = lend(ledger, one)
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite3")) as connection:
        table = connection.execute("PRAGMA table_info(purchases)")
        columns: list[str] = [row[1] for row in table if row[1] != "id"]
        new = {"key": "'other'", "nonce": "'0x01'"}
        wanted = ", ".join([new.get(name, name) for name in columns])
        with pytest.raises(sqlite3.IntegrityError, match="channel_id"):
            connection.execute(
                f"INSERT INTO purchases (id, {', '.join(columns)})"
                f" SELECT 'other', {wanted} FROM purchases WHERE id = ?",
                (first.id,),
            )


def test_a_page_beyond_the_deposit_is_refused(ledger: SqliteLedger) -> None:
    one = opened(ledger, deposit=2 * PRICE)
    with pytest.raises(ChannelMovedError):
        lend(ledger, one, PRICE + 1)
    buy(ledger, one)
    with pytest.raises(ChannelMovedError):
        lend(ledger, one, 1)
    assert used(ledger) == 2 * PRICE


def test_a_page_is_lent_only_to_a_channel_as_it_was_read(ledger: SqliteLedger) -> None:
    one = opened(ledger)
    buy(ledger, one)
    with pytest.raises(ChannelMovedError):
        ledger.channels.lend(one, page_of(one))
    ledger.channels.stop(one.id, "enough")
    with pytest.raises(ChannelMovedError):
        lend(ledger, one)


def test_a_page_above_what_goes_without_approval_is_refused(ledger: SqliteLedger) -> None:
    one = opened(ledger)
    with pytest.raises(ApprovalMissingError):
        ledger.channels.lend(one, page_of(one, approval_above=PRICE - 1))


def test_the_same_page_again_is_not_lent(ledger: SqliteLedger) -> None:
    one = opened(ledger)
    wanted = page_of(one, key="the-same")
    ledger.store_signed(ledger.channels.lend(one, wanted).id, SIGNED)
    settle(ledger, one)
    with pytest.raises(AlreadyBoughtError):
        ledger.channels.lend(now_as(ledger, one), page_of(one, key="the-same"))


def test_two_channels_with_one_seller_are_not_opened_at_once(ledger: SqliteLedger) -> None:
    one = opening(ledger)
    other = channel()
    with pytest.raises(ChannelBusyError):
        ledger.channels.open(other, page_of(other))
    settle(ledger, one)
    with pytest.raises(ChannelBusyError):
        ledger.channels.open(other, page_of(other))
    assert used(ledger) == DEPOSIT


def test_a_new_channel_follows_one_that_has_too_little_left(ledger: SqliteLedger) -> None:
    opened(ledger, deposit=PRICE)
    opened(ledger)
    assert used(ledger) == PRICE + DEPOSIT


def test_what_a_page_did_not_cost_goes_back_to_the_channel(ledger: SqliteLedger) -> None:
    one = opened(ledger)
    lend(ledger, one)
    settle(ledger, one, charge=Charge(7_000, Usd(7_000)))
    now = now_as(ledger, one)
    assert used(ledger) == DEPOSIT
    assert money(ledger) == (DEPOSIT - 17_000, 17_000)
    assert (now.charged_atomic, now.signed_max_atomic) == (17_000, 2 * PRICE)
    assert buy(ledger, one).cumulative_atomic == 27_000


def test_a_page_that_was_never_sent_goes_back_to_the_channel(ledger: SqliteLedger) -> None:
    one = opened(ledger)
    unsent = lend(ledger, one)
    ledger.void(unsent.id, allowed_from=(State.SIGNED,), note="never sent")
    now = now_as(ledger, one)
    assert used(ledger) == DEPOSIT
    assert money(ledger) == (DEPOSIT - PRICE, PRICE)
    assert now.charged_atomic == PRICE
    assert buy(ledger, one).cumulative_atomic == 2 * PRICE


def test_an_opening_that_was_never_sent_frees_the_whole_deposit(ledger: SqliteLedger) -> None:
    one = channel()
    first = ledger.channels.open(one, page_of(one))
    ledger.void(first.id, allowed_from=(State.HELD,), note="never sent")
    assert used(ledger) == 0
    assert now_as(ledger, one).state is ChannelState.FAILED


def test_a_page_the_seller_gave_up_frees_nothing(ledger: SqliteLedger) -> None:
    one = opened(ledger)
    given_up = lend(ledger, one)
    ledger.mark_unknown(given_up.id, "402")
    void = ledger.channels.supersede(given_up.id, "the seller did not charge it")
    assert void.state is State.VOID
    assert used(ledger) == DEPOSIT
    assert money(ledger) == (DEPOSIT - PRICE, PRICE)
    assert now_as(ledger, one).signed_max_atomic == 2 * PRICE


def test_the_first_page_is_not_given_up_while_its_deposit_is_unproven(
    ledger: SqliteLedger,
) -> None:
    one = opening(ledger)
    first = ledger.channels.open_page(one.id)
    assert first is not None
    with pytest.raises(StaleStateError):
        ledger.channels.supersede(first.id, "the seller says so")
    assert used(ledger) == DEPOSIT


def test_a_closed_channel_frees_what_was_not_claimed(ledger: SqliteLedger) -> None:
    one = opened(ledger)
    buy(ledger, one)
    ended = ledger.channels.close(one.id, 2 * PRICE, NOON)
    assert ended.state is ChannelState.CLOSED
    assert ended.claimed_atomic == 2 * PRICE
    assert money(ledger) == (0, 2 * PRICE)
    with pytest.raises(StaleStateError):
        ledger.channels.close(one.id, 0, NOON)


def test_what_was_claimed_beyond_the_pages_counts_as_spent(ledger: SqliteLedger) -> None:
    one = opened(ledger)
    given_up = lend(ledger, one)
    ledger.channels.supersede(given_up.id, "the seller says that it was not charged")
    ledger.channels.close(one.id, 2 * PRICE, NOON)
    assert money(ledger) == (0, 2 * PRICE)


def test_less_claimed_than_was_charged_leaves_the_pages_spent(ledger: SqliteLedger) -> None:
    one = opened(ledger)
    buy(ledger, one)
    ledger.channels.close(one.id, 0, NOON)
    assert money(ledger) == (0, 2 * PRICE)


@pytest.mark.parametrize(
    ("claimed", "state", "spent"),
    [(2 * PRICE, State.SETTLED, 2 * PRICE), (PRICE, State.VOID, PRICE)],
)
def test_an_unknown_page_ends_as_the_claims_say(
    ledger: SqliteLedger, claimed: int, state: State, spent: int
) -> None:
    one = opened(ledger)
    unknown = lend(ledger, one)
    ledger.mark_unknown(unknown.id, "no answer came")
    ledger.channels.close(one.id, claimed, NOON)
    found = ledger.get(unknown.id)
    assert found is not None
    assert found.state is state
    assert money(ledger) == (0, spent)


def test_pages_that_claims_reach_are_verified(ledger: SqliteLedger) -> None:
    one = opened(ledger)
    second, third = buy(ledger, one), buy(ledger, one)
    assert ledger.channels.prove(one.id, 2 * PRICE) == 2
    assert ledger.channels.prove(one.id, 2 * PRICE) == 0
    evidence = [found.evidence for found in map(ledger.get, (second.id, third.id)) if found]
    assert evidence == [Evidence.VERIFIED, Evidence.CLAIMED]


def test_a_channel_never_moves_back(ledger: SqliteLedger, tmp_path: Path) -> None:
    one = opened(ledger)
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite3")) as connection:
        for change in (
            "charged_atomic = 0",
            "signed_max_atomic = charged_atomic - 1",
            "signed_max_atomic = deposited_atomic + 1",
            "lent_usd_micros = deposited_usd_micros + 1",
            "state = 'opening'",
            "state = 'failed', closed_at = 1",
            "deposited_atomic = 2",
            "receiver = 'x'",
        ):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(f"UPDATE channels SET {change} WHERE id = ?", (one.id,))
        with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
            connection.execute("DELETE FROM channels")


def test_the_audit_notices_a_changed_channel(ledger: SqliteLedger, tmp_path: Path) -> None:
    one = opened(ledger)
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite3")) as connection:
        connection.execute("UPDATE channels SET lent_usd_micros = 5, signed_max_atomic = 20000")
        connection.execute("UPDATE budgets SET held_usd_micros = held_usd_micros + 1")
        connection.commit()
        faults = ledger.check()
        assert any("lent" in fault for fault in faults)
        assert any("promised" in fault for fault in faults)
        assert any("budget" in fault for fault in faults)
        connection.execute("UPDATE budgets SET held_usd_micros = held_usd_micros - 1")
        connection.execute(f"UPDATE channels SET lent_usd_micros = {PRICE}")
        connection.commit()
    lend(ledger, one)  # which makes the promise true


def test_a_place_remembers_its_channel_and_offer(ledger: SqliteLedger) -> None:
    one = opened(ledger)
    place = "https://api.example.com:443/page/"
    assert ledger.channels.recall("GET", place) is None
    ledger.channels.remember("GET", place, one.id, "{}", NOON)
    ledger.channels.remember("GET", place, one.id, '{"a":1}', NOON + 1)
    found = ledger.channels.recall("GET", place)
    assert found is not None
    assert (found.channel.id, found.offer, found.at) == (one.id, '{"a":1}', NOON + 1)
    assert ledger.channels.recall("POST", place) is None
    ledger.channels.forget("GET", place)
    assert ledger.channels.recall("GET", place) is None


def test_channels_are_listed_and_found_by_their_seller(ledger: SqliteLedger) -> None:
    old = opened(ledger, deposit=PRICE)
    ledger.channels.close(old.id, PRICE, NOON)
    one = opened(ledger, now=NOON + 1)
    assert [each.id for each in ledger.channels.listed()] == [one.id]
    assert [each.id for each in ledger.channels.listed(ended=True)] == [one.id, old.id]
    assert [each.id for each in ledger.channels.of_origin("local", one.origin)] == [one.id]
    assert ledger.channels.of_origin("local", "https://other.example:443") == []
    assert ledger.channels.last_url(one.id) == "https://api.example.com/a"
