"""A client session that hands over what a tool answered exactly as it came.

The SDK's own `call_tool` refuses a result that does not fit its types or the tool's output schema.
What was paid for must not be lost over that, so the raw object is caught before it is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import anyio
import anyio.abc
from mcp.client import ClientSession
from mcp.shared.dispatcher import CallOptions, OnNotify, OnRequest
from mcp.shared.exceptions import MCPError
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp_types import (
    CONNECTION_CLOSED,
    REQUEST_TIMEOUT,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    ListToolsRequest,
    ListToolsResult,
    PaginatedRequestParams,
)
from pydantic import ValidationError

from tools.upstream.link import LinkBrokenError, Progress, RpcFailure, ToolReply

MAX_PAGES = 20
MAX_LISTED = 1_000
_LOCAL_CODES = (CONNECTION_CLOSED, REQUEST_TIMEOUT)
_EMPTY: dict[str, Any] = {"content": [], "resultType": "complete"}
_caught: ContextVar[list[dict[str, Any]] | None] = ContextVar("caught", default=None)


class RawDispatcher(JSONRPCDispatcher):
    """Keeps each result for the caller that asked for it, and says when the connection ends."""

    def __init__(self, read_stream: Any, write_stream: Any, ended: anyio.Event) -> None:
        super().__init__(read_stream, write_stream)
        self._ended = ended

    async def send_raw_request(
        self,
        method: str,
        params: Mapping[str, Any] | None,
        opts: CallOptions | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Send a request; a tool's result is kept and replaced by an empty one for the SDK."""
        result = await super().send_raw_request(method, params, opts, **more)
        caught = _caught.get()
        if caught is None:
            return result
        caught.append(result)
        return dict(_EMPTY) if method == "tools/call" else result

    async def run(
        self,
        on_request: OnRequest,
        on_notify: OnNotify,
        on_notify_intercept: Any = None,
        *,
        task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Drive the receive loop until the connection ends, then say so."""
        try:
            await super().run(on_request, on_notify, on_notify_intercept, task_status=task_status)
        finally:
            self._ended.set()


async def call_raw(
    session: ClientSession,
    tool: str,
    arguments: Mapping[str, Any],
    meta: Mapping[str, Any],
    progress: Progress | None,
) -> ToolReply | RpcFailure:
    """Call a tool and return its answer, whatever it looks like.

    Raises:
        LinkBrokenError: the connection ended before there was one.
    """
    params: dict[str, Any] = {"name": tool, "arguments": dict(arguments)}
    if meta:
        params["_meta"] = dict(meta)
    request = CallToolRequest(params=CallToolRequestParams.model_validate(params))
    caught: list[dict[str, Any]] = []
    token = _caught.set(caught)
    try:
        await session.send_request(request, CallToolResult, progress_callback=progress)
    except MCPError as error:
        if error.code in _LOCAL_CODES:
            raise LinkBrokenError("the connection ended") from None
        return RpcFailure(error.code, error.message, error.data)
    finally:
        _caught.reset(token)
    return ToolReply(caught[0])


async def list_raw(session: ClientSession) -> list[Any]:
    """Return every tool that is listed, as it came, over at most 20 pages and 1,000 tools.

    Raises:
        MCPError: the upstream does not list its tools.
    """
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        caught: list[dict[str, Any]] = []
        token = _caught.set(caught)
        request = ListToolsRequest(params=PaginatedRequestParams(cursor=cursor))
        try:
            await session.send_request(request, ListToolsResult)
        except ValidationError:
            pass  # one odd tool spoils nothing: each is read by itself
        finally:
            _caught.reset(token)
        page = caught[0].get("tools")
        found += page[: MAX_LISTED - len(found)] if isinstance(page, list) else []
        following = caught[0].get("nextCursor")
        if not isinstance(following, str) or following == cursor or len(found) >= MAX_LISTED:
            break
        cursor = following
    return found
