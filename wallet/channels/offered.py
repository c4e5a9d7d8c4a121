"""Set a 402's channel offers beside the user's limits and the channels that there are."""

from __future__ import annotations

from collections.abc import Sequence

from wallet.assets import find_asset
from wallet.channels.model import Channel
from wallet.channels.plan import Bound, Plan, plan
from wallet.errors import ErrorKind
from wallet.ledger.base import Balance, Cap
from wallet.limits import Rules, cap_status
from wallet.model import Bill
from wallet.rails.x402.batch.channel import SCHEME


def plans(
    bill: Bill, rules: Rules, standing: Sequence[tuple[Cap, Balance]], live: Sequence[Channel]
) -> dict[int, Plan]:
    """Return how each channel offer would be paid, by its index.

    A deposit goes without the user's approval, so it is no larger than what may.

    Args:
        bill: the decoded 402.
        rules: the user's limits.
        standing: each cap with its present balance.
        live: every channel with this seller that has not ended, oldest first.
    """
    bounds = [Bound(rules.approval_above, ErrorKind.OVER_PAYMENT_CAP, "budget.approval_above")]
    for cap, balance in standing:
        status = cap_status(cap, balance)
        if status.left is not None:
            name = status.name if cap == rules.call_total else f"budget.{status.name}"
            bounds.append(Bound(status.left, cap.kind, name))
    found: dict[int, Plan] = {}
    for offer in bill.offers:
        if offer.scheme == SCHEME:
            asset = find_asset(offer.network_id or "", offer.asset)
            found[offer.index] = plan(offer, asset, rules.channels, bounds, live)
    return found
