"""What sellers signed, beside the purchases it is about: kept as it came, read by no decision."""

from __future__ import annotations

import sqlite3

from wallet.ledger import moves
from wallet.ledger.changes import NOTE_CHARS, annotated
from wallet.model import Purchase, SellerWords

KEEP = """
    INSERT INTO seller_words (purchase_id, offer, receipt) VALUES (?, ?, ?)
    ON CONFLICT (purchase_id) DO UPDATE SET
        offer = coalesce(offer, excluded.offer), receipt = coalesce(receipt, excluded.receipt)
"""
GET = "SELECT offer, receipt FROM seller_words WHERE purchase_id = ?"


def keep(connection: sqlite3.Connection, purchase_id: str, words: SellerWords, at: int) -> Purchase:
    """Write the texts of a purchase, what is kept already stays, and note what they came to.

    A note is made once: a payment that is presented again may bring the same receipt.

    Raises:
        StaleStateError: the purchase is neither SETTLED nor UNKNOWN.
    """
    purchase = moves.require(connection, purchase_id)
    for note in words.notes:
        new = None if note[:NOTE_CHARS] in purchase.notes else note
        noted = annotated(purchase, evidence=None, tx_hash=None, delivery=None, note=new)
        moves.move(connection, purchase, noted, "note", at, note)
        purchase = noted
    offer, receipt = (None if one is None else one.raw for one in (words.offer, words.receipt))
    if offer is not None or receipt is not None:
        connection.execute(KEEP, (purchase_id, offer, receipt))
    return purchase


def get(connection: sqlite3.Connection, purchase_id: str) -> tuple[str | None, str | None]:
    """Return the offer and the receipt of a purchase, each None where there is none."""
    row = connection.execute(GET, (purchase_id,)).fetchone()
    return (None, None) if row is None else (row["offer"], row["receipt"])
