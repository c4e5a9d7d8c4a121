"""Ask every rail about a 402, and say plainly when none of them can read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebResponse
from wallet.model import Bill, Challenge, Offer, UnreadableOffer
from wallet.rails.base import CannotFreezeError, Draft, Rail, UnreadableChallengeError
from wallet.rails.foreign import foreign_dialects, seen_instead


def recognise(rails: Sequence[Rail], response: WebResponse) -> Bill:
    """Read a 402 with every rail, each on its own, so that a broken one spoils nothing.

    Offers are numbered through in the order of preference at one price: that of `rails`, but a
    challenge that gives way comes after those that do not.

    Raises:
        PurserError: MALFORMED_CHALLENGE when nothing is recognised; the detail never quotes the
            seller.
    """
    broken: list[str] = []
    challenges: list[Challenge] = []
    for rail in rails:
        try:
            challenge = rail.recognise(response)
        except UnreadableChallengeError as error:
            broken.append(f"{rail.name}: {error}")
            continue
        if challenge is not None:
            challenges.append(challenge)
    foreign = foreign_dialects(response)
    if challenges or (foreign and not broken):
        challenges.sort(key=lambda one: one.gives_way)
        return Bill(_numbered_through(challenges), foreign)
    nothing = f"402 without a machine-readable offer; {seen_instead(response)}"
    detail = "; ".join(broken) or nothing
    if foreign:
        names = ", ".join(one.name for one in foreign)
        detail += f"; it also speaks {names}, which is not paid here"
    raise PurserError(ErrorKind.MALFORMED_CHALLENGE, detail)


def objection(bill: Bill, rails: Sequence[Rail], offer: Offer, draft: Draft) -> str | None:
    """Say why the terms of an offer cannot be fixed now, such as an expired challenge, or None."""
    challenge = bill.challenge_of(offer)
    rail = next(one for one in rails if one.name == challenge.rail)
    try:
        rail.freeze(challenge, offer, draft)
    except CannotFreezeError as error:
        return str(error)
    return None


def set_aside(bill: Bill, offer: Offer, reason: str) -> Bill:
    """Count one offer among the unreadable ones, so that another can be paid in its place."""
    bad = UnreadableOffer(offer.index, reason)
    changed = [
        replace(
            one,
            offers=tuple(other for other in one.offers if other is not offer),
            unreadable=(*one.unreadable, bad),
        )
        if offer in one.offers
        else one
        for one in bill.challenges
    ]
    return replace(bill, challenges=tuple(changed))


def _numbered_through(challenges: Sequence[Challenge]) -> tuple[Challenge, ...]:
    numbered: list[Challenge] = []
    first = 0
    for challenge in challenges:
        entries = (*challenge.offers, *challenge.unreadable)
        numbered.append(
            replace(
                challenge,
                offers=tuple(replace(o, index=first + o.index) for o in challenge.offers),
                unreadable=tuple(replace(o, index=first + o.index) for o in challenge.unreadable),
            )
        )
        first += 1 + max((entry.index for entry in entries), default=-1)
    return tuple(numbered)
