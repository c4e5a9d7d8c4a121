"""How the wallet stands as a whole: every limit, and everything that is open."""

from __future__ import annotations

from dataclasses import dataclass

from wallet.approvals import Approval
from wallet.channels.model import Channel
from wallet.ledger.base import Ledger
from wallet.limits import CapStatus, Rules, cap_status, caps_for
from wallet.model import Purchase
from wallet.money import Usd

CHANNELS_MOST = 1_000


@dataclass(frozen=True, slots=True)
class WalletStatus:
    """The wallet as a whole: `address` is None while the key cannot be reached.

    `hosts` has the host's name with its cap, for each host that was paid or is owed today.
    `pending` has the requests for approval that the user has not answered, newest first, and
    `channels` the payment channels that have not ended.
    """

    address: str | None
    per_payment: Usd
    caps: tuple[CapStatus, ...]
    hosts: tuple[tuple[str, CapStatus], ...]
    open: tuple[Purchase, ...]
    pending: tuple[Approval, ...]
    channels: tuple[Channel, ...]


def read_status(ledger: Ledger, rules: Rules, now: int, address: str | None) -> WalletStatus:
    """Return every cap with what is settled, held and left, and every open purchase."""
    general = [cap for cap in caps_for(rules, "") if cap.scope == "all"]
    balances = ledger.balances(tuple(general), now)
    hosts = [
        (balance.scope.removeprefix("host:"), cap_status(caps_for(rules, "")[-1], balance))
        for balance in ledger.day_balances(now)
        if balance.scope.startswith("host:")
    ]
    return WalletStatus(
        address,
        rules.per_payment,
        tuple(cap_status(cap, balance) for cap, balance in zip(general, balances, strict=True)),
        tuple(hosts),
        tuple(ledger.open_purchases()),
        tuple(one for one in ledger.list_approvals() if now < one.expires_at),
        tuple(ledger.channels.listed(limit=CHANNELS_MOST)),
    )
