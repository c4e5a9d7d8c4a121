"""A real connection to the sandbox's tools within the test's own process."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import anyio

from server.upstream.connection import Upstream
from server.upstream.hub import client_info
from server.upstream.transports import url_streams
from tests.desk import NO_ROOTS
from tools.upstream.exchange import ToolExchange
from tools.upstream.link import Link, Progress, RpcFailure, ToolReply
from tools.web.guard import HostRules
from tools.web.http import WebClient

MAX_BYTES = 500_000


@dataclass
class Reports:
    """Every report of progress that came."""

    seen: list[tuple[float, float | None, str | None]] = field(
        default_factory=list[tuple[float, "float | None", "str | None"]]
    )

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        """Keep one report."""
        self.seen.append((progress, total, message))


Step = Callable[[bool, Callable[[], Awaitable[ToolReply | RpcFailure]]], Awaitable[Any]]


class Between:
    """A link whose calls go through a test's own step.

    The step is told whether a payment is in the call, and may make the call or not.
    """

    def __init__(self, step: Step, link: Link | None = None) -> None:
        self._step = step
        self._link = link
        self.name = "shop"

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        meta: Mapping[str, Any],
        progress: Progress | None,
    ) -> ToolReply | RpcFailure:
        """Take the step."""

        async def make() -> ToolReply | RpcFailure:
            assert self._link is not None
            return await self._link.call(tool, arguments, meta, progress)

        return await self._step(bool(meta), make)


def client_for(url: str, rules: HostRules | None = None) -> WebClient:
    """Return guarded connections, by default such that may reach this one local server."""
    rules = rules or HostRules(private_ok=(urlsplit(url).netloc,))
    return WebClient(rules, user_agent="purser/test", verify=NO_ROOTS)


@asynccontextmanager
async def linked(url: str, rules: HostRules | None = None) -> AsyncGenerator[Upstream]:
    """Connect to an upstream at a URL, and return it after the first attempt."""
    upstream = Upstream(
        "shop",
        lambda: url_streams(url, lambda: client_for(url, rules), MAX_BYTES),
        (),
        lambda: None,
        client_info(),
    )
    async with anyio.create_task_group() as group:
        group.start_soon(upstream.keep)
        with anyio.fail_after(20):
            await upstream.tried.wait()
        yield upstream
        group.cancel_scope.cancel()


def tool_call(
    link: Link,
    tool: str,
    *,
    timeout_s: float = 20,
    progress: Reports | None = None,
    max_bytes: int = MAX_BYTES,
    **arguments: Any,
) -> ToolExchange:
    """Return a call of a tool as an exchange."""
    return ToolExchange(
        link, tool, arguments, timeout_s=timeout_s, max_bytes=max_bytes, progress=progress
    )


def content(body: bytes) -> list[dict[str, Any]]:
    """Return the content blocks of a stored result."""
    return json.loads(body)["content"]
