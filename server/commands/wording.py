"""How failures are worded for the person at a terminal.

`wallet.errors` words them for a model, which tells its user what only the user can do. Here the
reader is the user, and an argument is an option. What is not in the tables reads the same to both.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from server.commands.launcher import as_typed
from wallet.errors import ErrorKind, PurserError


class Words(NamedTuple):
    """What happened, and what to do."""

    title: str
    hint: str


_ELSEWHERE = "choose another source"
_ALL = "naming all that are to be in it"


def _set(name: str, value: str) -> str:
    return f"`purser policy set {name} {value}`"


_WORDS: dict[ErrorKind, tuple[str | None, str]] = {
    ErrorKind.INVALID_ARGUMENT: (
        "What was asked for is not valid",
        "Correct it and run the command again.",
    ),
    ErrorKind.INSECURE_URL: (
        None,
        (
            "Use the https address. A local seller can be listed: "
            f"{_set('hosts.private_ok', 'HOST:PORT ...')}, {_ALL}."
        ),
    ),
    ErrorKind.PRIVATE_ADDRESS: (
        None,
        (
            "Only public hosts can be fetched. A local one can be listed: "
            f"{_set('hosts.private_ok', 'HOST:PORT ...')}, {_ALL}."
        ),
    ),
    ErrorKind.HOST_NOT_ALLOWED: (
        "Your host rules exclude this host",
        (
            f"Change hosts.allow or hosts.deny ({_set('hosts.allow', 'HOST ...')}, {_ALL}), or "
            f"{_ELSEWHERE}."
        ),
    ),
    ErrorKind.UNSUPPORTED_NETWORK: (
        "The offer's network is not one that you enabled",
        f"Add the network ({_set('wallet.networks', 'ID ...')}, {_ALL}), or {_ELSEWHERE}.",
    ),
    ErrorKind.SCHEME_NOT_ENABLED: (
        None,
        f"Add the scheme ({_set('wallet.schemes', 'SCHEME ...')}, {_ALL}), or {_ELSEWHERE}.",
    ),
    ErrorKind.OVER_MAX_PRICE: (
        "The price is above --max-price-usd",
        "Raise --max-price-usd if the page is worth it. The limits in your settings still hold.",
    ),
    ErrorKind.OVER_PAYMENT_CAP: (
        None,
        f"Choose a cheaper source, or raise it: {_set('budget.per_payment', 'USD')}.",
    ),
    ErrorKind.OVER_HOST_BUDGET: (
        None,
        (
            "Choose another host, wait for the next UTC day, or raise it: "
            f"{_set('budget.per_host_per_day', 'USD')}."
        ),
    ),
    ErrorKind.OVER_DAY_BUDGET: (
        None,
        (
            "Choose a cheaper source, wait for the next UTC day, or raise it: "
            f"{_set('budget.per_day', 'USD')}."
        ),
    ),
    ErrorKind.OVER_TOTAL_BUDGET: (
        None,
        f"Nothing more is paid until you raise it: {_set('budget.total', 'USD')}.",
    ),
    ErrorKind.OVER_MAX_TOTAL: (
        "The price is more than what is left of --max-total-usd",
        "Raise --max-total-usd if the rest is worth it. The limits in your settings still hold.",
    ),
    ErrorKind.RATE_LIMITED: (
        None,
        (
            "Wait a minute and run the same command again, or raise it: "
            f"{_set('budget.payments_per_minute', 'NUMBER')}."
        ),
    ),
    ErrorKind.APPROVAL_REQUIRED: (
        "The price needs your approval",
        "`purser approvals` lists what waits for your answer.",
    ),
    ErrorKind.APPROVAL_DENIED: (
        "You declined this payment",
        f"It is not paid until that has run out. Wait, or {_ELSEWHERE}.",
    ),
    ErrorKind.APPROVAL_EXPIRED: (
        None,
        "`purser approvals` lists what waits for your answer.",
    ),
    ErrorKind.TERMS_CHANGED: (
        "The seller's terms are not the ones that you approved",
        f"See what changed: approve the new terms with `purser approve`, or {_ELSEWHERE}.",
    ),
    ErrorKind.POLICY_CHANGED: (
        "The settings are not the ones that you sealed",
        "Undo the change or seal it; `purser policy show` shows what differs.",
    ),
    ErrorKind.WALLET_LOCKED: (None, "Run `purser doctor`."),
    ErrorKind.INSUFFICIENT_FUNDS: (None, "Run `purser fund`."),
    ErrorKind.ALLOWANCE_REQUIRED: (
        None,
        "Approve Permit2 for the token once, from the wallet itself: `purser allowance` shows how.",
    ),
    ErrorKind.LEDGER_UNAVAILABLE: (None, "Run `purser doctor`."),
    ErrorKind.OUTCOME_UNKNOWN: (
        None,
        "Run the same command again: it shows the same payment once more, and signs no second one.",
    ),
    ErrorKind.TOO_LARGE: (
        None,
        f"Choose a smaller resource, or raise it: {_set('fetch.max_body_bytes', 'BYTES')}.",
    ),
    ErrorKind.INTERNAL_ERROR: (None, "What is above on standard error may say where."),
}
# What our own details and reasons say to a model, and what a person reads instead; in this order.
_PHRASES = (
    ("the user runs `purser ", "run `purser "),
    ("the user can name some", "name some"),
    ("The user has just approved", "You have just approved"),
    ("The user approved", "You approved"),
    ("The user declined", "You declined"),
    ("the user has to approve it", "you have to approve it"),
    ("make the same call again", "run the same command again"),
    ("The same call shows", "The same command shows"),
    ("pay_again=true", "--pay-again"),
    ("max_price_usd", "--max-price-usd"),
    ("max_total_usd", "--max-total-usd"),
)


def words_for(kind: ErrorKind) -> Words:
    """Return the title and the hint of a failure."""
    title, hint = _WORDS.get(kind, (None, kind.value.hint))
    return Words(title or kind.value.title, as_typed(hint))


def error_meta(error: PurserError) -> dict[str, Any]:
    """Return a failure as JSON has it: the fields of `purser/error`, worded for a terminal."""
    return {**error.meta(), **words_for(error.kind)._asdict(), "detail": error.detail}


def for_terminal(text: str) -> str:
    """Return a sentence of ours as it reads to the user, each command as it is typed here."""
    for to_a_model, to_a_person in _PHRASES:
        text = text.replace(to_a_model, to_a_person)
    return as_typed(text)
