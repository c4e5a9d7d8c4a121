"""An MCP server that answers `initialize` before it has built its tools or opened its wallet.

Hosts measure a server by its first answer, and nothing behind the tools is needed for it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import anyio
from mcp.server.lowlevel import NotificationOptions
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.runner import serve_loop
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult, GetPromptResult, InputRequiredResult
from mcp_types import Tool as ToolEntry

from server.receipt_news import ReceiptNews
from server.rendering import clip
from server.warmup import ANSWER_GRACE_S

if TYPE_CHECKING:
    from server.asking import Asking
    from tools.context import Toolbox

PROMPT_ERROR_CHARS = 200


class Others(Protocol):
    """Tools that come and go while the server runs."""

    async def tools(self) -> Sequence[Tool]:
        """Return those to be listed, perhaps after a moment at the start."""
        ...

    def known_tools(self) -> Sequence[Tool]:
        """Return those known now."""
        ...


class LateServer(MCPServer[None]):
    """Builds its tools when they are first listed or called.

    Args:
        build_tools: makes them; called once.
        others: tools that are not our own, if there are any.
        asking: asks the person where a call needs an approval.
        news: tells hosts which receipts have changed.
        legacy_only: on standard input and output, speak only the protocol that begins with
            `initialize`; a client that begins with `server/discover` is told to fall back.
        settings: what `MCPServer` takes.
    """

    def __init__(
        self,
        build_tools: Callable[[], Sequence[Tool]],
        others: Others | None = None,
        asking: Asking | None = None,
        *,
        news: ReceiptNews,
        legacy_only: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(subscriptions=news.bus, **settings)
        news.serve(self._lowlevel_server)
        self._build_tools = build_tools
        self._others = others
        self._asking = asking
        self._legacy_only = legacy_only
        self._built: dict[str, Tool] | None = None

    async def list_tools(self) -> list[ToolEntry]:
        """List the tools as the protocol shows them."""
        others = () if self._others is None else await self._others.tools()
        return [
            ToolEntry(
                name=tool.name,
                title=tool.title,
                description=tool.description,
                input_schema=tool.parameters,
                output_schema=tool.output_schema,
                annotations=tool.annotations,
                _meta=tool.meta,
            )
            for tool in (*self._tools().values(), *others)
        ]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool by name.

        Raises:
            ToolError: there is no such tool.
        """
        others = () if self._others is None else self._others.known_tools()
        tool = self._tools().get(name) or next((one for one in others if one.name == name), None)
        if tool is None:
            raise ToolError(f"Unknown tool: {name[:60]}")
        if context is None or self._asking is None:
            known: Context[Any, Any] = context or Context(mcp_server=self)
            return await tool.run(arguments, known)
        return await self._asking.call(arguments, context, lambda: tool.run(arguments, context))

    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: Context[None, Any] | None = None,
    ) -> GetPromptResult | InputRequiredResult:
        """Return a prompt's messages.

        Raises:
            MCPError: INVALID_PARAMS, there is no such prompt, or its arguments are wrong.
        """
        try:
            return await super().get_prompt(name, arguments, context)
        except ValueError as error:
            raise MCPError(INVALID_PARAMS, clip(str(error), PROMPT_ERROR_CHARS)) from None

    async def run_stdio_async(self) -> None:
        """Serve standard input and output, announcing that the tools may change if they may."""
        low = self._lowlevel_server
        changes = NotificationOptions(tools_changed=self._others is not None)
        told = low.create_initialization_options(changes)
        async with stdio_server() as (read_stream, write_stream):
            if self._legacy_only:
                async with low.lifespan(low) as state:
                    await serve_loop(
                        low, read_stream, write_stream, lifespan_state=state, init_options=told
                    )
            else:
                await low.run(read_stream, write_stream, told)

    def _tools(self) -> dict[str, Tool]:
        if self._built is None:
            self._built = {tool.name: tool for tool in self._build_tools()}
        return self._built


class Desk:
    """Where the open toolbox lies: opened once, when the first answer is out or a call needs it.

    Opening it loads many modules, which would hold up an answer that is still on its way.

    One task opens and closes it, because what it holds may only be left where it was entered.
    """

    def __init__(self, open_toolbox: Callable[[], AbstractAsyncContextManager[Toolbox]]) -> None:
        self._open_toolbox = open_toolbox
        self._wanted = anyio.Event()
        self._needed = anyio.Event()
        self._ready = anyio.Event()
        self._closing = anyio.Event()
        self._toolbox: Toolbox | None = None

    def want(self) -> None:
        """Ask for the toolbox to be opened, without waiting for it."""
        self._wanted.set()

    async def toolbox(self) -> Toolbox:
        """Return the toolbox, opened at the latest now; it stays open while the server runs."""
        self._needed.set()
        self._wanted.set()
        await self._ready.wait()
        if self._toolbox is None:
            raise RuntimeError("the server is not running")
        return self._toolbox

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep the task alive that opens the toolbox; on leaving it is closed in order."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._keep)
            try:
                yield
            finally:
                self._closing.set()
                self._needed.set()
                self._wanted.set()

    async def _keep(self) -> None:
        await self._wanted.wait()
        with anyio.move_on_after(ANSWER_GRACE_S):
            await self._needed.wait()
        if self._closing.is_set():
            return
        async with self._open_toolbox() as toolbox:
            self._toolbox = toolbox
            self._ready.set()
            await self._closing.wait()
            self._toolbox = None
