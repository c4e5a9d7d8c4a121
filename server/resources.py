"""Receipts as resources: `receipt://{id}` for one, `receipts://recent` for the latest."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from server.stderr_log import describe_exception

if TYPE_CHECKING:
    from tools.context import Toolbox

RECENT = 20

_JSON = "application/json"
_log = logging.getLogger(__name__)
ResultT = TypeVar("ResultT")


def add_resources(server: MCPServer[Any], toolbox: Callable[[], Awaitable[Toolbox]]) -> None:
    """Register the receipt resources on a server."""

    @server.resource(
        "receipt://{id}",
        name="receipt",
        title="Receipt",
        description="One receipt: what was paid, to whom, and how Purser knows.",
        mime_type=_JSON,
    )
    async def one_receipt(id: str) -> str:  # noqa: A002 -- the template's variable
        from wallet.receipts import receipt

        records = (await toolbox()).records
        purchase = await _read(records.call(lambda ledger: ledger.get(id)))
        if purchase is None:
            raise ResourceNotFoundError("No receipt has this id.")
        return json.dumps(receipt(purchase), ensure_ascii=False)

    @server.resource(
        "receipts://recent",
        name="recent_receipts",
        title="Recent receipts",
        description=f"The latest {RECENT} receipts, newest first.",
        mime_type=_JSON,
    )
    async def recent_receipts() -> str:
        from wallet.ledger.base import PurchaseFilter
        from wallet.receipts import receipt

        latest, records = PurchaseFilter(limit=RECENT), (await toolbox()).records
        found = await _read(records.call(lambda ledger: ledger.list_purchases(latest)))
        return json.dumps({"receipts": [receipt(one) for one in found]}, ensure_ascii=False)

    del one_receipt, recent_receipts


async def _read(job: Awaitable[ResultT]) -> ResultT:
    """Await a read of the ledger; a failure is told without its text, which may hold a path."""
    from wallet.ledger.base import LedgerUnavailableError

    try:
        return await job
    except LedgerUnavailableError as error:
        _log.error("receipts could not be read: %s", describe_exception(error))
        raise ResourceError("The ledger cannot be read.") from None
