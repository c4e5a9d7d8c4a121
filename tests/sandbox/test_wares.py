"""What is for sale comes from one table, and money is asked only for what there is."""

from __future__ import annotations

import base64
import json
import shlex
from urllib.parse import urlsplit

import httpx
import pytest

from sandbox.clerk import HARBOURS, SERVICES
from sandbox.run import Sandbox
from sandbox.wares import BY_PATH, WARES, Ware
from server.cli import build_parser
from server.settings_models import Budget
from wallet.money import Usd

SAID = json.dumps({"text": "One. Two."}).encode()
DEEP = b'{"text":' + b"[" * 100_000


def asked(sandbox: Sandbox, ware: Ware) -> httpx.Response:
    """Ask for a ware's example without paying."""
    body = None if ware.body is None else dict(ware.body)
    return httpx.request(ware.method, ware.url(sandbox.seller_url), json=body)


def price_atomic(response: httpx.Response) -> str:
    """Return the price that a challenge names, in either version of x402."""
    header = response.headers.get("payment-required")
    if header is None:
        return response.json()["accepts"][0]["maxAmountRequired"]
    return json.loads(base64.b64decode(header))["accepts"][0]["amount"]


@pytest.mark.parametrize("ware", WARES, ids=lambda ware: ware.route)
def test_every_example_of_the_table_is_sold_at_its_price(sandbox: Sandbox, ware: Ware) -> None:
    response = asked(sandbox, ware)
    assert response.status_code == 402
    assert price_atomic(response) == str(ware.amount_atomic)


def test_a_price_is_read_to_the_last_digit() -> None:
    prices = {ware.price: ware.amount_atomic for ware in WARES}
    assert (prices["$0.0001"], prices["$0.60"], prices["$25.00"]) == (100, 600_000, 25_000_000)


@pytest.mark.parametrize("path", ["/pilotage", "/api/passage"])
def test_an_approval_can_be_tried_under_the_limits_as_shipped(path: str) -> None:
    shipped, price = Budget(), Usd(BY_PATH[path].amount_atomic)
    assert shipped.approval_above < price <= shipped.per_payment


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/library/none.pdf", None, 404),
        ("GET", "/library/", None, 404),
        ("GET", "/library/log.pdf/x", None, 404),
        ("GET", "/library/..%2flog.pdf", None, 404),
        ("POST", "/api/summarise", None, 400),
        ("POST", "/api/summarise", b"not json", 400),
        ("POST", "/api/summarise", b"[]", 400),
        ("POST", "/api/summarise", DEEP, 400),
        ("POST", "/api/summarise", b'{"text": 5}', 400),
        ("POST", "/api/summarise", b'{"text": "a", "sentences": true}', 400),
        ("POST", "/api/summarise", b'{"text": "a", "sentences": 6}', 400),
        ("POST", "/api/passage", SAID, 400),
        ("POST", "/api/passage", b'{"start": ["Port Ellery"], "end": {}, "knots": 6}', 400),
        ("POST", "/api/passage", b'{"start":"Saint Wen","end":"Cold Haven","knots":0}', 400),
        ("GET", "/api/passage", None, 405),
        ("GET", "/no-such-page", None, 404),
    ],
)
def test_what_is_not_there_is_refused_before_money_is_asked(
    sandbox: Sandbox, method: str, path: str, body: bytes | None, status: int
) -> None:
    response = httpx.request(method, sandbox.seller_url + path, content=body)
    assert response.status_code == status
    assert "payment-required" not in response.headers


@pytest.mark.parametrize("ware", WARES, ids=lambda ware: ware.route)
def test_a_line_of_the_front_page_is_the_example_itself(ware: Ware) -> None:
    words = shlex.split(ware.arguments("http://127.0.0.1:8402"))
    parsed = build_parser("fetch").parse_args(["fetch", *words])
    urls: list[str] = parsed.urls
    (url,) = urls
    assert urlsplit(url).path == ware.url("")
    assert (parsed.body and json.loads(parsed.body)) == (ware.body and dict(ware.body))


def test_a_passage_is_counted_in_whole_miles() -> None:
    told = SERVICES["/api/passage"]({"start": "Port Ellery", "end": "Skerry Light", "knots": 6})
    assert (told["miles"], told["time"]) == (15, "2 h 30 min")
    same = SERVICES["/api/passage"]({"start": "Saint Wen", "end": "Saint Wen", "knots": 1})
    assert (same["miles"], same["time"]) == (0, "0 h 00 min")
    assert len(HARBOURS) > 2
