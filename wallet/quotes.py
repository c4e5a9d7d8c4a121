"""What a seller asks and what policy says to it, as check_price and refusals show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wallet.approvals import Approval
from wallet.errors import ErrorKind, PurserError, as_sentence
from wallet.model import Bill, Foreign
from wallet.money import Usd


@dataclass(frozen=True, slots=True)
class QuotedOffer:
    """One offer and the verdict on it; every text is ours, never the seller's.

    `needs_atomic` is what the wallet must hold for it: the price, a channel's deposit, or nothing.
    """

    index: int
    rail: str
    scheme: str | None
    network: str | None
    asset_symbol: str | None
    amount_usd: Usd | None
    amount: str | None
    pay_to: str | None
    payment_flow: str | None
    allowed: bool
    refusal: ErrorKind | None
    reason: str
    needs_atomic: int = 0


@dataclass(frozen=True, slots=True)
class Quote:
    """What a URL asks and what would be done: `chosen` is an offer's index, or None.

    `askable` is the index of the cheapest offer that lacks only the user's approval, when nothing
    is chosen. `approval` is the newest request for this call, where it bears on the quote.
    """

    url: str
    free: bool
    offers: tuple[QuotedOffer, ...]
    chosen: int | None
    refusal: ErrorKind | None
    reason: str
    askable: int | None = None
    approval: Approval | None = None


def nothing_to_judge(foreign: Sequence[Foreign]) -> str:
    """Say what a 402 without a readable offer asks for, as far as it was recognised."""
    if not foreign:
        return "the 402 holds no offer that can be read"
    one = foreign[0]
    price = "" if one.price is None else f" for {one.price}"
    return f"the seller takes {one.name}{price}, and {one.needs}"


def rows_beside_offers(bill: Bill) -> list[QuotedOffer]:
    """Return a row for each entry that cannot be read, and for each dialect not paid here."""
    kind = ErrorKind.MALFORMED_CHALLENGE
    rows = [
        _no_offer(challenge.rail, bad.index, None, kind, bad.reason)
        for challenge in bill.challenges
        for bad in challenge.unreadable
    ]
    first = 1 + max((row.index for row in (*bill.offers, *rows)), default=-1)
    for index, one in enumerate(bill.foreign, first):
        rows.append(_no_offer(one.rail, index, one.price, ErrorKind.NO_PAYABLE_OFFER, one.reason))
    return rows


def _no_offer(
    rail: str, index: int, amount: str | None, refusal: ErrorKind, reason: str
) -> QuotedOffer:
    return QuotedOffer(
        index=index,
        rail=rail,
        scheme=None,
        network=None,
        asset_symbol=None,
        amount_usd=None,
        amount=amount,
        pay_to=None,
        payment_flow=None,
        allowed=False,
        refusal=refusal,
        reason=reason,
    )


def unpaid_quote(url: str, http_status: int) -> Quote:
    """Return the quote of a URL that asks for no money: free, or failing for another reason."""
    if http_status < 400:
        return Quote(url, True, (), None, None, "free")
    reason = f"the server answers HTTP {http_status} and asks for no payment"
    return Quote(url, False, (), None, ErrorKind.UPSTREAM_ERROR, reason)


def refusal(quote: Quote) -> PurserError:
    """Turn a refused quote into its error, one bounded reason for each offer."""
    kind = quote.refusal or ErrorKind.NO_PAYABLE_OFFER
    offers = [
        {
            "index": one.index,
            "network": one.network,
            "asset": one.asset_symbol,
            "amount_usd": None if one.amount_usd is None else str(one.amount_usd),
            "code": None if one.refusal is None else one.refusal.value.code,
            "reason": one.reason,
        }
        for one in quote.offers[:20]
    ]
    return PurserError(kind, as_sentence(quote.reason), offers=offers)
