"""What a report reads: purchases summed where they lie, so that a hundred thousand stay quick."""

from __future__ import annotations

import sqlite3

from wallet.channels.model import LIVE_STATES, Channel
from wallet.ledger.base import LedgerUnavailableError
from wallet.ledger.channel_rows import channel_from_row
from wallet.ledger.rows import utc_day
from wallet.model import Evidence, State
from wallet.rails.x402.batch.channel import SCHEME as BATCH
from wallet.spending import Line, Spending

_LINES = """
    SELECT
        date(created_at, 'unixepoch') AS day, host, network_id, rail, scheme, method, state,
        evidence,
        CASE WHEN url LIKE 'mcp://%' OR url LIKE 'a2a://%' THEN url ELSE '' END AS source,
        count(*) AS count, sum(coalesce(charged_usd_micros, amount_usd_micros)) AS micros
    FROM purchases
    WHERE state <> 'free' AND created_at >= :since AND created_at < :until
    GROUP BY day, host, network_id, rail, scheme, method, state, evidence, source
    ORDER BY day, host
"""
_FREE = """
    SELECT count(*) FROM purchases
    WHERE state = 'free' AND created_at >= :since AND created_at < :until
"""
_CHANNELS = """
    SELECT * FROM channels WHERE created_at >= :since AND created_at < :until
    ORDER BY created_at, id
"""
_CLAIMS = """
    SELECT channels.*, channel_entries.amount_usd_micros AS taken, channel_entries.at AS taken_at
    FROM channel_entries JOIN channels ON channels.id = channel_entries.channel_id
    WHERE kind = 'claim' AND at >= :since AND at < :until
    ORDER BY at, channels.id
"""
CHANNELS_TOUCHED = """
    SELECT
        channels.*,
        (
            SELECT coalesce(sum(CAST(coalesce(charged_atomic, amount_atomic) AS INTEGER)), 0)
            FROM purchases WHERE channel_id = channels.id AND state = 'settled'
        ) AS pages_atomic
    FROM channels
    WHERE (created_at >= :since AND created_at < :until)
        OR (closed_at >= :since AND closed_at < :until)
    ORDER BY created_at, id
"""


def read(connection: sqlite3.Connection, since: int, until: int) -> Spending:
    """Return what was spent from one unix second until before another, in one view."""
    span = {"since": since, "until": until}
    lines = [_line(row) for row in connection.execute(_LINES, span)]
    channels = [channel_from_row(row) for row in connection.execute(_CHANNELS, span)]
    lines += [_held(one) for one in channels if one.state in LIVE_STATES and one.held_usd.micros]
    lines += [
        _of_channel(
            channel_from_row(row), row["taken_at"], State.SETTLED, Evidence.VERIFIED, row["taken"]
        )
        for row in connection.execute(_CLAIMS, span)
    ]
    (free_fetches,) = connection.execute(_FREE, span).fetchone()
    return Spending(tuple(lines), tuple(channels), free_fetches)


def channels_touched(
    connection: sqlite3.Connection, since: int, until: int
) -> list[tuple[Channel, int]]:
    """Return channels opened or ended in a time, with what their pages cost in atomic units."""
    rows = connection.execute(CHANNELS_TOUCHED, {"since": since, "until": until})
    return [(channel_from_row(row), row["pages_atomic"]) for row in rows]


def _line(row: sqlite3.Row) -> Line:
    try:
        return Line(
            day=row["day"],
            host=row["host"],
            source=row["source"],
            network_id=row["network_id"],
            rail=row["rail"],
            scheme=row["scheme"],
            method=row["method"],
            state=State(row["state"]),
            evidence=Evidence(row["evidence"]),
            count=row["count"],
            micros=row["micros"],
        )
    except ValueError:
        raise LedgerUnavailableError("the ledger file is damaged") from None


def _held(channel: Channel) -> Line:
    held = channel.held_usd.micros
    return _of_channel(channel, channel.created_at, State.HELD, channel.evidence, held)


def _of_channel(channel: Channel, at: int, state: State, evidence: Evidence, micros: int) -> Line:
    return Line(
        day=utc_day(at),
        host=channel.host,
        source="",
        network_id=channel.config.network_id,
        rail="x402",
        scheme=BATCH,
        method="",
        state=state,
        evidence=evidence,
        count=0,
        micros=micros,
        of_channel=True,
    )
