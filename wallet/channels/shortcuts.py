"""Remember what a page cost, so that one beside it is paid with the first request.

A voucher sent with the first request promises the remembered price and no more. A seller that
wants another answers 402, and nothing above that price was signed. What is remembered holds for
the same method and folder of the same origin, and for an hour: a page there that has become free
would be offered money it does not ask for.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from wallet.assets import find_asset
from wallet.channels.model import Channel, Place
from wallet.channels.order import ChannelOrder
from wallet.exchange import WebRequest
from wallet.model import Challenge, Offer
from wallet.money import usd_from_atomic
from wallet.parts import Parts
from wallet.rails.codec import CodecError, encode_json, parse_json
from wallet.rails.x402.batch.terms import UnreadableTermsError, fits, read_terms, without_past
from wallet.rails.x402.challenge import MPPX, Envelope, envelope_of
from wallet.rails.x402.offer import decode_offer
from wallet.rails.x402.payment import PAYMENT_IDENTIFIER
from wallet.repeats import host_of, origin_of

REMEMBERED_S = 3600
_RENEWED_S = REMEMBERED_S // 2
_BINDING = (MPPX, PAYMENT_IDENTIFIER)
"""A seller with one of these extensions wants more than the offer repeated."""


class Shortcuts:
    """What pages lately cost, by method and folder; kept in the ledger."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._kept: dict[tuple[str, str], tuple[str, str, int]] = {}

    async def remember(self, request: WebRequest, order: ChannelOrder, channel: Channel) -> None:
        """Keep what a page cost, unless that is known already."""
        extensions = envelope_of(order.challenge).extensions
        if order.redirected or any(name in extensions for name in _BINDING):
            return
        key, now = (request.method, place_of(request.url)), self._parts.now_s()
        offer = encode_json(without_past(order.offer.raw))
        kept = self._kept.get(key)
        if kept is not None and kept[:2] == (channel.id, offer) and now - kept[2] < _RENEWED_S:
            return
        await self._parts.ledger.call(
            lambda ledger: ledger.channels.remember(*key, channel.id, offer, now)
        )
        self._kept[key] = (channel.id, offer, now)

    async def recall(self, request: WebRequest) -> Place | None:
        """Return what a page beside this one cost within the hour, and its channel."""
        method, place = request.method, place_of(request.url)
        found = await self._parts.ledger.call(lambda ledger: ledger.channels.recall(method, place))
        now = self._parts.now_s()
        if found is None or not found.at <= now < found.at + REMEMBERED_S:
            return None
        return found if found.channel.origin == origin_of(request.url) else None

    async def forget(self, request: WebRequest) -> None:
        """Drop what is remembered of a place whose seller did not take it."""
        key = (request.method, place_of(request.url))
        self._kept.pop(key, None)
        await self._parts.ledger.call(lambda ledger: ledger.channels.forget(*key))


def place_of(url: str) -> str:
    """Return a URL's origin and folder: all up to the last slash of its path."""
    return f"{origin_of(url)}{urlsplit(url).path.rpartition('/')[0]}/"


def remembered_offer(place: Place) -> Challenge | None:
    """Return a remembered offer as the challenge it would come in; None where it does not fit.

    It is decoded as strictly as one from a seller: the ledger's file is not proof of anything.
    """
    try:
        raw = parse_json(place.offer)
        offer = decode_offer(2, 0, raw)
        if not isinstance(offer, Offer) or not fits(place.channel.config, offer, read_terms(offer)):
            return None
    except (CodecError, UnreadableTermsError):
        return None
    return Challenge(offer.rail, 2, (offer,), (), Envelope(None, {}))


def remembered_order(
    place: Place, challenge: Challenge, key: str, request: WebRequest, *, pay_again: bool
) -> ChannelOrder | None:
    """Return the order for a page that costs what is remembered; None for an unknown token."""
    (offer,) = challenge.offers
    asset = find_asset(offer.network_id or "", offer.asset)
    if asset is None:
        return None
    return ChannelOrder(
        key=key,
        origin=place.channel.origin,
        host=host_of(request.url),
        redirected=False,
        challenge=challenge,
        offer=offer,
        asset=asset,
        price=usd_from_atomic(offer.amount_atomic, asset.decimals),
        payer=place.channel.config.payer,
        pay_again=pay_again,
    )
