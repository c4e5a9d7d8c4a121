"""Find what a person means by an id, or by the beginning of one.

Ids are long, and are shown whole wherever they are listed. The beginning of one is enough where
nothing else begins so; where more does, nothing is chosen, and all that begin so are named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from server.commands.common import dollars
from wallet.errors import ErrorKind, PurserError

if TYPE_CHECKING:
    from wallet.approvals import Approval
    from wallet.channels.model import Channel
    from wallet.ledger.base import Ledger
    from wallet.model import Purchase

SHORTEST = 6
MOST_NAMED = 10
_MOST_READ = 100_000

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
            f"its id, or the first {SHORTEST} or more characters{after}; {self.command} lists them"
        )


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
    # Listed backwards from the first text behind all that begin so: g follows f and the hyphen.
    listed = ledger.list_purchases(PurchaseFilter(before_id=wanted + "g", limit=MOST_NAMED + 1))
    return _only(
        RECEIPT,
        wanted,
        ledger.get(wanted),
        [(one.id, one) for one in listed],
        lambda one: (one.created_at, None if one.cost_usd is None else str(one.cost_usd)),
    )


def find_approval(ledger: Ledger, text: str, now: int) -> Approval:
    """Return the request for approval that is meant; a live one before those that are over.

    Raises:
        PurserError: INVALID_ARGUMENT, there is none, or there are several.
    """
    from wallet.approvals import LIVE_STATES

    wanted = _whole(APPROVAL, text)
    listed = ledger.list_approvals(answered=True, limit=_MOST_READ)
    begin_so = [one for one in listed if one.id.startswith(wanted)]
    live = [one for one in begin_so if one.state_at(now) in LIVE_STATES]
    return _only(
        APPROVAL,
        wanted,
        ledger.get_approval(wanted),
        [(one.id, one) for one in live or begin_so],
        lambda one: (one.created_at, str(one.amount_usd)),
    )


def find_channel(ledger: Ledger, text: str) -> Channel:
    """Return the channel that is meant.

    Raises:
        PurserError: INVALID_ARGUMENT, there is none, or there are several.
    """
    wanted = _whole(CHANNEL, text)
    return _only(
        CHANNEL,
        wanted,
        ledger.channels.get(wanted),
        [(one.id, one) for one in ledger.channels.listed(ended=True, limit=_MOST_READ)],
        lambda one: (one.created_at, str(one.deposited_usd)),
    )


def _whole(kind: Kind, text: str) -> str:
    """Return a text as ids are written, with the mark that a person may leave out."""
    lowered = text.strip().lower()
    return lowered if lowered.startswith(kind.mark) else kind.mark + lowered


def _only(
    kind: Kind,
    wanted: str,
    exact: FoundT | None,
    listed: Sequence[tuple[str, FoundT]],
    facts: Callable[[FoundT], tuple[int, str | None]],
) -> FoundT:
    from wallet.receipts import iso_time

    if exact is not None:
        return exact
    long_enough = len(wanted) - len(kind.mark) >= SHORTEST
    found = [(its_id, one) for its_id, one in listed if long_enough and its_id.startswith(wanted)]
    if len(found) == 1:
        return found[0][1]
    detail = f"There is no {kind.noun} with this id; {kind.command} lists them."
    if not long_enough:
        detail = f"An id, or its first {SHORTEST} or more characters, is needed; {kind.command}"
        detail += " lists them."
    if found:
        named = [
            f"    {its_id}  {iso_time(facts(one)[0])}  {dollars(facts(one)[1], 'free')}"
            for its_id, one in found[:MOST_NAMED]
        ]
        more = ["    and more"] if len(found) > MOST_NAMED else []
        lines = [f"Several {kind.noun}s begin so:", *named, *more, "  Give more of the id."]
        detail = "\n".join(lines)
    raise PurserError(ErrorKind.INVALID_ARGUMENT, detail)
