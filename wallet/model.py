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


class Method(StrEnum):
    """How the money moves, and so what is signed; contracts and types belong to the method.

    EIP3009: the token's own `TransferWithAuthorization`. PERMIT2: a witness transfer through
    Permit2 to one payee, of exactly the amount. UPTO: the same, where the amount is a ceiling.
    VOUCHER: a promise out of a channel's deposit; see `wallet.channels`.
    """

    EIP3009 = "eip3009"
    PERMIT2 = "permit2"
    UPTO = "upto"
    VOUCHER = "voucher"


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
    """What one rail read in a 402: offers in the seller's order, unreadable ones beside them.

    `context` is the rail's own business. `gives_way`: at the same price another rail's offer is
    paid first.
    """

    rail: str
    version: int
    offers: tuple[Offer, ...]
    unreadable: tuple[UnreadableOffer, ...]
    context: object = None
    gives_way: bool = False


@dataclass(frozen=True, slots=True)
class Foreign:
    """A payment dialect that was recognised and that this wallet's key cannot pay.

    Every text is ours: `rail` and `name` say what it is, `price` holds a number that was read
    strictly, and its unit, or None, and `needs` what the user would need.
    """

    rail: str
    name: str
    price: str | None
    needs: str

    @property
    def reason(self) -> str:
        """Return what it is and what it needs, as the reason why it is not paid."""
        return f"{self.name}: {self.needs}"


@dataclass(frozen=True, slots=True)
class Bill:
    """A whole 402: one challenge for each rail that could read it, offers numbered through.

    `foreign` has what was recognised and cannot be paid.
    """

    challenges: tuple[Challenge, ...]
    foreign: tuple[Foreign, ...] = ()

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Return every readable offer, in the order of preference at one price."""
        return tuple(offer for one in self.challenges for offer in one.offers)

    def challenge_of(self, offer: Offer) -> Challenge:
        """Return the challenge that an offer is part of."""
        return next(one for one in self.challenges if offer in one.offers)


@dataclass(frozen=True, slots=True)
class Transfer:
    """The exact terms to sign, whichever method moves the money.

    Addresses are EIP-55 checksummed, times are unix seconds, `nonce` is 0x and 64 hex digits.
    `valid_before` is also a Permit2 deadline, and `amount_atomic` the ceiling of UPTO, the only
    method that has a `facilitator`.
    """

    network_id: str
    asset: str
    payer: str
    pay_to: str
    amount_atomic: int
    valid_after: int
    valid_before: int
    nonce: str
    method: Method = Method.EIP3009
    facilitator: str | None = None

    @property
    def is_ceiling(self) -> bool:
        """Tell whether less than the amount may be taken."""
        return self.method in (Method.UPTO, Method.VOUCHER)


@dataclass(frozen=True, slots=True)
class Charge:
    """What a settlement took where that may be less than was held."""

    atomic: int
    usd: Usd


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


@dataclass(frozen=True, slots=True)
class SellerWord:
    """What a seller signed about a purchase, and what checking it came to.

    `raw` is its JSON text as it came, None where it is too large to keep or cannot be read.
    `remarks` are words of ours alone.
    """

    raw: str | None
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SellerWords:
    """What a seller signed about one purchase: before it, and after."""

    offer: SellerWord | None = None
    receipt: SellerWord | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a receipt says of them, one note for each."""
        spoken = (word for word in (self.offer, self.receipt) if word is not None)
        return tuple("; ".join(word.remarks) for word in spoken)


CapWindow = Literal["day", "total"]


@dataclass(frozen=True, slots=True)
class Purchase:
    """One row of the ledger, as it stands now. Times are unix seconds.

    `approval_id` names the user's approval that this purchase used up, if it needed one.
    `charge` is set once settled for less than `amount_usd`, which was held. A page that was paid
    through a channel has its `channel_id`, and the total of its voucher in `cumulative_atomic`.
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
    charge: Charge | None = None
    channel_id: str | None = None
    cumulative_atomic: int | None = None

    @property
    def cost_usd(self) -> Usd | None:
        """Return what was taken, or what is held while that is not known."""
        return self.amount_usd if self.charge is None else self.charge.usd
