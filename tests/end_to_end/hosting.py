"""Start Purser as a host does, in a process of its own, and look at everything it says."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
import anyio.abc
from mcp.client import Client
from mcp.client.session import ElicitationFnT
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import CallToolResult

from sandbox.run import BUYER_KEY, NETWORK, Sandbox
from wallet.ledger.base import PurchaseFilter
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Purchase

ERAS = ("legacy", "2026-07-28")
ANSWER_TIMEOUT_S = 45
SERVE = ("-P", "-m", "purser_mcp", "serve")


def settle_in(
    home: Path,
    sandbox: Sandbox,
    *,
    sellers: Sequence[str] = (),
    budget: Mapping[str, str | int] | None = None,
    key: str = "env",
    rpc_url: str | None = None,
) -> Path:
    """Write the config.toml of a home that may buy from the sandbox and from `sellers`."""
    local = [urlsplit(url).netloc for url in (sandbox.seller_url, *sellers)]
    limits = {"payments_per_minute": 1000, **(budget or {})}
    lines = [
        "[budget]",
        *(f"{name} = {json.dumps(value)}" for name, value in limits.items()),
        "[hosts]",
        f"private_ok = {json.dumps(local)}",
        "[wallet]",
        f'key = "{key}"',
        f'networks = ["{NETWORK}"]',
        f'[network."{NETWORK}"]',
        f'rpc_urls = ["{rpc_url or sandbox.rpc_url}"]',
    ]
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / "config.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return home


def environment(home: Path, **extra: str) -> dict[str, str]:
    """Return what a host passes on: our own variables, and no keyring of whoever runs the tests."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PURSER_")}
    own |= {
        "PURSER_HOME": str(home),
        "PURSER_PRIVATE_KEY": BUYER_KEY,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }
    return own | extra


@asynccontextmanager
async def connected(
    home: Path,
    mode: str = "legacy",
    *,
    wrapper: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    asked: ElicitationFnT | None = None,
) -> AsyncGenerator[Client]:
    """Connect a real MCP client to a new server process; its stderr goes to a file by the home.

    With `asked` the client declares that it can ask its user, by forms and by URLs.
    """
    command = [*wrapper, sys.executable, *SERVE]
    parameters = StdioServerParameters(
        command=command[0], args=command[1:], env=environment(home, **(env or {}))
    )
    with (home.parent / f"{home.name}.stderr").open("a", encoding="utf-8") as log:
        async with Client(
            stdio_client(parameters, errlog=log),
            mode=mode,
            read_timeout_seconds=ANSWER_TIMEOUT_S,
            elicitation_callback=asked,
        ) as client:
            yield client


def text(result: CallToolResult) -> str:
    """Return the text blocks of a result."""
    return "\n".join(block.text for block in result.content if block.type == "text")


def receipt(result: CallToolResult) -> dict[str, Any]:
    """Return the receipt of a result that is no error."""
    assert not result.is_error, text(result)
    return (result.meta or {})["purser/receipt"]


def error(result: CallToolResult) -> dict[str, Any]:
    """Return the error of a result that is one."""
    assert result.is_error, text(result)
    return (result.meta or {})["purser/error"]


def structured(result: CallToolResult) -> dict[str, Any]:
    """Return the structured content of a result that is no error."""
    assert not result.is_error, text(result)
    return cast("dict[str, Any]", result.structured_content)


def books(home: Path) -> list[Purchase]:
    """Return every purchase in a home's ledger, newest first, after checking the ledger whole."""
    ledger = SqliteLedger(home / "ledger.sqlite3")
    try:
        assert ledger.check() == []
        return ledger.list_purchases(PurchaseFilter(limit=200))
    finally:
        ledger.close()


def authorization_of(payment_header: str) -> dict[str, Any]:
    """Return the EIP-3009 authorization, with its signature, that a payment header carries."""
    payload = json.loads(base64.b64decode(payment_header))["payload"]
    return payload["authorization"] | {"signature": payload["signature"]}


