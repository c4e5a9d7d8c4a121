"""`purser find` over the sandbox's own directory."""

from __future__ import annotations

import pytest

from sandbox.run import Sandbox
from tests.commands.command_line import CommandLine


def test_services_are_a_table_with_price_and_verdict(shopper: CommandLine) -> None:
    ran = shopper("find", "weather")
    assert ran.code == 0
    assert "Harbour weather: GET http://127.0.0.1" in ran.out
    assert "$0.0001" in ran.out
    assert "purser price" in ran.out
    assert "PAID HOST" in ran.out.splitlines()[0]


def test_json_is_what_the_tool_returns(shopper: CommandLine, sandbox: Sandbox) -> None:
    ran = shopper("find", "chart", "--json", "--limit", "1", "--network", "base-sepolia")
    (row,) = ran.json()["services"]
    assert row["url"] == f"{sandbox.seller_url}/dear"
    assert (row["price_usd"], row["refusal"]) == ("25.00", "over_payment_cap")
    cheap = shopper("find", "chart", "--json", "--max-price-usd", "0.5", "--refresh").json()
    assert all(one["url"] != row["url"] for one in cheap["services"])


def test_nothing_found_is_said(shopper: CommandLine) -> None:
    ran = shopper("find", "zzzz")
    assert (ran.code, ran.out.startswith("Nothing found. Other words may help")) == (0, True)
    ran = shopper("find", "weather", "--max-price-usd", "0.000001", "--network", "base-sepolia")
    assert "--max-price-usd and --network may leave out what there is" in ran.out


def test_a_directory_that_is_down_is_a_note_and_a_failure(shopper: CommandLine) -> None:
    shopper.env["PURSER_DIRECTORIES__BAZAAR"] = '["https://directory.invalid"]'
    ran = shopper("find", "weather")
    assert ran.code == 1
    assert "note: directory.invalid cannot be asked: the web server failed" in ran.out
    assert "No directory answered, so nothing was searched" in ran.out
    assert "Nothing found" not in ran.out


@pytest.mark.parametrize(
    "arguments", [("--limit", "0"), ("--limit", "51"), ("--max-price-usd", "0,5")]
)
def test_wrong_usage_is_told(purser: CommandLine, arguments: tuple[str, str]) -> None:
    ran = purser("find", "weather", *arguments)
    assert ran.code == 2
    assert arguments[0] in ran.err
