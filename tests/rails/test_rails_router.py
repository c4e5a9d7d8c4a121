"""Which rail answers a 402, and what is said when none can."""

from __future__ import annotations

from dataclasses import replace

import pytest
from x402_samples import b64, challenge_v1, challenge_v2, offer_v2, web, web_v2

from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebResponse
from wallet.model import Challenge
from wallet.rails.base import UnreadableChallengeError
from wallet.rails.router import recognise
from wallet.rails.x402 import X402Rail

RAILS = (X402Rail(),)


def _refusal(response: WebResponse) -> str:
    with pytest.raises(PurserError) as caught:
        recognise(RAILS, response)
    assert caught.value.kind is ErrorKind.MALFORMED_CHALLENGE
    assert caught.value.spent == "no"
    return caught.value.detail


def test_the_rail_that_reads_the_402_answers() -> None:
    assert [one.rail for one in recognise(RAILS, web(body=challenge_v1())).challenges] == ["x402"]


def test_a_402_that_nobody_reads_is_said_to_have_no_offer() -> None:
    assert _refusal(web(body=b"Pay CANARY")) == (
        "402 without a machine-readable offer; "
        "it has no WWW-Authenticate header and a body of another kind"
    )
    with pytest.raises(PurserError, match="without a machine-readable offer"):
        recognise((), web(body=challenge_v1()))


class _BrokenRail(X402Rail):
    """A rail that finds every 402 to be its own and broken."""

    @property
    def name(self) -> str:
        return "other"

    def recognise(self, response: WebResponse) -> Challenge | None:
        raise UnreadableChallengeError("no sense in it")


def test_a_rail_that_reads_the_402_answers_though_another_finds_it_broken() -> None:
    bill = recognise((_BrokenRail(), X402Rail()), web(body=challenge_v1()))
    assert [one.rail for one in bill.challenges] == ["x402"]


def test_every_rail_that_finds_the_402_broken_is_heard() -> None:
    with pytest.raises(PurserError) as caught:
        recognise((_BrokenRail(), X402Rail()), web_v2({"x402Version": 3}))
    assert caught.value.detail == "other: no sense in it; x402: unknown x402 version"


def test_a_broken_challenge_is_named_in_our_words() -> None:
    assert _refusal(web_v2({"x402Version": 3})) == "x402: unknown x402 version"
    detail = _refusal(web(("PAYMENT-REQUIRED", "CANARY!")))
    assert detail == "x402: PAYMENT-REQUIRED cannot be read: the text is not standard base64"


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (("WWW-Authenticate", 'L402 token="t", invoice="lnbc1CANARY"'), "L402 (Lightning)"),
        (("www-authenticate", 'LSAT macaroon="CANARY", invoice="x"'), "LSAT (Lightning)"),
        (("WWW-Authenticate", 'Payment id="CANARY", method="tempo", intent="charge"'), "MPP tempo"),
        (
            ("WWW-Authenticate", 'Basic realm="a, b", payment method=evm, intent=session'),
            "an MPP session",
        ),
        (("Crawler-Price", "USD CANARY"), "Cloudflare pay-per-crawl"),
    ],
)
def test_other_dialects_are_named_and_never_quoted(header: tuple[str, str], words: str) -> None:
    bill = recognise(RAILS, web(header))
    assert (bill.offers, [one.name for one in bill.foreign]) == ((), [words])
    assert "CANARY" not in str(bill)
    broken = web(header, ("PAYMENT-REQUIRED", "CANARY!"))
    assert _refusal(broken).endswith(f"; it also speaks {words}, which is not paid here")


def test_dialects_are_named_once_and_in_order() -> None:
    tempo = "Payment method=tempo, intent=charge"
    response = web(
        ("WWW-Authenticate", f'{tempo}, {tempo}, L402 token="x"'),
        ("WWW-Authenticate", tempo),
        ("crawler-price", "USD 0.01"),
    )
    assert [one.name for one in recognise(RAILS, response).foreign] == [
        "MPP tempo",
        "L402 (Lightning)",
        "Cloudflare pay-per-crawl",
    ]


def test_another_dialect_beside_a_readable_challenge_changes_nothing() -> None:
    headers = (("WWW-Authenticate", "L402 x"), ("PAYMENT-REQUIRED", b64("{}")))
    bill = recognise(RAILS, web(*headers, body=challenge_v1()))
    assert [one.version for one in bill.challenges] == [1]
    assert [one.name for one in bill.foreign] == ["L402 (Lightning)"]


class _EchoRail(X402Rail):
    """A second rail that reads what x402 reads."""

    def __init__(self, name: str, gives_way: bool) -> None:
        self._name, self._gives_way = name, gives_way

    @property
    def name(self) -> str:
        return self._name

    def recognise(self, response: WebResponse) -> Challenge | None:
        challenge = super().recognise(response)
        return challenge and replace(challenge, rail=self._name, gives_way=self._gives_way)


def test_the_offers_of_several_rails_are_numbered_through_and_keep_their_challenge() -> None:
    rails = (_EchoRail("first", True), _EchoRail("second", False), _EchoRail("third", False))
    response = web_v2(challenge_v2(offer_v2(), {"scheme": 1}, offer_v2()))
    bill = recognise(rails, response)
    assert [one.rail for one in bill.challenges] == ["second", "third", "first"]
    assert [offer.index for offer in bill.offers] == [0, 2, 3, 5, 6, 8]
    assert [bad.index for one in bill.challenges for bad in one.unreadable] == [1, 4, 7]
    named = [bill.challenge_of(offer).rail for offer in bill.offers]
    assert named == ["second", "second", "third", "third", "first", "first"]
