"""The exported tools: listed like our own, called through the wallet, answered in blocks."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any, Protocol

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp_types import (
    AudioContent,
    CallToolResult,
    ContentBlock,
    ImageContent,
    TextContent,
    ToolAnnotations,
)
from pydantic import Field

from server.rendering import RECEIPT_META, clip, error_result, internal_error
from server.stderr_log import describe_exception
from server.strict import StrictArguments
from tools.context import Buyer
from tools.upstream.answer import Block, UpstreamAnswer
from tools.upstream.calling import buy_and_show
from tools.upstream.link import Progress
from tools.web.charset import clean
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import Exchange
from wallet.ledger.base import LedgerUnavailableError
from wallet.money import Usd

SPENDS = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True
)
PROGRESS_CHARS = 200

_log = logging.getLogger(__name__)

OpenExchange = Callable[[dict[str, Any], Progress], Exchange]


@dataclass(frozen=True, slots=True)
class UpstreamCall:
    """What a call of one exported tool needs.

    `open_exchange` turns arguments into an exchange, `buyer` gives the wallet when a call comes.
    """

    upstream: str
    open_exchange: OpenExchange
    buyer: Callable[[], Awaitable[Buyer]]
    max_price: Usd | None


class UpstreamTool(Tool):
    """One exported tool; its arguments are the upstream's to check."""

    call: UpstreamCall = Field(exclude=True)

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> CallToolResult:
        """Call the upstream within the user's limits, and return its answer or the failure."""
        del convert_result
        try:
            call = self.call
            buyer = await call.buyer()
            exchange = call.open_exchange(arguments, Forward(context))
            answer = await buy_and_show(buyer, exchange, call.upstream, call.max_price)
            return upstream_result(answer)
        except PurserError as error:
            return error_result(error)
        except LedgerUnavailableError:
            detail = "The ledger could not be read."
            return error_result(PurserError(ErrorKind.LEDGER_UNAVAILABLE, detail, "unknown"))
        except Exception as error:  # noqa: BLE001 -- the last stop before the protocol
            _log.error("%s failed: %s", self.name, describe_exception(error))
            return error_result(internal_error(spent="unknown"))


def upstream_tool(
    name: str, description: str, schema: dict[str, Any], call: UpstreamCall
) -> UpstreamTool:
    """Return a tool whose schema is the upstream's own."""
    return UpstreamTool(
        fn=call.open_exchange,
        title=None,
        name=name,
        description=description,
        parameters=schema,
        fn_metadata=FuncMetadata(arg_model=StrictArguments),
        is_async=True,
        context_kwarg=None,
        annotations=SPENDS,
        call=call,
    )


def upstream_result(answer: UpstreamAnswer) -> CallToolResult:
    """Return an upstream's answer as a result: its blocks, our line, the receipt in `_meta`."""
    return CallToolResult(
        content=[_content(block) for block in answer.blocks],
        structured_content=answer.structured,
        is_error=answer.is_error,
        _meta={RECEIPT_META: answer.receipt},
    )


def _content(block: Block) -> ContentBlock:
    match block.kind:
        case "text":
            return TextContent(type="text", text=block.text)
        case "image":
            return ImageContent(type="image", data=block.data, mime_type=block.mime_type)
        case "audio":
            return AudioContent(type="audio", data=block.data, mime_type=block.mime_type)


class Teller(Protocol):
    """Takes reports of progress for whoever called; the SDK's `Context` is one."""

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Send one report."""
        ...


class Forward:
    """Hands an upstream's progress on, bounded, and only forwards: it may start over to be paid."""

    def __init__(self, context: Teller) -> None:
        self._context = context
        self._furthest: float | None = None

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        """Pass one report on to the caller, if it asked for them."""
        if not isfinite(progress) or (self._furthest is not None and progress <= self._furthest):
            return
        self._furthest = progress
        if total is not None and not isfinite(total):
            total = None
        words = None
        if message is not None:
            words = clip(clean(message[: 4 * PROGRESS_CHARS]), PROGRESS_CHARS)
        await self._context.report_progress(progress, total, words)
