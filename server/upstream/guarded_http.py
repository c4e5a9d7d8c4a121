"""The MCP client's HTTP on our own guarded connections, in place of the SDK's HTTP stack.

The SDK takes a client of its HTTP library, and that takes a transport. This one checks each URL
against the host rules and dials checked addresses alone, uses no proxy and no credential of the
environment, and bounds what comes back.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

import httpx2

from tools.web.guard import check_url
from tools.web.wire import WireError
from wallet.errors import PurserError

if TYPE_CHECKING:
    from server.upstream.transports import Streams
    from tools.web.http import WebClient

UNREACHABLE = 502
_OWN = frozenset({"host", "content-length", "connection", "accept-encoding", "transfer-encoding"})
# Compression is not asked for, and not undone: a small answer must not become a large one.
_DROPPED = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Implements the HTTP library's transport over `tools.web`.

    Args:
        client: the guarded connections; they stay open when this is closed.
        max_bytes: the most that the body of one answer to a POST may have.
    """

    def __init__(self, client: WebClient, max_bytes: int) -> None:
        self._client = client
        self._max_bytes = max_bytes
        self.streams: Streams | None = None
        """Told once the server cannot be reached, or no longer knows our session."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; a failure is an answer of ours, so that it ends no other call."""
        stack = AsyncExitStack()
        try:
            target = check_url(str(request.url), self._client.rules)
            headers = tuple(
                (name, value) for name, value in request.headers.multi_items() if name not in _OWN
            )
            answer = await stack.enter_async_context(
                self._client.stream(
                    request.method,
                    target,
                    (*headers, ("accept-encoding", "identity")),
                    await request.aread(),
                )
            )
        except PurserError as error:
            self._over(error.detail.rstrip("."))
            return httpx2.Response(UNREACHABLE)
        except WireError:
            self._over("it cannot be reached")
            return httpx2.Response(UNREACHABLE)
        if answer.status == 404 and "mcp-session-id" in request.headers:
            self._over("it has forgotten the session")
        limit = self._max_bytes if request.method == "POST" else None
        kept = [(name, value) for name, value in answer.headers if name.lower() not in _DROPPED]
        body = _Body(answer.pieces, stack, limit)
        return httpx2.Response(answer.status, headers=kept, stream=body)

    def _over(self, reason: str) -> None:
        if self.streams is not None:
            self.streams.refused = reason
            self.streams.over.set()


class _Body(httpx2.AsyncByteStream):
    """A body that simply ends where it is too long or breaks off.

    What was cut is no whole message, so only the call it answered fails; an exception here would
    end the connection, and with it every other call.
    """

    def __init__(
        self, pieces: AsyncGenerator[bytes], stack: AsyncExitStack, limit: int | None
    ) -> None:
        self._pieces = pieces
        self._stack = stack
        self._limit = limit

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        """Yield the pieces as they come."""
        total = 0
        with suppress(WireError):
            async for piece in self._pieces:
                total += len(piece)
                if self._limit is not None and total > self._limit:
                    return
                yield piece

    async def aclose(self) -> None:
        """Give the connection back."""
        with suppress(WireError):
            await self._stack.aclose()
