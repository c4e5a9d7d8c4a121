"""One page to be bought through a channel, and the bytes that pay for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wallet.approvals import header_terms
from wallet.assets import Asset
from wallet.channels.model import Channel, page_transfer
from wallet.channels.plan import Opening
from wallet.exchange import Exchange, WebResponse
from wallet.holding import Prepared
from wallet.ids import payment_identifier, purchase_id
from wallet.ledger.base import HoldRequest, Ledger
from wallet.limits import caps_for
from wallet.model import Challenge, Offer, Purchase
from wallet.money import Usd
from wallet.parts import Parts
from wallet.presenting import as_stored, release_unsent
from wallet.rails.x402.batch.channel import (
    SCHEME,
    ChannelConfig,
    Deposit,
    Voucher,
    channel_id,
)
from wallet.rails.x402.batch.payload import deposit_payload, payment_headers, voucher_payload
from wallet.rails.x402.batch.terms import config_for
from wallet.rails.x402.challenge import envelope_of
from wallet.rails.x402.payment import echoed_extensions
from wallet.repeats import repeat_window_s


@dataclass(frozen=True, slots=True)
class ChannelOrder:
    """What policy chose to buy through a channel; `origin` and `host` are who answered 402.

    `redirected` tells that this is another origin than the one that was asked. `only` names the
    channel that has seen a voucher for this very call already: a further voucher of it covers the
    first, and anything else could be cashed beside it.
    """

    key: str
    origin: str
    host: str
    redirected: bool
    challenge: Challenge
    offer: Offer
    asset: Asset
    price: Usd
    payer: str
    pay_again: bool
    only: str | None = None


@dataclass(frozen=True, slots=True)
class TurnedDown:
    """A 402 that came for a voucher of a channel."""

    response: WebResponse
    channel_id: str


def new_channel(parts: Parts, order: ChannelOrder, opening: Opening) -> Channel:
    """Return a channel to be opened: fresh salts, and a deposit that is good for a short while."""
    config = config_for(order.offer, opening.terms, order.payer, parts.entropy(32))
    now = parts.now_s()
    deposit = Deposit(
        channel=config,
        amount_atomic=opening.deposit_atomic,
        valid_before=now + min(parts.rules.validity_s, order.offer.max_timeout_s),
        salt="0x" + parts.entropy(32).hex(),
    )
    return Channel(
        id=channel_id(config),
        principal=parts.principal,
        origin=order.origin,
        host=order.host,
        deposit=deposit,
        deposited_usd=opening.deposit_usd,
        created_at=now,
    )


def opening_page(
    parts: Parts, order: ChannelOrder, request: HoldRequest, channel: Channel
) -> Callable[[Ledger], Prepared]:
    """Return the three durable steps that open a channel: hold, sign twice, store."""

    def prepare(ledger: Ledger) -> Prepared:
        parts.store.ensure_room(parts.room_bytes)
        held = ledger.channels.open(channel, request)
        try:
            voucher = _voucher(channel.config, held)
            deposit_signature = parts.keys.sign_deposit(ledger, channel.deposit)
            voucher_signature = parts.keys.sign_voucher(ledger, held.id, voucher)
            payload = deposit_payload(
                channel.deposit, deposit_signature, voucher, voucher_signature
            )
            return held, _store(ledger, order, held, payload)
        except Exception:
            release_unsent(ledger, held.id)
            raise

    return prepare


def further_page(
    parts: Parts, order: ChannelOrder, request: HoldRequest, channel: Channel
) -> Callable[[Ledger], Prepared]:
    """Return the three durable steps that pay a page out of a channel: hold, sign, store."""

    def prepare(ledger: Ledger) -> Prepared:
        parts.store.ensure_room(parts.room_bytes)
        held = ledger.channels.lend(channel, request)
        try:
            voucher = _voucher(channel.config, held)
            signature = parts.keys.sign_voucher(ledger, held.id, voucher)
            return held, _store(ledger, order, held, voucher_payload(voucher, signature))
        except Exception:
            release_unsent(ledger, held.id)
            raise

    return prepare


def hold_request(
    parts: Parts, exchange: Exchange, order: ChannelOrder, config: ChannelConfig
) -> HoldRequest:
    """Return what must be durable before a voucher may exist."""
    return HoldRequest(
        id=purchase_id(parts.clock(), parts.entropy(10)),
        key=order.key,
        principal=parts.principal,
        method=exchange.request.method,
        url=exchange.request.url,
        headers=header_terms(exchange.request),
        host=order.host,
        pay_again=order.pay_again,
        rail=order.offer.rail,
        scheme=SCHEME,
        transfer=page_transfer(config, order.offer.amount_atomic, parts.entropy(32)),
        amount_usd=order.price,
        caps=caps_for(parts.rules, order.host),
        approval_above=parts.rules.approval_above,
        payments_per_minute=parts.rules.payments_per_minute,
        repeat_window_s=repeat_window_s(parts, order.pay_again),
        now=parts.now_s(),
    )


def reached_headers(
    parts: Parts, ledger: Ledger, order: ChannelOrder, channel: Channel
) -> Mapping[str, str]:
    """Return a payment that promises nothing new, which a seller answers with where it stands."""
    voucher, signature = parts.keys.sign_reached(ledger, channel.id)
    return _headers(order, voucher_payload(voucher, signature), "")


def _voucher(config: ChannelConfig, page: Purchase) -> Voucher:
    if page.cumulative_atomic is None:
        raise AssertionError("a page of a channel has a total")
    return Voucher(config, page.cumulative_atomic)


def _store(
    ledger: Ledger, order: ChannelOrder, held: Purchase, payload: Mapping[str, object]
) -> Mapping[str, str]:
    headers = _headers(order, payload, payment_identifier(held.id))
    ledger.store_signed(held.id, as_stored(headers, elsewhere=order.redirected))
    return headers


def _headers(
    order: ChannelOrder, payload: Mapping[str, object], payment_id: str
) -> Mapping[str, str]:
    around = envelope_of(order.challenge)
    extensions = echoed_extensions(around.extensions, payment_id) if payment_id else {}
    return payment_headers(payload, order.offer.raw, around.resource, extensions)
