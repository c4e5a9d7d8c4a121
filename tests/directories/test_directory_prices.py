"""A listed price is an amount of a token in our own table, or it is no price."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.evm import USDC_ADDRESS
from sandbox.hostile.directories import units
from tests.directories.finding_kit import entries_of
from tools.directories.catalog import read_catalog
from tools.directories.prices import lowest_price, mpp_bill, stated_price, why_no_price
from tools.directories.site import read_openapi
from wallet.rails.codec import parse_json

UNITS = units()
EVM = {
    "intent": "charge",
    "method": "evm",
    "amount": "10000",
    "currency": USDC_ADDRESS,
    "chainId": 84532,
}
PATH_USD = "0x20c0000000000000000000000000000000000000"


@pytest.mark.parametrize("name", UNITS)
def test_an_amount_is_never_taken_for_another_sum(name: str) -> None:
    listing, price = UNITS[name]
    (entry,) = entries_of([listing])
    found = lowest_price(entry.bill)
    assert (None if found is None else str(found)) == price
    if found is None and name != "no-offers":
        assert why_no_price(entry.bill)


@pytest.mark.parametrize(
    ("changes", "price"),
    [
        ({}, "0.01"),
        ({"decimals": 6}, "0.01"),
        ({"decimals": "6"}, "0.01"),
        ({"method": "usdc"}, "0.01"),
        ({"chainId": None, "methodDetails": {"chainId": 84532}}, None),
        ({"decimals": 2}, None),
        ({"decimals": 18}, None),
        ({"chainId": 8453}, None),
        ({"chainId": "84532"}, None),
        ({"chainId": True}, None),
        ({"chainId": None}, None),
        ({"currency": "USDC"}, None),
        ({"currency": "usd"}, None),
        ({"amount": None}, None),
        ({"amount": 10000}, None),
        ({"amount": "0.01"}, None),
        ({"amount": "0"}, None),
        ({"intent": "session"}, None),
        ({"method": "stripe", "currency": "usd", "amount": "5"}, None),
        ({"method": "tempo", "currency": PATH_USD}, None),
    ],
)
def test_an_mpp_amount_counts_only_with_chain_and_token(
    changes: dict[str, Any], price: str | None
) -> None:
    bill = mpp_bill([{**EVM, **changes}])
    found = lowest_price(bill)
    assert (None if found is None else str(found)) == price
    assert found is not None or why_no_price(bill)


def test_a_chain_may_stand_among_the_details_alone() -> None:
    offer = {name: value for name, value in EVM.items() if name != "chainId"}
    assert str(lowest_price(mpp_bill([{**offer, "methodDetails": {"chainId": 84532}}]))) == "0.01"


@pytest.mark.parametrize(
    ("offer", "asked"),
    [
        ({"method": "stripe", "currency": "usd", "amount": "5"}, "0.05 USD"),
        ({"method": "stripe", "currency": "usd", "amount": "5", "decimals": 2}, "0.05 USD"),
        ({"method": "stripe", "currency": "usd", "amount": "5", "decimals": 6}, None),
        ({"method": "stripe", "currency": "eur", "amount": "5"}, None),
        ({"method": "tempo", "currency": PATH_USD, "amount": "500"}, "0.0005 pathUSD"),
        ({"method": "tempo", "currency": PATH_USD, "amount": "500", "decimals": 2}, None),
        ({"method": "tempo", "currency": "0xbeef", "amount": "500"}, None),
    ],
)
def test_what_another_method_asks_is_shown_in_its_own_unit(
    offer: dict[str, Any], asked: str | None
) -> None:
    (foreign,) = mpp_bill([{"intent": "charge", **offer}]).foreign
    assert foreign.price == asked


@pytest.mark.parametrize(
    ("price", "stated"),
    [
        ('{"mode": "fixed", "currency": "USD", "amount": "0.01"}', "0.01 USD"),
        ('{"mode": "fixed", "currency": "USD", "amount": 0.01}', "0.01 USD"),
        ('{"mode": "dynamic", "currency": "USD", "min": "0.01", "max": 2}', "0.01 to 2.00 USD"),
        ('{"mode": "fixed", "currency": "USD", "amount": "$0.01"}', None),
        ('{"mode": "fixed", "currency": "USD", "amount": "1e-2"}', None),
        ('{"mode": "fixed", "currency": "USD", "amount": true}', None),
        ('{"mode": "fixed", "currency": "USDC", "amount": "0.01"}', None),
        ('{"mode": "dynamic", "currency": "USD", "amount": "0.01"}', None),
        ('"0.01"', None),
    ],
)
def test_dollars_that_no_token_stands_behind_are_only_stated(
    price: str, stated: str | None
) -> None:
    assert stated_price(parse_json(price)) == stated


def test_a_document_s_two_shapes_of_prices_are_never_mixed() -> None:
    shapes = {
        "/dollars": {"price": {"mode": "fixed", "currency": "USD", "amount": "10000"}},
        "/atomic": EVM,
        "/offers": {"offers": [EVM, {**EVM, "amount": "20000"}]},
        "/both": {"offers": [EVM], "price": {"mode": "fixed", "currency": "USD", "amount": "9"}},
    }
    paths = {path: {"get": {"x-payment-info": info}} for path, info in shapes.items()}
    heard = read_openapi(json.dumps({"paths": paths}).encode(), "https://site.example")
    prices = {one.url: (lowest_price(one.bill), one.stated) for one in heard.entries}
    assert {url: (str(price), stated) for url, (price, stated) in prices.items()} == {
        "https://site.example/dollars": ("None", "10000.00 USD"),
        "https://site.example/atomic": ("0.01", None),
        "https://site.example/offers": ("0.01", None),
        "https://site.example/both": ("0.01", "9.00 USD"),
    }


def test_a_catalog_s_free_endpoints_are_passed_over() -> None:
    service = {
        "serviceUrl": "https://api.example.com/",
        "endpoints": [
            {"method": "GET", "path": "/free"},
            {"method": "GET", "path": "/paid", "payment": EVM},
            {"method": "GET", "path": "//evil.example/paid", "payment": "free"},
            {"method": "GET", "path": "no-slash", "payment": EVM},
        ],
    }
    heard = read_catalog(json.dumps({"services": [service, 7, {"endpoints": [None]}]}).encode())
    assert [one.url for one in heard.entries] == [
        "https://api.example.com/paid",
        "https://api.example.com//evil.example/paid",
    ]
    assert heard.left_out == 1
