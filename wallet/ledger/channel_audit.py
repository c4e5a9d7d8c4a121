"""Proof that the channels' books balance: their own holds, and the pages they lent to."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict

Budget = tuple[str, str]

_HELD = {"deposit": 1, "lend": -1, "return": 1, "claim": -1, "free": -1}
_LIVE = ("opening", "open", "closing")


def add_channels(
    connection: sqlite3.Connection, held: Counter[Budget], settled: Counter[Budget]
) -> None:
    """Add what the entries of every channel say that it holds and has settled, by budget."""
    lines: defaultdict[str, list[Budget]] = defaultdict(list)
    for channel_id, scope, window_id in connection.execute(
        "SELECT channel_id, scope, window_id FROM channel_lines"
    ):
        lines[channel_id].append((scope, window_id))
    for channel_id, kind, amount in connection.execute(
        "SELECT channel_id, kind, amount_usd_micros FROM channel_entries ORDER BY id"
    ):
        for budget in lines[channel_id]:
            held[budget] += _HELD[kind] * amount
            settled[budget] += amount if kind == "claim" else 0


def channel_faults(connection: sqlite3.Connection) -> list[str]:
    """Return plain sentences saying what is wrong with channels; an empty list when nothing is."""
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for channel_id, kind, amount in connection.execute(
        "SELECT channel_id, kind, sum(amount_usd_micros) FROM channel_entries"
        " GROUP BY channel_id, kind"
    ):
        sums[channel_id][kind] = amount
    pages: Counter[str] = Counter()
    reached: Counter[str] = Counter()
    for channel_id, state, amount, total in connection.execute(
        "SELECT channel_id, state, coalesce(charged_usd_micros, amount_usd_micros),"
        " cumulative_atomic FROM purchases WHERE channel_id IS NOT NULL"
    ):
        pages[channel_id] += 0 if state == "void" else amount
        reached[channel_id] = max(reached[channel_id], total)
    faults: list[str] = []
    for channel_id, state, deposited, lent, signed_max in connection.execute(
        "SELECT id, state, deposited_usd_micros, lent_usd_micros, signed_max_atomic FROM channels"
    ):
        entries = sums[channel_id]
        if entries["deposit"] != deposited:
            faults.append(f"Channel {channel_id} has entries of another deposit.")
        if entries["lend"] - entries["return"] != lent:
            faults.append(f"Channel {channel_id} says {lent} micro-USD lent, its entries differ.")
        if state in _LIVE and pages[channel_id] != lent:
            faults.append(f"Channel {channel_id} has lent other than what its pages have.")
        if reached[channel_id] != signed_max:
            faults.append(f"Channel {channel_id} promised other than its vouchers.")
        rest = sum(_HELD[kind] * entries[kind] for kind in _HELD)
        if state not in _LIVE and rest != 0:
            faults.append(f"Channel {channel_id} has ended and still holds {rest} micro-USD.")
    return faults
