"""How an upstream is reached: a command on its standard streams, or a URL over guarded HTTP."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

if TYPE_CHECKING:
    from tools.web.http import WebClient


@dataclass(slots=True)
class Streams:
    """An open transport: `over` is set when it has ended, `refused` says why it never worked."""

    read: Any
    write: Any
    over: anyio.Event = field(default_factory=anyio.Event)
    refused: str | None = None


@asynccontextmanager
async def command_streams(command: tuple[str, ...], env: dict[str, str]) -> AsyncGenerator[Streams]:
    """Start a command; it gets the few variables that the SDK hands on, and `env`.

    What it writes on standard error is dropped: that may hold what our own log must not.

    Raises:
        OSError: it cannot be started.
    """
    program, *arguments = command
    parameters = StdioServerParameters(command=program, args=arguments, env=env)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: ASYNC230 -- a device
        async with stdio_client(parameters, errlog=nowhere) as (read, write):
            yield Streams(read, write)


@asynccontextmanager
async def url_streams(
    url: str, open_client: Callable[[], WebClient], max_bytes: int
) -> AsyncGenerator[Streams]:
    """Open streamable HTTP to a URL over the guarded connections of `tools.web`."""
    import httpx2

    from server.upstream.guarded_http import GuardedTransport

    client = open_client()
    try:
        transport = GuardedTransport(client, max_bytes)
        timeout = httpx2.Timeout(None)  # the guarded connections have their own
        async with (
            httpx2.AsyncClient(transport=transport, trust_env=False, timeout=timeout) as http,
            streamable_http_client(url, http_client=http, max_sse_event_size=max_bytes) as (
                read,
                write,
            ),
        ):
            streams = Streams(read, write)
            transport.streams = streams
            yield streams
    finally:
        await client.aclose()
