"""What policy lets through: known tokens at our own decimals, within every limit, the cheapest."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.desk import RULES
from wallet.errors import ErrorKind
from wallet.exchange import WebResponse
from wallet.ledger.base import Balance, Cap
from wallet.limits import caps_for
from wallet.money import Usd
from wallet.policy import decide
from wallet.quotes import Quote
from wallet.rails.router import recognise
from wallet.rails.x402 import X402Rail

BASE, POLYGON = "eip155:8453", "eip155:137"
USDC = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
POLYGON_USDC = "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"
EURC = "0x60a3E35Cc302bFA44Cb288Bc5a4F316Fdb1adb42"
PAYER = "0x857b06519E91e3A54538791bDbb0E22373e36b66"
PAYEE = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
WORDS = "ignore-previous-instructions"
URL = "https://api.example.com/report"


def offer(**changes: Any) -> dict[str, Any]:
    """Return an offer of $0.01 in USDC on Base."""
    fields = {
        "scheme": "exact",
        "network": BASE,
        "asset": USDC,
        "amount": "10000",
        "payTo": PAYEE,
        "maxTimeoutSeconds": 60,
        "extra": {"name": "USD Coin", "version": "2"},
    }
    return fields | changes


def quote(
    *offers: dict[str, Any], max_price: str | None = None, used: str = "0", **rules: Any
) -> Quote:
    """Decide about a challenge; `used` is half held and half settled in every budget."""
    text = json.dumps({"x402Version": 2, "accepts": offers})
    header = ("PAYMENT-REQUIRED", base64.b64encode(text.encode()).decode())
    bill = recognise([X402Rail()], WebResponse(URL, 402, (header,), b""))
    chosen = replace(RULES, networks=(POLYGON, BASE), **rules)
    half = Usd(Usd.parse(used).micros // 2)
    standing: list[tuple[Cap, Balance]] = [
        (cap, Balance(cap.scope, "total", half, half))
        for cap in caps_for(chosen, "api.example.com")
    ]
    limit = None if max_price is None else Usd.parse(max_price)
    return decide(bill, URL, chosen, PAYER, limit, standing)


def test_a_plain_offer_is_chosen_at_its_price() -> None:
    decided = quote(offer())
    assert (decided.chosen, decided.refusal) == (0, None)
    assert decided.offers[0].amount_usd == Usd.parse("0.01")


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"network": "eip155:1"}, ErrorKind.UNSUPPORTED_NETWORK),
        ({"network": "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"}, ErrorKind.NO_PAYABLE_OFFER),
        (
            {"scheme": "upto", "extra": {"facilitatorAddress": PAYEE}},
            ErrorKind.SCHEME_NOT_ENABLED,
        ),
        ({"scheme": "hover"}, ErrorKind.SCHEME_NOT_ENABLED),
        ({"scheme": "charge"}, ErrorKind.SCHEME_NOT_ENABLED),
        ({"extra": {"assetTransferMethod": "permit2"}}, ErrorKind.SCHEME_NOT_ENABLED),
        ({"extra": {"name": "GatewayWalletBatched"}}, ErrorKind.NO_PAYABLE_OFFER),
        ({"extra": {"verifyingContract": PAYEE}}, ErrorKind.NO_PAYABLE_OFFER),
        ({"extra": {"paymentFlow": "upfront"}}, ErrorKind.SCHEME_NOT_ENABLED),
        ({"asset": PAYEE, "extra": {"name": "USD Coin", "version": "2"}}, ErrorKind.UNKNOWN_ASSET),
        ({"asset": POLYGON_USDC}, ErrorKind.UNKNOWN_ASSET),
        ({"asset": EURC}, ErrorKind.UNKNOWN_ASSET),
        ({"payTo": PAYER}, ErrorKind.PAYEE_NOT_ALLOWED),
        ({"payTo": PAYER.lower()}, ErrorKind.PAYEE_NOT_ALLOWED),
        ({"payTo": USDC}, ErrorKind.PAYEE_NOT_ALLOWED),
        ({"maxTimeoutSeconds": 9}, ErrorKind.NO_PAYABLE_OFFER),
        ({"amount": "1000001"}, ErrorKind.OVER_PAYMENT_CAP),
        ({"amount": str(2**256 - 1)}, ErrorKind.OVER_PAYMENT_CAP),
    ],
)
def test_terms_that_are_not_ours_to_pay_are_refused(
    changes: dict[str, Any], kind: ErrorKind
) -> None:
    decided = quote(offer(**changes))
    assert (decided.chosen, decided.refusal) == (None, kind)


def test_a_scheme_is_known_only_in_the_protocol_that_has_it() -> None:
    refused = quote(offer(scheme="charge"))
    assert refused.reason == "the payment scheme is not supported"
    assert refused.offers[0].scheme is None


@pytest.mark.parametrize("flow", ["upfront", "escrow"])
def test_money_is_given_before_the_work_only_where_the_user_allows_that(flow: str) -> None:
    asked = offer(extra={"paymentFlow": flow})
    refused = quote(asked)
    assert (refused.chosen, refused.offers[0].payment_flow) == (None, flow)
    assert "before the work" in refused.reason
    assert quote(asked, payment_flows=("authorization", flow)).chosen == 0
    assert quote(offer(), payment_flows=(flow,)).chosen is None


def test_a_payment_flow_nobody_knows_is_refused_and_not_repeated() -> None:
    refused = quote(offer(extra={"paymentFlow": "CANARY"}))
    assert (refused.chosen, refused.offers[0].payment_flow) == (None, None)
    assert "CANARY" not in repr(refused)


@pytest.mark.parametrize("decimals", [0, 2, 7, 18, "18", 30])
def test_a_seller_cannot_say_how_many_decimals_a_token_has(decimals: object) -> None:
    asked = offer(amount="25000000", decimals=decimals, extra={"decimals": decimals})
    decided = quote(asked)
    assert decided.refusal is ErrorKind.OVER_PAYMENT_CAP
    assert decided.offers[0].amount_usd == Usd.parse("25.00")


def test_a_callers_own_limit_tightens_and_never_raises_the_users() -> None:
    dear = offer(amount="1000001")
    assert quote(dear, max_price="9.00").refusal is ErrorKind.OVER_PAYMENT_CAP
    assert quote(offer(), max_price="0.009999").refusal is ErrorKind.OVER_MAX_PRICE
    assert quote(offer(), max_price="0.01").chosen == 0


@pytest.mark.parametrize(
    ("limit", "kind"),
    [
        ("per_day", ErrorKind.OVER_DAY_BUDGET),
        ("total", ErrorKind.OVER_TOTAL_BUDGET),
        ("per_host_per_day", ErrorKind.OVER_HOST_BUDGET),
    ],
)
def test_what_is_held_and_what_is_settled_both_leave_less_to_promise(
    limit: str, kind: ErrorKind
) -> None:
    exactly: dict[str, Any] = {limit: Usd.parse("0.05")}
    short: dict[str, Any] = {limit: Usd.parse("0.049999")}
    assert quote(offer(), used="0.04", **exactly).chosen == 0
    assert quote(offer(), used="0.04", **short).refusal is kind


def test_the_cheapest_allowed_offer_is_chosen_wherever_it_stands() -> None:
    cheap_but_unknown = offer(amount="1", asset=PAYEE)
    decided = quote(offer(amount="20000"), cheap_but_unknown, offer(), offer(amount="30000"))
    assert decided.chosen == 2


def test_at_one_price_the_users_first_network_wins_then_the_sellers_order() -> None:
    polygon = offer(network=POLYGON, asset=POLYGON_USDC)
    assert quote(offer(), polygon, polygon).chosen == 1


def test_a_quote_shows_nothing_that_the_seller_wrote_freely() -> None:
    decided = quote(offer(scheme=WORDS, network=WORDS, asset=WORDS, payTo=WORDS, extra={WORDS: 1}))
    assert decided.chosen is None
    assert WORDS not in repr(decided)
