"""Purser as a real process in front of a real server of paid tools, and a real client before it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import anyio
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import CallToolResult, ToolListChangedNotification

from sandbox.run import BUYER_KEY, NETWORK, SELLER, Sandbox

WAIT_S = 30


def command_section(name: str, sandbox: Sandbox, *, tools: str, pid_file: Path) -> str:
    """Return the settings of an upstream that is the sandbox's seller, started as a command.

    It writes its process id to `pid_file`.
    """
    env = {
        "SANDBOX_FACILITATOR": f"{sandbox.seller_url}/facilitator",
        "SANDBOX_PAY_TO": SELLER,
        "SANDBOX_TOOLS": tools,
        "PYTHONPATH": os.getcwd(),
    }
    code = (
        "import os, pathlib, runpy; "
        f"pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid())); "
        "runpy.run_module('sandbox.mcp_seller', run_name='__main__')"
    )
    pairs = ", ".join(f"{key} = {json.dumps(value)}" for key, value in env.items())
    return section(name, command=[sys.executable, "-c", code]) + f"env = {{ {pairs} }}\n"


def section(name: str, **values: Any) -> str:
    """Return one `[upstream.NAME]` table."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join([f"[upstream.{name}]", *lines, ""])


def settle_in(home: Path, sandbox: Sandbox, *upstreams: str, local: tuple[str, ...] = ()) -> Path:
    """Write the config.toml of a home with these upstreams."""
    hosts = [sandbox.seller_url.removeprefix("http://"), *local]
    text = f"""\
[budget]
payments_per_minute = 1000
[hosts]
private_ok = {json.dumps(hosts)}
[wallet]
key = "env"
networks = ["{NETWORK}"]
[network."{NETWORK}"]
rpc_urls = ["{sandbox.rpc_url}"]
"""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / "config.toml").write_text("\n".join([text, *upstreams]), encoding="utf-8")
    return home


class Host:
    """A connected client that remembers being told of changed tools."""

    def __init__(self) -> None:
        self.client: Client = cast("Client", None)
        self._changed = anyio.Event()

    async def hear(self, message: object) -> None:
        """Note a change of tools."""
        if isinstance(message, ToolListChangedNotification):
            self._changed.set()

    async def tools(self, wanted: str) -> dict[str, Any]:
        """Return the listed tools by name, once `wanted` is among them."""
        with anyio.fail_after(WAIT_S):
            while True:
                changed = self._changed
                listed = (await self.client.list_tools(cache_mode="bypass")).tools
                named = {tool.name: tool for tool in listed}
                if wanted in named:
                    return named
                await changed.wait()
                self._changed = anyio.Event()

    async def call(self, name: str, /, **arguments: Any) -> CallToolResult:
        """Call a tool."""
        return await self.client.call_tool(name, arguments)


@asynccontextmanager
async def hosted(home: Path) -> AsyncGenerator[Host]:
    """Start Purser on standard streams, as a host does, and connect to it."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PURSER_")}
    env = own | {
        "PURSER_HOME": str(home),
        "PURSER_PRIVATE_KEY": BUYER_KEY,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }
    command = ["-P", "-m", "purser_mcp", "serve"]
    parameters = StdioServerParameters(command=sys.executable, args=command, env=env)
    host = Host()
    with (home.parent / f"{home.name}.stderr").open("a", encoding="utf-8") as log:
        async with Client(
            stdio_client(parameters, errlog=log),
            mode="legacy",
            read_timeout_seconds=WAIT_S,
            message_handler=host.hear,
        ) as client:
            host.client = client
            yield host


def text(result: CallToolResult) -> str:
    """Return the text blocks of a result."""
    return "\n".join(block.text for block in result.content if block.type == "text")


def receipt(result: CallToolResult) -> dict[str, Any]:
    """Return the receipt of a result."""
    assert "purser/receipt" in (result.meta or {}), text(result)
    return (result.meta or {})["purser/receipt"]


def error(result: CallToolResult) -> dict[str, Any]:
    """Return the error of a result that is one."""
    assert result.is_error, text(result)
    return (result.meta or {})["purser/error"]
