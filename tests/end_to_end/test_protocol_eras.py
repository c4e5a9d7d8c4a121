"""Which revision of MCP a host is spoken to in: both, or only the one with a handshake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mcp_types import INVALID_REQUEST, METHOD_NOT_FOUND, UNSUPPORTED_PROTOCOL_VERSION

from sandbox.run import Sandbox
from tests.end_to_end.hosting import connected, raw_server, settle_in, structured

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(120)]

LEGACY_ONLY = {"PURSER_SERVER__LEGACY_ONLY": "true"}
HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "by-hand", "version": "0"},
}
ENVELOPE = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": HELLO["clientInfo"],
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}


@pytest.mark.parametrize(("mode", "spoken"), [("auto", "2025-11-25"), ("legacy", "2025-11-25")])
async def test_a_legacy_only_server_is_understood_by_a_client_of_either_kind(
    tmp_path: Path, sandbox: Sandbox, mode: str, spoken: str
) -> None:
    home = settle_in(tmp_path / "home", sandbox)
    async with connected(home, mode, env=LEGACY_ONLY) as client:
        assert client.protocol_version == spoken
        assert structured(await client.call_tool("check_balance", {}))["open_holds"] == []


async def test_a_client_that_asks_finds_the_newest_revision_by_default(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with connected(settle_in(tmp_path / "home", sandbox), "auto") as client:
        assert client.protocol_version == "2026-07-28"


async def test_a_legacy_only_server_refuses_discover_as_unknown_and_then_shakes_hands(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    home = settle_in(tmp_path / "home", sandbox)
    async with raw_server(home, flags=(), env=LEGACY_ONLY) as server:
        refused = await server.request("server/discover", ENVELOPE)
        greeted = await server.request("initialize", HELLO)
        assert await server.hang_up() == 0
    assert refused["error"]["code"] == METHOD_NOT_FOUND
    assert greeted["result"]["protocolVersion"] == "2025-11-25"


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (("server/discover", ENVELOPE), ("initialize", HELLO), UNSUPPORTED_PROTOCOL_VERSION),
        (("initialize", HELLO), ("tools/list", ENVELOPE), INVALID_REQUEST),
    ],
)
async def test_the_first_request_decides_for_the_whole_connection(
    tmp_path: Path, sandbox: Sandbox, first: Any, second: Any, code: int
) -> None:
    async with raw_server(settle_in(tmp_path / "home", sandbox)) as server:
        assert "result" in await server.request(*first)
        refused = await server.request(*second)
        assert await server.hang_up() == 0
    assert refused["error"]["code"] == code
