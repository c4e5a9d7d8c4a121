"""What happens to a purchase inside one database transaction."""

from __future__ import annotations

import sqlite3

from wallet.ledger import changes
from wallet.ledger import statements as sql
from wallet.ledger.base import StaleStateError
from wallet.ledger.rows import progress_values, purchase_from_row, terms_values
from wallet.model import Purchase, State


def require(connection: sqlite3.Connection, purchase_id: str) -> Purchase:
    """Return a purchase.

    Raises:
        StaleStateError: there is no such purchase.
    """
    row = connection.execute(sql.GET, (purchase_id,)).fetchone()
    if row is None:
        raise StaleStateError("there is no such purchase")
    return purchase_from_row(row)


def add(connection: sqlite3.Connection, new: Purchase, kind: str, at: int) -> None:
    """Write a new purchase and its first entry."""
    connection.execute(sql.ADD_PURCHASE, terms_values(new) | progress_values(new))
    enter(connection, new.id, kind, at)


def enter(
    connection: sqlite3.Connection, purchase_id: str, kind: str, at: int, note: str | None = None
) -> None:
    """Append what happened to a purchase."""
    detail = note[: changes.NOTE_CHARS] if note else None
    values = {"kind": kind, "at": at, "detail": detail, "id": purchase_id}
    connection.execute(sql.ADD_ENTRY, values)


def move(
    connection: sqlite3.Connection,
    old: Purchase,
    new: Purchase,
    kind: str,
    at: int,
    note: str | None,
) -> None:
    """Write `new` over `old` by compare-and-set on the state; the same row writes nothing.

    Raises:
        StaleStateError: the purchase has moved on.
    """
    if new == old:
        return
    values = progress_values(new) | {"id": old.id, "from_state": old.state.value}
    if connection.execute(sql.MOVE_ON, values).rowcount != 1:
        raise StaleStateError("the purchase has moved on")
    enter(connection, old.id, kind if new.state is not old.state else "note", at, note)


def settle(
    connection: sqlite3.Connection, old: Purchase, new: Purchase, at: int, note: str | None
) -> None:
    """Write a settlement and move its money; a second one moves none.

    Raises:
        StaleStateError: the purchase has moved on.
    """
    again = old.state is State.SETTLED
    if not again and not changes.is_delivered(new):
        connection.execute(sql.KEEP_PAYMENT, (old.id,))
    move(connection, old, new, "settle", at, note)
    if again and changes.is_delivered(new):
        connection.execute(sql.DROP_PAYMENT, (old.id,))
    if not again and old.amount_usd is not None:
        taken = old.amount_usd if new.charge is None else new.charge.usd
        release(connection, old, taken.micros)


def release(connection: sqlite3.Connection, old: Purchase, taken_micros: int) -> None:
    """End the hold of a purchase: `taken_micros` of it are settled, the rest is free."""
    if old.amount_usd is not None:
        connection.execute(sql.RESOLVE, (old.amount_usd.micros, taken_micros, old.id))
