"""The user's limits, the caps they make, and how each cap stands."""

from __future__ import annotations

from dataclasses import dataclass

from wallet.approvals import LIFE_S
from wallet.channels.rules import DEFAULT_RULES, ChannelRules
from wallet.errors import ErrorKind
from wallet.ledger.base import Balance, Cap
from wallet.money import Usd


@dataclass(frozen=True, slots=True)
class Rules:
    """The user's limits, as the settings give them; nothing a model says can loosen them.

    `call_total` is what one call of several purchases may cost together. It only tightens.
    """

    per_payment: Usd
    per_host_per_day: Usd
    per_day: Usd
    total: Usd | None
    approval_above: Usd
    payments_per_minute: int
    networks: tuple[str, ...]
    schemes: tuple[str, ...]
    validity_s: int
    repeat_window_s: int
    payment_flows: tuple[str, ...] = ("authorization",)
    sign_in: bool = False
    channels: ChannelRules = DEFAULT_RULES
    approval_life_s: int = LIFE_S
    call_total: Cap | None = None


@dataclass(frozen=True, slots=True)
class CapStatus:
    """One cap as it stands: `left` is None where there is no limit."""

    name: str
    limit: Usd | None
    settled: Usd
    held: Usd
    left: Usd | None


def caps_for(rules: Rules, host: str) -> tuple[Cap, ...]:
    """Return the caps that a payment to this host counts in."""
    users = (
        Cap("all", "day", rules.per_day, ErrorKind.OVER_DAY_BUDGET),
        Cap("all", "total", rules.total, ErrorKind.OVER_TOTAL_BUDGET),
        Cap(f"host:{host}", "day", rules.per_host_per_day, ErrorKind.OVER_HOST_BUDGET),
    )
    return users if rules.call_total is None else (rules.call_total, *users)


_CAP_NAMES = {
    ErrorKind.OVER_MAX_TOTAL: "max_total_usd",
    ErrorKind.OVER_DAY_BUDGET: "per_day",
    ErrorKind.OVER_TOTAL_BUDGET: "total",
    ErrorKind.OVER_HOST_BUDGET: "per_host_per_day",
}


def cap_status(cap: Cap, balance: Balance) -> CapStatus:
    """Set a cap beside its balance."""
    used = balance.held + balance.settled
    left = None if cap.limit is None else cap.limit.minus_floor_zero(used)
    return CapStatus(_CAP_NAMES[cap.kind], cap.limit, balance.settled, balance.held, left)
