"""What the approval tests share: the question that belongs to a hold, and its answer."""

from __future__ import annotations

import itertools
from contextlib import closing
from typing import Any

from tests.ledger.ledger_kit import request
from wallet.approvals import Approval, ApprovalRequest, terms_of
from wallet.ledger.base import AlreadyBoughtError, ApprovalMissingError, HoldRequest
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Evidence

_numbers = itertools.count(1)


def dear(key: str = "call", **changes: Any) -> HoldRequest:
    """Return a hold for 10,000 micro-USD where anything above 9,999 needs an approval.

    Its key is free again as soon as it has settled, so that nothing but the approval refuses.
    """
    fields: dict[str, Any] = {"approval_above": 9_999, "repeat_window_s": 0} | changes
    return request(key, **fields)


def question(hold: HoldRequest, now: int | None = None) -> ApprovalRequest:
    """Return the question whose approval this hold needs, under an id of its own."""
    return ApprovalRequest(
        id=f"ap_{next(_numbers)}",
        terms=terms_of(hold.key, hold.host, hold.scheme, hold.transfer, hold.headers),
        principal=hold.principal,
        method=hold.method,
        url=hold.url,
        amount_usd=hold.amount_usd,
        now=hold.now if now is None else now,
    )


def approve(ledger: SqliteLedger, hold: HoldRequest) -> Approval:
    """Ask for a hold's terms and approve them at the time of the hold."""
    asked = ledger.ask_approval(question(hold)).current
    answered = ledger.answer_approval(asked.id, approve=True, now=hold.now)
    assert answered is not None
    return answered


def buy(ledger: SqliteLedger, hold: HoldRequest) -> bool:
    """Hold, sign and settle; False when the hold was refused for want of an approval."""
    try:
        held = ledger.hold(hold)
    except (ApprovalMissingError, AlreadyBoughtError):
        return False
    ledger.store_signed(held.id, "signed")
    ledger.settle(held.id, evidence=Evidence.CLAIMED, tx_hash=None, now=hold.now)
    return True


def buy_in_a_process(path: str, worker: int) -> int:
    """Try to buy the same five times on a connection of its own; return how often it was bought."""
    with closing(SqliteLedger(path, lock_timeout_s=50)) as ledger:
        return sum(buy(ledger, dear(worker=worker)) for _ in range(5))
