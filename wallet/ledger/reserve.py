"""The decision to hold: repeats, bursts and caps, refused inside one database transaction."""

from __future__ import annotations

import sqlite3

from wallet.ledger import statements as sql
from wallet.ledger.base import (
    AlreadyBoughtError,
    Balance,
    Cap,
    HoldRequest,
    NonceUsedError,
    OverCapError,
    RateLimitedError,
)
from wallet.ledger.rows import purchase_from_row, utc_day
from wallet.money import USD_MICROS_MAX, Usd

BudgetKey = tuple[str, str]

_RATE_WINDOW_S = 60
_CALL = "call:"


def present_day(connection: sqlite3.Connection, now: int) -> str:
    """Return the UTC day that budgets count in, for a unix time in seconds.

    Never earlier than the newest day ever used: a clock set back cannot reopen a finished day.
    """
    row = connection.execute(sql.NEWEST_DAY).fetchone()
    return utc_day(now) if row is None else max(utc_day(now), row[0])


def budget_key(cap: Cap, day: str) -> BudgetKey:
    """Return (scope, window id) of the budget a cap counts in."""
    return cap.scope, day if cap.window == "day" else "total"


def balance(connection: sqlite3.Connection, key: BudgetKey) -> Balance:
    """Return a budget's balance, zero where it has no row yet."""
    row = connection.execute(sql.BALANCE, key).fetchone() or (0, 0)
    return Balance(*key, held=Usd(row[0]), settled=Usd(row[1]))


def balances_of(connection: sqlite3.Connection, window_id: str) -> list[Balance]:
    """Return every budget of one window."""
    rows = connection.execute(sql.BALANCES_OF, (window_id,)).fetchall()
    return [Balance(row[0], window_id, held=Usd(row[1]), settled=Usd(row[2])) for row in rows]


def refuse_repeat(
    connection: sqlite3.Connection, request: HoldRequest, channel_id: str | None = None
) -> None:
    """Let an identical purchase pass only when none is open or recently settled.

    Nor may it pass beside a voucher that was given up by its seller's word and that its channel
    still covers: only a further voucher of that channel, `channel_id`, covers the first.

    Raises:
        AlreadyBoughtError: with that purchase.
    """
    row = connection.execute(sql.FIND_OPEN, (request.key,)).fetchone()
    if row is None:
        since = request.now - request.repeat_window_s
        values = (request.key, since, int(request.pay_again))
        row = connection.execute(sql.FIND_REPEAT, values).fetchone()
    if row is None:
        given_up = {
            "key": request.key,
            "since": request.now - request.repeat_window_s,
            "pay_again": int(request.pay_again),
            "channel_id": channel_id,
        }
        row = connection.execute(sql.FIND_GIVEN_UP, given_up).fetchone()
    if row is not None:
        raise AlreadyBoughtError(purchase_from_row(row))


def refuse_burst(connection: sqlite3.Connection, request: HoldRequest) -> None:
    """Count the holds of the last minute, freed ones too.

    Raises:
        RateLimitedError: there are `payments_per_minute` already.
    """
    values = (request.now - _RATE_WINDOW_S, max(request.payments_per_minute, 0))
    (recent,) = connection.execute(sql.COUNT_RECENT, values).fetchone()
    if recent >= request.payments_per_minute:
        raise RateLimitedError


def refuse_used_nonce(connection: sqlite3.Connection, request: HoldRequest) -> None:
    """Refuse a nonce of this payer that any purchase had before, whatever became of that one.

    Raises:
        NonceUsedError: there is one.
    """
    transfer = request.transfer
    values = (transfer.network_id, transfer.payer, transfer.nonce)
    if connection.execute(sql.FIND_NONCE, values).fetchone() is not None:
        raise NonceUsedError


def reserve(connection: sqlite3.Connection, request: HoldRequest) -> list[BudgetKey]:
    """Count the amount as held in every budget, in one fixed order, and return their keys.

    Raises:
        OverCapError: the UPDATE that carries the limit in its WHERE matched no row.
        ValueError: two caps name the same budget.
    """
    day = present_day(connection, request.now)
    connection.execute(sql.SAVE_NEWEST_DAY, (day,))
    budgets = {budget_key(cap, day): cap for cap in request.caps}
    if len(budgets) != len(request.caps):
        raise ValueError("two caps name the same budget")
    for key, cap in sorted(budgets.items(), key=lambda item: item[0]):
        _reserve_one(connection, key, cap, request.amount_usd.micros)
    return list(budgets)


def _reserve_one(connection: sqlite3.Connection, key: BudgetKey, cap: Cap, amount: int) -> None:
    limit = USD_MICROS_MAX if cap.limit is None else cap.limit.micros
    connection.execute(sql.OPEN_BUDGET, key)
    # The amount is taken from the limit here, where integers have no end: adding it to the
    # balance there could leave 64 bits.
    if connection.execute(sql.RESERVE, (amount, *key, limit - amount)).rowcount != 1:
        raise OverCapError(cap, balance(connection, key))


def open_call_total(connection: sqlite3.Connection, call_key: str, now: int, window_s: int) -> str:
    """Return the scope of a call's own total; see `Ledger.open_call_total`.

    The scope ends with the second it was opened in, in as many digits as sort by time.
    """
    prefix = f"{_CALL}{call_key}:"
    (newest,) = connection.execute(sql.NEWEST_CALL_TOTAL, {"prefix": prefix}).fetchone()
    if newest is not None and now - int(newest.removeprefix(prefix)) < window_s:
        return newest
    scope = f"{prefix}{now:012d}"
    connection.execute(sql.OPEN_BUDGET, (scope, "total"))
    return scope


def reserve_in_call_total(connection: sqlite3.Connection, request: HoldRequest) -> None:
    """Count a page of a channel in its call's own total, unless the channel's deposit counts there.

    A page is lent its price out of a deposit, and counts in the budgets that the deposit counts
    in. A channel that was opened before the call has none of the call's.

    Raises:
        OverCapError: the price is more than what is left of it.
    """
    for cap in request.caps:
        key = budget_key(cap, "")
        lined = connection.execute(sql.HAS_LINE, (request.id, *key)).fetchone()
        if cap.scope.startswith(_CALL) and lined is None:
            _reserve_one(connection, key, cap, request.amount_usd.micros)
            connection.execute(sql.ADD_LINE, (request.id, *key))
