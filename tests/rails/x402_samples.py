"""Well-formed challenges, transfers and answers for the tests of the x402 rail."""

from __future__ import annotations

import base64
import json
from typing import Any

from wallet.exchange import WebResponse
from wallet.model import Transfer

BASE_USDC = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
PAYEE = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
PAYER = "0x857b06519E91e3A54538791bDbb0E22373e36b66"
NONCE = "0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480"
SIGNATURE = "0x" + "1b" * 65
PAYMENT_ID = "pay_7d5d747be160e280504c099d984bcfe0"


def offer_v2(**changes: Any) -> dict[str, Any]:
    """Return a v2 offer of $0.01 in USDC on Base; a change to `...` removes the field."""
    fields = {
        "scheme": "exact",
        "network": "eip155:8453",
        "asset": BASE_USDC,
        "amount": "10000",
        "payTo": PAYEE,
        "maxTimeoutSeconds": 60,
        "extra": {"name": "USD Coin", "version": "2"},
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not ...}


def offer_v1(**changes: Any) -> dict[str, Any]:
    """Return a v1 offer of $0.01 in USDC on Base; a change to `...` removes the field."""
    fields = {
        "scheme": "exact",
        "network": "base",
        "maxAmountRequired": "10000",
        "resource": "https://api.example.com/report",
        "description": "A report",
        "mimeType": "application/json",
        "payTo": PAYEE,
        "maxTimeoutSeconds": 60,
        "asset": BASE_USDC,
        "outputSchema": None,
        "extra": {"name": "USD Coin", "version": "2"},
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not ...}


def challenge_v2(*offers: object, **changes: Any) -> dict[str, Any]:
    """Return a v2 `PaymentRequired`; a change to `...` removes the field."""
    fields = {
        "x402Version": 2,
        "error": "Payment required",
        "resource": {"url": "https://api.example.com/report", "mimeType": "application/json"},
        "accepts": list(offers) or [offer_v2()],
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not ...}


def challenge_v1(*offers: object, **changes: Any) -> dict[str, Any]:
    """Return a v1 challenge; a change to `...` removes the field."""
    fields = {
        "x402Version": 1,
        "error": "Payment required",
        "accepts": list(offers) or [offer_v1()],
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not ...}


def b64(value: object) -> str:
    """Return base64 of JSON text, or of the text or bytes given."""
    text = value if isinstance(value, (str, bytes)) else json.dumps(value)
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def unb64(text: str) -> Any:
    """Read base64 of JSON with the standard library."""
    return json.loads(base64.b64decode(text))


def web(
    *headers: tuple[str, str], body: object = b"", truncated: bool = False, status: int = 402
) -> WebResponse:
    """Return a 402 with these headers; a body that is not bytes is written as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebResponse("https://api.example.com/report", status, headers, data, truncated)


def web_v2(challenge: object) -> WebResponse:
    """Return a 402 with the challenge in its header."""
    return web(("PAYMENT-REQUIRED", b64(challenge)), body=b"{}")


def transfer(**changes: Any) -> Transfer:
    """Return the transfer that pays the sample offers."""
    fields: dict[str, Any] = {
        "network_id": "eip155:8453",
        "asset": BASE_USDC,
        "payer": PAYER,
        "pay_to": PAYEE,
        "amount_atomic": 10000,
        "valid_after": 0,
        "valid_before": 1740672154,
        "nonce": NONCE,
    }
    return Transfer(**{**fields, **changes})
