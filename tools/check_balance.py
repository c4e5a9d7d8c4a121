"""`check_balance`: limits, what is left of them, what the wallet holds, and what is open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tools.answer import ToolAnswer, structured_answer
from tools.context import Toolbox
from wallet.approvals import Approval
from wallet.channels.model import Channel
from wallet.limits import CapStatus
from wallet.model import Purchase
from wallet.money import Usd
from wallet.receipts import iso_time

OPEN_SHOWN = 20
HOSTS_SHOWN = 50
PENDING_SHOWN = 20
URL_CHARS = 200


async def check_balance(toolbox: Toolbox) -> ToolAnswer:
    """Show how much can still be spent: each limit with what is settled, held and left today.

    Also the wallet's tokens (null when the chain cannot be read, which is not zero), payment
    channels, payments not proven yet, and requests for approval. Only the user changes limits,
    approves or adds money.
    """
    status = await toolbox.buyer.status()
    return structured_answer(
        {
            "address": status.address,
            "per_payment_limit_usd": str(status.per_payment),
            "limits": [_cap(cap) for cap in status.caps],
            "hosts_today": [{"host": name} | _cap(cap) for name, cap in status.hosts[:HOSTS_SHOWN]],
            **await _on_chain(toolbox, status.address),
            "channels": _channels(status.channels),
            "open_holds": [_hold(one) for one in status.open[:OPEN_SHOWN]],
            "open_holds_total": len(status.open),
            "pending_approvals": [_pending(one) for one in status.pending[:PENDING_SHOWN]],
            "pending_approvals_total": len(status.pending),
        }
    )


def _cap(cap: CapStatus) -> dict[str, Any]:
    return {
        "name": cap.name,
        "limit_usd": None if cap.limit is None else str(cap.limit),
        "settled_usd": str(cap.settled),
        "held_usd": str(cap.held),
        "left_usd": None if cap.left is None else str(cap.left),
    }


def _hold(purchase: Purchase) -> dict[str, Any]:
    transfer = purchase.transfer
    return {
        "receipt_id": purchase.id,
        "state": str(purchase.state),
        "amount_usd": None if purchase.amount_usd is None else str(purchase.amount_usd),
        "host": purchase.host,
        "created_at": iso_time(purchase.created_at),
        "valid_before": None if transfer is None else iso_time(transfer.valid_before),
    }


def _channels(channels: Sequence[Channel]) -> dict[str, Any] | None:
    """Return the channels that have not ended, summed up; what is left of them is held."""
    if not channels:
        return None
    return {
        "open": len(channels),
        "deposited_usd": str(Usd(sum(one.deposited_usd.micros for one in channels))),
        "spent_usd": str(Usd(sum(one.spent_usd.micros for one in channels))),
        "left_usd": str(Usd(sum(one.held_usd.micros for one in channels))),
    }


def _pending(approval: Approval) -> dict[str, Any]:
    return {
        "approval_id": approval.id,
        "amount_usd": str(approval.amount_usd),
        "method": approval.method,
        "url": approval.url[:URL_CHARS],
        "host": approval.terms.host,
        "expires_at": iso_time(approval.expires_at),
    }


async def _on_chain(toolbox: Toolbox, address: str | None) -> dict[str, Any]:
    """Return a row for each enabled network and token; null where nothing can be known."""
    if address is None:
        reason = "the wallet's key cannot be reached, so there is no address to look at"
        return {"on_chain": None, "on_chain_reason": reason}
    rows = [
        {"network": one.network, "asset": one.symbol, "amount": one.amount, "reason": one.reason}
        for one in await toolbox.chain.holdings(address)
    ]
    return {"on_chain": rows, "on_chain_reason": None}
