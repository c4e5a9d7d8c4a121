"""What a ledger promises; every method is one durable database transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wallet.errors import ErrorKind
from wallet.model import (
    CapWindow,
    Charge,
    Delivery,
    Evidence,
    Purchase,
    SellerWords,
    State,
    Transfer,
)
from wallet.money import Usd

if TYPE_CHECKING:
    from wallet.approvals import Approval, ApprovalRequest, Asked
    from wallet.channels.model import Channel
    from wallet.ledger.channel_base import Channels
    from wallet.spending import Spending


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit on settled plus held money: `scope` is `all` or `host:<name>`.

    `limit` None tracks the balance without limiting it; `kind` is the refusal.
    """

    scope: str
    window: CapWindow
    limit: Usd | None
    kind: ErrorKind


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """Everything that must be durable before a signature may exist.

    `repeat_window_s`: an identical, settled purchase younger than this refuses the hold.
    `pay_again`: only an identical purchase that was itself made with `pay_again` counts then.
    `approval_above`: a dearer purchase uses up an approval of exactly these terms.
    `headers`: the caller's, as an approval is bound to them (`header_terms`).
    """

    id: str
    key: str
    principal: str
    method: str
    url: str
    headers: str
    host: str
    pay_again: bool
    rail: str
    scheme: str
    transfer: Transfer
    amount_usd: Usd
    caps: tuple[Cap, ...]
    approval_above: Usd
    payments_per_minute: int
    repeat_window_s: int
    now: int


@dataclass(frozen=True, slots=True)
class Balance:
    """One materialised budget row: `window_id` is a UTC day (`2026-11-21`) or `total`."""

    scope: str
    window_id: str
    held: Usd
    settled: Usd


class OverCapError(Exception):
    """A cap refused the hold; nothing was written."""

    def __init__(self, cap: Cap, balance: Balance) -> None:
        super().__init__(cap.kind.value.code)
        self.cap = cap
        self.balance = balance


class RateLimitedError(Exception):
    """`payments_per_minute` refused the hold; nothing was written."""


class ApprovalMissingError(Exception):
    """The hold needs an approval, and none with its terms can be used; nothing was written."""


class AlreadyBoughtError(Exception):
    """The same purchase is open, or settled within the repeat window; nothing was written."""

    def __init__(self, purchase: Purchase) -> None:
        super().__init__(purchase.id)
        self.purchase = purchase


class NonceUsedError(Exception):
    """The payer's nonce is another purchase's already; nothing was written.

    It happens where a seller's challenge decides the nonce and comes a second time.
    """


class StaleStateError(Exception):
    """The row is not in the state this transition starts from; nothing was written."""


class LedgerUnavailableError(Exception):
    """The store cannot be read or written: fail closed."""


@dataclass(frozen=True, slots=True)
class PurchaseFilter:
    """Which purchases to list, newest first; `before_id` continues a listing.

    Made from the unix second `since` on and before `until`; `text` is in the URL, the id or the
    hash of the transfer, whatever its ASCII case.
    """

    host: str | None = None
    states: tuple[State, ...] = ()
    since: int | None = None
    until: int | None = None
    text: str | None = None
    before_id: str | None = None
    limit: int = 20


