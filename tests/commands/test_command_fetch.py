"""`purser fetch` and `purser price`: buying, and asking what it would cost, from a shell."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from sandbox.evm import USDC_ADDRESS
from sandbox.picture import ship_png
from sandbox.run import BUYER, SELLER, Sandbox
from tests.commands.command_line import CommandLine


@pytest.fixture
def paid(sandbox: Sandbox) -> list[str]:
    """Return the payment headers that the seller sees from now on."""
    sandbox.seen_payment_headers.clear()
    return sandbox.seen_payment_headers


def test_free_content_goes_to_stdout_and_its_footer_to_stderr(
    shopper: CommandLine, sandbox: Sandbox, paid: list[str]
) -> None:
    ran = shopper("fetch", sandbox.seller_url + "/free")
    assert ran.code == 0
    assert ran.out.startswith("# Tide Tables for the Idle Reader\n")
    assert ran.err.startswith("[Purser: free; $5.00 left today; receipt ")
    assert paid == []


def test_a_priced_page_is_paid_once_and_repeated_for_nothing(
    shopper: CommandLine, sandbox: Sandbox, paid: list[str]
) -> None:
    first = shopper("fetch", sandbox.seller_url + "/article")
    assert first.code == 0
    assert first.err.startswith("[Purser: paid $0.01 (verified); $4.99 left today; receipt ")
    again = shopper("fetch", sandbox.seller_url + "/article")
    assert (again.code, again.out) == (0, first.out)
    assert again.err.startswith("[Purser: bought earlier for $0.01, nothing spent now; $4.99 left")
    assert len(paid) == 1


def test_pay_again_buys_anew(shopper: CommandLine, sandbox: Sandbox, paid: list[str]) -> None:
    url = sandbox.seller_url + "/api/weather"
    for arguments in (("fetch", url), ("fetch", url, "--pay-again")):
        assert shopper(*arguments).code == 0
    assert len(paid) == 2


def test_json_holds_receipt_and_content(shopper: CommandLine, sandbox: Sandbox) -> None:
    url = sandbox.seller_url + "/api/weather"
    ran = shopper("fetch", url, "--json")
    assert (ran.code, ran.err) == (0, "")
    data: dict[str, Any] = ran.json()
    receipt: dict[str, Any] = data["receipt"]
    content = '{"harbour":"Port Ellery","sky":"fair","wind":"SW 4","celsius":16,"glass":1014}'
    names = ("id", "nonce", "valid_before", "tx_hash", "created_at", "settled_at")
    varying = {name: receipt[name] for name in names}
    assert all(isinstance(value, str) for value in varying.values())
    assert data == {
        "receipt": varying
        | {
            "status": "settled",
            "evidence": "verified",
            "spent": "yes",
            "reused": False,
            "amount_usd": "0.0001",
            "amount_atomic": "100",
            "asset": {"symbol": "USDC", "address": USDC_ADDRESS, "decimals": 6},
            "network": "eip155:84532",
            "rail": "x402",
            "scheme": "exact",
            "payer": BUYER,
            "pay_to": SELLER,
            "resource": url,
            "method": "GET",
            "delivery": {
                "http_status": 200,
                "content_type": "application/json",
                "bytes": len(content),
                "sha256": hashlib.sha256(content.encode()).hexdigest(),
            },
            "notes": [],
        },
        "left_today_usd": "4.9999",
        "url": url,
        "http_status": 200,
        "content_type": "application/json",
        "truncated": False,
        "output": None,
        "content": content,
        "content_base64": None,
    }


def test_json_carries_a_picture_as_base64(shopper: CommandLine, sandbox: Sandbox) -> None:
    data = shopper("fetch", sandbox.seller_url + "/image.png", "--json").json()
    assert data["content"] is None
    assert base64.b64decode(data["content_base64"]) == ship_png()


def test_a_refusal_by_the_limits_exits_with_3_and_pays_nothing(
    shopper: CommandLine, sandbox: Sandbox, paid: list[str]
) -> None:
    ran = shopper("fetch", sandbox.seller_url + "/dear")
    assert (ran.code, ran.out, paid) == (3, "", [])
    assert "(over_payment_cap)" in ran.err
    assert "Money moved: no." in ran.err


def test_a_refusal_as_json_is_one_object(shopper: CommandLine, sandbox: Sandbox) -> None:
    ran = shopper("fetch", sandbox.seller_url + "/article", "--max-price-usd", "0.009", "--json")
    assert ran.code == 3
    assert ran.json() == {
        "error": {
            "code": "over_max_price",
            "title": "The price is above --max-price-usd",
            "hint": "Raise --max-price-usd if the page is worth it. "
            "The limits in your settings still hold.",
            "retryable": False,
            "spent": "no",
            "receipt_id": None,
            "approval_id": None,
            "offers": [
                {
                    "index": 0,
                    "network": "eip155:84532",
                    "asset": "USDC",
                    "amount_usd": "0.01",
                    "code": "over_max_price",
                    "reason": "$0.01 is above max_price_usd $0.009",
                }
            ],
            "detail": "$0.01 is above max_price_usd $0.009.",
        }
    }


def test_a_seller_that_breaks_after_payment_leaves_an_unknown_outcome(
    shopper: CommandLine, sandbox: Sandbox, paid: list[str]
) -> None:
    for _ in range(2):
        ran = shopper("fetch", sandbox.seller_url + "/fails", "--json")
        assert ran.code == 1
        error = ran.json()["error"]
        assert (error["code"], error["spent"]) == ("outcome_unknown", "unknown")
    assert len(paid) == 2
    assert len(set(paid)) == 1


def test_output_writes_the_bytes_as_delivered(
    shopper: CommandLine, sandbox: Sandbox, tmp_path: Path
) -> None:
    target = tmp_path / "ship.png"
    ran = shopper("fetch", sandbox.seller_url + "/image.png", "--output", str(target))
    assert (ran.code, ran.out) == (0, "")
    assert target.read_bytes() == ship_png()


def test_output_in_another_format_writes_that(
    shopper: CommandLine, sandbox: Sandbox, tmp_path: Path
) -> None:
    target = tmp_path / "page.md"
    url = sandbox.seller_url + "/free"
    assert shopper("fetch", url, "--output", str(target), "--format", "markdown").code == 0
    assert target.read_text(encoding="utf-8").startswith("# Tide Tables")


def test_an_output_that_cannot_be_written_buys_nothing(
    shopper: CommandLine, sandbox: Sandbox, tmp_path: Path, paid: list[str]
) -> None:
    for target in (tmp_path / "missing" / "page.html", tmp_path):
        ran = shopper("fetch", sandbox.seller_url + "/article", "--output", str(target))
        assert (ran.code, paid) == (2, [])


def test_raw_leaves_the_page_as_it_is(shopper: CommandLine, sandbox: Sandbox) -> None:
    ran = shopper("fetch", sandbox.seller_url + "/free", "--format", "raw")
    assert ran.out.startswith("<!doctype html>")


@pytest.mark.parametrize("way", ["text", "file", "stdin"])
def test_a_body_makes_it_a_post(
    way: str, shopper: CommandLine, sandbox: Sandbox, tmp_path: Path
) -> None:
    body = '{"text": "One. Two. Three.", "sentences": 1}'
    (tmp_path / "body.json").write_text(body, encoding="utf-8")
    arguments = {
        "text": ("--body", body),
        "file": ("--body-file", str(tmp_path / "body.json")),
        "stdin": ("--body-file", "-"),
    }[way]
    ran = shopper("fetch", sandbox.seller_url + "/api/summarise", *arguments, stdin=body)
    assert (ran.code, ran.out) == (0, '{"summary":"One.","words":3}\n')


def test_an_error_status_fails_but_shows_what_came(shopper: CommandLine, sandbox: Sandbox) -> None:
    ran = shopper("fetch", sandbox.seller_url + "/no-such-page")
    assert (ran.code, ran.out) == (1, '{"detail":"Not Found"}\n')
    assert "; HTTP 404; " in ran.err


def test_a_host_that_is_not_listed_is_refused(shopper: CommandLine, sandbox: Sandbox) -> None:
    shopper.env["PURSER_HOSTS__PRIVATE_OK"] = "[]"
    ran = shopper("fetch", sandbox.seller_url + "/free")
    assert (ran.code, ran.out) == (3, "")
    assert "Money moved: no." in ran.err


def test_without_a_key_nothing_is_paid(
    shopper: CommandLine, sandbox: Sandbox, paid: list[str]
) -> None:
    del shopper.env["PURSER_PRIVATE_KEY"]
    ran = shopper("fetch", sandbox.seller_url + "/article", "--json")
    assert (ran.code, ran.json()["error"]["code"], paid) == (1, "wallet_locked", [])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--header", "no colon"),
        ("--header", "X-A: 1", "--header", "x-a: 2"),
        ("--max-price-usd", "1e3"),
        ("--max-price-usd", "-1"),
        ("--body", "a", "--body-file", "b"),
        ("--body-file", "there-is-no-such-file"),
        ("--body", "a", "--method", "GET"),
        ("--method", "BREW"),
    ],
)
def test_arguments_that_make_no_sense_are_wrong_usage(
    arguments: tuple[str, ...], shopper: CommandLine, sandbox: Sandbox
) -> None:
    ran = shopper("fetch", sandbox.seller_url + "/free", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err


def test_prices_come_cheapest_first_and_nothing_is_paid(
    shopper: CommandLine, sandbox: Sandbox, paid: list[str]
) -> None:
    base = sandbox.seller_url
    ran = shopper("price", base + "/dear", base + "/article", base + "/free", "--json")
    assert (ran.code, ran.err, paid) == (0, "", [])
    rows = ran.json()["prices"]
    seen = [(row["url"], row["price_usd"], row["would_pay"], row["refusal"]) for row in rows]
    assert seen == [
        (base + "/free", "0.00", False, None),
        (base + "/article", "0.01", True, None),
        (base + "/dear", "25.00", False, "over_payment_cap"),
    ]


def test_prices_read_as_a_table(shopper: CommandLine, sandbox: Sandbox) -> None:
    base = sandbox.seller_url
    ran = shopper("price", base + "/dear", base + "/article")
    assert [line.split(maxsplit=3) for line in ran.out.splitlines()] == [
        ["URL", "PRICE", "WOULD", "PAY  WHY"],
        [base + "/article", "$0.01", "yes"],
        [base + "/dear", "$25.00", "no", "$25.00 is above the $1.00 limit for one payment"],
    ]


def test_a_url_that_cannot_be_asked_fails_the_command_not_the_others(
    shopper: CommandLine, sandbox: Sandbox
) -> None:
    ran = shopper("price", "http://example.com/", sandbox.seller_url + "/free", "--json")
    assert ran.code == 1
    rows = ran.json()["prices"]
    assert [row.get("error") for row in rows] == [None, "insecure_url"]


def test_too_many_urls_are_wrong_usage(shopper: CommandLine) -> None:
    ran = shopper("price", *(f"https://example.com/{number}" for number in range(21)))
    assert (ran.code, ran.err) == (2, "purser: at most 20 URLs at once\n")


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("api.example.com/report", "https://api.example.com/report"),
        ("localhost:8402/article", "http://localhost:8402/article"),
        ("127.0.0.1:8402", "http://127.0.0.1:8402"),
    ],
)
@pytest.mark.parametrize("command", ["fetch", "price"])
def test_a_url_without_a_scheme_is_met_with_the_one_that_is_meant(
    purser: CommandLine, command: str, url: str, meant: str
) -> None:
    ran = purser(command, url)
    assert (ran.code, ran.out) == (2, "")
    assert f"did you mean {meant} ?" in ran.err
