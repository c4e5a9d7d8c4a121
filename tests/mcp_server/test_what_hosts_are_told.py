"""Names, titles, hints and texts that a host shows or gives to its model."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp.client import Client
from mcp_types import ToolAnnotations
from stub_toolbox import ERAS, Stub

from server.app import purser_version

TITLES = {
    "paid_fetch": "Fetch and pay",
    "fetch_many": "Fetch many and pay",
    "read_purchase": "Read a purchase",
    "check_price": "Check prices",
    "find_paid_services": "Find paid services",
    "check_balance": "Check limits and balance",
    "list_receipts": "List receipts",
}


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_the_server_names_itself(era: Any) -> None:
    async with Client(Stub().server(), mode=era if era == "legacy" else "auto") as client:
        assert client.server_info is not None
        assert client.server_info.name == "purser"
        assert client.server_info.version == purser_version() != "0"
        instructions = client.instructions
    assert instructions is not None
    assert len(instructions) < 2_000


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_descriptions_are_short_and_say_what_matters_first(era: Any) -> None:
    async with Client(Stub().server(), mode=era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert {name: tool.title for name, tool in tools.items()} == TITLES
    for tool in tools.values():
        assert tool.description is not None
        assert 100 < len(tool.description) < 1_000
        assert len(tool.description.partition("\n")[0]) <= 100
    paid = tools["paid_fetch"].description or ""
    assert "user's money" in paid.partition("\n")[0]
    for word in ("limits", "costs nothing", "untrusted", "instructions"):
        assert word in paid


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_only_the_paying_tools_are_marked_destructive(era: Any) -> None:
    async with Client(Stub().server(), mode=era) as client:
        hints = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
    reads = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    # Left out, a tool is not idempotent and is open to the world (MCP schema, ToolAnnotations).
    spends = ToolAnnotations(read_only_hint=False, destructive_hint=True)
    assert hints == {
        "paid_fetch": spends,
        "fetch_many": spends,
        "read_purchase": reads,
        "check_price": ToolAnnotations(read_only_hint=True),
        "find_paid_services": ToolAnnotations(read_only_hint=True),
        "check_balance": reads,
        "list_receipts": reads,
    }


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_no_tool_takes_an_argument_that_could_loosen_a_limit(era: Any) -> None:
    async with Client(Stub().server(), mode=era) as client:
        tools = (await client.list_tools()).tools
    names = {name for tool in tools for name in tool.input_schema["properties"]}
    assert names == {
        *("url", "urls", "method", "headers", "body", "max_price_usd", "format", "max_chars"),
        *("start", "pay_again", "receipt_id", "host", "status", "since", "limit", "cursor"),
        *("query", "network"),
        *("max_total_usd", "concurrency"),
    }


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_the_whole_list_of_tools_stays_under_6000_characters(era: Any) -> None:
    async with Client(Stub().server(), mode=era) as client:
        listed = await client.list_tools()
    sent = listed.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert len(json.dumps(sent, separators=(",", ":"), ensure_ascii=False)) < 6_000


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_a_schema_tells_a_model_what_it_can_use_and_no_more(era: Any) -> None:
    async with Client(Stub().server(), mode=era) as client:
        tools = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
    assert tools["check_price"]["properties"]["urls"] == {
        "description": "1 to 20 https URLs.",
        "type": "array",
        "items": {"type": "string"},
        "maxItems": 20,
    }
    properties = tools["paid_fetch"]["properties"]
    assert properties["max_chars"] == {
        "description": "Most characters returned.",
        "type": "integer",
        "default": 20_000,
        "maximum": 50_000,
    }
    # It may be left out, so no null; a price is text, because a number can lose digits on its way.
    assert properties["max_price_usd"].keys() == {"description", "type"}
    assert (properties["headers"]["type"], properties["body"]["type"]) == ("object", "string")
    wire = json.dumps(tools)
    assert not {word for word in ("anyOf", "null", '"title"', "Length") if word in wire}
