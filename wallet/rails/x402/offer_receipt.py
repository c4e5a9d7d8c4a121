"""The x402 extension `offer-receipt`: what a seller's own signatures say of a purchase, in words.

A signed object is the seller's word, however well it is signed: it never proves that money moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from wallet.assets import find_network
from wallet.model import Offer, SellerWord, Transfer
from wallet.money import parse_atomic
from wallet.rails.codec import as_array, as_object, encode_json
from wallet.rails.x402.signed_by import SignedBy, Standing, signed_by
from wallet.rails.x402.signed_object import OFFER, RECEIPT, SignedObject, read_signed

Place = tuple[tuple[str, int | None], str, str]

EXTENSION = "offer-receipt"
MAX_SIGNED_OFFERS = 50
MAX_CHECKED = 4
"""So many offers that match are checked at most: each costs curve work."""
MAX_RAW_BYTES = 16 * 1024
MAX_SKEW_S = 300
"""So far the seller's clock may be from ours."""

CONTRADICTED = "the seller's own signed offer names other terms"

_OFFER_STANDING: Mapping[Standing, str] = {
    Standing.PAYEE: "the seller's signed offer matches what was paid, signed by the payee",
    Standing.OTHER_KEY: "the seller's signed offer matches what was paid, not signed by the payee",
    Standing.NEEDS_FETCH: (
        "the seller's signed offer matches what was paid, its signature is not checked: that would"
        " need a fetch"
    ),
    Standing.UNKNOWN_FORM: (
        "the seller's signed offer matches what was paid, its signature is of a kind not checked"
    ),
    Standing.WRONG: "the seller's signed offer matches what was paid, its signature is wrong",
}
_RECEIPT_STANDING: Mapping[Standing, str] = {
    Standing.PAYEE: "the seller's receipt is signed by the payee",
    Standing.OTHER_KEY: "the seller's receipt is signed, not by the payee",
    Standing.NEEDS_FETCH: (
        "the seller's receipt is signed, its signature is not checked: that would need a fetch"
    ),
    Standing.UNKNOWN_FORM: "the seller's receipt is signed, its signature is of a kind not checked",
    Standing.WRONG: "the seller's receipt has a wrong signature",
}


@dataclass(frozen=True, slots=True)
class SignedOffers:
    """The signed offers of a 402 that can be read; `broken` tells that others cannot."""

    offers: tuple[SignedObject, ...] = ()
    broken: bool = False


@dataclass(frozen=True, slots=True)
class ReceiptCase:
    """What a receipt must be about; `tx_hash` is what the seller says beside it, times in s."""

    url: str
    transfer: Transfer
    created_at: int
    now_s: int
    tx_hash: str | None


def read_offers(extensions: Mapping[str, Any] | None) -> SignedOffers:
    """Read the signed offers of a 402 (section 4.1); what cannot be read changes nothing."""
    info = _info(extensions)
    if "offers" not in info:
        return SignedOffers()
    entries = as_array(info["offers"])
    if entries is None:
        return SignedOffers(broken=True)
    read = [read_signed(OFFER, entry) for entry in entries[:MAX_SIGNED_OFFERS]]
    known = tuple(one for one in read if one is not None)
    return SignedOffers(known, broken=len(known) < len(entries))


def contradicted(signed: SignedOffers, offer: Offer, offers: Sequence[Offer]) -> bool:
    """Tell whether a seller signs other terms than the offer's, so that it must not be paid.

    An offer that a signed one matches is not contradicted. Otherwise it is by one that says it is
    the offer's, by its `acceptIndex`, or that says of no offer that it is its own, matches none
    and is for the same scheme, network and token. The signatures play no part: whoever speaks for
    the seller in this answer says two things at once.
    """
    if any(_matches(one, offer) for one in signed.offers):
        return False
    return any(
        one.accept_index == offer.index
        if one.accept_index is not None
        else _is_near(one, offer) and not any(_matches(one, other) for other in offers)
        for one in signed.offers
    )


def judge_offer(signed: SignedOffers, offer: Offer, url: str, now_s: int) -> SellerWord | None:
    """Check what a seller signed about the offer that is paid; None when it signed nothing.

    Blocking: curve work. `url` is where the 402 came from.
    """
    matching = [one for one in signed.offers if _matches(one, offer)][:MAX_CHECKED]
    if not matching:
        if signed.offers:
            return SellerWord(None, ("the seller signed no offer with the terms that were paid",))
        remarks = ("the seller's signed offer cannot be read",)
        return SellerWord(None, remarks) if signed.broken else None
    judged = [(signed_by(one, offer.pay_to), one) for one in matching]
    by, best = min(judged, key=lambda pair: list(Standing).index(pair[0].standing))
    subject = "the seller's signed offer"
    remarks = [_OFFER_STANDING[by.standing], *_place(subject, best, by, url)]
    if 0 < best.number("validUntil") < now_s:
        remarks.append(f"{subject} had run out before it was paid")
    return SellerWord(_raw(best), tuple(remarks))


