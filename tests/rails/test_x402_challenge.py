"""Where a challenge is found, which version it is, and what is broken as a whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from x402.http.utils import encode_payment_required_header
from x402.schemas import PaymentRequired, PaymentRequirements, ResourceInfo
from x402.schemas.v1 import PaymentRequiredV1, PaymentRequirementsV1
from x402_samples import (
    BASE_USDC,
    PAYEE,
    b64,
    challenge_v1,
    challenge_v2,
    offer_v1,
    offer_v2,
    web,
    web_v2,
)

from wallet.exchange import WebResponse
from wallet.model import Challenge, UnreadableOffer
from wallet.rails.base import Rail, UnreadableChallengeError
from wallet.rails.x402 import X402Rail
from wallet.rails.x402.challenge import envelope_of

RAIL: Rail = X402Rail()
GOOD_V1 = web(body=challenge_v1())
BROKEN_HEADERS = {
    "not base64": "!!!",
    "not json": b64("{"),
    "not utf-8": b64(b"\xff"),
    "a list": b64([]),
    "version 3": b64(challenge_v2(x402Version=3)),
    "no version": b64(challenge_v2(x402Version=...)),
    "version true": b64(challenge_v2(x402Version=True)),
    "version 2.0": b64(json.dumps(challenge_v2()).replace('"x402Version": 2', '"x402Version":2.0')),
    "version text": b64(challenge_v2(x402Version="2")),
    "no accepts": b64(challenge_v2(accepts=...)),
    "accepts object": b64(challenge_v2(accepts={})),
    "duplicate key": b64('{"x402Version":2,"x402Version":2,"accepts":[]}'),
    "too long": "A" * 65_540,
    "too deep": b64("[" * 5000),
    "empty": "",
}


def _read(response: WebResponse) -> Challenge:
    challenge = RAIL.recognise(response)
    assert challenge is not None
    return challenge


def test_a_v2_header_is_read() -> None:
    extensions: dict[str, Any] = {"bazaar": {"info": {"input": {}}}}
    challenge = _read(web_v2(challenge_v2(extensions=extensions)))
    assert (challenge.rail, challenge.version, len(challenge.offers)) == ("x402", 2, 1)
    assert envelope_of(challenge).resource == challenge_v2()["resource"]
    assert envelope_of(challenge).extensions == extensions


def test_a_v1_body_is_read() -> None:
    challenge = _read(GOOD_V1)
    assert (challenge.version, len(challenge.offers)) == (1, 1)
    assert envelope_of(challenge).resource is None
    assert envelope_of(challenge).extensions == {}


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("place", ["header", "body"])
@pytest.mark.parametrize("alias", [True, False])
def test_the_version_decides_wherever_the_challenge_is_found(
    version: int, place: str, alias: bool
) -> None:
    network = "base" if alias else "eip155:8453"
    challenge = (
        challenge_v1(offer_v1(network=network))
        if version == 1
        else challenge_v2(offer_v2(network=network))
    )
    response = web_v2(challenge) if place == "header" else web(body=challenge)
    read = _read(response)
    assert read.version == version
    assert [(offer.network, offer.network_id) for offer in read.offers] == [
        (network, "eip155:8453")
    ]


def test_the_v2_header_wins_over_a_body() -> None:
    response = web(("payment-required", b64(challenge_v2())), body=challenge_v1(offer_v1(), 5))
    assert _read(response).version == 2
    assert _read(response).unreadable == ()


@pytest.mark.parametrize("header", BROKEN_HEADERS.values(), ids=BROKEN_HEADERS.keys())
def test_a_body_is_read_when_the_header_is_broken(header: str) -> None:
    response = web(("PAYMENT-REQUIRED", header), body=challenge_v1())
    assert _read(response).version == 1


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"x402Version":3,"accepts":[]}'])
@pytest.mark.parametrize("header", BROKEN_HEADERS.values(), ids=BROKEN_HEADERS.keys())
def test_a_broken_header_without_a_readable_body_is_an_error(header: str, body: bytes) -> None:
    with pytest.raises(UnreadableChallengeError):
        RAIL.recognise(web(("PAYMENT-REQUIRED", header), body=body))


@pytest.mark.parametrize("version", [3, 0, -1, None, True, "2", ..., [2]])
def test_an_unknown_version_is_said_to_be_unknown(version: Any) -> None:
    with pytest.raises(UnreadableChallengeError, match=r"^unknown x402 version$"):
        RAIL.recognise(web_v2(challenge_v2(x402Version=version)))


def test_a_header_repeated_with_one_value_is_read_and_with_two_is_not() -> None:
    one, other = b64(challenge_v2()), b64(challenge_v2(offer_v2(amount="1")))
    assert _read(web(("PAYMENT-REQUIRED", one), ("payment-required", one))).version == 2
    with pytest.raises(UnreadableChallengeError, match="twice"):
        RAIL.recognise(web(("PAYMENT-REQUIRED", one), ("PAYMENT-REQUIRED", other)))


def test_a_header_without_padding_is_read() -> None:
    assert _read(web(("PAYMENT-REQUIRED", b64(challenge_v2()).rstrip("=")))).version == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"Payment Required",
        b'<html>"x402Version": 1</html>',
        b'["x402Version"]',
        b'{"error":"\\"x402Version\\""}',
        b'{"detail":{"x402Version":1,"accepts":[]}}',
        b'{"accepts":[]}',
    ],
)
def test_a_402_that_is_not_x402_is_not_recognised(body: bytes) -> None:
    assert RAIL.recognise(web(("WWW-Authenticate", 'Payment id="1"'), body=body)) is None


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(challenge_v1()).encode()[:-1],
        b'{"x402Version":1,"x402Version":1,"accepts":[]}',
        b'{"x402Version":1}',
        b'{"x402Version":1,"accepts":null}',
        b'{"x402Version":1,"accepts":[],"x":"\xff"}',
        b'{"x402Version":1,"accepts":[]' + b" " * 300_000 + b"}",
    ],
)
def test_a_broken_x402_body_is_an_error(body: bytes) -> None:
    with pytest.raises(UnreadableChallengeError):
        RAIL.recognise(web(body=body))


def test_a_body_that_was_cut_is_an_error() -> None:
    with pytest.raises(UnreadableChallengeError, match="cut short"):
        RAIL.recognise(web(body=challenge_v1(), truncated=True))


def test_one_bad_offer_spoils_nothing() -> None:
    offers = [offer_v2(amount=5), offer_v2(amount="7"), None, offer_v2(amount="3", extra=None)]
    challenge = _read(web_v2(challenge_v2(*offers)))
    assert [(offer.index, offer.amount_atomic) for offer in challenge.offers] == [(1, 7), (3, 3)]
    assert challenge.unreadable == (
        UnreadableOffer(0, "amount is not a string of digits"),
        UnreadableOffer(2, "the offer is not an object"),
    )


@pytest.mark.parametrize("resource", [None, ..., "https://api.example.com/report", [], 5])
def test_a_resource_of_another_type_is_left_out(resource: Any) -> None:
    challenge = _read(web_v2(challenge_v2(resource=resource, extensions=resource)))
    assert envelope_of(challenge).resource is None
    assert envelope_of(challenge).extensions == {}
    assert len(challenge.offers) == 1


def test_at_most_fifty_offers_are_considered() -> None:
    challenge = _read(web_v2(challenge_v2(*[offer_v2()] * 51)))
    assert len(challenge.offers) == 50
    assert challenge.unreadable == (UnreadableOffer(50, "only the first 50 offers are considered"),)


def test_an_empty_list_of_offers_is_a_challenge_without_offers() -> None:
    assert _read(web_v2(challenge_v2(accepts=[]))).offers == ()


def test_an_offer_too_large_to_repeat_is_unreadable_beside_a_small_one() -> None:
    large = offer_v2(extra={"pad": "x" * 25_000})
    challenge = _read(web_v2(challenge_v2(large, offer_v2())))
    assert [offer.index for offer in challenge.offers] == [1]
    assert [offer.index for offer in challenge.unreadable] == [0]


def test_extensions_too_large_to_repeat_leave_no_offer() -> None:
    challenge = _read(web_v2(challenge_v2(extensions={"pad": "x" * 25_000})))
    assert challenge.offers == ()


@pytest.mark.parametrize(
    ("character", "count", "offers"), [("x", 20_000, 1), ("\N{SHIP}", 20_000, 0), ("é", 13_000, 0)]
)
def test_what_must_be_repeated_is_measured_in_bytes(
    character: str, count: int, offers: int
) -> None:
    body = json.dumps(challenge_v2(extensions={"pad": character * count}), ensure_ascii=False)
    challenge = _read(web(body=body.encode()))
    assert len(challenge.offers) == offers
    assert len(challenge.unreadable) == 1 - offers


def test_a_large_v1_offer_is_read_because_v1_repeats_nothing() -> None:
    offer = offer_v1(outputSchema={"pad": "x" * 100_000})
    assert len(_read(web(body=challenge_v1(offer))).offers) == 1


def test_what_the_official_seller_writes_is_read() -> None:
    requirements = PaymentRequirements(
        scheme="exact",
        network="eip155:8453",
        asset=BASE_USDC,
        amount="10000",
        pay_to=PAYEE,
        max_timeout_seconds=300,
        extra={"name": "USD Coin", "version": "2"},
    )
    official = PaymentRequired(
        resource=ResourceInfo(url="https://api.example.com/report", tags=["a"]),
        accepts=[requirements],
        extensions={"payment-identifier": {"info": {"required": True}, "schema": {}}},
    )
    header = encode_payment_required_header(official)
    challenge = _read(web(("PAYMENT-REQUIRED", header), body=b"{}"))
    assert challenge.unreadable == ()
    assert [(offer.amount_atomic, offer.pay_to) for offer in challenge.offers] == [(10000, PAYEE)]
    assert challenge.offers[0].max_timeout_s == 300


def test_what_the_official_v1_models_write_is_read() -> None:
    official = PaymentRequiredV1(accepts=[PaymentRequirementsV1.model_validate(offer_v1())])
    body = official.model_dump_json(by_alias=True).encode()
    challenge = _read(web(body=body))
    assert (challenge.version, len(challenge.offers), challenge.unreadable) == (1, 1, ())
