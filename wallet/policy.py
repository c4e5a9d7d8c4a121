"""Decide what may be paid: a pure function of the offers, the user's rules and the balances."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from wallet.assets import Asset, find_asset
from wallet.bounds import PAYMENT_FLOWS
from wallet.channels.plan import Opening, Plan, Through, Unfit
from wallet.errors import ErrorKind
from wallet.ledger.base import Balance, Cap
from wallet.limits import Rules, cap_status
from wallet.methods import is_known_scheme, way_of
from wallet.model import Bill, Offer
from wallet.money import Usd, token_units, usd_from_atomic
from wallet.quotes import Quote, QuotedOffer, nothing_to_judge, rows_beside_offers
from wallet.rails.base import SHORTEST_VALIDITY_S
from wallet.rails.foreign import foreign_offer
from wallet.rails.x402.batch.channel import SCHEME as BATCH

_ASKABLE, _ALLOWED = 7, 8


@dataclass(frozen=True, slots=True)
class _Refusal:
    """How far an offer came before it was refused, and why."""

    stage: int
    kind: ErrorKind
    reason: str


def _refuse_terms(offer: Offer, rules: Rules, asset: Asset | None, payer: str) -> _Refusal | None:
    foreign = foreign_offer(offer)
    if foreign is not None:
        return _Refusal(0, ErrorKind.NO_PAYABLE_OFFER, foreign.reason)
    if offer.network_id is None or offer.network_id not in rules.networks:
        return _Refusal(0, ErrorKind.UNSUPPORTED_NETWORK, "the network is not enabled")
    refusal = _refuse_scheme(offer, rules)
    if refusal is not None:
        return refusal
    if asset is None:
        return _Refusal(2, ErrorKind.UNKNOWN_ASSET, "the token contract is not a known one")
    if not asset.usd_pegged:
        return _Refusal(2, ErrorKind.UNKNOWN_ASSET, "the token has no fixed price in USD")
    if offer.pay_to.lower() in (payer.lower(), asset.address.lower()):
        return _Refusal(3, ErrorKind.PAYEE_NOT_ALLOWED, "the payee is this wallet or the token")
    if offer.max_timeout_s < SHORTEST_VALIDITY_S:
        return _Refusal(3, ErrorKind.NO_PAYABLE_OFFER, "it leaves too little time to settle")
    return None


def _refuse_scheme(offer: Offer, rules: Rules) -> _Refusal | None:
    kind = ErrorKind.SCHEME_NOT_ENABLED
    way = way_of(offer)
    if way is None:
        known = is_known_scheme(offer.rail, offer.scheme)
        what = "transfer method" if known else "payment scheme"
        return _Refusal(1, kind, f"the {what} is not supported")
    if way.setting not in rules.schemes:
        return _Refusal(1, kind, f"the payment scheme {way.setting} is not enabled")
    if offer.payment_flow not in rules.payment_flows:
        return _Refusal(1, kind, "it takes the money before the work, which is not enabled")
    return None


def _shown_amount(offer: Offer, asset: Asset | None) -> str | None:
    """Write what an offer asks for in whole tokens, where the token is known to anyone here."""
    if asset is not None:
        return token_units(offer.amount_atomic, asset.decimals)
    foreign = foreign_offer(offer)
    return None if foreign is None else foreign.price


def _refuse_price(
    price: Usd,
    rules: Rules,
    max_price: Usd | None,
    standing: Sequence[tuple[Cap, Balance]],
    approved: bool,
) -> _Refusal | None:
    if max_price is not None and price > max_price:
        return _Refusal(
            4, ErrorKind.OVER_MAX_PRICE, f"${price} is above max_price_usd ${max_price}"
        )
    if price > rules.per_payment:
        return _Refusal(
            5,
            ErrorKind.OVER_PAYMENT_CAP,
            f"${price} is above the ${rules.per_payment} limit for one payment",
        )
    for cap, balance in standing:
        status = cap_status(cap, balance)
        if status.left is not None and price > status.left:
            return _Refusal(
                6,
                cap.kind,
                f"${price} is more than the ${status.left} left of {status.name} ${cap.limit}",
            )
    if price > rules.approval_above and not approved:
        return _Refusal(
            _ASKABLE,
            ErrorKind.APPROVAL_REQUIRED,
            f"${price} is above ${rules.approval_above}, so the user has to approve it",
        )
    return None


def _judge(
    offer: Offer,
    rules: Rules,
    payer: str,
    max_price: Usd | None,
    standing: Sequence[tuple[Cap, Balance]],
    approved: bool,
    through: Plan | None,
) -> tuple[QuotedOffer, int]:
    asset = None if offer.network_id is None else find_asset(offer.network_id, offer.asset)
    price = None
    refusal = _refuse_terms(offer, rules, asset, payer)
    if asset is not None and asset.usd_pegged:
        try:
            price = usd_from_atomic(offer.amount_atomic, asset.decimals)
        except ValueError:
            refusal = refusal or _Refusal(
                5, ErrorKind.OVER_PAYMENT_CAP, "the amount is absurdly large"
            )
    if refusal is None and price is not None:
        if offer.scheme == BATCH:
            refusal = _refuse_channel(price, rules, max_price, through)
        else:
            refusal = _refuse_price(price, rules, max_price, standing, approved)
    quoted = QuotedOffer(
        index=offer.index,
        rail=offer.rail,
        scheme=offer.scheme if is_known_scheme(offer.rail, offer.scheme) else None,
        network=offer.network_id,
        asset_symbol=None if asset is None else asset.symbol,
        amount_usd=price,
        amount=_shown_amount(offer, asset),
        pay_to=offer.pay_to if asset is not None else None,
        payment_flow=offer.payment_flow if offer.payment_flow in PAYMENT_FLOWS else None,
        allowed=refusal is None,
        refusal=None if refusal is None else refusal.kind,
        reason=_allowed(through) if refusal is None else refusal.reason,
        needs_atomic=_needs(offer, through),
    )
    return quoted, _ALLOWED if refusal is None else refusal.stage


def _refuse_channel(
    price: Usd, rules: Rules, max_price: Usd | None, through: Plan | None
) -> _Refusal | None:
    """Judge a page of a channel: its price for itself, while its deposit is what the caps hold."""
    if through is None or isinstance(through, Unfit):
        unfit = through or Unfit(ErrorKind.SCHEME_NOT_ENABLED, "no channel can be used here")
        return _Refusal(3, unfit.kind, unfit.reason)
    refusal = _refuse_price(price, rules, max_price, (), approved=True)
    if refusal is None and price > rules.approval_above:
        reason = f"${price} is above ${rules.approval_above}, and no page of a channel may be"
        return _Refusal(5, ErrorKind.OVER_PAYMENT_CAP, reason)
    return refusal


def _needs(offer: Offer, through: Plan | None) -> int:
    if isinstance(through, Opening):
        return through.deposit_atomic
    return 0 if isinstance(through, Through) else offer.amount_atomic


def _allowed(through: Plan | None) -> str:
    if isinstance(through, Through):
        return "allowed, out of a channel that is open already"
    if isinstance(through, Opening):
        return f"allowed, through a channel with a deposit of ${through.deposit_usd}"
    return "allowed"


def decide(
    bill: Bill,
    url: str,
    rules: Rules,
    payer: str,
    max_price: Usd | None,
    standing: Sequence[tuple[Cap, Balance]],
    approved: Collection[int] = (),
    through: Mapping[int, Plan] | None = None,
) -> Quote:
    """Choose the cheapest allowed offer, or refuse with one reason for each offer.

    Ties go to the network the user prefers, then to the seller's order. The refusal of the whole
    is that of the offer that came closest to being paid.

    Args:
        bill: the decoded 402.
        url: the URL that answered it.
        rules: the user's limits.
        payer: the wallet's address.
        max_price: the caller's own limit; it can only tighten.
        standing: each cap with its present balance. The ledger checks them again, atomically.
        approved: the indexes of offers whose very terms the user has approved. The ledger checks
            that again too, and uses the approval up.
        through: how each channel offer would be paid; see `wallet.channels.offered`.
    """
    by_index = through or {}
    judged = [
        _judge(
            offer,
            rules,
            payer,
            max_price,
            standing,
            offer.index in approved,
            by_index.get(offer.index),
        )
        for offer in bill.offers
    ]
    offers = (*(quoted for quoted, _ in judged), *rows_beside_offers(bill))
    allowed = [quoted for quoted, _ in judged if quoted.allowed]
    if allowed:
        best = min(allowed, key=lambda one: _preference(one, rules))
        reason = f"would pay ${best.amount_usd}{best.reason.removeprefix('allowed')}"
        return Quote(url, False, offers, best.index, None, reason)
    if not judged:
        reason = nothing_to_judge(bill.foreign)
        return Quote(url, False, offers, None, ErrorKind.NO_PAYABLE_OFFER, reason)
    askable = [quoted for quoted, stage in judged if stage == _ASKABLE]
    if askable:
        best = min(askable, key=lambda one: _preference(one, rules))
        return Quote(url, False, offers, None, best.refusal, best.reason, askable=best.index)
    closest, _ = max(judged, key=lambda pair: pair[1])
    return Quote(url, False, offers, None, closest.refusal, closest.reason)


def _preference(quoted: QuotedOffer, rules: Rules) -> tuple[Usd, int, int]:
    if quoted.amount_usd is None or quoted.network is None:
        raise AssertionError("an offer that may be paid has a price and a network")
    return quoted.amount_usd, rules.networks.index(quoted.network), quoted.index
