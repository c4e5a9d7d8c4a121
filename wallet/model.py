"""The nouns of a purchase: what was offered, what will be signed, what the ledger knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from wallet.money import Usd


class State(StrEnum):
    """Where a purchase stands.

    HELD -> SIGNED -> SETTLED | UNKNOWN -> SETTLED | VOID, and HELD | SIGNED -> VOID only when
    provably never sent. SIGNED means the bytes are stored and may be on the wire.
    """

    FREE = "free"
    HELD = "held"
    SIGNED = "signed"
    UNKNOWN = "unknown"
    SETTLED = "settled"
    VOID = "void"


OPEN_STATES = (State.HELD, State.SIGNED, State.UNKNOWN)


class Evidence(StrEnum):
    """How Purser knows: read from the chain, the seller's word, not known, or nothing to know."""

    VERIFIED = "verified"
    CLAIMED = "claimed"
    UNKNOWN = "unknown"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Offer:
    """One readable entry of a challenge; `raw` is the seller's object, to be echoed unchanged.

    `network` is as written; `network_id` its CAIP-2 form when our table knows it. `extra_name`
    is the seller's idea of the EIP-712 name and is never signed.
    """

    rail: str
    version: int
    index: int
    scheme: str
    network: str
    network_id: str | None
    asset: str
    amount_atomic: int
    pay_to: str
    max_timeout_s: int
    transfer_method: str
    payment_flow: str
    extra_name: str | None
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UnreadableOffer:
    """An entry that could not be decoded: its position and a reason in our words."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """A decoded 402: offers in the seller's order, unreadable ones beside them."""

    rail: str
    version: int
    offers: tuple[Offer, ...]
    unreadable: tuple[UnreadableOffer, ...]
    resource: Mapping[str, Any] | None
    extensions: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Transfer:
    """The exact terms to sign: an EIP-3009 `TransferWithAuthorization`.

    Addresses are EIP-55 checksummed, times are unix seconds, `nonce` is 0x and 64 hex digits.
    """

    network_id: str
    asset: str
    payer: str
    pay_to: str
    amount_atomic: int
    valid_after: int
    valid_before: int
    nonce: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came back: `sha256` (hex) and `bytes` describe the stored body."""

    http_status: int
    content_type: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a seller's settlement response says; only a claim until the chain agrees."""

    success: bool
    tx_hash: str | None
    network: str | None
    payer: str | None
    amount_atomic: int | None
    error_reason: str | None


CapWindow = Literal["day", "total"]


@dataclass(frozen=True, slots=True)
class Purchase:
    """One row of the ledger, as it stands now. Times are unix seconds.

    `approval_id` names the user's approval that this purchase used up, if it needed one.
    """

    id: str
    key: str
    principal: str
    method: str
    url: str
    host: str
    state: State
    evidence: Evidence
    created_at: int
    settled_at: int | None
    pay_again: bool
    rail: str | None
    scheme: str | None
    transfer: Transfer | None
    amount_usd: Usd | None
    tx_hash: str | None
    delivery: Delivery | None
    notes: tuple[str, ...]
    approval_id: str | None = None
