"""What the ledger tests share: requests, caps, and work for processes that race or are killed."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from wallet.errors import ErrorKind
from wallet.ledger.base import Cap, HoldRequest, OverCapError
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Delivery, Evidence, Purchase, State, Transfer
from wallet.money import USD_MICROS_MAX, Usd

NOON = 1_795_262_400  # 2026-11-21 12:00 UTC
DAY_S = 86_400
DELIVERY = Delivery(http_status=200, content_type="text/html", bytes=5, sha256="ab" * 32)
SIGNED = "eyJzaWduYXR1cmUiOiJjYW5hcnkifQ"

_numbers = itertools.count(1)


def cap(
    limit: int | None = 1_000_000,
    scope: str = "all",
    window: str = "day",
    kind: ErrorKind = ErrorKind.OVER_DAY_BUDGET,
) -> Cap:
    """Return a cap of `limit` micro-USD."""
    money = None if limit is None else Usd(limit)
    return Cap(scope, "day" if window == "day" else "total", money, kind)


def request(
    key: str | None = None,
    amount: int = 10_000,
    *,
    caps: tuple[Cap, ...] = (cap(),),
    now: int = NOON,
    pay_again: bool = False,
    nonce: str | None = None,
    payments_per_minute: int = 1_000_000,
    repeat_window_s: int = 600,
    worker: int = 0,
    amount_atomic: int = 10_000,
    url: str = "https://api.example.com/a",
    headers: str = "",
    host: str = "api.example.com",
    approval_above: int = USD_MICROS_MAX,
) -> HoldRequest:
    """Return a hold for a purchase of its own; ids rise with every call."""
    number = next(_numbers)
    identity = (worker << 32) + number
    return HoldRequest(
        id=f"{number:012d}-{worker:04d}",
        key=key or f"key-{identity}",
        principal="local",
        method="GET",
        url=url,
        headers=headers,
        host=host,
        pay_again=pay_again,
        rail="x402",
        scheme="exact",
        transfer=Transfer(
            network_id="eip155:8453",
            asset="0x" + "a" * 40,
            payer="0x" + "Bb" * 20,
            pay_to="0x" + "c" * 40,
            amount_atomic=amount_atomic,
            valid_after=0,
            valid_before=now + 120,
            nonce=nonce or f"0x{identity:064x}",
        ),
        amount_usd=Usd(amount),
        caps=caps,
        approval_above=Usd(approval_above),
        payments_per_minute=payments_per_minute,
        repeat_window_s=repeat_window_s,
        now=now,
    )


def signed(ledger: SqliteLedger, wanted: HoldRequest) -> Purchase:
    """Hold and store a signature."""
    purchase = ledger.hold(wanted)
    ledger.store_signed(purchase.id, SIGNED)
    return purchase


def settled(ledger: SqliteLedger, wanted: HoldRequest) -> Purchase:
    """Hold, sign and settle at the time of the hold."""
    purchase = signed(ledger, wanted)
    return ledger.settle(purchase.id, evidence=Evidence.CLAIMED, tx_hash=None, now=wanted.now)


def put_unknown(ledger: SqliteLedger, wanted: HoldRequest) -> Purchase:
    """Hold, sign and lose sight of the outcome."""
    purchase = signed(ledger, wanted)
    ledger.mark_unknown(purchase.id, "no answer came")
    return purchase


def money(ledger: SqliteLedger, one: Cap | None = None, now: int = NOON) -> tuple[int, int]:
    """Return (held, settled) micro-USD of a cap."""
    (balance,) = ledger.balances((one or cap(),), now)
    return balance.held.micros, balance.settled.micros


def spend_until_refused(path: str, worker: int, limit: int) -> int:
    """Hold, sign and settle 10,000 micro-USD until the cap refuses; return how many were bought."""
    ledger, bought = SqliteLedger(path, lock_timeout_s=50), 0
    try:
        while True:
            settled(ledger, request(worker=worker, caps=(cap(limit), cap(None, window="total"))))
            bought += 1
    except OverCapError:
        return bought
    finally:
        ledger.close()


def write_for_ever(path: str) -> None:
    """Buy, lose and free purchases without end, saying so after each; made to be killed."""
    ledger = SqliteLedger(Path(path))
    everything = cap(None)
    while True:
        settled(ledger, request(caps=(everything,)))
        lost = put_unknown(ledger, request(caps=(everything,)))
        ledger.void(lost.id, allowed_from=(State.UNKNOWN,), note="the nonce was never used")
        sys.stdout.write(".")
        sys.stdout.flush()
