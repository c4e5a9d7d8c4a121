"""A ceiling is held as a whole; what the chain shows to be taken is booked, and the rest freed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_kit import NOON, SIGNED, money, request, settled

from wallet.ledger.base import HoldRequest
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Charge, Evidence, Method, Purchase, State
from wallet.money import Usd

FACILITATOR = "0x" + "Dd" * 20


def ceiling(amount: int = 10_000) -> HoldRequest:
    """Return a hold of a ceiling of `amount` micro-USD."""
    wanted = request(amount=amount, amount_atomic=amount)
    up_to = replace(wanted.transfer, method=Method.UPTO, facilitator=FACILITATOR)
    return replace(wanted, scheme="upto", transfer=up_to)


def signed_ceiling(ledger: SqliteLedger) -> Purchase:
    purchase = ledger.hold(ceiling())
    ledger.store_signed(purchase.id, SIGNED)
    return purchase


def charge(ledger: SqliteLedger, purchase: Purchase, amount: int | None) -> Purchase:
    taken = None if amount is None else Charge(amount, Usd(amount))
    verified = Evidence.VERIFIED
    return ledger.settle(purchase.id, evidence=verified, tx_hash=None, now=NOON, charge=taken)


@pytest.fixture
def ledger(tmp_path: Path):
    with closing(SqliteLedger(tmp_path / "ledger.sqlite3")) as opened:
        yield opened


def test_a_ceiling_comes_back_from_the_ledger_as_it_was_held(ledger: SqliteLedger) -> None:
    held = ledger.hold(ceiling())
    assert ledger.get(held.id) == held
    assert held.transfer is not None
    assert (held.transfer.method, held.transfer.facilitator) == (Method.UPTO, FACILITATOR)


@pytest.mark.parametrize("taken", [0, 1, 1234, 9999, 10_000])
def test_what_was_taken_is_settled_and_the_rest_of_the_hold_is_freed(
    ledger: SqliteLedger, taken: int
) -> None:
    purchase = signed_ceiling(ledger)
    assert money(ledger) == (10_000, 0)
    after = charge(ledger, purchase, taken)
    assert money(ledger) == (0, taken)
    assert (after.state, after.cost_usd) == (State.SETTLED, Usd(taken))
    assert ledger.get(purchase.id) == after
    assert ledger.check() == []


def test_a_ceiling_without_a_known_charge_settles_as_a_whole(ledger: SqliteLedger) -> None:
    after = charge(ledger, signed_ceiling(ledger), None)
    assert (money(ledger), after.cost_usd) == ((0, 10_000), Usd(10_000))
    assert ledger.check() == []


def test_a_second_settlement_changes_neither_charge_nor_books(ledger: SqliteLedger) -> None:
    purchase = signed_ceiling(ledger)
    charge(ledger, purchase, 1234)
    again = charge(ledger, purchase, 9999)
    assert (again.cost_usd, money(ledger)) == (Usd(1234), (0, 1234))
    assert ledger.check() == []


def test_more_than_was_held_is_never_booked(ledger: SqliteLedger) -> None:
    purchase = signed_ceiling(ledger)
    with pytest.raises(ValueError, match="at most what was held"):
        charge(ledger, purchase, 10_001)
    assert money(ledger) == (10_000, 0)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("charged_atomic = '1', charged_usd_micros = 1", "charged once"),
        ("transfer_method = 'permit2'", "terms of a purchase never change"),
        ("facilitator = 'x'", "terms of a purchase never change"),
    ],
)
def test_the_file_itself_refuses_another_charge_or_method(
    tmp_path: Path, ledger: SqliteLedger, statement: str, words: str
) -> None:
    purchase = signed_ceiling(ledger)
    charge(ledger, purchase, 1234)
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite3")) as connection:
        with pytest.raises(sqlite3.IntegrityError, match=words):
            connection.execute(f"UPDATE purchases SET {statement}")


def test_an_exact_payment_cannot_be_charged_less(ledger: SqliteLedger) -> None:
    purchase = settled(ledger, request())
    assert purchase.charge is None
    other = ledger.hold(request())
    ledger.store_signed(other.id, SIGNED)
    with pytest.raises(ValueError, match="only a ceiling"):
        charge(ledger, other, 1)
    assert ledger.check() == []


def test_the_audit_sees_a_charge_that_its_entry_does_not_have(
    tmp_path: Path, ledger: SqliteLedger
) -> None:
    charge(ledger, signed_ceiling(ledger), 1234)
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite3")) as connection:
        connection.execute("DROP TRIGGER purchases_are_charged_once")
        connection.execute("UPDATE purchases SET charged_usd_micros = 99, charged_atomic = '99'")
        connection.commit()
    assert any("entries of another amount" in fault for fault in ledger.check())
