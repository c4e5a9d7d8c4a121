"""Every way a call can end badly: one table of codes, one exception carrying a row of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

Spent = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One row: the wire code, a short title, what to do, and what kind of ending it is.

    `retryable`: the same call may succeed later. `refusal`: the user's own rules said no (exit 3).
    """

    code: str
    title: str
    hint: str
    retryable: bool = False
    refusal: bool = False


class ErrorKind(Enum):
    """The single source of error codes; `docs/errors.md` is generated from it."""

    INVALID_ARGUMENT = ErrorRow(
        "invalid_argument",
        "An argument is not valid",
        "Correct the named argument and call again.",
        retryable=True,
    )
    INSECURE_URL = ErrorRow(
        "insecure_url",
        "The URL is not https",
        "Use the https address. A local seller can be listed by the user in hosts.private_ok.",
        refusal=True,
    )
    PRIVATE_ADDRESS = ErrorRow(
        "private_address",
        "The host is a private or special address",
        "Only public hosts can be fetched. The user can list a local one in hosts.private_ok.",
        refusal=True,
    )
    HOST_NOT_ALLOWED = ErrorRow(
        "host_not_allowed",
        "The user's host rules exclude this host",
        "Choose another source, or ask the user to change hosts.allow or hosts.deny.",
        refusal=True,
    )
    MALFORMED_CHALLENGE = ErrorRow(
        "malformed_challenge",
        "The seller's 402 cannot be read",
        "The seller asked for money in a form that is broken. Choose another source.",
    )
    NO_PAYABLE_OFFER = ErrorRow(
        "no_payable_offer",
        "The seller makes no offer that can be paid",
        "Each offer was refused for its own reason; see offers. Choose another source.",
        refusal=True,
    )
    UNSUPPORTED_NETWORK = ErrorRow(
        "unsupported_network",
        "The offer's network is not one the user enabled",
        "Ask the user to add the network to wallet.networks, or choose another source.",
        refusal=True,
    )
    UNKNOWN_ASSET = ErrorRow(
        "unknown_asset",
        "The offer's token is not a known one",
        "Only tokens in Purser's own table are paid. Choose another source.",
        refusal=True,
    )
    SCHEME_NOT_ENABLED = ErrorRow(
        "scheme_not_enabled",
        "The offer's payment scheme is not enabled",
        "Ask the user to add the scheme to wallet.schemes, or choose another source.",
        refusal=True,
    )
    OVER_MAX_PRICE = ErrorRow(
        "over_max_price",
        "The price is above max_price_usd",
        "Raise max_price_usd where it is an argument and the page is worth it. "
        "The user's own limits still hold; in the settings only the user can change it.",
        refusal=True,
    )
    OVER_PAYMENT_CAP = ErrorRow(
        "over_payment_cap",
        "The price is above the limit for one payment",
        "Choose a cheaper source. Only the user can change budget.per_payment.",
        refusal=True,
    )
    OVER_HOST_BUDGET = ErrorRow(
        "over_host_budget",
        "The price is more than what is left of today's budget for this host",
        "Choose a cheaper page or another host, or wait for the next UTC day. "
        "Only the user can change budget.per_host_per_day.",
        refusal=True,
    )
    OVER_DAY_BUDGET = ErrorRow(
        "over_day_budget",
        "The price is more than what is left of today's budget",
        "Choose a cheaper source or wait for the next UTC day. "
        "Only the user can change budget.per_day.",
        refusal=True,
    )
    OVER_TOTAL_BUDGET = ErrorRow(
        "over_total_budget",
        "The price is more than what is left of the lifetime budget",
        "Only the user can change budget.total.",
        refusal=True,
    )
    OVER_MAX_TOTAL = ErrorRow(
        "over_max_total",
        "The price is more than what is left of max_total_usd",
        "Raise max_total_usd if the rest is worth it. The user's own limits still hold.",
        refusal=True,
    )
    RATE_LIMITED = ErrorRow(
        "rate_limited",
        "Too many payments in one minute",
        "Wait a minute and call again.",
        retryable=True,
        refusal=True,
    )
    APPROVAL_REQUIRED = ErrorRow(
        "approval_required",
        "The price needs the user's approval",
        "Show the user the command; it is theirs alone to run. Or choose a cheaper source.",
        retryable=True,
        refusal=True,
    )
    APPROVAL_DENIED = ErrorRow(
        "approval_denied",
        "The user declined this payment",
        "Do not ask again for the same page. Choose another source, or ask the user what to do.",
        refusal=True,
    )
    APPROVAL_EXPIRED = ErrorRow(
        "approval_expired",
        "The approval ran out before it was used",
        "Show the user the command; it is theirs alone to run. Or choose a cheaper source.",
        retryable=True,
        refusal=True,
    )
    TERMS_CHANGED = ErrorRow(
        "terms_changed",
        "The seller's terms are not the ones that the user approved",
        "Tell the user what changed and show them the command, or choose another source.",
        retryable=True,
        refusal=True,
    )
    PAYEE_NOT_ALLOWED = ErrorRow(
        "payee_not_allowed",
        "The payee is not one that can be paid",
        "Choose another source.",
        refusal=True,
    )
    POLICY_CHANGED = ErrorRow(
        "policy_changed",
        "The settings are not the ones that the user sealed",
        "Only the user can undo the change or seal it. Ask the user to run `purser policy show`.",
        refusal=True,
    )
    WALLET_LOCKED = ErrorRow(
        "wallet_locked",
        "The wallet's key cannot be reached",
        "Ask the user to run `purser doctor`.",
    )
    INSUFFICIENT_FUNDS = ErrorRow(
        "insufficient_funds",
        "The wallet holds too little of the token",
        "Ask the user to run `purser fund`.",
    )
    ALLOWANCE_REQUIRED = ErrorRow(
        "allowance_required",
        "Permit2 may not take this much of the token from the wallet",
        "The user approves Permit2 for the token once, from the wallet itself (`purser allowance`"
        " shows how), or chooses another source; `purser price URL` shows every offer.",
    )
    LEDGER_UNAVAILABLE = ErrorRow(
        "ledger_unavailable",
        "The ledger cannot be written, so nothing can be paid",
        "Ask the user to run `purser doctor`.",
        retryable=True,
    )
    OUTCOME_UNKNOWN = ErrorRow(
        "outcome_unknown",
        "A payment was sent and its outcome is not known yet",
        "Call the same tool with the same arguments again: it reports the outcome, or shows the "
        "server the same payment once more, and never signs a second one.",
        retryable=True,
    )
    PAYMENT_REJECTED = ErrorRow(
        "payment_rejected",
        "The seller did not take the payment",
        "The amount stays held until the chain proves it unspent. Choose another source.",
    )
    UPSTREAM_ERROR = ErrorRow(
        "upstream_error",
        "The web server failed",
        "Try again later or choose another source.",
        retryable=True,
    )
    TOO_LARGE = ErrorRow(
        "too_large",
        "The response is larger than fetch.max_body_bytes",
        "Choose a smaller resource, or ask the user to raise fetch.max_body_bytes.",
    )
    INTERNAL_ERROR = ErrorRow(
        "internal_error",
        "Purser failed in a way it did not foresee",
        "Ask the user to look at Purser's log.",
    )
    TIMEOUT = ErrorRow(
        "timeout", "The server did not answer in time", "Try again later.", retryable=True
    )


