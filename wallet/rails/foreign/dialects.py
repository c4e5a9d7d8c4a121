"""Find the dialects of a 402 that stand in its headers and that no rail here pays."""

from __future__ import annotations

from wallet.exchange import WebResponse
from wallet.model import Foreign
from wallet.rails.authenticate import AuthChallenge, parse_challenges
from wallet.rails.foreign import table
from wallet.rails.foreign.lightning import invoice_price
from wallet.rails.foreign.prices import charge_price, crawler_price
from wallet.rails.mpp.challenge import (
    SCHEME,
    UnusableChallengeError,
    method_and_intent,
    read_payment_challenge,
)
from wallet.rails.mpp.charge import INTENT, is_payable_kind

MAX_DIALECTS = 10

_LIGHTNING = {"l402": table.L402, "lsat": table.LSAT}
_LOGINS = frozenset({"basic", "bearer", "digest", "hoba", "mutual", "negotiate", "ntlm"})


def foreign_dialects(response: WebResponse) -> tuple[Foreign, ...]:
    """Return each foreign dialect of the headers once, in order, 10 at most, without raising."""
    found: list[Foreign] = []
    for challenge in parse_challenges(response.values("WWW-Authenticate")):
        one = _from_challenge(challenge)
        if one is not None:
            found.append(one)
    crawler = response.values("crawler-price")
    if crawler:
        price = crawler_price(crawler[0]) if len(set(crawler)) == 1 else None
        found.append(table.PAY_PER_CRAWL.at(price))
    return tuple(dict.fromkeys(found))[:MAX_DIALECTS]


def seen_instead(response: WebResponse) -> str:
    """Say in fixed words what kinds of headers and body a 402 has that nobody understands."""
    schemes = {one.scheme for one in parse_challenges(response.values("WWW-Authenticate"))}
    header = "no WWW-Authenticate header"
    if schemes:
        known = schemes <= _LOGINS
        header = "a WWW-Authenticate header that asks for a login"
        header = header if known else "a WWW-Authenticate header of an unknown scheme"
    return f"it has {header} and {_kind_of_body(response)}"


def _from_challenge(challenge: AuthChallenge) -> Foreign | None:
    if challenge.scheme in _LIGHTNING:
        price = invoice_price(challenge.params.get("invoice", ""))
        return _LIGHTNING[challenge.scheme].at(price)
    if challenge.scheme != SCHEME:
        return None
    kind = method_and_intent(challenge)
    if kind is None or is_payable_kind(*kind):
        return None
    method, intent = kind
    if intent != INTENT:
        # The amount is per unit or per period there, so it is never shown as a price.
        return table.MPP_INTENTS.get(intent, table.MPP_OTHER_INTENT).at(None)
    return table.MPP_METHODS.get(method, table.MPP_OTHER).at(_charge_price(method, challenge))


def _charge_price(method: str, challenge: AuthChallenge) -> str | None:
    try:
        request = read_payment_challenge(challenge).request
    except UnusableChallengeError:
        return None
    return charge_price(method, request)


def _kind_of_body(response: WebResponse) -> str:
    start = response.body.lstrip()[:1]
    content_type = (response.header("content-type") or "").lower()
    if not response.body.strip():
        return "an empty body"
    if start in (b"{", b"["):
        return "a JSON body"
    if "html" in content_type or start == b"<":
        return "an HTML page"
    return "a text body" if content_type.startswith("text/") else "a body of another kind"