class RawServer:
    """A server process spoken to by hand: every byte of stdout and stderr is kept."""

    def __init__(self, process: anyio.abc.Process) -> None:
        self.process = process
        self.stdout = b""
        self.stderr = b""
        self._last_id = 0
        self._ended = False
        self._answers: dict[int, dict[str, Any]] = {}
        self._news = anyio.Event()

    async def initialize(self) -> dict[str, Any]:
        """Greet as a host does, and return the server's answer."""
        hello = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "by-hand", "version": "0"},
        }
        answer = await self.request("initialize", hello)
        await self.send({"method": "notifications/initialized"})
        return answer["result"]

    async def call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        """Call a tool and return its result."""
        answer = await self.request("tools/call", {"name": tool, "arguments": arguments})
        return CallToolResult.model_validate(answer["result"])

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send a request and wait for its whole answer."""
        return await self.answer(await self.ask(method, params))

    async def ask(self, method: str, params: dict[str, Any]) -> int:
        """Send a request and return its id at once."""
        self._last_id += 1
        await self.send({"id": self._last_id, "method": method, "params": params})
        return self._last_id

    async def answer(self, request_id: int) -> dict[str, Any]:
        """Wait for the answer to a request; a server that ends first is an error."""
        with anyio.fail_after(ANSWER_TIMEOUT_S):
            while request_id not in self._answers:
                if self._ended:
                    raise EOFError("the server ended without an answer")
                await self._news.wait()
        return self._answers[request_id]

    async def send(self, message: dict[str, Any]) -> None:
        """Send one JSON-RPC message."""
        await self.send_line(json.dumps({"jsonrpc": "2.0"} | message).encode())

    async def send_line(self, line: bytes) -> None:
        """Send one line as it is."""
        assert self.process.stdin is not None
        await self.process.stdin.send(line + b"\n")

    async def hang_up(self) -> int:
        """Close standard input and return the exit code."""
        assert self.process.stdin is not None
        await self.process.stdin.aclose()
        with anyio.fail_after(ANSWER_TIMEOUT_S):
            return await self.process.wait()

    async def read_stdout(self) -> None:
        """Keep what the server says, and wake whoever waits for it."""
        assert self.process.stdout is not None
        seen = 0
        async for chunk in self.process.stdout:
            self.stdout += chunk
            *lines, _ = self.stdout[seen:].split(b"\n")
            for line in lines:
                seen += len(line) + 1
                message = json.loads(line)
                if "id" in message and "method" not in message:
                    self._answers[message["id"]] = message
            self._tell()
        self._ended = True
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = anyio.Event()

    async def read_stderr(self) -> None:
        """Keep what the server logs."""
        assert self.process.stderr is not None
        async for chunk in self.process.stderr:
            self.stderr += chunk


@asynccontextmanager
async def raw_server(
    home: Path, *, flags: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> AsyncGenerator[RawServer]:
    """Start a server with nothing between; it is killed at the end if it still runs."""
    process = await anyio.open_process(
        [sys.executable, *flags, *SERVE], env=environment(home, **(env or {}))
    )
    server = RawServer(process)
    async with process, anyio.create_task_group() as group:
        group.start_soon(server.read_stdout)
        group.start_soon(server.read_stderr)
        try:
            yield server
        finally:
            if process.returncode is None:
                process.kill()


class Gate:
    """Tells a test that a payment has come in, and holds the seller's answer until it is opened."""

    def __init__(self) -> None:
        self.reached = anyio.Event()
        self.opened = anyio.Event()

    async def __call__(self) -> None:
        self.reached.set()
        await self.opened.wait()

    async def wait(self) -> None:
        with anyio.fail_after(60):
            await self.reached.wait()


async def start_buying(server: RawServer, url: str) -> int:
    """Begin a `paid_fetch` as the first thing a host says, and return the id of the call."""
    await server.initialize()
    return await server.ask("tools/call", {"name": "paid_fetch", "arguments": {"url": url}})
