"""The seller's side of batch-settlement: the official channel manager, asked over HTTP.

Vouchers pile up at a seller until it claims them on the chain. A real one does that from time to
time; here a `POST` to `/batch/claim`, `/batch/settle` or `/batch/refund` (with `?channel=` for one
alone) does it at once.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from x402 import x402Facilitator
from x402.mechanisms.evm.batch_settlement.server import (  # pyright: ignore[reportMissingTypeStubs]
    BatchSettlementEvmScheme,
)

from sandbox.facilitator import NETWORK


def add_channel_routes(
    app: FastAPI, scheme: BatchSettlementEvmScheme, facilitator: x402Facilitator
) -> None:
    """Add the routes, and `GET /batch/channels`, which lists what the seller knows of each."""
    manager: Any = scheme.create_channel_manager(facilitator, NETWORK)

    async def claim() -> JSONResponse:
        claims = await manager.claim()
        return JSONResponse(
            [{"vouchers": c.vouchers, "transaction": c.transaction} for c in claims]
        )

    async def settle() -> JSONResponse:
        return JSONResponse({"transaction": (await manager.settle()).transaction})

    async def refund(channel: str | None = None) -> JSONResponse:
        return JSONResponse(
            [
                {"channelId": refund.channel, "transaction": refund.transaction}
                for refund in await manager.refund([channel] if channel else None)
            ]
        )

    async def channels() -> JSONResponse:
        known: list[Any] = scheme.get_storage().list()
        return JSONResponse(
            [
                {
                    "channelId": channel.channel_id,
                    "balance": channel.balance,
                    "charged": channel.charged_cumulative_amount,
                    "claimed": channel.total_claimed,
                    "signed": channel.signed_max_claimable,
                }
                for channel in known
            ]
        )

    app.post("/batch/claim")(claim)
    app.post("/batch/settle")(settle)
    app.post("/batch/refund")(refund)
    app.get("/batch/channels")(channels)
