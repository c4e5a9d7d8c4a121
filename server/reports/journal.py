"""Purchases as double entries: which account each amount left, and which one it went to.

Amounts are whole tokens as the chain moves them, and each entry sums to zero. A settled purchase is
an expense. One that was sent and whose outcome is not proven goes to `Assets:Purser:Unknown` as an
uncertain entry, and its next export shows what became of it. What was only held, freed or free
moved nothing and is left out. A channel's deposit moves to `Assets:Purser:Channels`, its pages are
expenses from there, and its end brings back what the payee did not claim.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from server.commands.common import clean
from wallet.assets import find_asset
from wallet.channels.model import Channel, ChannelState
from wallet.ledger.rows import utc_day
from wallet.model import Purchase, State
from wallet.money import token_units
from wallet.spending import network_name

PAYEE_CHARS = 100
NOTE_CHARS = 160

EXPENSES = ("Expenses", "Purser")
UNKNOWN = ("Assets", "Purser", "Unknown")
CHANNELS = ("Assets", "Purser", "Channels")

Account = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount that an account gains, or loses where it is negative."""

    account: Account
    amount_atomic: int
    decimals: int
    symbol: str

    @property
    def units(self) -> str:
        """Return the amount in whole tokens, as a plain decimal with its sign."""
        text = token_units(abs(self.amount_atomic), self.decimals)
        return f"-{text}" if self.amount_atomic < 0 else text


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened on a UTC day; `tags` are our own texts, `payee` a host."""

    day: str
    certain: bool
    payee: str
    note: str
    tags: tuple[tuple[str, str], ...]
    postings: tuple[Posting, ...]


def entries(
    purchases: Iterable[Purchase], channels: Iterable[tuple[Channel, int]], since: int, until: int
) -> list[Entry]:
    """Return every entry of a time, oldest first.

    Args:
        purchases: those made in it, in any order.
        channels: those opened or ended in it, each with the atomic units that its pages cost.
        since: the first unix second.
        until: the first unix second behind it.
    """
    made = [one for purchase in purchases if (one := _bought(purchase)) is not None]
    for channel, pages_atomic in channels:
        if since <= channel.created_at < until and channel.state is not ChannelState.FAILED:
            made.append(_opened(channel))
        ended = channel.closed_at
        if channel.state is ChannelState.CLOSED and ended is not None and since <= ended < until:
            made += _ended(channel, ended, pages_atomic)
    return sorted(made, key=lambda one: (one.day, one.tags))


def _bought(purchase: Purchase) -> Entry | None:
    transfer = purchase.transfer
    if transfer is None or purchase.state in (State.FREE, State.HELD, State.VOID):
        return None
    charge = purchase.charge
    amount_atomic = transfer.amount_atomic if charge is None else charge.atomic
    if not amount_atomic:
        return None
    settled = purchase.state is State.SETTLED
    source = _wallet(transfer.network_id) if purchase.channel_id is None else CHANNELS
    target = (*EXPENSES, purchase.host) if settled else UNKNOWN
    tags = [
        ("receipt", purchase.id),
        ("evidence", purchase.evidence.value),
        ("network", transfer.network_id),
        ("usd", str(purchase.cost_usd)),
    ]
    if purchase.tx_hash is not None:
        tags.append(("transfer", purchase.tx_hash))
    return Entry(
        day=utc_day(purchase.created_at),
        certain=settled,
        payee=clean(purchase.host, PAYEE_CHARS),
        note=_note(purchase),
        tags=tuple(tags),
        postings=_moved(transfer.network_id, transfer.asset, amount_atomic, target, source),
    )


def _note(purchase: Purchase) -> str:
    """Return method and path: a query may hold what does not belong into a book."""
    parts = urlsplit(purchase.url)
    return clean(f"{purchase.method} {parts.path or '/'}", NOTE_CHARS)


def _opened(channel: Channel) -> Entry:
    config = channel.config
    amount_atomic = channel.deposit.amount_atomic
    return _of_channel(
        channel,
        channel.created_at,
        "deposit into a payment channel",
        _moved(
            config.network_id, config.token, amount_atomic, CHANNELS, _wallet(config.network_id)
        ),
        certain=channel.state is not ChannelState.OPENING,
    )


def _ended(channel: Channel, at: int, pages_atomic: int) -> list[Entry]:
    """Return what came back, and what was claimed beyond the pages, or less than they cost."""
    config, claimed = channel.config, channel.claimed_atomic or 0
    network_id, token = config.network_id, config.token
    made: list[Entry] = []
    if back := channel.deposit.amount_atomic - claimed:
        moved = _moved(network_id, token, back, _wallet(network_id), CHANNELS)
        made.append(_of_channel(channel, at, "payment channel ended, the rest came back", moved))
    if beyond := claimed - pages_atomic:
        moved = _moved(network_id, token, beyond, (*EXPENSES, channel.host), CHANNELS)
        told = "claimed beyond the pages" if beyond > 0 else "never claimed of what pages cost"
        made.append(_of_channel(channel, at, f"payment channel ended, {told}", moved))
    return made


def _of_channel(
    channel: Channel, at: int, note: str, postings: tuple[Posting, ...], *, certain: bool = True
) -> Entry:
    tags = [("channel", channel.id), ("network", channel.config.network_id)]
    if channel.tx_hash is not None:
        tags.append(("transfer", channel.tx_hash))
    payee = clean(channel.host, PAYEE_CHARS)
    return Entry(utc_day(at), certain, payee, note, tuple(tags), postings)


def _wallet(network_id: str) -> Account:
    return ("Assets", "Purser", network_name(network_id))


def _moved(
    network_id: str, token: str, amount_atomic: int, target: Account, source: Account
) -> tuple[Posting, ...]:
    asset = find_asset(network_id, token)
    decimals = 0 if asset is None else asset.decimals
    symbol = f"UNITS-{token[2:10]}" if asset is None else asset.symbol
    return (
        Posting(target, amount_atomic, decimals, symbol),
        Posting(source, -amount_atomic, decimals, symbol),
    )
