"""What every case starts from: one published key, one page, the user's rules, and 402s for it."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

KEY = "0x" + "4c" * 32  # published: never send it money
URL = "https://api.example.com/report"
USDC = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
PAYEE = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
NOW_S = 1_795_262_400
RULES: dict[str, Any] = {
    "networks": ["eip155:8453"],
    "schemes": ["exact"],
    "payment_flows": ["authorization"],
    "per_payment": "1.00",
    "per_day": "5.00",
    "max_price_usd": None,
    "validity_s": 120,
}

Given = dict[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A vector before it is replayed: what it shows, and all that a wallet is given."""

    about: str
    given: Given
    format: int = 1


def one_402(
    about: str,
    response: Answer,
    rules: dict[str, Any] | None = None,
    chain: dict[str, str] | None = None,
    request: dict[str, Any] | None = None,
) -> Case:
    """Return a case of one 402; the vector ends with the payment."""
    given = {
        "request": request or asked_for(),
        "response": response,
        "rules": {**RULES, **(rules or {})},
        "chain": chain or {},
        "private_key": KEY,
        "now_s": NOW_S,
        "random": "0x" + bytes(range(32)).hex(),
    }
    return Case(about, given)


def asked_for(
    url: str = URL,
    method: str = "GET",
    headers: Sequence[tuple[str, str]] = (),
    body: str = "",
) -> dict[str, Any]:
    """Return a request as vectors hold it."""
    pairs = [[name, value] for name, value in headers]
    return {"method": method, "url": url, "headers": pairs, "body": body}


def answer(
    headers: Sequence[tuple[str, str]], body: str, status: int = 402, url: str = URL
) -> Answer:
    """Return an answer of a seller, by default to the page that the cases ask for."""
    pairs = [[name, value] for name, value in headers]
    return {"url": url, "status": status, "headers": pairs, "body": body}


def offer(**changes: Any) -> dict[str, Any]:
    """Return a v2 offer of $0.01 in USDC on Base, with changes."""
    fields = {
        "scheme": "exact",
        "network": "eip155:8453",
        "asset": USDC,
        "amount": "10000",
        "payTo": PAYEE,
        "maxTimeoutSeconds": 60,
        "extra": {"name": "USD Coin", "version": "2"},
    }
    return {**fields, **changes}


def v2_header(
    *offers: object,
    url: str = URL,
    error: str = "Payment required",
    extensions: dict[str, Any] | None = None,
) -> tuple[str, str]:
    """Return the header of a v2 challenge."""
    challenge: dict[str, Any] = {
        "x402Version": 2,
        "error": error,
        "resource": {"url": url, "description": "A report", "mimeType": "application/json"},
        "accepts": list(offers),
    }
    if extensions is not None:
        challenge["extensions"] = extensions
    return "PAYMENT-REQUIRED", base64.b64encode(json.dumps(challenge).encode()).decode()
