"""Find an x402 challenge in a 402 and decode its envelope; the offers are decoded one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wallet.exchange import WebResponse
from wallet.model import Challenge, Offer, UnreadableOffer
from wallet.rails.base import UnreadableChallengeError
from wallet.rails.codec import (
    CodecError,
    as_array,
    as_object,
    decode_base64,
    encode_json,
    parse_json,
)
from wallet.rails.x402.offer import RAIL, decode_offer
from wallet.rails.x402.offer_receipt import (
    CONTRADICTED,
    SignedOffers,
    contradicted,
    read_offers,
)

HEADER = "PAYMENT-REQUIRED"
MAX_OFFERS = 50
MAX_ECHO_BYTES = 24 * 1024
MPPX = "mppx"
"""Servers with this extension may refuse an x402 payment that does not bind its nonce to them."""

_BODY_MARK = b'"x402Version"'


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a v2 payment repeats beside the offer, empty for v1, and what the seller signed."""

    resource: Mapping[str, Any] | None
    extensions: Mapping[str, Any]
    signed: SignedOffers = field(default_factory=SignedOffers)


def read_challenge(response: WebResponse) -> Challenge | None:
    """Decode the challenge of a 402, or return None when it is not x402's.

    The header wins over a body (x402 v2 HTTP transport). A body is read when there is no
    header or the header is broken: v1 lives there, and some v2 sellers put their object there.

    Raises:
        UnreadableChallengeError: it is x402 and neither place can be read.
    """
    values = response.values(HEADER)
    if not values:
        return _from_body(response)
    try:
        return _from_header(values)
    except UnreadableChallengeError as error:
        broken = error
    try:
        challenge = _from_body(response)
    except UnreadableChallengeError:
        challenge = None
    if challenge is None:
        raise broken
    return challenge


def _from_header(values: list[str]) -> Challenge:
    if len(set(values)) > 1:
        raise UnreadableChallengeError(f"{HEADER} is sent twice with different values")
    try:
        data = parse_json(decode_base64(values[0]))
    except CodecError as error:
        raise UnreadableChallengeError(f"{HEADER} cannot be read: {error}") from None
    envelope = as_object(data)
    if envelope is None:
        raise UnreadableChallengeError(f"{HEADER} is not a JSON object")
    return _decode_envelope(envelope)


def _from_body(response: WebResponse) -> Challenge | None:
    if _BODY_MARK not in response.body:
        return None
    # A page that merely talks about x402 is not a challenge.
    if not response.body.lstrip().startswith(b"{"):
        return None
    if response.truncated:
        raise UnreadableChallengeError("the body is cut short")
    try:
        data = parse_json(response.body)
    except CodecError as error:
        raise UnreadableChallengeError(f"the body cannot be read: {error}") from None
    envelope = as_object(data)
    if envelope is None or "x402Version" not in envelope:
        return None
    return _decode_envelope(envelope)


def _decode_envelope(envelope: dict[str, Any]) -> Challenge:
    version = envelope.get("x402Version")
    if isinstance(version, bool) or version not in (1, 2):
        raise UnreadableChallengeError("unknown x402 version")
    entries = as_array(envelope.get("accepts"))
    if entries is None:
        raise UnreadableChallengeError("accepts is not a list")
    resource = as_object(envelope.get("resource")) if version == 2 else None
    declared = as_object(envelope.get("extensions"))
    extensions = declared if version == 2 else None
    room = MAX_ECHO_BYTES - _echoed_bytes([resource, extensions])
    decoded = [_decode_entry(version, *entry, room) for entry in enumerate(entries[:MAX_OFFERS])]
    signed = read_offers(declared)
    decoded = _without_contradictions(decoded, signed)
    unreadable = [offer for offer in decoded if isinstance(offer, UnreadableOffer)]
    if len(entries) > MAX_OFFERS:
        reason = f"only the first {MAX_OFFERS} offers are considered"
        unreadable.append(UnreadableOffer(MAX_OFFERS, reason))
    return Challenge(
        rail=RAIL,
        version=version,
        offers=tuple(offer for offer in decoded if isinstance(offer, Offer)),
        unreadable=tuple(unreadable),
        context=Envelope(resource, extensions or {}, signed),
        gives_way=MPPX in (extensions or {}),
    )


def envelope_of(challenge: Challenge) -> Envelope:
    """Return what stands beside the offers of a challenge that this module decoded."""
    if not isinstance(challenge.context, Envelope):
        raise AssertionError("an x402 challenge has an envelope")
    return challenge.context


def _without_contradictions(
    decoded: list[Offer | UnreadableOffer], signed: SignedOffers
) -> list[Offer | UnreadableOffer]:
    """Make each offer that the seller's own signed one denies an unreadable one."""
    offers = [one for one in decoded if isinstance(one, Offer)]
    return [
        UnreadableOffer(one.index, CONTRADICTED)
        if isinstance(one, Offer) and contradicted(signed, one, offers)
        else one
        for one in decoded
    ]


def _echoed_bytes(value: object) -> int:
    return len(encode_json(value).encode("utf-8", "surrogatepass"))


def _decode_entry(version: int, index: int, entry: object, room: int) -> Offer | UnreadableOffer:
    # A v2 payment repeats the offer; one that no server would take must be refused before signing.
    if version == 2 and _echoed_bytes(entry) > room:
        return UnreadableOffer(index, "what a payment would have to repeat is too large")
    return decode_offer(version, index, entry)
