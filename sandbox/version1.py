"""A seller in x402 v1 (HTTP transport), written by hand: the official package has none."""

from __future__ import annotations

import base64
import binascii

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from x402 import x402Facilitator
from x402.schemas.helpers import parse_payment_payload, parse_payment_requirements
from x402.schemas.v1 import PaymentPayloadV1, PaymentRequirementsV1

from sandbox.evm import USDC_ADDRESS
from sandbox.facilitator import V1_NETWORK
from sandbox.paywall import MAX_TIMEOUT_S
from sandbox.wares import BY_PATH

V1_ARTICLE = BY_PATH["/v1/article"]


def add_v1_route(app: FastAPI, facilitator: x402Facilitator, pay_to: str, article: str) -> None:
    """Sell `article`, a page of HTML."""

    async def get_v1_article(request: Request) -> Response:
        offer = _v1_offer(str(request.url), pay_to)
        header = request.headers.get("x-payment")
        if header is None:
            return _v1_challenge(offer, "X-PAYMENT header is required")
        try:
            payload = parse_payment_payload(base64.b64decode(header, validate=True))
        except (binascii.Error, ValueError):
            return _v1_challenge(offer, "invalid_payload")
        if not isinstance(payload, PaymentPayloadV1):
            return _v1_challenge(offer, "invalid_x402_version")
        verified = await facilitator.verify(payload, offer)
        if not verified.is_valid:
            return _v1_challenge(offer, verified.invalid_reason or "invalid_payment")
        settled = await facilitator.settle(payload, offer)
        receipt = base64.b64encode(settled.model_dump_json(by_alias=True).encode()).decode()
        if not settled.success:
            response = _v1_challenge(offer, settled.error_reason or "settlement_failed")
        else:
            response = HTMLResponse(article)
        response.headers["X-PAYMENT-RESPONSE"] = receipt
        return response

    app.get(V1_ARTICLE.path)(get_v1_article)


def _v1_offer(resource: str, pay_to: str) -> PaymentRequirementsV1:
    offer = parse_payment_requirements(
        1,
        {
            "scheme": "exact",
            "network": V1_NETWORK,
            "maxAmountRequired": str(V1_ARTICLE.amount_atomic),
            "resource": resource,
            "description": V1_ARTICLE.title,
            "mimeType": V1_ARTICLE.media_type,
            "payTo": pay_to,
            "maxTimeoutSeconds": MAX_TIMEOUT_S,
            "asset": USDC_ADDRESS,
            "extra": {"name": "USDC", "version": "2"},
        },
    )
    assert isinstance(offer, PaymentRequirementsV1)
    return offer


def _v1_challenge(offer: PaymentRequirementsV1, error: str) -> JSONResponse:
    accepts = [offer.model_dump(by_alias=True, exclude_none=True)]
    return JSONResponse({"x402Version": 1, "error": error, "accepts": accepts}, 402)
