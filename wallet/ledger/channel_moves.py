"""What happens to a channel inside one database transaction."""

from __future__ import annotations

import sqlite3

from wallet.assets import find_asset
from wallet.channels.model import LIVE_STATES, Channel, ChannelState
from wallet.ledger import changes, moves
from wallet.ledger import channel_statements as sql
from wallet.ledger.base import ApprovalMissingError, HoldRequest, StaleStateError
from wallet.ledger.channel_base import ChannelBusyError, ChannelMovedError
from wallet.ledger.channel_rows import channel_from_row
from wallet.ledger.reserve import reserve_in_call_total
from wallet.ledger.rows import held_purchase, purchase_from_row
from wallet.model import Evidence, Purchase, State
from wallet.money import usd_from_atomic

_PROVEN = "settlement read from the chain: the payee has claimed this much of the channel"


def find(connection: sqlite3.Connection, channel_id: str) -> Channel | None:
    """Return one channel."""
    row = connection.execute(sql.GET, (channel_id,)).fetchone()
    return None if row is None else channel_from_row(row)


def enter(
    connection: sqlite3.Connection,
    channel_id: str,
    kind: str,
    amount_micros: int,
    at: int,
    purchase_id: str | None = None,
) -> None:
    """Append what happened to a channel's own hold."""
    connection.execute(sql.ADD_ENTRY, (channel_id, purchase_id, kind, amount_micros, at))


def lend(
    connection: sqlite3.Connection, channel: Channel, request: HoldRequest, state: ChannelState
) -> Purchase:
    """Write a page as HELD with its price from the channel's hold; no budget changes by it.

    Its voucher's total counts as signed from here on. The channel must be in `state`.

    Raises:
        ChannelBusyError: another page of the channel is not finished yet.
        ChannelMovedError: the channel is not as it was read, or has too little left.
        ApprovalMissingError: the price is above what the user lets go without approval.
        OverCapError: the price is more than what is left of the call's own total.
    """
    if request.amount_usd > request.approval_above:
        raise ApprovalMissingError
    if connection.execute(sql.OPEN_PAGE, (channel.id,)).fetchone() is not None:
        raise ChannelBusyError(channel)
    price, price_micros = request.transfer.amount_atomic, request.amount_usd.micros
    values = {
        "id": channel.id,
        "state": state.value,
        "charged": channel.charged_atomic,
        "atomic": price,
        "usd_micros": price_micros,
    }
    if connection.execute(sql.LEND, values).rowcount != 1:
        raise ChannelMovedError
    purchase = held_purchase(
        request, None, channel_id=channel.id, cumulative_atomic=channel.charged_atomic + price
    )
    moves.add(connection, purchase, "hold", request.now)
    connection.execute(sql.BORROW_LINES, (purchase.id, channel.id))
    reserve_in_call_total(connection, request)
    enter(connection, channel.id, "lend", price_micros, request.now, purchase.id)
    return purchase


def page_settled(connection: sqlite3.Connection, page: Purchase, at: int) -> None:
    """Move a channel on after one of its pages settled; what it did not cost goes back.

    The seller acknowledged the page, so the deposit was made, by its word at least.
    """
    channel = _of(connection, page)
    held, charge = page.amount_usd, page.charge
    if page.cumulative_atomic is None or page.transfer is None or held is None:
        raise AssertionError("a page has a price and a total")
    total = page.cumulative_atomic
    if charge is not None:
        total += charge.atomic - page.transfer.amount_atomic
        _give_back(connection, channel, page, held.micros - charge.usd.micros, at)
    connection.execute(sql.CHARGE, (total, channel.id))
    if channel.state is ChannelState.OPENING:
        claimed = {"id": channel.id, "evidence": Evidence.CLAIMED.value, "tx_hash": page.tx_hash}
        connection.execute(sql.OPENED, claimed)


def page_voided(connection: sqlite3.Connection, page: Purchase, at: int) -> None:
    """Give a page's price back; a page that never was ends the channel that it was to open.

    Deposit and first voucher leave in the same bytes: whoever proved that these were never sent,
    or that the deposit is dead, proved it for both.
    """
    channel = _of(connection, page)
    if page.amount_usd is None:
        raise AssertionError("a page has a price")
    _give_back(connection, channel, page, page.amount_usd.micros, at)
    if channel.state is ChannelState.OPENING:
        fail(connection, channel.id, at)


def fail(connection: sqlite3.Connection, channel_id: str, at: int) -> None:
    """Free the whole deposit of a channel whose deposit can never be made; the caller has proof.

    Raises:
        StaleStateError: it has ended already, or pages were paid through it.
    """
    channel = find(connection, channel_id)
    if channel is None or channel.charged_atomic or channel.lent_usd.micros:
        raise StaleStateError("the channel has paid for pages")
    if connection.execute(sql.OPEN_PAGE, (channel_id,)).fetchone() is not None:
        raise StaleStateError("a page of the channel is not finished yet")
    _end(connection, channel, ChannelState.FAILED, None, 0, at)


