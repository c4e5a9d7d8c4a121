"""A smoke test with the MCP Inspector: another client than the SDK's, over stdio, in both eras."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.run import BUYER
from server.registry import ENTRIES
from tests.conformance.official import inspect, node_command, settle_alone
from tests.differential.node_packages import NodeMissingError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ERAS = ("legacy", "modern")


@pytest.fixture(scope="module", autouse=True)
def _node() -> None:
    try:
        node_command("mcp-inspector")
    except NodeMissingError as missing:
        pytest.skip(str(missing))


def _lists_every_tool(result: dict[str, Any]) -> None:
    names = [tool["name"] for tool in result["tools"]]
    assert names == [entry.function.__name__ for entry in ENTRIES]


def _shows_the_balance(result: dict[str, Any]) -> None:
    assert not result.get("isError")
    assert result["structuredContent"]["address"] == BUYER
    (text,) = result["content"]
    assert json.loads(text["text"]) == result["structuredContent"]


def _shows_receipts(result: dict[str, Any]) -> None:
    (content,) = result["contents"]
    assert json.loads(content["text"]) == {"receipts": []}


def _says_which_tools_to_call(result: dict[str, Any]) -> None:
    (message,) = result["messages"]
    assert "list_receipts" in message["content"]["text"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("arguments", "holds"),
    [
        # Strict: exit code 6 when a schema is not portable between hosts.
        (["--method", "tools/list", "--strict"], _lists_every_tool),
        (["--method", "tools/call", "--tool-name", "check_balance"], _shows_the_balance),
        (["--method", "resources/read", "--uri", "receipts://recent"], _shows_receipts),
        (
            ["--method", "prompts/get", "--prompt-name", "spending_report"],
            _says_which_tools_to_call,
        ),
    ],
    ids=["tools-list", "check-balance", "receipts", "prompt"],
)
def test_the_inspector_understands_the_server(
    tmp_path: Path,
    era: str,
    arguments: list[str],
    holds: Callable[[dict[str, Any]], None],
) -> None:
    holds(inspect(settle_alone(tmp_path / "home"), era, arguments))
