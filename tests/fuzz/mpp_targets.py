"""What any bytes of a seller may do to MPP and to the dialects that are only recognised."""

from __future__ import annotations

import base64
import re
from typing import Any, cast

from mpp import Challenge as OfficialChallenge
from mpp import Receipt
from mpp._parsing import ParseError
from rails_targets import (
    MAX_PAYMENT_CHARS,
    SIGNATURE,
    TERMS,
    answer,
    check_settlement,
    check_words,
)

from wallet.exchange import WebRequest, WebResponse
from wallet.model import Challenge, Offer
from wallet.money import UINT256_MAX
from wallet.rails.authenticate import parse_challenges
from wallet.rails.base import CannotFreezeError, Draft
from wallet.rails.codec import parse_json
from wallet.rails.foreign import foreign_dialects, seen_instead
from wallet.rails.foreign.lightning import invoice_price
from wallet.rails.foreign.prices import crawler_price
from wallet.rails.mpp import MppRail
from wallet.rails.mpp.digest import matches_body
from wallet.rails.mpp.moment import unix_second

RAIL = MppRail()
DRAFT = Draft(TERMS.payer, 1795271725, 120, bytes(32), "pay_0", WebRequest("GET", "https://a.b/"))
MAX_OFFERS = 50
MAX_PRICE_CHARS = 50
_PRICE = re.compile(r"[0-9]+(?:\.[0-9]+)? (?:sat|USD|USDC|SOL|OUSD|pathUSD)", re.ASCII)
# The package finds parameters anywhere in a text, in front of which anything may stand.
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_-]*", re.ASCII)


def b64url(data: bytes) -> str:
    """Return unpadded base64url."""
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def header_of(data: bytes) -> str:
    """Return a well-formed challenge whose request is these bytes."""
    asked = b64url(data)
    return f'Payment id="a", realm="b", method="evm", intent="charge", request="{asked}"'


def _places(data: bytes) -> list[WebResponse]:
    text = data.decode("latin-1")
    return [
        answer(("WWW-Authenticate", text)),
        answer(("WWW-Authenticate", header_of(data))),
        answer(("WWW-Authenticate", f'Payment id="{text}", {header_of(data)[8:]}')),
    ]


def payment(data: bytes) -> None:
    """A 402 gives offers within their bounds, each with one payment of bounded size."""
    for response in _places(data):
        found = RAIL.recognise(response)
        if found is not None:
            assert 0 < len(found.offers) + len(found.unreadable) <= MAX_OFFERS
            for bad in found.unreadable:
                check_words(bad.reason)
            for offer in found.offers:
                _check_offer(found, offer)


def _check_offer(found: Challenge, offer: Offer) -> None:
    assert 0 < offer.amount_atomic <= UINT256_MAX
    assert (offer.scheme, offer.rail) == ("charge", "mpp")
    try:
        transfer = RAIL.freeze(found, offer, DRAFT)
    except CannotFreezeError as error:
        check_words(str(error))
        return
    assert DRAFT.now_s + 10 <= transfer.valid_before <= DRAFT.now_s + DRAFT.validity_s
    assert (transfer.amount_atomic, transfer.pay_to) == (offer.amount_atomic, offer.pay_to)
    headers = RAIL.payment_headers(found, offer, transfer, SIGNATURE, "pay_0")
    ((name, value),) = headers.items()
    assert name in ("Authorization", "Payment-Authorization")
    assert len(value) <= MAX_PAYMENT_CHARS
    assert value.isascii()
    coded = value.removeprefix("Payment ")
    sent = cast("dict[str, Any]", parse_json(base64.urlsafe_b64decode(coded + "==")))
    assert sent["challenge"] == offer.raw
    assert sent["payload"]["nonce"] == transfer.nonce
    assert sent["payload"]["value"] == str(transfer.amount_atomic)


def payment_official(data: bytes) -> None:
    """A lone challenge that we would pay means the same to the official package."""
    for response in _places(data):
        value = response.values("WWW-Authenticate")[0]
        found = RAIL.recognise(response)
        challenges = parse_challenges([value])
        lone = len(challenges) == 1 and value.lower().startswith("payment ")
        plain = lone and all(map(_PLAIN_NAME.fullmatch, challenges[0].params))
        if found is None or not found.offers or not plain:
            continue
        (offer,) = found.offers
        try:
            theirs = OfficialChallenge.from_www_authenticate(value)
        except ParseError as error:
            raise AssertionError("the package refuses what we would pay") from error
        assert theirs.request_b64 == offer.raw["request"]
        assert (theirs.id, theirs.realm) == (offer.raw["id"], offer.raw["realm"])
        assert (theirs.method, theirs.intent) == ("evm", "charge")
        assert theirs.request["amount"] == str(offer.amount_atomic)
        assert theirs.credential_header.lower() == offer.raw.get("header", "authorization").lower()


def receipt(data: bytes) -> None:
    """A receipt or a problem gives safe fields or nothing; what we believe, the package reads."""
    coded = b64url(data)
    for value in (coded, data.decode("latin-1")):
        found = RAIL.read_settlement(answer(("Payment-Receipt", value), status=200))
        if found is not None:
            check_settlement(RAIL, found)
            assert found.success
            theirs = cast("dict[str, Any]", parse_json(base64.urlsafe_b64decode(value + "==")))
            if isinstance(theirs.get("timestamp"), str) and unix_second(theirs["timestamp"]):
                assert Receipt.from_payment_receipt(value).status == "success"
    for status in (400, 402, 403, 500):
        refused = RAIL.read_settlement(answer(body=data, status=status))
        if refused is not None:
            check_settlement(RAIL, refused)
            assert not refused.success


def dialects(data: bytes) -> None:
    """What is only recognised is told in few fixed words and numbers, whatever stands there."""
    text = data.decode("latin-1")
    headers = (("WWW-Authenticate", text), ("crawler-price", text), ("content-type", text))
    found = foreign_dialects(answer(*headers, body=data))
    assert 1 <= len(found) <= 10
    assert len(set(found)) == len(found)
    for one in found:
        for words in (one.rail, one.name, one.needs):
            check_words(words)
        _check_price(one.price)
    check_words(seen_instead(answer(*headers, body=data)))


def small_texts(data: bytes) -> None:
    """Invoices, prices, times and digests give a bounded value or nothing."""
    text = data.decode("latin-1")
    _check_price(invoice_price(text))
    _check_price(crawler_price(text))
    second = unix_second(text)
    assert second is None or -(10**12) < second < 10**12
    assert not matches_body(text, data + b"!")


def _check_price(price: str | None) -> None:
    if price is not None:
        assert len(price) <= MAX_PRICE_CHARS
        assert _PRICE.fullmatch(price)
