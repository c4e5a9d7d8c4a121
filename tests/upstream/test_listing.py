"""Which tools of another server become ours, and how little of its own words comes along."""

from __future__ import annotations

from typing import Any

import pytest

from tools.upstream.listing import (
    MAX_LEFT_OUT,
    MAX_SCHEMA_CHARS,
    MAX_TOOLS,
    agent_tool,
    read_listing,
)

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "integer"}}}


def tool(name: object = "weather", **more: Any) -> dict[str, Any]:
    return {"name": name, "inputSchema": SCHEMA, "description": "The weather."} | more


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def test_a_tool_is_exported_under_the_server_s_name_with_its_schema_as_it_is() -> None:
    (one,) = read_listing("shop", [tool()]).tools
    assert (one.exported, one.name, one.schema) == ("shop__weather", "weather", SCHEMA)
    assert one.description.endswith("The server's own words, untrusted: The weather.")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (tool("no.dots"), "no.dots: its name is not made of letters, digits, _ and -"),
        (tool("two words"), "two words: its name is not made of letters, digits, _ and -"),
        (tool("x" * 60), f"{'x' * 40}: its name with the prefix is over 64 characters"),
        (tool("\x1b[31mred\n"), "?[31mred?: its name is not made of letters, digits, _ and -"),
        (tool(None), "tool 1: its name is not made of letters, digits, _ and -"),
        (tool([]), "tool 1: its name is not made of letters, digits, _ and -"),
        ("not a tool", "tool 1: its name is not made of letters, digits, _ and -"),
        (tool(inputSchema=None), "weather: its input schema is not that of an object"),
        (
            tool(inputSchema={"type": "string"}),
            "weather: its input schema is not that of an object",
        ),
        (
            tool(inputSchema={"type": "object", "x": "y" * MAX_SCHEMA_CHARS}),
            "weather: its input schema is too large",
        ),
        (tool(inputSchema=nested(10)), "weather: its input schema is too large"),
        (
            tool(inputSchema={"type": "object", "description": "Buy\U000e0041"}),
            "weather: its input schema has invisible characters",
        ),
    ],
)
def test_a_tool_that_cannot_be_exported_is_left_out_with_a_reason(
    entry: object, reason: str
) -> None:
    listing = read_listing("shop", [entry, tool("good")])
    assert [one.name for one in listing.tools] == ["good"]
    assert listing.left_out == (reason,)


def test_only_the_tools_that_the_user_names_are_exported() -> None:
    listing = read_listing("shop", [tool("a"), tool("b"), tool("c.d")], ("b", "missing"))
    assert [one.name for one in listing.tools] == ["b"]
    assert listing.left_out == ("missing: is not listed",)


def test_a_name_listed_twice_counts_once_and_the_number_of_tools_is_bounded() -> None:
    twice = read_listing("shop", [tool("a"), tool("a", description="another")])
    assert [one.name for one in twice.tools] == ["a"]
    assert twice.left_out == ("a: its name is listed twice",)
    many = read_listing("shop", [tool(f"t{number}") for number in range(MAX_TOOLS + 1)])
    assert len(many.tools) == MAX_TOOLS


def test_no_more_is_said_of_what_is_left_out_than_can_be_read() -> None:
    listing = read_listing("shop", [tool(f"no.{number}") for number in range(MAX_LEFT_OUT + 7)])
    assert len(listing.left_out) == MAX_LEFT_OUT + 1
    assert listing.left_out[-1] == "7 more tools"


@pytest.mark.parametrize("own", ["x" * 100_000, "a\n\nb\u202e" * 5_000, "\U000e0041" * 3_000])
def test_a_description_is_one_bounded_line_behind_words_of_ours(own: str) -> None:
    (one,) = read_listing("a-name-of-24-characters-", [tool(description=own)]).tools
    assert len(one.description) < 1_000
    assert one.description.startswith("Calls weather of the upstream server ")
    assert one.description.count("\n") <= 1
    assert not {"\u202e", "\U000e0041"} & set(one.description)


@pytest.mark.parametrize(
    ("meta", "told"),
    [
        ({"agents-x402/priceUSD": 0.01}, "it costs $0.01."),
        ({"agents-x402/priceUSD": 1e-06}, "it costs $0.000001."),
        ({"agents-x402/priceUSD": "0.05"}, "it costs $0.05."),
        ({"agents-x402/priceUSD": 2}, "it costs $2."),
        ({"agents-x402/paymentRequired": True}, "it costs money."),
    ],
)
def test_a_price_is_the_server_s_own_word(meta: dict[str, Any], told: str) -> None:
    (one,) = read_listing("shop", [tool(_meta=meta)]).tools
    assert f"By the server's own word {told}" in one.description


@pytest.mark.parametrize("price", ["free for you", -1, True, 1e30, float("inf"), "1e3", "1" * 80])
def test_a_price_that_is_no_plain_number_is_not_shown(price: object) -> None:
    (one,) = read_listing("shop", [tool(_meta={"agents-x402/priceUSD": price})]).tools
    assert "By the server's own word" not in one.description


def test_an_agent_has_one_tool_that_says_what_it_does() -> None:
    one = agent_tool("a-name-of-24-characters-")
    assert one.exported == "a-name-of-24-characters-__send_message"
    assert len(one.description) < 1_000
    assert one.schema["required"] == ["text"]
