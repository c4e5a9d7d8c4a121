"""Real loopback servers for the web tests: plain asyncio, every byte under the test's control."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tools.web.guard import HostRules
from tools.web.http import WebClient, WebExchange
from wallet.errors import PurserError

PAYMENT = {"PAYMENT-SIGNATURE": "c2lnbmVk"}
MAX_BYTES = 200_000

Reply = Callable[["Seen", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


@dataclass
class Site:
    """A running server: its port, every request it saw, and how many connections it took."""

    port: int = 0
    seen: list[Seen] = field(default_factory=list[Seen])
    connections: int = 0

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


async def _read_request(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    pairs = [line.partition(":") for line in lines]
    headers = [(name.lower(), value.strip()) for name, _, value in pairs]
    length = next((int(value) for name, value in headers if name == "content-length"), 0)
    return Seen(method, path, headers, await reader.readexactly(length))


@asynccontextmanager
async def serve(
    reply: Reply, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncGenerator[Site]:
    """Run a server on loopback that answers each request with `reply(seen, writer)`."""
    site, tasks = Site(), set[asyncio.Task[None]]()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        site.connections += 1
        try:
            while not writer.is_closing():
                site.seen.append(request := await _read_request(reader))
                await reply(request, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(handle, host, 0, ssl=tls, limit=2**20)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def http(
    status: int = 200,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    *,
    length: bool = True,
) -> bytes:
    """Return the bytes of one response."""
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in headers)]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def always(status: int = 200, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> Reply:
    """Return a reply that never changes."""
    answer = http(status, list(headers), body)

    async def reply(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return reply


def client_for(*sites: Site, **options: Any) -> WebClient:
    """Return a client that may reach these servers and keeps bodies of 200 kB."""
    rules = HostRules(private_ok=tuple(site.authority for site in sites))
    return WebClient(rules, "purser/test", max_body_bytes=MAX_BYTES, **options)


async def refused(exchange: WebExchange) -> PurserError:
    """Ask, and return the typed error, which must drag no other exception along."""
    with pytest.raises(PurserError) as caught:
        await exchange.ask()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value
