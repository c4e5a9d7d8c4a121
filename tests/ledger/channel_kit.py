"""What the tests of channels in the ledger share: a channel, its pages, and what a cap has left."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from ledger_kit import NOON, SIGNED, cap, money, request

from wallet.channels.model import Channel, page_transfer
from wallet.errors import ErrorKind
from wallet.ledger.base import Cap, HoldRequest
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Evidence, Purchase
from wallet.money import Usd
from wallet.rails.x402.batch.channel import ChannelConfig, Deposit, channel_id

USDC = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
PRICE = 10_000
DEPOSIT = 100_000
HOST_CAP = Cap("host:api.example.com", "day", Usd(1_000_000), ErrorKind.OVER_HOST_BUDGET)
CAPS = (cap(), cap(None, window="total"), HOST_CAP)

_salts = itertools.count(1)


def channel(deposit: int = DEPOSIT, now: int = NOON, **changes: Any) -> Channel:
    """Return a channel of its own, not yet in any ledger."""
    salt = f"0x{next(_salts):064x}"
    config = ChannelConfig(
        network_id="eip155:8453",
        payer="0x" + "Bb" * 20,
        receiver="0x" + "c" * 40,
        receiver_authorizer="0x" + "d" * 40,
        token=USDC,
        withdraw_delay_s=900,
        salt=salt,
    )
    return replace(
        Channel(
            id=channel_id(config),
            principal="local",
            origin="https://api.example.com:443",
            host="api.example.com",
            deposit=Deposit(config, deposit, now + 120, salt),
            deposited_usd=Usd(deposit),
            created_at=now,
        ),
        **changes,
    )


def page(of: Channel, price: int = PRICE, **changes: Any) -> HoldRequest:
    """Return a hold for a page through a channel."""
    made = request(amount=price, caps=CAPS, **changes)
    nonce = bytes.fromhex(made.transfer.nonce[2:])
    transfer = page_transfer(of.config, price, nonce)
    return replace(made, scheme="batch-settlement", transfer=transfer)


def now_as(ledger: SqliteLedger, one: Channel) -> Channel:
    """Return a channel as the ledger has it now."""
    found = ledger.channels.get(one.id)
    assert found is not None
    return found


def opening(ledger: SqliteLedger, deposit: int = DEPOSIT, **changes: Any) -> Channel:
    """Return a channel whose deposit is signed, and nothing known of it."""
    one = channel(deposit, **changes)
    first = ledger.channels.open(one, page(one))
    ledger.store_signed(first.id, SIGNED)
    return now_as(ledger, one)


def opened(ledger: SqliteLedger, deposit: int = DEPOSIT, **changes: Any) -> Channel:
    """Return a channel whose first page is settled."""
    one = opening(ledger, deposit, **changes)
    settle(ledger, one)
    return now_as(ledger, one)


def lend(ledger: SqliteLedger, one: Channel, price: int = PRICE) -> Purchase:
    """Sign a further page."""
    purchase = ledger.channels.lend(now_as(ledger, one), page(one, price))
    ledger.store_signed(purchase.id, SIGNED)
    return purchase


def settle(ledger: SqliteLedger, one: Channel, **changes: Any) -> Purchase:
    """Settle the page that is under way, by the seller's word."""
    under_way = ledger.channels.open_page(one.id)
    assert under_way is not None
    return ledger.settle(under_way.id, evidence=Evidence.CLAIMED, tx_hash=None, now=NOON, **changes)


def buy(ledger: SqliteLedger, one: Channel, price: int = PRICE) -> Purchase:
    """Sign and settle a further page."""
    lend(ledger, one, price)
    return settle(ledger, one)


def used(ledger: SqliteLedger) -> int:
    """Return what every cap has lost, held and settled together; it is the same for each."""
    sums = {sum(money(ledger, one)) for one in CAPS}
    assert len(sums) == 1
    return sums.pop()