class Ledger(Protocol):
    """Holds before signatures, caps in one statement, append-only entries.

    Every method may raise LedgerUnavailableError.
    """

    @property
    def channels(self) -> Channels:
        """Return the payment channels, which share its budgets."""
        ...

    def hold(self, request: HoldRequest) -> Purchase:
        """Reserve the amount in every cap and write the purchase as HELD, or write nothing.

        A price above `approval_above` uses up its approval in the same step.

        Raises:
            OverCapError, RateLimitedError, AlreadyBoughtError, ApprovalMissingError,
            NonceUsedError.
        """
        ...

    def store_signed(self, purchase_id: str, payment: str) -> None:
        """Keep the signed payment and move HELD -> SIGNED.

        Raises:
            StaleStateError: the hold is gone; the signature must be thrown away.
        """
        ...

    def signed_payment(self, purchase_id: str) -> str | None:
        """Return the signed payment of an open purchase, or of one that brought no content yet."""
        ...

    def mark_unknown(self, purchase_id: str, note: str, delivery: Delivery | None = None) -> None:
        """Move SIGNED -> UNKNOWN (or add a note to UNKNOWN); the hold stays."""
        ...

    def settle(
        self,
        purchase_id: str,
        *,
        evidence: Evidence,
        tx_hash: str | None,
        now: int,
        delivery: Delivery | None = None,
        note: str | None = None,
        charge: Charge | None = None,
    ) -> Purchase:
        """Move SIGNED | UNKNOWN -> SETTLED and the money from held to settled; idempotent.

        With a `charge` only that much is settled, and the rest of the hold is freed.
        """
        ...

    def void(self, purchase_id: str, *, allowed_from: tuple[State, ...], note: str) -> Purchase:
        """Free the hold, from one of `allowed_from` only; the caller holds the proof.

        Raises:
            StaleStateError: the purchase has moved on.
        """
        ...

    def annotate(
        self,
        purchase_id: str,
        *,
        evidence: Evidence | None = None,
        tx_hash: str | None = None,
        delivery: Delivery | None = None,
        note: str | None = None,
    ) -> Purchase:
        """Add what was learnt later about a SETTLED or UNKNOWN purchase; never moves money."""
        ...

    def keep_words(self, purchase_id: str, words: SellerWords) -> Purchase:
        """Keep what the seller signed, the first of each kind, and note what it came to.

        Raises:
            StaleStateError: the purchase is neither SETTLED nor UNKNOWN.
        """
        ...

    def signed_words(self, purchase_id: str) -> tuple[str | None, str | None]:
        """Return the offer and the receipt that the seller signed, as JSON texts."""
        ...

    def record_free(
        self,
        *,
        purchase_id: str,
        key: str,
        principal: str,
        method: str,
        url: str,
        host: str,
        now: int,
        delivery: Delivery,
    ) -> Purchase:
        """Write a fetch that cost nothing, so that it can be read on."""
        ...

    def get(self, purchase_id: str) -> Purchase | None:
        """Return one purchase."""
        ...

    def latest(self, key: str) -> Purchase | None:
        """Return the newest paid purchase with this key that is not VOID."""
        ...

    def open_purchases(self) -> list[Purchase]:
        """Return every HELD, SIGNED or UNKNOWN purchase, oldest first."""
        ...

    def list_purchases(self, wanted: PurchaseFilter) -> list[Purchase]:
        """Return purchases, newest first."""
        ...

    def spending(self, since: int, until: int) -> Spending:
        """Return what was bought from one unix second until before another, summed up."""
        ...

    def channels_touched(self, since: int, until: int) -> list[tuple[Channel, int]]:
        """Return channels opened or ended in a time, with the atomic units their pages cost."""
        ...

    def change_mark(self) -> str:
        """Return a text that is another one once anything was committed, by any process."""
        ...

    def balances(self, caps: tuple[Cap, ...], now: int) -> list[Balance]:
        """Return the balance of each cap in its present window, zero where none exists yet."""
        ...

    def day_balances(self, now: int) -> list[Balance]:
        """Return every budget that was used in the present UTC day."""
        ...

    def ask_approval(self, request: ApprovalRequest) -> Asked:
        """Open a request for a person's approval, or return the one that stands already.

        The same terms while a request for them is live, and any terms of a call that was denied
        within its life, open nothing. Other terms end the live request for the same call.
        """
        ...

    def answer_approval(self, approval_id: str, *, approve: bool, now: int) -> Approval | None:
        """Record a person's answer to a pending request and return it; None when there is none.

        A denial also takes back an approval that was not used yet. A request in any other state
        is returned as it is.
        """
        ...

    def get_approval(self, approval_id: str) -> Approval | None:
        """Return one request."""
        ...

    def latest_approval(self, key: str) -> Approval | None:
        """Return the newest request for a purchase key."""
        ...

    def list_approvals(self, *, answered: bool = False, limit: int = 100) -> list[Approval]:
        """Return pending requests, and those in every other state with `answered`, newest first."""
        ...

    def open_call_total(self, call_key: str, *, now: int, window_s: int) -> str:
        """Return the scope of a call's own total, opened now unless the same call did lately.

        One that the same call opened less than `window_s` seconds ago goes on, so that a call
        which is made again, or twice at once, spends its total once.
        """
        ...

    def check(self) -> list[str]:
        """Return what is wrong: integrity, and balances against the fold of entries."""
        ...

    def close(self) -> None:
        """Release the store."""
        ...
