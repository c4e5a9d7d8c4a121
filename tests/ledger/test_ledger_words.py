"""What a seller signed lies beside its purchase: the first of each kind, for good."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest
from ledger_kit import request, settled, signed

from wallet.ledger.base import LedgerUnavailableError, StaleStateError
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import SellerWord, SellerWords

OFFER = SellerWord('{"format":"jws"}', ("an offer",))
RECEIPT = SellerWord('{"format":"eip712"}', ("a receipt", "of another day"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def ledger(path: Path) -> Generator[SqliteLedger]:
    with closing(SqliteLedger(path)) as opened:
        yield opened


def test_words_are_kept_and_noted_and_read_back(ledger: SqliteLedger) -> None:
    purchase = settled(ledger, request())
    kept = ledger.keep_words(purchase.id, SellerWords(OFFER, RECEIPT))
    assert kept.notes[-2:] == ("an offer", "a receipt; of another day")
    assert ledger.get(purchase.id) == kept
    assert ledger.signed_words(purchase.id) == (OFFER.raw, RECEIPT.raw)
    assert ledger.check() == []


def test_a_receipt_that_comes_later_joins_the_offer_and_replaces_nothing(
    ledger: SqliteLedger,
) -> None:
    purchase = settled(ledger, request())
    ledger.keep_words(purchase.id, SellerWords(OFFER))
    ledger.keep_words(purchase.id, SellerWords(receipt=RECEIPT))
    again = ledger.keep_words(purchase.id, SellerWords(SellerWord("{}", ("an offer",)), RECEIPT))
    assert ledger.signed_words(purchase.id) == (OFFER.raw, RECEIPT.raw)
    assert again.notes.count("an offer") == 1
    assert again.notes.count("a receipt; of another day") == 1


def test_a_word_that_is_not_kept_is_noted_all_the_same(ledger: SqliteLedger) -> None:
    purchase = settled(ledger, request())
    kept = ledger.keep_words(purchase.id, SellerWords(SellerWord(None, ("unreadable",))))
    assert kept.notes[-1] == "unreadable"
    assert ledger.signed_words(purchase.id) == (None, None)


def test_nothing_is_kept_of_a_purchase_whose_outcome_is_not_recorded(ledger: SqliteLedger) -> None:
    purchase = signed(ledger, request())
    with pytest.raises(StaleStateError):
        ledger.keep_words(purchase.id, SellerWords(OFFER))
    assert ledger.signed_words(purchase.id) == (None, None)


def test_a_word_beyond_its_bound_is_not_written(ledger: SqliteLedger) -> None:
    purchase = settled(ledger, request())
    huge = SellerWord("あ" * 6000, ("huge",))
    with pytest.raises(LedgerUnavailableError):
        ledger.keep_words(purchase.id, SellerWords(huge))
    assert ledger.get(purchase.id) == purchase


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM seller_words",
        "UPDATE seller_words SET offer = '{}'",
        "UPDATE seller_words SET receipt = NULL",
    ],
)
def test_what_a_seller_signed_is_not_rewritten(
    ledger: SqliteLedger, path: Path, statement: str
) -> None:
    purchase = settled(ledger, request())
    ledger.keep_words(purchase.id, SellerWords(OFFER, RECEIPT))
    with closing(sqlite3.connect(path)) as connection:
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
