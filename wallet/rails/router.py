"""Ask every rail about a 402, and say plainly when none of them can read it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebResponse
from wallet.model import Challenge
from wallet.rails.base import Rail, UnreadableChallengeError

_QUOTED = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_AUTH_SCHEMES = {
    "payment": "the Payment authentication scheme",
    "l402": "L402 (Lightning)",
    "lsat": "LSAT (Lightning)",
}
_AUTH_SCHEME = re.compile(r"(?:^|,)[ \t]*(payment|l402|lsat)(?=[ \t,]|$)", re.IGNORECASE)


def recognise(rails: Sequence[Rail], response: WebResponse) -> Challenge:
    """Return the challenge of the first rail, in the order given, that can read the 402.

    Raises:
        PurserError: MALFORMED_CHALLENGE when no rail can; the detail never quotes the seller.
    """
    broken: list[str] = []
    for rail in rails:
        try:
            challenge = rail.recognise(response)
        except UnreadableChallengeError as error:
            broken.append(f"{rail.name}: {error}")
            continue
        if challenge is not None:
            return challenge
    detail = "; ".join(broken) or "402 without a machine-readable offer"
    others = other_dialects(response)
    if others:
        detail += f"; it also speaks {', '.join(others)}, which is not paid here"
    raise PurserError(ErrorKind.MALFORMED_CHALLENGE, detail)


def other_dialects(response: WebResponse) -> list[str]:
    """Name, in fixed words, the payment dialects a 402 shows that no rail here pays."""
    names: list[str] = []
    for value in response.values("WWW-Authenticate"):
        for match in _AUTH_SCHEME.finditer(_QUOTED.sub("", value)):
            names.append(_AUTH_SCHEMES[match.group(1).lower()])
    if response.header("crawler-price") is not None:
        names.append("Cloudflare pay-per-crawl")
    return list(dict.fromkeys(names))