def as_sentence(reason: str) -> str:
    """Return a reason of ours as a sentence; the name x402 keeps its small letter."""
    start = reason[:1] if reason.startswith("x402") else reason[:1].upper()
    return start + reason[1:] + ("" if reason.endswith((".", "!", "?")) else ".")


@dataclass
class PurserError(Exception):
    """A typed failure whose fields are `_meta["purser/error"]`.

    Args:
        kind: the row of the table.
        detail: one sentence of ours; never a seller's words.
        spent: whether money moved.
        receipt_id: the purchase this is about, if one exists.
        offers: per-offer reasons, already bounded and free of a seller's text.
    """

    kind: ErrorKind
    detail: str
    spent: Spent = "no"
    receipt_id: str | None = None
    approval_id: str | None = None
    offers: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    retryable: bool | None = None

    def __post_init__(self) -> None:
        super().__init__(f"{self.kind.value.code}: {self.detail}")

    def meta(self) -> dict[str, Any]:
        """Return the `_meta["purser/error"]` object."""
        row = self.kind.value
        return {
            "code": row.code,
            "title": row.title,
            "hint": row.hint,
            "retryable": row.retryable if self.retryable is None else self.retryable,
            "spent": self.spent,
            "receipt_id": self.receipt_id,
            "approval_id": self.approval_id,
            "offers": self.offers,
        }
