"""Signing in where a page was paid for before, instead of paying, if the user allows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from wallet.errors import PurserError
from wallet.exchange import (
    Exchange,
    NeverSentError,
    TransportFailedError,
    WebResponse,
    is_good,
)
from wallet.ledger.base import Ledger, PurchaseFilter
from wallet.model import Purchase, State
from wallet.parts import Parts
from wallet.rails.base import UnreadableChallengeError
from wallet.rails.x402.challenge import envelope_of, read_challenge
from wallet.rails.x402.sign_in import (
    SignIn,
    names_site,
    read_sign_in,
    sign_in_headers,
)
from wallet.repeats import host_of, origin_of

MAX_SKEW = timedelta(minutes=5)
"""So far a seller's clock may be from ours, and so old may be what it asks to be signed."""
LONGEST = timedelta(days=1)
"""So long a signature may be good at the most."""
LOOKED_AT = 50
"""So many of a host's latest purchases are looked at for one of the same origin."""


async def signed_in(parts: Parts, exchange: Exchange, response: WebResponse) -> WebResponse | None:
    """Return the page that a signature opened, or None where it has to be paid for as usual.

    Nothing is signed unless the user turned it on, the 402 came from the origin that was asked, the
    ledger has a settled purchase of this wallet there, and the text names that very site.
    """
    asked = _asked(parts, exchange, response)
    if asked is None or not exchange.can_still_pay():
        return None
    try:
        payer = await parts.keys.unlock()
        paid = await parts.ledger.call(lambda ledger: _paid_before(ledger, response.url, payer))
        if paid is None:
            return None
        signature = await parts.ledger.call(
            lambda ledger: parts.keys.sign_in(ledger, paid.id, asked)
        )
        answer = await exchange.pay(sign_in_headers(asked, payer, signature))
    except (PurserError, NeverSentError, TransportFailedError):
        return None
    return answer if is_good(answer.status) else None


def _asked(parts: Parts, exchange: Exchange, response: WebResponse) -> SignIn | None:
    if not parts.rules.sign_in or response.status != 402:
        return None
    if origin_of(response.url) != origin_of(exchange.request.url):
        return None
    try:
        challenge = read_challenge(response)
    except UnreadableChallengeError:
        return None
    if challenge is None:
        return None
    asked = read_sign_in(envelope_of(challenge).extensions, parts.rules.networks)
    if asked is None or not names_site(asked, response.url):
        return None
    return asked if is_timely(asked, parts.now_s()) else None


def is_timely(asked: SignIn, now_s: int) -> bool:
    """Tell whether a text was made just now, and is good now and for a day at the most."""
    now = datetime.fromtimestamp(now_s, UTC)
    try:
        issued_at = datetime.fromisoformat(asked.issued_at)
        ends = datetime.fromisoformat(asked.expires_at) if asked.expires_at else now + MAX_SKEW
        begins = datetime.fromisoformat(asked.not_before) if asked.not_before else issued_at
    except ValueError:
        return False
    return (
        abs(issued_at - now) <= MAX_SKEW
        and begins <= now + MAX_SKEW
        and now < ends <= issued_at + LONGEST
    )


def _paid_before(ledger: Ledger, url: str, payer: str) -> Purchase | None:
    """Return the latest settled purchase of this wallet at the origin of a URL."""
    wanted = PurchaseFilter(host=host_of(url), states=(State.SETTLED,), limit=LOOKED_AT)
    for purchase in ledger.list_purchases(wanted):
        paid = purchase.transfer is not None and purchase.transfer.payer == payer
        if paid and origin_of(purchase.url) == origin_of(url):
            return purchase
    return None
