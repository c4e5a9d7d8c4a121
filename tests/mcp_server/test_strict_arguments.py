"""Arguments are checked to the letter, and a mistake comes back as a result the model can read."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.client import Client
from mcp_types import TextContent
from stub_toolbox import ERAS, Stub

from server.registry import build_tools
from server.strict import check_arguments
from tools.arguments import MAX_BODY_CHARS
from tools.context import Toolbox
from wallet.errors import PurserError

URL = "https://seller.example/page"
SECRET = "sk-canary-93f1"

PLAIN = {
    *("method", "headers", "body", "start", "max_chars", "format"),  # told once, by paid_fetch
    *("receipt_id", "host", "status", "limit", "concurrency", "max_price_usd", "max_total_usd"),
}
"""Arguments whose names say enough: each word of the list of tools costs every conversation."""


async def _mistake(era: Any, tool: str, arguments: dict[str, Any]) -> str:
    """Call with bad arguments and return the text, after checking the shape of the refusal."""
    stub = Stub()
    async with Client(stub.server(), mode=era) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert len(result.content) == 1
    assert isinstance(result.content[0], TextContent)
    assert result.structured_content is None
    assert result.meta is not None
    error = result.meta["purser/error"]
    assert error["code"] == "invalid_argument"
    assert error["spent"] == "no"
    assert error["retryable"] is True
    assert stub.buyer.fetched == []
    text = result.content[0].text
    assert len(text) < 1_000
    assert "No money moved." in text
    return text


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        (
            "paid_fetch",
            {"url": URL, "max_price": "0.01"},
            "paid_fetch has no argument 'max_price' (did you mean max_price_usd?). It takes url,",
        ),
        ("paid_fetch", {"url": URL, "payAgain": True}, "did you mean pay_again?"),
        (
            "check_balance",
            {"network": "base"},
            "check_balance has no argument 'network'. It takes no arguments.",
        ),
        ("list_receipts", {"zzz": 1}, "It takes host, status, since, limit, cursor."),
        ("paid_fetch", {}, "url is required"),
        ("paid_fetch", {"url": 5}, "url must be a string"),
        ("paid_fetch", {"url": URL, "start": "0"}, "start must be a whole number"),
        ("paid_fetch", {"url": URL, "start": True}, "start must be a whole number"),
        ("paid_fetch", {"url": URL, "start": -1}, "start must be at least 0"),
        ("paid_fetch", {"url": URL, "max_chars": 50_001}, "max_chars must be at most 50000"),
        ("paid_fetch", {"url": URL, "pay_again": "yes"}, "pay_again must be true or false"),
        ("paid_fetch", {"url": URL, "pay_again": 1}, "pay_again must be true or false"),
        ("paid_fetch", {"url": URL, "method": "get"}, "method must be one of 'GET', 'POST'"),
        ("paid_fetch", {"url": URL, "headers": [1]}, "headers must be an object"),
        ("paid_fetch", {"url": URL, "body": {"a": 1}}, "body must be a string"),
        ("check_price", {"urls": []}, "urls must have at least 1 entries"),
        ("check_price", {"urls": [URL] * 21}, "urls must have at most 20 entries"),
        ("check_price", {"urls": [URL, 3]}, "urls[1] must be a string"),
        ("list_receipts", {"status": "paid"}, "status must be one of 'free', 'settled'"),
        ("list_receipts", {"cursor": "x"}, "cursor must be the next_cursor"),
        ("list_receipts", {"since": "yesterday"}, "since must be a day such as 2026-11-21"),
        ("read_purchase", {"receipt_id": "nope"}, "receipt_id names no purchase"),
        (
            "paid_fetch",
            {"url": URL, "body": "x" * (MAX_BODY_CHARS + 1)},
            f"body must have at most {MAX_BODY_CHARS} characters",
        ),
        ("paid_fetch", {"url": URL, "body": "x"}, "body needs method POST"),
    ],
)
async def test_a_wrong_argument_is_named_with_a_fixed_reason(
    era: str, tool: str, arguments: dict[str, Any], expected: str
) -> None:
    assert expected in await _mistake(era, tool, arguments)


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "arguments",
    [
        {"url": [SECRET]},
        {"url": URL, "headers": {SECRET: 5}},
        {"url": URL, "headers": {"Authorization": [SECRET]}},
        {"url": URL, "headers": SECRET},
        {"url": URL, "method": SECRET},
        {"url": URL, "max_price_usd": SECRET},
        {"url": URL, "max_price_usd": {"a": SECRET}},
        {"url": URL, "body": [SECRET]},
        {"url": URL, "start": SECRET},
    ],
)
async def test_a_value_is_never_repeated(era: str, arguments: dict[str, Any]) -> None:
    assert SECRET not in await _mistake(era, "paid_fetch", arguments)


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_many_long_unknown_names_stay_within_bounds(era: str) -> None:
    hostile = {f"\x1b[31m{letter}" + "\n" * 50 + "x" * 5_000: 1 for letter in "abcdefghij"}
    text = await _mistake(era, "paid_fetch", {"url": URL, **hostile})
    assert "and 7 more" in text
    assert "\x1b" not in text
    assert "\n" not in text


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("value", "micros"),
    [
        ("0.05", 50_000),
        ("1", 1_000_000),
        (0.05, 50_000),
        (0.1, 100_000),
        (0.00001, 10),
        (1.0, 1_000_000),
        (2, 2_000_000),
        (0, 0),
    ],
)
async def test_a_price_is_exact_as_text_and_as_a_number(
    era: Any, value: object, micros: int
) -> None:
    stub = Stub()
    async with Client(stub.server(), mode=era) as client:
        result = await client.call_tool("check_balance", {})
        assert not result.is_error
        await client.call_tool("paid_fetch", {"url": URL, "max_price_usd": value})
    price = stub.buyer.fetched[0][1]
    assert price is not None
    assert price.micros == micros


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "value",
    ["-1", "1e-2", "NaN", "", " 1", "1,5", "$1", "٠.٥", -1, -0.5, 1e300, 0.1 + 0.2, True, 10**40],
)
async def test_a_price_that_is_not_plain_digits_is_refused(value: object) -> None:
    # In memory, and in the modern era, arguments arrive without a trip through JSON.
    text = await _mistake("2026-07-28", "paid_fetch", {"url": URL, "max_price_usd": value})
    assert "max_price_usd must be a USD amount" in text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_price_that_is_no_number_is_refused(value: float) -> None:
    # JSON text cannot carry these through the client, but a lenient parser may let them in.
    (paid_fetch,) = (tool for tool in build_tools(_no_toolbox, _ready) if tool.name == "paid_fetch")
    with pytest.raises(PurserError, match="max_price_usd must be a USD amount"):
        check_arguments(
            "paid_fetch", paid_fetch.fn_metadata.arg_model, {"url": URL, "max_price_usd": value}
        )


async def _no_toolbox() -> Toolbox:
    raise AssertionError("no call is made")


async def _ready(_: tuple[str, ...]) -> None:
    return None


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_lists_and_objects_sent_as_json_text_are_understood(era: Any) -> None:
    stub = Stub()
    async with Client(stub.server(), mode=era) as client:
        await client.call_tool("paid_fetch", {"url": URL, "headers": '{"Accept": "text/csv"}'})
        prices = await client.call_tool("check_price", {"urls": f'["{URL}"]'})
    assert stub.buyer.fetched[0][0].headers == (("Accept", "text/csv"),)
    assert prices.structured_content is not None
    assert prices.structured_content["prices"][0]["url"] == URL


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_json_text_in_a_string_argument_stays_text(era: Any) -> None:
    stub = Stub()
    body = '{"q": [1, 2]}'
    async with Client(stub.server(), mode=era) as client:
        await client.call_tool("paid_fetch", {"url": URL, "method": "POST", "body": body})
    request = stub.buyer.fetched[0][0]
    assert request.body == body.encode()
    assert request.headers == (("content-type", "application/json"),)


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_every_schema_on_the_wire_forbids_unknown_arguments(era: Any) -> None:
    async with Client(Stub().server(), mode=era) as client:
        tools = (await client.list_tools()).tools
    assert len(tools) == 7
    for tool in tools:
        assert tool.input_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
        for name, schema in tool.input_schema["properties"].items():
            told = schema.get("description") or name in PLAIN
            assert told, f"{tool.name}.{name} has no description"


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_the_arguments_of_paid_fetch_are_the_documented_ones(era: Any) -> None:
    async with Client(Stub().server(), mode=era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    properties = tools["paid_fetch"].input_schema["properties"]
    defaults = {name: schema.get("default") for name, schema in properties.items()}
    assert defaults == {
        "url": None,
        "method": "GET",
        "headers": None,
        "body": None,
        "max_price_usd": None,
        "format": "auto",
        "max_chars": 20_000,
        "start": 0,
        "pay_again": False,
    }
    assert tools["paid_fetch"].input_schema["required"] == ["url"]
    assert properties["format"]["enum"] == ["auto", "markdown", "text", "raw"]
