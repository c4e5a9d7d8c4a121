"""Channels in the ledger: a deposit held once, pages lent out of it, the rest freed on proof.

What a channel holds and what its pages hold or settled is together the deposit, from the hold on
to the end; so no page changes what any cap has left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from wallet.channels.model import Channel, ChannelState, Place
from wallet.ledger import channel_moves as moves
from wallet.ledger import channel_statements as sql
from wallet.ledger.base import HoldRequest
from wallet.ledger.channel_base import ChannelBusyError
from wallet.ledger.channel_rows import channel_from_row, terms_values
from wallet.ledger.database import Database
from wallet.ledger.reserve import refuse_burst, refuse_repeat, reserve
from wallet.ledger.rows import purchase_from_row
from wallet.model import Evidence, Purchase


class ChannelBook:
    """The channels of one SQLite ledger; implements `wallet.ledger.channel_base.Channels`.

    `clock` (unix seconds) dates the entries of methods that take no `now`.
    """

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    def open(self, channel: Channel, request: HoldRequest) -> Purchase:
        """Hold a whole deposit in every cap, and lend the first page its price, or write nothing.

        Raises:
            ChannelBusyError: a channel with this seller is being opened, or another could pay.
            OverCapError, RateLimitedError, AlreadyBoughtError, LedgerUnavailableError.
        """
        with self._database.write() as connection:
            refuse_repeat(connection, request)
            refuse_burst(connection, request)
            rival = {**terms_values(channel), "amount_atomic": request.transfer.amount_atomic}
            row = connection.execute(sql.FIND_RIVAL, rival).fetchone()
            if row is not None:
                raise ChannelBusyError(channel_from_row(row))
            lines = reserve(connection, replace(request, amount_usd=channel.deposited_usd))
            connection.execute(sql.ADD_CHANNEL, terms_values(channel))
            connection.executemany(sql.ADD_LINE, [(channel.id, *line) for line in lines])
            deposited = channel.deposited_usd.micros
            moves.enter(connection, channel.id, "deposit", deposited, request.now)
            return moves.lend(connection, channel, request, ChannelState.OPENING)

    def lend(self, channel: Channel, request: HoldRequest) -> Purchase:
        """Write a page as HELD, its price taken from the channel's hold, or write nothing.

        Raises:
            ChannelBusyError: another page of this channel is not finished yet.
            ChannelMovedError: the channel is not as it was read, or has too little left.
            OverCapError, RateLimitedError, AlreadyBoughtError, LedgerUnavailableError.
        """
        with self._database.write() as connection:
            refuse_repeat(connection, request, channel.id)
            refuse_burst(connection, request)
            return moves.lend(connection, channel, request, ChannelState.OPEN)

    def supersede(self, purchase_id: str, note: str) -> Purchase:
        """Void a page that the seller says it did not charge; its price goes back to the channel.

        This frees nothing: the deposit stays held, and covers the voucher that was signed.

        Raises:
            StaleStateError: it is no sent page of a channel that is open or closing.
        """
        with self._database.write() as connection:
            return moves.supersede(connection, purchase_id, note, self._clock())

    def opened(self, channel_id: str, evidence: Evidence, tx_hash: str | None) -> None:
        """Record that the deposit was made: OPENING -> OPEN; evidence only rises."""
        values = {"id": channel_id, "evidence": evidence.value, "tx_hash": tx_hash}
        with self._database.write() as connection:
            connection.execute(sql.OPENED, values)

    def stop(self, channel_id: str, note: str) -> None:
        """Sign nothing more for a channel: OPENING | OPEN -> CLOSING; its money stays held."""
        with self._database.write() as connection:
            connection.execute(sql.STOP, {"id": channel_id, "note": note})

    def drained(self, channel_id: str, block_time: int | None) -> None:
        """Note the block time at which nothing was left to claim, or that it was not so after all.

        From then on the channel pays nothing.
        """
        with self._database.write() as connection:
            connection.execute(sql.DRAINED, (block_time, channel_id))

    def close(self, channel_id: str, claimed_atomic: int, now: int) -> Channel:
        """End a channel by proof that nothing more can be claimed, and free what came back.

        An unfinished page is settled where the claims reach it, and void otherwise. What was
        claimed beyond the settled pages counts as spent.

        Raises:
            StaleStateError: it has ended already, or is only being opened.
        """
        with self._database.write() as connection:
            return moves.close(connection, channel_id, claimed_atomic, now)

    def prove(self, channel_id: str, claimed_atomic: int) -> int:
        """Raise to VERIFIED every settled page that claims on the chain reach; return how many."""
        with self._database.write() as connection:
            return moves.prove(connection, channel_id, claimed_atomic, self._clock())

    def get(self, channel_id: str) -> Channel | None:
        """Return one channel."""
        with self._database.read() as connection:
            return moves.find(connection, channel_id)

    def of_origin(self, principal: str, origin: str) -> list[Channel]:
        """Return every channel with a seller that has not ended, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(sql.OF_ORIGIN, (principal, origin)).fetchall()
        return [channel_from_row(row) for row in rows]

    def listed(self, *, ended: bool = False, limit: int = 100) -> list[Channel]:
        """Return channels, newest first; those that have ended too with `ended`."""
        with self._database.read() as connection:
            rows = connection.execute(sql.LIST, (ended, max(limit, 0))).fetchall()
        return [channel_from_row(row) for row in rows]

    def open_page(self, channel_id: str) -> Purchase | None:
        """Return the page of a channel whose outcome is not recorded yet."""
        with self._database.read() as connection:
            row = connection.execute(sql.OPEN_PAGE, (channel_id,)).fetchone()
        return None if row is None else purchase_from_row(row)

    def last_url(self, channel_id: str) -> str | None:
        """Return the URL of the newest page that was paid through a channel."""
        with self._database.read() as connection:
            row = connection.execute(sql.LAST_URL, (channel_id,)).fetchone()
        return None if row is None else row[0]

    def remember(self, method: str, place: str, channel_id: str, offer: str, now: int) -> None:
        """Keep what a page cost, for the next one in the same place."""
        values = {
            "method": method,
            "place": place,
            "channel_id": channel_id,
            "offer": offer,
            "at": now,
        }
        with self._database.write() as connection:
            connection.execute(sql.REMEMBER, values)

    def recall(self, method: str, place: str) -> Place | None:
        """Return what the last page in a place cost, and the channel it was paid through."""
        with self._database.read() as connection:
            row = connection.execute(sql.RECALL, (method, place)).fetchone()
            if row is None:
                return None
            channel = moves.find(connection, row["channel_id"])
        return None if channel is None else Place(channel, row["offer"], row["at"])

    def forget(self, method: str, place: str) -> None:
        """Drop what a place cost."""
        with self._database.write() as connection:
            connection.execute(sql.FORGET, (method, place))
