"""Approvals: what a person is asked, what binds the answer, and what state a request is in.

Pure: no clock, disk or randomness. A request is bound to a hash of its terms, is used for one
payment at most, and lives for 15 minutes unless the user set another time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from wallet.assets import find_asset
from wallet.exchange import WebRequest
from wallet.model import Offer, Transfer
from wallet.money import Usd, token_units
from wallet.receipts import iso_time

LIFE_S = 15 * 60
"""How long a request and its answer are good, from the moment of asking, unless set otherwise."""

CLOCK_SLACK_S = 60
"""A clock set back by more than this ends every request that is still open."""

PENDING_MAX = 100
"""So many requests of one principal may wait; a further one ends the oldest."""

UNUSED_KEPT = 1000
"""So many requests that paid nothing are kept; older ones are deleted, so that no caller can fill
the disk."""


class ApprovalState(StrEnum):
    """Where a request stands.

    PENDING -> APPROVED -> CONSUMED; PENDING | APPROVED -> DENIED | EXPIRED. The last three are
    final. A request that gives way to one with other terms is EXPIRED too.
    """

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CONSUMED = "consumed"


LIVE_STATES = (ApprovalState.PENDING, ApprovalState.APPROVED)

FIELD_WORDS = {
    "key": "the request",
    "host": "the host that asks for the money",
    "scheme": "the payment scheme",
    "network_id": "the network",
    "asset": "the token",
    "pay_to": "the payee",
    "amount_atomic": "the price",
    "headers": "the request's own headers",
}
"""Our words for each field of the terms, in their order."""

_DOMAIN = "purser approval terms v1"


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything an approval is bound to; `key` (hex SHA-256) covers principal, method, URL, body.

    `host` is the one that answered 402. Addresses are EIP-55 checksummed. `headers` is what
    `header_terms` makes of the caller's headers, which the key leaves out.
    """

    key: str
    host: str
    scheme: str
    network_id: str
    asset: str
    pay_to: str
    amount_atomic: int
    headers: str = ""

    @property
    def header_count(self) -> int:
        """Return how many headers the caller gave."""
        return int(self.headers.partition(" ")[0] or 0)

    def sha256(self) -> str:
        """Return the hex SHA-256 of a JSON list: quotes and escapes keep the fields apart.

        Without headers the list ends before them, so that its hash is that of older approvals.
        """
        values = self._canonical()
        bound = values if self.headers else values[:-1]
        return hashlib.sha256(json.dumps([_DOMAIN, *bound]).encode()).hexdigest()

    def _canonical(self) -> list[str]:
        return [
            self.key,
            self.host,
            self.scheme,
            self.network_id,
            self.asset.lower(),
            self.pay_to.lower(),
            str(self.amount_atomic),
            self.headers,
        ]

    def changed_from(self, other: Terms) -> tuple[str, ...]:
        """Name in our own words each field that differs."""
        names = [field.name for field in fields(self)]
        pairs = zip(names, self._canonical(), other._canonical(), strict=True)
        return tuple(FIELD_WORDS[name] for name, mine, theirs in pairs if mine != theirs)


def header_terms(request: WebRequest) -> str:
    """Return the number of the caller's headers and their hex SHA-256; empty without any.

    The case of a name does not count, nor the order of headers with other names (RFC 9110
    sections 5.1 and 5.3).
    """
    own = [(name.lower(), value) for name, value in request.own_headers]
    own.sort(key=lambda header: header[0])
    if not own:
        return ""
    return f"{len(own)} {hashlib.sha256(json.dumps(own).encode()).hexdigest()}"


def terms_of(key: str, host: str, scheme: str, transfer: Transfer, headers: str) -> Terms:
    """Return the terms of a transfer as it would be signed; `headers` as of `header_terms`."""
    return Terms(
        key=key,
        host=host,
        scheme=scheme,
        network_id=transfer.network_id,
        asset=transfer.asset,
        pay_to=transfer.pay_to,
        amount_atomic=transfer.amount_atomic,
        headers=headers,
    )


def offered_terms(key: str, host: str, offer: Offer, headers: str) -> Terms | None:
    """Return the terms an offer would be paid on; None when its token is not in our table."""
    asset = None if offer.network_id is None else find_asset(offer.network_id, offer.asset)
    if asset is None:
        return None
    return Terms(
        key=key,
        host=host,
        scheme=offer.scheme,
        network_id=asset.network,
        asset=asset.address,
        pay_to=offer.pay_to,
        amount_atomic=offer.amount_atomic,
        headers=headers,
    )


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What to ask a person: the terms, and what a person wants to see of the call.

    `url` is the one that was asked for; `now` is the unix second of asking, and `life_s` how long
    the request and its answer are good from then on.
    """

    id: str
    terms: Terms
    principal: str
    method: str
    url: str
    amount_usd: Usd
    now: int
    life_s: int = LIFE_S


@dataclass(frozen=True, slots=True)
class Approval:
    """One request as the ledger has it. Times are unix seconds."""

    id: str
    terms: Terms
    principal: str
    method: str
    url: str
    amount_usd: Usd
    created_at: int
    expires_at: int
    state: ApprovalState
    answered_at: int | None
    purchase_id: str | None

    def state_at(self, now: int) -> ApprovalState:
        """Return the state at a time: one that has run out is EXPIRED before that is written."""
        if self.state in LIVE_STATES and now >= self.expires_at:
            return ApprovalState.EXPIRED
        return self.state

    def refuses_at(self, now: int) -> bool:
        """Tell whether it is a denial that still counts; it does not before the time of asking."""
        within = self.created_at - CLOCK_SLACK_S <= now < self.expires_at
        return self.state is ApprovalState.DENIED and within


@dataclass(frozen=True, slots=True)
class Asked:
    """What asking did: the newest request for the call before, if any, and the one that counts.

    They are the same when nothing new was opened.
    """

    before: Approval | None
    current: Approval


def approved_offers(
    approval: Approval | None,
    key: str,
    host: str,
    offers: Sequence[Offer],
    headers: str,
    now: int,
) -> frozenset[int]:
    """Return the index of each offer whose very terms stand approved now."""
    if approval is None or approval.state_at(now) is not ApprovalState.APPROVED:
        return frozenset()
    approved = approval.terms.sha256()
    terms = ((offer.index, offered_terms(key, host, offer, headers)) for offer in offers)
    return frozenset(index for index, one in terms if one is not None and one.sha256() == approved)


def approval_row(approval: Approval, now: int) -> dict[str, Any]:
    """Return the one shape in which a request is shown as JSON; every amount is a string."""
    terms = approval.terms
    asset = find_asset(terms.network_id, terms.asset)
    units = None if asset is None else token_units(terms.amount_atomic, asset.decimals)
    return {
        "id": approval.id,
        "state": str(approval.state_at(now)),
        "amount_usd": str(approval.amount_usd),
        "method": approval.method,
        "url": approval.url,
        "header_count": terms.header_count,
        "host": terms.host,
        "pay_to": terms.pay_to,
        "network": terms.network_id,
        "scheme": terms.scheme,
        "asset": {
            "symbol": None if asset is None else asset.symbol,
            "address": terms.asset,
            "amount": units,
        },
        "amount_atomic": str(terms.amount_atomic),
        "created_at": iso_time(approval.created_at),
        "expires_at": iso_time(approval.expires_at),
        "answered_at": iso_time(approval.answered_at),
        "receipt_id": approval.purchase_id,
    }
