"""Complete what a person types in the host: receipt ids, and the arguments of prompts."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import MCPServer
from mcp_types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from server.prompts import PERIODS
from server.stderr_log import describe_exception

if TYPE_CHECKING:
    from tools.context import Toolbox

LOOKED_AT = 1_000
VALUES_MAX = 100
"""MCP 2025-11-25, completion: an answer has at most 100 values."""

_RECEIPT_ID, _PERIOD = ("receipt://{id}", "id"), ("spending_report", "period")
_log = logging.getLogger(__name__)


def add_completions(server: MCPServer[Any], toolbox: Callable[[], Awaitable[Toolbox]]) -> None:
    """Answer `completion/complete`: receipt ids newest first, periods in order."""

    @server.completion()
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        del context
        of = ref.name if isinstance(ref, PromptReference) else ref.uri
        known: list[str] = []
        if (of, argument.name) == _PERIOD:
            known = list(PERIODS)
        elif (of, argument.name) == _RECEIPT_ID:
            known = await _receipt_ids(toolbox)
        found = [one for one in known if one.startswith(argument.value)]
        return Completion(
            values=found[:VALUES_MAX], total=len(found), has_more=len(found) > VALUES_MAX
        )

    del complete


async def _receipt_ids(toolbox: Callable[[], Awaitable[Toolbox]]) -> list[str]:
    """Return the ids of the latest purchases; none when the ledger cannot be read."""
    from wallet.ledger.base import LedgerUnavailableError, PurchaseFilter

    latest, records = PurchaseFilter(limit=LOOKED_AT), (await toolbox()).records
    try:
        found = await records.call(lambda ledger: ledger.list_purchases(latest))
    except LedgerUnavailableError as error:
        _log.error("receipts could not be read: %s", describe_exception(error))
        return []
    return [one.id for one in found]
