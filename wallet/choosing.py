"""Choose one offer of a 402 under the user's rules, and fix its terms as they will be signed.

Nothing here holds or signs. What is read is the ledger: budgets, approvals and channels.
"""

from __future__ import annotations

from wallet.approvals import approved_offers, header_terms, offered_terms
from wallet.assets import find_asset
from wallet.channels.offered import plans
from wallet.consent import with_approval
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebRequest
from wallet.ids import payment_identifier, purchase_id
from wallet.limits import caps_for
from wallet.methods import method_of
from wallet.model import Bill, Challenge, Offer, Transfer
from wallet.money import Usd
from wallet.parts import Parts
from wallet.policy import decide
from wallet.quotes import Quote
from wallet.rails.base import CannotFreezeError, Draft, Rail
from wallet.rails.router import objection, set_aside
from wallet.rails.x402.batch.channel import SCHEME as BATCH
from wallet.repeats import host_of, origin_of


def new_draft(parts: Parts, request: WebRequest, payer: str) -> tuple[str, Draft]:
    """Return a new purchase's id and what its terms are fixed with."""
    order_id = purchase_id(parts.clock(), parts.entropy(10))
    return order_id, Draft(
        payer=payer,
        now_s=parts.now_s(),
        validity_s=parts.rules.validity_s,
        random=parts.entropy(32),
        payment_id=payment_identifier(order_id),
        request=request,
    )


async def choose(
    parts: Parts, bill: Bill, key: str, url: str, draft: Draft, max_price: Usd | None
) -> tuple[Bill, Quote]:
    """Decide, anew without an offer whose terms its rail cannot fix now, until one stands.

    Args:
        parts: the wallet.
        bill: what the seller offers.
        key: the purchase key of the request.
        url: where the 402 came from.
        draft: what terms are fixed with; without a payer none can be.
        max_price: the caller's own limit.

    Raises:
        LedgerUnavailableError: budgets cannot be read.
    """
    while True:
        quote = await decide_now(parts, bill, key, draft.request, url, draft.payer, max_price)
        wanted = quote.askable if quote.chosen is None else quote.chosen
        offer = next((one for one in bill.offers if one.index == wanted), None)
        if offer is None or offer.scheme == BATCH or not draft.payer:
            return bill, quote
        reason = objection(bill, parts.rails, offer, draft)
        if reason is None:
            return bill, quote
        bill = set_aside(bill, offer, reason)


async def decide_now(
    parts: Parts,
    bill: Bill,
    key: str,
    request: WebRequest,
    url: str,
    payer: str,
    max_price: Usd | None,
) -> Quote:
    """Have policy decide, with budgets, approval and channels as the ledger has them now.

    Raises:
        LedgerUnavailableError: they cannot be read.
    """
    host, headers = host_of(url), header_terms(request)
    caps, now = caps_for(parts.rules, host), parts.now_s()
    origin = origin_of(url)
    balances, approval, live = await parts.ledger.call(
        lambda ledger: (
            ledger.balances(caps, now),
            ledger.latest_approval(key),
            ledger.channels.of_origin(parts.principal, origin),
        )
    )
    standing = list(zip(caps, balances, strict=True))
    approved = approved_offers(approval, key, host, bill.offers, headers, now)
    through = plans(bill, parts.rules, standing, live)
    quote = decide(bill, url, parts.rules, payer, max_price, standing, approved, through)
    wanted = quote.askable if quote.chosen is None else quote.chosen
    offer = next((one for one in bill.offers if one.index == wanted), None)
    terms = None if offer is None else offered_terms(key, host, offer, headers)
    return with_approval(quote, approval, terms, now)


def frozen(rail: Rail, challenge: Challenge, offer: Offer, draft: Draft) -> Transfer:
    """Let the rail fix the terms, and see that they are the ones that policy allowed.

    Raises:
        PurserError: NO_PAYABLE_OFFER, the rail cannot pay the offer after all.
    """
    try:
        transfer = rail.freeze(challenge, offer, draft)
    except CannotFreezeError as error:
        raise PurserError(ErrorKind.NO_PAYABLE_OFFER, f"Nothing was signed: {error}.") from None
    asset = find_asset(offer.network_id or "", offer.asset)
    latest = draft.now_s + draft.validity_s
    if (
        asset is None
        or (transfer.network_id, transfer.asset) != (asset.network, asset.address)
        or (transfer.payer, transfer.pay_to) != (draft.payer, offer.pay_to)
        or (transfer.amount_atomic, transfer.method) != (offer.amount_atomic, method_of(offer))
        or not draft.now_s < transfer.valid_before <= latest
    ):
        raise AssertionError("a rail froze other terms than the offer's")
    return transfer
