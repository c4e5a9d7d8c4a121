"""What the purchases of one call may cost together: one more cap, in the ledger like the rest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace

from wallet.errors import ErrorKind
from wallet.exchange import WebRequest
from wallet.ids import purchase_key
from wallet.ledger.base import Cap
from wallet.money import Usd
from wallet.parts import Parts


def call_key(principal: str, requests: Iterable[WebRequest], limit: Usd) -> str:
    """Derive the identity of a call of several purchases (hex SHA-256), whatever their order."""
    keys = sorted({purchase_key(principal, one) for one in requests})
    return hashlib.sha256(json.dumps([keys, limit.micros]).encode()).hexdigest()


async def with_call_total(parts: Parts, requests: Iterable[WebRequest], limit: Usd) -> Parts:
    """Return the wallet for one call: every hold counts in the call's own total as well.

    The same call made again within the repeat window, in whatever process, goes on with the total
    of the first: what that bought comes back for nothing, and has been counted.

    Raises:
        LedgerUnavailableError: the total cannot be opened.
    """
    key = call_key(parts.principal, requests, limit)
    window_s = parts.rules.repeat_window_s
    scope = await parts.ledger.call(
        lambda ledger: ledger.open_call_total(key, now=parts.now_s(), window_s=window_s)
    )
    total = Cap(scope, "total", limit, ErrorKind.OVER_MAX_TOTAL)
    return replace(parts, rules=replace(parts.rules, call_total=total))
