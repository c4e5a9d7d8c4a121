"""`Payment` challenges: which are read, which are refused, and why."""

from __future__ import annotations

from typing import Any

import pytest
from mpp_samples import CHALLENGE_ID, REALM, auth, b64url, charge

from wallet.rails.authenticate import parse_challenges
from wallet.rails.mpp.challenge import (
    PaymentChallenge,
    UnusableChallengeError,
    read_payment_challenge,
)
from wallet.rails.mpp.digest import matches_body
from wallet.rails.mpp.moment import unix_second

REQUEST = b64url(charge())
ABC_SHA256 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="


def _read(value: str) -> PaymentChallenge:
    (challenge,) = parse_challenges([value])
    return read_payment_challenge(challenge)


def _reason(value: str) -> str:
    with pytest.raises(UnusableChallengeError) as caught:
        _read(value)
    return str(caught.value)


def test_a_challenge_is_read_whole() -> None:
    opaque = b64url({"order": "7"})
    more = {"expires": "2026-01-01T00:00:00Z", "opaque": opaque, "description": "A report"}
    challenge = _read(auth(**more, digest="sha-256=x", header="payment-authorization", unknown="z"))
    assert challenge == PaymentChallenge(
        id=CHALLENGE_ID,
        realm=REALM,
        method="evm",
        intent="charge",
        request=charge(),
        expires_at=1767225600,
        digest="sha-256=x",
        header="Payment-Authorization",
        echo={
            "id": CHALLENGE_ID,
            "realm": REALM,
            "method": "evm",
            "intent": "charge",
            "request": REQUEST,
            **more,
            "digest": "sha-256=x",
            "header": "payment-authorization",
        },
    )


def test_the_payment_goes_into_authorization_unless_the_challenge_says_otherwise() -> None:
    assert _read(auth()).header == "Authorization"


@pytest.mark.parametrize("name", ["id", "realm", "method", "intent", "request"])
@pytest.mark.parametrize("value", ["", ...])
def test_what_a_challenge_must_have_is_missed(name: str, value: Any) -> None:
    assert _reason(auth(**{name: value})) == f"{name} is missing"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"method": "EVM"}, "method is not well-formed"),
        ({"method": "4evm"}, "method is not well-formed"),
        ({"method": "a" * 65}, "method is not well-formed"),
        ({"intent": "char ge"}, "intent is not well-formed"),
        ({"id": r"a\u0000"}, "id has characters that do not belong there"),
        ({"realm": r"a\ud800"}, "realm has characters that do not belong there"),
        ({"header": "Authorization"}, "it wants the payment in a header that is not allowed"),
        ({"header": "Cookie"}, "it wants the payment in a header that is not allowed"),
        ({"header": ""}, "it wants the payment in a header that is not allowed"),
        ({"expires": "tomorrow"}, "expires is not an RFC 3339 time"),
        ({"expires": ""}, "expires is not an RFC 3339 time"),
        ({"opaque": "a+b"}, "opaque cannot be read: the text is not unpadded base64url"),
        ({"opaque": b64url([])}, "opaque is not a JSON object"),
        ({"request": "e30="}, "request cannot be read: the text is not unpadded base64url"),
        ({"request": "e31"}, "request cannot be read: the base64url text is cut short or not"),
        ({"request": b64url([])}, "request is not a JSON object"),
        ({"request": b64url(b"{")}, "request cannot be read: the text is not JSON"),
        ({"request": b64url(b'{"a":1,"a":2}')}, "request cannot be read: the JSON text repeats"),
        ({"request": "A" * 16385}, "request cannot be read: the base64url text is too long"),
        ({"description": "d" * 25_000}, "what a payment would have to repeat is too large"),
    ],
)
def test_a_malformed_parameter_makes_the_challenge_unusable(
    changes: dict[str, str], reason: str
) -> None:
    assert _reason(auth(**changes)).startswith(reason)


def test_a_request_of_16_kib_is_read() -> None:
    request = b64url(charge(description="d" * 12_000))
    assert len(request) <= 16 * 1024
    assert _read(auth(request=request)).echo["request"] == request


@pytest.mark.parametrize("value", [auth() + ', id="b"', auth() + ", ID=b", auth() + ' "'])
def test_parameters_that_cannot_be_told_apart_are_refused(value: str) -> None:
    assert _reason(value) == "its parameters cannot be told apart"


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-21T14:35:25Z", 1795271725),
        ("2026-11-21t14:35:25.999z", 1795271725),
        ("2026-11-21T16:35:25+02:00", 1795271725),
        ("2026-11-21T12:05:25-02:30", 1795271725),
        ("2028-02-29T00:00:00Z", 1835395200),
        ("0001-01-01T00:00:00+23:59", -62135596800 - 86340),
        ("9999-12-31T23:59:59Z", 253402300799),
    ],
)
def test_a_time_is_the_whole_second_it_lies_in(text: str, second: int) -> None:
    assert unix_second(text) == second


@pytest.mark.parametrize(
    "text",
    [
        *("", "2026-11-21", "2026-11-21 14:35:25Z", "2026-11-21T14:35:25", "2026-11-21T14:35Z"),
        *("2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z"),
        *("2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z"),
        *("2026-01-01T00:60:00Z", "2026-06-30T23:59:60Z", "2026-01-01T00:00:00+24:00"),
        *("２026-01-01T00:00:00Z", "2026-01-01T00:00:00Z\n", "1767225600", "2026-1-1T0:0:0Z"),
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert unix_second(text) is None


@pytest.mark.parametrize(
    "digest",
    [
        f"sha-256=:{ABC_SHA256}:",
        f"sha-256={ABC_SHA256}",
        f"sha-512=:AAAA:, sha-256=:{ABC_SHA256}:",
    ],
)
def test_a_digest_of_the_body_fits(digest: str) -> None:
    assert matches_body(digest, b"abc")
    assert not matches_body(digest, b"abd")


@pytest.mark.parametrize(
    "digest",
    [
        *("", "sha-256", "sha-256=", "sha-512=:AAAA:", f"sha-256=:{ABC_SHA256}", ","),
        f"SHA-256=:{ABC_SHA256}:",
        f"sha-256=:{ABC_SHA256}:, sha-256=:{ABC_SHA256}:",
        f"sha-256=:{ABC_SHA256}:,",
        "sha-256=:" + "A" * 200 + ":",
    ],
)
def test_a_digest_that_is_not_a_plain_sha_256_fits_nothing(digest: str) -> None:
    assert not matches_body(digest, b"abc")
