"""What sellers beside HTTP share: the terms they ask, and a facilitator that is asked over HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from sandbox.run import NETWORK
from wallet.assets import assets

V1_NETWORK = "base-sepolia"
USDC_ADDRESS = next(
    one.address for one in assets().values() if (one.network, one.symbol) == (NETWORK, "USDC")
)
SETTLE_TIMEOUT_S = 30


def payment_required(version: int, url: str, pay_to: str, amount_atomic: int) -> dict[str, Any]:
    """Return a `PaymentRequired` (x402 v2 section 5.1, or v1) for USDC on the sandbox's chain."""
    terms: dict[str, Any] = {
        "scheme": "exact",
        "asset": USDC_ADDRESS,
        "payTo": pay_to,
        "maxTimeoutSeconds": 60,
        "extra": {"name": "USDC", "version": "2"},
    }
    mime = "application/json"
    if version == 1:
        terms |= {"network": V1_NETWORK, "maxAmountRequired": str(amount_atomic)}
        terms |= {"resource": url, "description": "", "mimeType": mime}
        return {"x402Version": 1, "error": "payment required", "accepts": [terms]}
    terms |= {"network": NETWORK, "amount": str(amount_atomic)}
    resource = {"url": url, "mimeType": mime}
    return {"x402Version": 2, "error": "payment required", "resource": resource, "accepts": [terms]}


async def settle(
    facilitator: str, payment: dict[str, Any], requirements: dict[str, Any]
) -> dict[str, Any]:
    """Verify and settle a payment at a facilitator, and return the settlement response."""
    body = {"paymentPayload": payment, "paymentRequirements": requirements}
    async with httpx.AsyncClient(timeout=SETTLE_TIMEOUT_S, trust_env=False) as client:
        verified = (await client.post(f"{facilitator}/verify", json=body)).json()
        if not verified.get("isValid"):
            return {"success": False, "errorReason": verified.get("invalidReason"), "network": ""}
        return (await client.post(f"{facilitator}/settle", json=body)).json()
