"""Find what a person means by an id, or by the beginning or end of one.

Ids are long, and are shown whole wherever they are listed. They begin with the time, so that those
of one minute begin alike, and their ends differ. Either is enough where it fits one id alone; where
it fits more, nothing is chosen, and all that it fits are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from server.commands.common import clean, dollars
from wallet.errors import ErrorKind, PurserError

if TYPE_CHECKING:
    from wallet.approvals import Approval
    from wallet.channels.model import Channel
    from wallet.ledger.base import Ledger
    from wallet.model import Purchase

SHORTEST = 6
MOST_NAMED = 10
REQUEST_CHARS = 60
_MOST_READ = 100_000
_AT_ONCE = 1_000

FoundT = TypeVar("FoundT")


@dataclass(frozen=True, slots=True)
class Kind:
    """What an id is of: the noun, how each id begins, and the command that lists them."""

    noun: str
    mark: str
    command: str

    def help(self) -> str:
        """Return what to say of the argument that takes such an id."""
        after = f" behind {self.mark}" if self.mark else ""
        return (
            f"its id, or its last {SHORTEST} or more characters, or its first{after}; ids of the "
            f"same minute begin alike; {self.command} lists them"
        )


class Facts(NamedTuple):
    """What tells one from another: its time in unix seconds, its price in USD, its request."""

    at: int
    price: str | None
    request: str


RECEIPT = Kind("receipt", "", "`purser receipts`")
APPROVAL = Kind("request", "ap_", "`purser approvals --all`")
CHANNEL = Kind("channel", "0x", "`purser channels --all`")


def find_receipt(ledger: Ledger, text: str) -> Purchase:
    """Return the purchase that is meant.

    Raises:
        PurserError: INVALID_ARGUMENT, there is none, or there are several.
    """
    from wallet.ledger.base import PurchaseFilter

    wanted = _whole(RECEIPT, text)
    exact = ledger.get(wanted)
    listed: list[Purchase] = []
    if exact is None and _is_enough(RECEIPT, wanted):
        # Listed backwards from the first text behind all that begin so: g follows f and the hyphen.
        begin = PurchaseFilter(before_id=wanted + "g", limit=MOST_NAMED + 1)
        listed = [*ledger.list_purchases(begin), *_ending(ledger, wanted)]
    return _only(
        RECEIPT,
        text,
        exact,
        {one.id: one for one in listed},
        lambda one: Facts(
            one.created_at,
            None if one.cost_usd is None else str(one.cost_usd),
            f"{one.method} {one.url}",
        ),
    )


def _ending(ledger: Ledger, wanted: str) -> Iterator[Purchase]:
    """Yield the purchases whose ids end so, newest first, out of all that have the text at all."""
    from wallet.ledger.base import PurchaseFilter

    before: str | None = None
    while True:
        having = PurchaseFilter(text=wanted, before_id=before, limit=_AT_ONCE)
        page = ledger.list_purchases(having)
        yield from (one for one in page if one.id.endswith(wanted))
        if len(page) < _AT_ONCE:
            return
        before = page[-1].id


def find_approval(ledger: Ledger, text: str, now: int) -> Approval:
    """Return the request for approval that is meant; a live one before those that are over.

    Raises:
        PurserError: INVALID_ARGUMENT, there is none, or there are several.
    """
    from wallet.approvals import LIVE_STATES

    wanted = _whole(APPROVAL, text)
    listed = ledger.list_approvals(answered=True, limit=_MOST_READ)
    meant = [one for one in listed if _fits(APPROVAL, one.id, text)]
    live = [one for one in meant if one.state_at(now) in LIVE_STATES]
    return _only(
        APPROVAL,
        text,
        ledger.get_approval(wanted),
        {one.id: one for one in live or meant},
        lambda one: Facts(one.created_at, str(one.amount_usd), f"{one.method} {one.url}"),
    )


def find_channel(ledger: Ledger, text: str) -> Channel:
    """Return the channel that is meant.

    Raises:
        PurserError: INVALID_ARGUMENT, there is none, or there are several.
    """
    wanted = _whole(CHANNEL, text)
    return _only(
        CHANNEL,
        text,
        ledger.channels.get(wanted),
        {one.id: one for one in ledger.channels.listed(ended=True, limit=_MOST_READ)},
        lambda one: Facts(one.created_at, str(one.deposited_usd), one.origin),
    )


def _whole(kind: Kind, text: str) -> str:
    """Return a text as ids are written, with the mark that a person may leave out."""
    lowered = text.strip().lower()
    return lowered if lowered.startswith(kind.mark) else kind.mark + lowered


def _is_enough(kind: Kind, wanted: str) -> bool:
    return len(wanted) - len(kind.mark) >= SHORTEST


def _fits(kind: Kind, its_id: str, text: str) -> bool:
    """Tell whether an id begins or ends with what was typed; the mark is only ever at its front."""
    ends_so = its_id.endswith(text.strip().lower())
    return its_id.startswith(_whole(kind, text)) or ends_so


def _only(
    kind: Kind,
    text: str,
    exact: FoundT | None,
    listed: Mapping[str, FoundT],
    facts: Callable[[FoundT], Facts],
) -> FoundT:
    if exact is not None:
        return exact
    enough = _is_enough(kind, _whole(kind, text))
    found = [
        (its_id, one) for its_id, one in listed.items() if enough and _fits(kind, its_id, text)
    ]
    if len(found) == 1:
        return found[0][1]
    detail = f"There is no {kind.noun} with this id; {kind.command} lists them."
    if not enough:
        detail = (
            f"An id, or its first or last {SHORTEST} or more characters, is needed; "
            f"{kind.command} lists them."
        )
    if found:
        detail = _several(kind, [(its_id, facts(one)) for its_id, one in found])
    raise PurserError(ErrorKind.INVALID_ARGUMENT, detail)


def _several(kind: Kind, found: Sequence[tuple[str, Facts]]) -> str:
    """Name what a text may mean, one a line."""
    from wallet.receipts import iso_time

    named = [
        f"    {its_id}  {iso_time(one.at)}  {dollars(one.price, 'free')}  "
        f"{clean(one.request, REQUEST_CHARS)}"
        for its_id, one in found[:MOST_NAMED]
    ]
    more = ["    and more"] if len(found) > MOST_NAMED else []
    lines = [f"Several {kind.noun}s begin or end so:", *named, *more, "  Give more of the id."]
    return "\n".join(lines)
