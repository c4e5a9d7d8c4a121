"""Every upstream of the settings: their connections, their exported tools, and news of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import SubscriptionBus, ToolsListChanged
from mcp_types import Implementation
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from server.settings_models import Upstream as UpstreamSettings
from server.upstream.connection import Upstream
from server.upstream.tools import UpstreamCall, UpstreamTool, upstream_tool
from server.upstream.transports import Streams, command_streams, url_streams
from tools.upstream.a2a import Message, MessageExchange
from tools.upstream.exchange import ToolExchange
from tools.upstream.listing import ExportedTool, agent_tool

if TYPE_CHECKING:
    from server.settings import Settings
    from tools.context import Toolbox
    from tools.upstream.link import Progress
    from tools.web.http import WebClient
    from wallet.exchange import Exchange

LIST_GRACE_S = 1
"""So long the first listing of tools waits for upstreams that are just being connected to."""
SLOW_MODULES = ("httpx", "eth_account")
_STREAM_IDLE_S = 3600

OpenCall = Callable[[], Awaitable["Toolbox"]]


class Hub:
    """Holds one connection for each upstream server, and tells the host when the tools change.

    Args:
        settings: `[upstream.NAME]`, the host rules and the bounds.
        toolbox: gives the open toolbox when a call comes.
        ready: waits for slow modules that are still being imported.
        bus: carries news of the tools to hosts of 2026-07-28.
    """

    def __init__(
        self,
        settings: Settings,
        toolbox: OpenCall,
        ready: Callable[[tuple[str, ...]], Awaitable[None]],
        bus: SubscriptionBus,
    ) -> None:
        self._settings = settings
        self._toolbox = toolbox
        self._ready = ready
        self._wanted = anyio.Event()
        self._news = anyio.Event()
        self._host: ServerSession | None = None
        self._bus = bus
        self._upstreams = {
            name: Upstream(name, self._opener(one), one.tools, self._changed, client_info())
            for name, one in settings.upstream.items()
            if not one.a2a
        }

        self._grace_s = LIST_GRACE_S
        self._web: WebClient | None = None
        self._agents = [
            self._agent(name, one) for name, one in settings.upstream.items() if one.a2a
        ]

    def want(self) -> None:
        """Ask for the upstreams to be connected to, without waiting for it."""
        self._wanted.set()

    async def middleware(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Let every message through, and remember the host, who is to hear of changes."""
        self._host = ctx.session
        return await call_next(ctx)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep the connections alive once they are wanted; on leaving they are closed."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._keep_all)
            group.start_soon(self._tell)
            try:
                yield
            finally:
                group.cancel_scope.cancel()
        if self._web is not None:
            await self._web.aclose()

    async def tools(self) -> list[UpstreamTool]:
        """Return the exported tools as they are known, waiting a moment at the very start."""
        grace_s, self._grace_s = self._grace_s, 0
        with anyio.move_on_after(grace_s):
            for upstream in self._upstreams.values():
                await upstream.tried.wait()
        return self.known_tools()

    def known_tools(self) -> list[UpstreamTool]:
        """Return the exported tools that are known now; one that is down keeps its last ones."""
        return [
            *self._agents,
            *(
                self._tool(upstream, tool)
                for upstream in self._upstreams.values()
                for tool in upstream.listing.tools
            ),
        ]

    async def _keep_all(self) -> None:
        await self._wanted.wait()
        async with anyio.create_task_group() as group:
            for upstream in self._upstreams.values():
                group.start_soon(upstream.keep)

    def _tool(self, upstream: Upstream, tool: ExportedTool) -> UpstreamTool:
        chosen = self._settings.upstream[upstream.name]

        def open_exchange(arguments: Mapping[str, Any], progress: Progress) -> Exchange:
            return ToolExchange(
                upstream,
                tool.name,
                arguments,
                timeout_s=chosen.timeout_s,
                max_bytes=self._settings.fetch.max_body_bytes,
                progress=progress,
            )

        call = UpstreamCall(upstream.name, open_exchange, self._buyer, chosen.max_price_usd)
        return upstream_tool(tool.exported, tool.description, tool.schema, call)

    def _agent(self, name: str, chosen: UpstreamSettings) -> UpstreamTool:
        def open_exchange(arguments: Mapping[str, Any], _: Progress) -> Exchange:
            message = Message.of(arguments)
            self._web = self._web or guarded_client(self._settings)
            return MessageExchange(name, chosen.a2a, self._web, message, timeout_s=chosen.timeout_s)

        tool = agent_tool(name)
        call = UpstreamCall(name, open_exchange, self._buyer, chosen.max_price_usd)
        return upstream_tool(tool.exported, tool.description, tool.schema, call)

    async def _buyer(self) -> Any:
        await self._ready(SLOW_MODULES)
        return (await self._toolbox()).buyer

    def _opener(
        self, chosen: UpstreamSettings
    ) -> Callable[[], AbstractAsyncContextManager[Streams]]:
        if chosen.command:
            return partial(command_streams, chosen.command, chosen.env)
        limit = self._settings.fetch.max_body_bytes
        return partial(self._url_streams, chosen.url, limit)

    @asynccontextmanager
    async def _url_streams(self, url: str, limit: int) -> AsyncGenerator[Streams]:
        await self._ready(("httpx",))
        async with url_streams(url, partial(guarded_client, self._settings), limit) as streams:
            yield streams

    def _changed(self) -> None:
        self._news.set()

    async def _tell(self) -> None:
        """Tell the host that the tools have changed, in the way of its protocol version."""
        while True:
            await self._news.wait()
            self._news = anyio.Event()
            await self._bus.publish(ToolsListChanged())
            host = self._host
            if host is not None and host.protocol_version not in MODERN_PROTOCOL_VERSIONS:
                await host.send_tool_list_changed()


def guarded_client(settings: Settings) -> WebClient:
    """Return guarded connections that may stay silent for long, as a stream of events does."""
    from tools.web.http import Timeouts, WebClient

    return WebClient(
        settings.host_rules(),
        user_agent=f"purser/{metadata.version('purser-mcp')}",
        max_body_bytes=settings.fetch.max_body_bytes,
        timeouts=Timeouts(idle_s=_STREAM_IDLE_S),
    )


def client_info() -> Implementation:
    """Return how Purser names itself to an upstream."""
    return Implementation(name="purser", version=metadata.version("purser-mcp"))
