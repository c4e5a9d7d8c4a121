"""Which tools there are, under which titles, and what hosts are told about them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mcp_types import ToolAnnotations

from server.budget_view import view_of
from server.strict import StrictTool, ToolFunction, strict_tool
from tools.check_balance import check_balance
from tools.check_price import check_price
from tools.context import Toolbox
from tools.fetch_many import fetch_many
from tools.find_paid_services import find_paid_services
from tools.list_receipts import list_receipts
from tools.paid_fetch import paid_fetch
from tools.read_purchase import read_purchase

# Hints for hosts, never enforcement: a spend cannot be undone, hence destructive.
# What MCP takes for granted is left out: not idempotent, and open to the world.
_SPENDS = ToolAnnotations(read_only_hint=False, destructive_hint=True)
_ASKS_THE_WEB = ToolAnnotations(read_only_hint=True)
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)


@dataclass(frozen=True, slots=True)
class ToolEntry:
    """A tool: `needs` are the slow modules it cannot start without, `pays` whether it may pay."""

    function: ToolFunction
    title: str
    annotations: ToolAnnotations
    needs: tuple[str, ...] = ()
    pays: bool = False


ENTRIES = (
    ToolEntry(paid_fetch, "Fetch and pay", _SPENDS, ("httpx", "eth_account"), pays=True),
    ToolEntry(fetch_many, "Fetch many and pay", _SPENDS, ("httpx", "eth_account"), pays=True),
    ToolEntry(read_purchase, "Read a purchase", _READS),
    ToolEntry(check_price, "Check prices", _ASKS_THE_WEB, ("httpx",)),
    ToolEntry(find_paid_services, "Find paid services", _ASKS_THE_WEB, ("httpx",)),
    ToolEntry(check_balance, "Check limits and balance", _READS, ("eth_account", "web3")),
    ToolEntry(list_receipts, "List receipts", _READS),
)


def build_tools(
    toolbox: Callable[[], Awaitable[Toolbox]], ready: Callable[[tuple[str, ...]], Awaitable[None]]
) -> list[StrictTool]:
    """Return every tool.

    Args:
        toolbox: gives the open toolbox when a call comes.
        ready: waits for slow modules that are still being imported.
    """
    return [_build(entry, toolbox, ready) for entry in ENTRIES]


def _build(
    entry: ToolEntry,
    toolbox: Callable[[], Awaitable[Toolbox]],
    ready: Callable[[tuple[str, ...]], Awaitable[None]],
) -> StrictTool:
    async def open_call() -> Toolbox:
        await ready(entry.needs)
        return await toolbox()

    return strict_tool(
        entry.function,
        title=entry.title,
        annotations=entry.annotations,
        open_call=open_call,
        pays=entry.pays,
        meta=view_of(entry.function.__name__),
    )