def judge_receipt(extensions: Mapping[str, Any] | None, case: ReceiptCase) -> SellerWord | None:
    """Check a seller's signed receipt (section 5.5); None when it sent none.

    Blocking: curve work.
    """
    info = _info(extensions)
    if "receipt" not in info:
        return None
    signed = read_signed(RECEIPT, info["receipt"])
    if signed is None:
        return SellerWord(None, ("the seller's signed receipt cannot be read",))
    by = signed_by(signed, case.transfer.pay_to)
    raw = _raw(signed)
    kept = () if raw is not None else ("the seller's receipt is too large to keep",)
    place = _place("the seller's receipt", signed, by, case.url)
    remarks = (_RECEIPT_STANDING[by.standing], *place, *_receipt_faults(signed, case), *kept)
    return SellerWord(raw, remarks)


def _receipt_faults(signed: SignedObject, case: ReceiptCase) -> list[str]:
    network = find_network(signed.text("network"))
    tx_hash, issued_at = signed.text("transaction").lower(), signed.number("issuedAt")
    faults = {
        "names another network": network is None or network.id != case.transfer.network_id,
        "names another payer": _account(signed.text("payer")) != case.transfer.payer.lower(),
        "names another transfer": bool(tx_hash) and case.tx_hash not in (None, tx_hash),
        "is older than the purchase": issued_at < case.created_at - MAX_SKEW_S,
        "is dated in the future": issued_at > case.now_s + MAX_SKEW_S,
    }
    return [f"the seller's receipt {what}" for what, is_so in faults.items() if is_so]


def _info(extensions: Mapping[str, Any] | None) -> Mapping[str, Any]:
    extension = as_object((extensions or {}).get(EXTENSION)) or {}
    return as_object(extension.get("info")) or {}


def _raw(signed: SignedObject) -> str | None:
    text = encode_json(signed.raw)
    return text if len(text.encode("utf-8")) <= MAX_RAW_BYTES else None


def _matches(signed: SignedObject, offer: Offer) -> bool:
    """Compare by fields, never by position (section 4.1)."""
    return (
        _is_near(signed, offer)
        and _is_same(signed.text("payTo"), offer.pay_to)
        and _amount(signed.text("amount")) == offer.amount_atomic
    )


def _is_near(signed: SignedObject, offer: Offer) -> bool:
    network = find_network(signed.text("network"))
    name = signed.text("network") if network is None else network.id
    return (
        signed.text("scheme") == offer.scheme
        and name == (offer.network_id or offer.network)
        and _is_same(signed.text("asset"), offer.asset)
    )


def _is_same(one: str, other: str) -> bool:
    """Compare two names of accounts; the hex digits of an address have no case."""
    return one.lower() == other.lower() if other.startswith("0x") else one == other


def _account(text: str) -> str:
    """Return the address of an account that may be written with its chain (CAIP-10)."""
    return text.rpartition(":")[2].lower()


def _amount(text: str) -> int | None:
    try:
        return parse_atomic(text)
    except ValueError:
        return None


def _place(subject: str, signed: SignedObject, by: SignedBy, url: str) -> list[str]:
    """Say where a signed object belongs, if not to the page that was paid."""
    signed_for, paid_place = signed.text("resourceUrl"), _place_of(url)
    paid_host = None if paid_place is None else paid_place[0][0]
    remarks: list[str] = []
    if signed_for != url:
        remarks += _elsewhere(subject, _place_of(signed_for), paid_place)
    if by.web_host not in (None, paid_host):
        remarks.append(f"{subject} names another site's key")
    return remarks


def _elsewhere(subject: str, signed: Place | None, paid: Place | None) -> list[str]:
    """Compare two web addresses; one that is signed without a query is that of every query."""
    if signed is None or paid is None or signed[0] != paid[0]:
        return [f"{subject} names another site"]
    if signed[1] != paid[1] or signed[2] not in ("", paid[2]):
        return [f"{subject} names another page"]
    return []


def _place_of(url: str) -> Place | None:
    """Return host and port, path, and query; None where the text is no web address.

    http and https count as one: behind a proxy a seller sees http.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    host = parts.hostname.lower()
    return (host, None if port in (80, 443) else port), parts.path or "/", parts.query
