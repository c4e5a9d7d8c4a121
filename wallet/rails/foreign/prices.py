"""Prices of what is not paid here: a number from our own strict parser with a unit of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wallet.money import Usd, parse_atomic, token_units
from wallet.rails.codec import as_object
from wallet.rails.foreign.lightning import invoice_price
from wallet.rails.foreign.table import TOKENS

MAX_AMOUNT_ATOMIC = 10**30
CENTS = 2

_CRAWLER_PRICE = re.compile(r"USD ([0-9.]{1,19})", re.ASCII)


def crawler_price(value: str) -> str | None:
    """Read Cloudflare's `crawler-price`, which looks like `USD 0.01`."""
    match = _CRAWLER_PRICE.fullmatch(value)
    if match is None:
        return None
    try:
        return f"{Usd.parse(match[1])} USD"
    except ValueError:
        return None


def token_price(kind: str, token: str, amount: object) -> str | None:
    """Return an amount of a token in our table; `kind` is a method or a CAIP-2 namespace."""
    known = TOKENS.get((kind, token)) or TOKENS.get((kind, token.lower()))
    return None if known is None else _units(amount, known[1], known[0])


def cents_price(currency: object, amount: object) -> str | None:
    """Return an amount of cents in dollars; other currencies have other smallest units."""
    is_dollar = isinstance(currency, str) and currency.lower() == "usd"
    return _units(amount, CENTS, "USD") if is_dollar else None


def charge_price(method: str, request: Mapping[str, Any]) -> str | None:
    """Return what an MPP charge of a method that is not paid here asks for, where it is plain."""
    amount, currency = request.get("amount"), request.get("currency")
    if method == "lightning":
        details = as_object(request.get("methodDetails")) or {}
        invoice = details.get("invoice")
        return invoice_price(invoice) if isinstance(invoice, str) else None
    if method in ("stripe", "card"):
        return cents_price(currency, amount)
    return token_price(method, currency, amount) if isinstance(currency, str) else None


def _units(amount: object, decimals: int, symbol: str) -> str | None:
    try:
        amount_atomic = parse_atomic(amount) if isinstance(amount, str) else 0
    except ValueError:
        return None
    if not 0 < amount_atomic <= MAX_AMOUNT_ATOMIC:
        return None
    return f"{token_units(amount_atomic, decimals)} {symbol}"
