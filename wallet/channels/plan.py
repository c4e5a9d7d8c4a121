"""Decide how an offer would be paid through a channel: a pure function, no page in mind but this.

A page comes out of an open channel, or opens one. A deposit is held whole, so it is bounded by
everything that bounds a payment, and by limits of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wallet.assets import Asset
from wallet.channels.model import LONGEST_DECIMALS, Channel, ChannelState
from wallet.channels.rules import ChannelRules
from wallet.errors import ErrorKind
from wallet.model import Offer
from wallet.money import Usd, usd_from_atomic
from wallet.rails.x402.batch.terms import ChannelTerms, UnreadableTermsError, fits, read_terms


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit that a deposit must not pass: how much is left of it, and how it is refused."""

    left: Usd
    kind: ErrorKind
    name: str


@dataclass(frozen=True, slots=True)
class Through:
    """Pay through a channel that stands, or wait for its opening."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class Opening:
    """Open a channel with a deposit, and pay the first page through it."""

    terms: ChannelTerms
    deposit_atomic: int
    deposit_usd: Usd


@dataclass(frozen=True, slots=True)
class Unfit:
    """The offer cannot be paid through a channel; the reason is ours."""

    kind: ErrorKind
    reason: str


Plan = Through | Opening | Unfit


def plan(
    offer: Offer,
    asset: Asset | None,
    rules: ChannelRules,
    bounds: Sequence[Bound],
    live: Sequence[Channel],
) -> Plan:
    """Return how an offer would be paid.

    Args:
        offer: a `batch-settlement` offer.
        asset: its token in our own table.
        rules: the user's limits for channels.
        bounds: everything else that limits a deposit, such as what each cap has left.
        live: every channel with this seller that has not ended, oldest first.
    """
    try:
        terms = read_terms(offer)
    except UnreadableTermsError as error:
        return Unfit(ErrorKind.NO_PAYABLE_OFFER, str(error))
    if asset is None or asset.decimals > LONGEST_DECIMALS:
        return Unfit(ErrorKind.UNKNOWN_ASSET, "the token is not one that channels are made of")
    if terms.withdraw_delay_s > rules.max_withdraw_delay_s:
        reason = "it could keep a deposit longer than batch.max_withdraw_delay_s"
        return Unfit(ErrorKind.NO_PAYABLE_OFFER, reason)
    standing = [one for one in live if one.drained_at is None]
    if any(one.state is ChannelState.CLOSING for one in standing):
        reason = "a channel with this seller is being closed; see `purser channels`"
        return Unfit(ErrorKind.NO_PAYABLE_OFFER, reason)
    for channel in standing:
        opening = channel.state is ChannelState.OPENING
        enough = channel.left_atomic >= offer.amount_atomic
        if opening or (enough and fits(channel.config, offer, terms)):
            return Through(channel)
    return _opening(offer, asset, rules, bounds, terms)


def _opening(
    offer: Offer, asset: Asset, rules: ChannelRules, bounds: Sequence[Bound], terms: ChannelTerms
) -> Opening | Unfit:
    """Size a deposit: for many pages where that fits every limit, and else for as many as fit."""
    price = offer.amount_atomic
    least = max(price, terms.min_deposit_atomic)
    own = Bound(rules.max_deposit, ErrorKind.OVER_PAYMENT_CAP, "batch.max_deposit")
    tightest = min((own, *bounds), key=lambda one: one.left)
    most = tightest.left.micros * 10**asset.decimals // 10**LONGEST_DECIMALS
    if least > most:
        wanted = _shown(least, asset)
        reason = f"it wants a deposit of {wanted}, and {tightest.name} leaves ${tightest.left}"
        return Unfit(tightest.kind, reason)
    target = max(least, min(rules.deposit_pages * price, most))
    # Whole pages, so that a channel can be used up; a seller's minimum goes first.
    deposit = max(least, target - target % price)
    return Opening(terms, deposit, usd_from_atomic(deposit, asset.decimals))


def _shown(amount_atomic: int, asset: Asset) -> str:
    try:
        return f"${usd_from_atomic(amount_atomic, asset.decimals)}"
    except ValueError:
        return "an absurd amount"
