"""The view of check_balance is there for hosts that know the extension, and needs nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from mcp.client import Client
from mcp_types import TextResourceContents
from stub_toolbox import ERAS, Stub

from server.budget_view import BUDGET_URI


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_only_check_balance_has_a_view_and_it_can_be_read(era: Any) -> None:
    async with Client(Stub().server(), mode=era) as client:
        tools = (await client.list_tools()).tools
        (content,) = (await client.read_resource(BUDGET_URI)).contents
    metas = {tool.name: tool.meta for tool in tools if tool.meta is not None}
    assert metas == {"check_balance": {"ui": {"resourceUri": BUDGET_URI}}}
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "text/html;profile=mcp-app"
    assert content.meta == {"ui": {"csp": {"connectDomains": [], "resourceDomains": []}}}
    assert content.text.startswith("<!doctype html>")


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_the_balance_stays_whole_text_for_every_other_host(era: Any) -> None:
    async with Client(Stub().server(), mode=era) as client:
        result = await client.call_tool("check_balance", {})
    assert json.loads(getattr(result.content[0], "text")) == result.structured_content  # noqa: B009


@pytest.mark.asyncio
async def test_the_view_loads_nothing_and_makes_no_markup_of_what_it_is_given() -> None:
    async with Client(Stub().server()) as client:
        (content,) = (await client.read_resource(BUDGET_URI)).contents
    assert isinstance(content, TextResourceContents)
    assert re.findall(r"https?://[^\s\"']+", content.text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"innerHTML|insertAdjacent|\beval\(|fetch\(|\bsrc=|@import", content.text)
    assert len(content.text) < 12_000