def supersede(connection: sqlite3.Connection, purchase_id: str, note: str, at: int) -> Purchase:
    """Void a sent page by the seller's word; see `ChannelBook.supersede`."""
    old = moves.require(connection, purchase_id)
    channel = _of(connection, old)
    if channel.state not in (ChannelState.OPEN, ChannelState.CLOSING):
        raise StaleStateError("only an open channel covers a voucher that is given up")
    new = changes.voided(old, (State.SIGNED, State.UNKNOWN), note)
    moves.move(connection, old, new, "void", at, note)
    moves.release(connection, old, 0)
    page_voided(connection, new, at)
    return new


def close(
    connection: sqlite3.Connection, channel_id: str, claimed_atomic: int, now: int
) -> Channel:
    """End a channel by the chain's word; see `ChannelBook.close`."""
    channel = find(connection, channel_id)
    if channel is None or channel.state not in (ChannelState.OPEN, ChannelState.CLOSING):
        raise StaleStateError("only an open channel can be closed")
    row = connection.execute(sql.OPEN_PAGE, (channel_id,)).fetchone()
    if row is not None:
        _end_page(connection, purchase_from_row(row), claimed_atomic, now)
        channel = find(connection, channel_id) or channel
    prove(connection, channel_id, claimed_atomic, now)
    (settled_micros,) = connection.execute(sql.SETTLED_USD, (channel_id,)).fetchone()
    asset = find_asset(channel.config.network_id, channel.config.token)
    if asset is None:
        raise StaleStateError("the channel's token is not in the asset table")
    claimed_micros = usd_from_atomic(claimed_atomic, asset.decimals).micros
    taken = min(max(0, claimed_micros - settled_micros), channel.held_usd.micros)
    _end(connection, channel, ChannelState.CLOSED, claimed_atomic, taken, now)
    ended = find(connection, channel_id)
    if ended is None:
        raise AssertionError("channels are never deleted")
    return ended


def prove(connection: sqlite3.Connection, channel_id: str, claimed_atomic: int, at: int) -> int:
    """Raise to VERIFIED every settled page whose voucher's total was claimed on the chain."""
    rows = connection.execute(sql.PROVEN_PAGES, (channel_id, claimed_atomic)).fetchall()
    for (purchase_id,) in rows:
        old = moves.require(connection, purchase_id)
        new = changes.annotated(
            old, evidence=Evidence.VERIFIED, tx_hash=None, delivery=None, note=None
        )
        moves.move(connection, old, new, "note", at, _PROVEN)
    return len(rows)


def _end_page(
    connection: sqlite3.Connection, page: Purchase, claimed_atomic: int, now: int
) -> None:
    """Finish the last page: a claim that reaches it took its price, and no other ever can."""
    reached = page.cumulative_atomic is not None and claimed_atomic >= page.cumulative_atomic
    if reached and page.state is not State.HELD:
        new = changes.settled(
            page, evidence=Evidence.VERIFIED, tx_hash=None, now=now, delivery=None, note=_PROVEN
        )
        moves.settle(connection, page, new, now, _PROVEN)
        page_settled(connection, new, now)
        return
    note = "the channel was closed, and this was never claimed"
    new = changes.voided(page, (State.HELD, State.SIGNED, State.UNKNOWN), note)
    moves.move(connection, page, new, "void", now, note)
    moves.release(connection, page, 0)
    page_voided(connection, new, now)


def _end(
    connection: sqlite3.Connection,
    channel: Channel,
    state: ChannelState,
    claimed_atomic: int | None,
    taken_micros: int,
    now: int,
) -> None:
    """Settle what was taken beyond the pages, free the rest, and write the channel's end."""
    values = {"id": channel.id, "state": state.value, "now": now, "claimed": claimed_atomic}
    if connection.execute(sql.END, values).rowcount != 1:
        raise StaleStateError("the channel has ended already")
    held = channel.held_usd.micros
    release = {"id": channel.id, "held": held, "taken": taken_micros}
    connection.execute(sql.RELEASE, release)
    if taken_micros:
        enter(connection, channel.id, "claim", taken_micros, now)
    enter(connection, channel.id, "free", held - taken_micros, now)


def _of(connection: sqlite3.Connection, page: Purchase) -> Channel:
    channel = None if page.channel_id is None else find(connection, page.channel_id)
    if channel is None:
        raise StaleStateError("the purchase was not paid through a channel")
    return channel


def _give_back(
    connection: sqlite3.Connection, channel: Channel, page: Purchase, micros: int, at: int
) -> None:
    """Hold again in the channel what a page gave up; an ended channel's pages free it instead."""
    if micros == 0 or channel.state not in LIVE_STATES:
        return
    connection.execute(sql.HOLD_MORE, (micros, channel.id))
    connection.execute(sql.TAKE_BACK, (micros, channel.id))
    enter(connection, channel.id, "return", micros, at, page.id)
