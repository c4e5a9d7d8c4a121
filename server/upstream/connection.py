"""One upstream server: connected in the background, reconnected when it goes, never waited for."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

import anyio
from mcp.client import ClientSession
from mcp.shared.exceptions import MCPError
from mcp_types import (
    METHOD_NOT_FOUND,
    UNSUPPORTED_PROTOCOL_VERSION,
    Implementation,
    ToolListChangedNotification,
)

from server.stderr_log import describe_exception
from server.upstream.session import RawDispatcher, call_raw, list_raw
from server.upstream.transports import Streams
from tools.upstream.link import LinkDownError, Progress, RpcFailure, ToolReply
from tools.upstream.listing import Listing, read_listing
from wallet.errors import PurserError

CONNECT_TIMEOUT_S = 30
CALL_WAIT_S = 5
"""So long a call waits for an upstream that is being connected to anyway."""
BACKOFF_S = (1, 2, 5, 10, 30, 60)
RELIST_PAUSE_S = 1
"""A server that says again and again that its tools changed is asked no faster."""
WARNINGS = 100

_log = logging.getLogger(__name__)

OpenStreams = Callable[[], AbstractAsyncContextManager[Streams]]


class Upstream:
    """Implements `tools.upstream.link.Link`; run `keep` in a task of its own.

    Args:
        name: as in the settings.
        open_streams: opens the transport anew.
        wanted: the user's choice of tools, or nothing for every one.
        changed: told when the exported tools have changed.
        client_info: how Purser names itself.
    """

    def __init__(
        self,
        name: str,
        open_streams: OpenStreams,
        wanted: tuple[str, ...],
        changed: Callable[[], None],
        client_info: Implementation,
    ) -> None:
        self._name = name
        self._open_streams = open_streams
        self._wanted = wanted
        self._changed = changed
        self._client_info = client_info
        self._session: ClientSession | None = None
        self._calls = 0
        self._told: set[str] = set()
        self._quiet = anyio.Event()
        self._settled = anyio.Event()
        self._woken = anyio.Event()
        self._relist = anyio.Event()
        self.tried = anyio.Event()
        """Set once the first attempt to connect has ended, well or not."""
        self.listing = Listing()
        self.reason = "it is not connected yet"

    @property
    def name(self) -> str:
        """Return the name in the settings."""
        return self._name

    @property
    def is_up(self) -> bool:
        """Tell whether calls can be made now."""
        return self._session is not None

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        meta: Mapping[str, Any],
        progress: Progress | None,
    ) -> ToolReply | RpcFailure:
        """Call a tool once, waiting a little for a connection that is on its way.

        Raises:
            LinkDownError: there is no connection; nothing was sent.
            LinkBrokenError: it ended before the answer.
        """
        if self._session is None:
            settled = self._settled
            self._woken.set()
            with anyio.move_on_after(CALL_WAIT_S):
                await settled.wait()
        session = self._session
        if session is None:
            raise LinkDownError(self.reason)
        self._calls += 1
        try:
            return await call_raw(session, tool, arguments, meta, progress)
        finally:
            self._calls -= 1
            if not self._calls:
                self._quiet.set()

    async def keep(self) -> None:
        """Connect, and connect again whenever it ends; returns only when cancelled."""
        failures = 0
        while True:
            if await self._attempt():
                failures = 0
            wait_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
            failures += 1
            self._woken = anyio.Event()
            self._settle()
            with anyio.move_on_after(wait_s):
                await self._woken.wait()

    async def look(self) -> str | None:
        """Connect once, read the list of tools and hang up; say why, if that does not work."""
        return None if await self._attempt(serve=False) else self.reason

    async def _attempt(self, *, serve: bool = True) -> bool:
        """Serve one connection to its end; tell whether there was one."""
        served = False
        reason = "it ended the connection" if serve else ""
        streams: Streams | None = None
        try:
            async with self._open_streams() as streams, self._connected(streams) as session:
                served = True
                if serve:
                    await self._serve(session, streams)
        except Exception as error:  # noqa: BLE001 -- whatever an upstream does ends only itself
            reason = _reason(error)
            _log.info("upstream %s: %s", self._name, describe_exception(error))
        finally:
            self._session = None
        if streams is not None and streams.refused is not None:
            reason = streams.refused
        if reason != self.reason and serve:
            _log.warning("upstream %s is down: %s", self._name, reason)
        self.reason = reason
        return served

    def _settle(self) -> None:
        """Wake whoever waits for the attempt that has just ended, well or not."""
        settled, self._settled = self._settled, anyio.Event()
        self.tried.set()
        settled.set()

    @asynccontextmanager
    async def _connected(self, streams: Streams) -> AsyncGenerator[ClientSession]:
        dispatcher = RawDispatcher(streams.read, streams.write, streams.over)
        async with ClientSession(
            dispatcher=dispatcher,
            message_handler=self._on_message,
            client_info=self._client_info,
        ) as session:
            with anyio.fail_after(CONNECT_TIMEOUT_S):
                await _shake_hands(session)
                self._take(await list_raw(session))
            yield session

    async def _serve(self, session: ClientSession, streams: Streams) -> None:
        """Be up until the connection is over, and then let the calls under way end."""
        self._session = session
        self.reason = ""
        self._settle()
        self._warn_of_left_out()
        async with anyio.create_task_group() as group:
            group.start_soon(self._follow_list, session)
            await streams.over.wait()
            self._session = None
            while self._calls:
                self._quiet = anyio.Event()
                await self._quiet.wait()
            group.cancel_scope.cancel()

    async def _follow_list(self, session: ClientSession) -> None:
        while True:
            await self._relist.wait()
            self._relist = anyio.Event()
            try:
                with anyio.fail_after(CONNECT_TIMEOUT_S):
                    self._take(await list_raw(session))
                self._warn_of_left_out()
            except (MCPError, TimeoutError):
                _log.warning("upstream %s did not list its tools again", self._name)
            await anyio.sleep(RELIST_PAUSE_S)

    async def _on_message(self, message: object) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._relist.set()

    def _take(self, entries: list[Any]) -> None:
        before, self.listing = self.listing, read_listing(self._name, entries, self._wanted)
        if self.listing.tools != before.tools:
            self._changed()

    def _warn_of_left_out(self) -> None:
        for line in self.listing.left_out:
            if line not in self._told and len(self._told) < WARNINGS:
                self._told.add(line)
                _log.warning("upstream %s: left out %s", self._name, line)


def _reason(error: Exception) -> str:
    """Say in our words why there is no connection."""
    leaves: list[BaseException] = [error]
    while isinstance(leaves[0], BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", leaves.pop(0))
        leaves += group.exceptions
    for one in leaves:
        if isinstance(one, PurserError):
            return one.detail.rstrip(".")
        if isinstance(one, TimeoutError):
            return "it does not answer"
    if isinstance(error, OSError):
        return "its command cannot be started"
    return "it does not speak MCP as expected"


async def _shake_hands(session: ClientSession) -> None:
    """Greet as most servers expect; one that knows only the newer way is asked in that way."""
    try:
        await session.initialize()
    except MCPError as error:
        if error.code not in (METHOD_NOT_FOUND, UNSUPPORTED_PROTOCOL_VERSION):
            raise
        await session.discover()
