"""The terms of one request for approval, in the words that each way of asking shows.

A person agrees to the whole request, so its URL is never cut here. What the model wrote with the
request (its body and headers, or a tool's arguments) is kept in the memory of the process that was
asked, and nowhere else; another process can only say that there is one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from server.commands.common import clean, dollars

if TYPE_CHECKING:
    from wallet.approvals import Approval
    from wallet.limits import CapStatus
    from wallet.parts import Parts

REQUEST_CHARS = 10_000  # a method and the longest URL that is fetched
BODILESS = ("GET", "HEAD", "OPTIONS")
WEB = ("https://", "http://")
SPOKEN_CHARS = 2_000
SPOKEN_KEPT = 200

_BODY_NOT_SHOWN = "is kept nowhere and not shown; the approval is for this very one"
_NOT_SHOWN = "not shown; their values are kept nowhere, and the approval is for these very ones"


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the model wrote: the first part of it, as text, and how many characters it has.

    `headers` are what it gave along with a body, one to a line.
    """

    what: str
    start: str
    chars: int
    headers: Spoken | None = None

    @property
    def is_cut(self) -> bool:
        """Tell whether there is more of it, or of its headers, than the first part."""
        of_headers = self.headers is not None and self.headers.is_cut
        return of_headers or self.chars > len(self.start)


class SpokenWords:
    """What the model wrote with the latest calls that needed approval, by approval id."""

    def __init__(self) -> None:
        self._kept: dict[str, Spoken] = {}

    def keep(self, approval: Approval, arguments: Mapping[str, Any]) -> None:
        """Keep the body and headers of a fetch, or else the arguments of a tool, bounded.

        A tool of an upstream may call an argument of its own `url`, so the request decides.
        """
        approval_id, headers = approval.id, None
        if approval.url.startswith(WEB) and "url" in arguments:
            what, text = "body", str(arguments.get("body") or "")
            headers = _headers_of(arguments)
        else:
            what, text = "arguments", json.dumps(dict(arguments), ensure_ascii=False)
        self._kept.pop(approval_id, None)
        while len(self._kept) >= SPOKEN_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[approval_id] = Spoken(what, text[:SPOKEN_CHARS], len(text), headers)

    def of(self, approval_id: str) -> Spoken | None:
        """Return what was written with a call; None when this process was not asked it."""
        return self._kept.get(approval_id)


def _headers_of(arguments: Mapping[str, Any]) -> Spoken | None:
    """Return the headers of a fetch, one to a line, or as they came in one text; None without."""
    given = arguments.get("headers")
    if not given:
        return None
    text = str(given)
    if isinstance(given, Mapping):
        pairs = cast("Mapping[Any, Any]", given).items()
        text = "\n".join(f"{name}: {value}" for name, value in pairs)
    return Spoken("headers", text[:SPOKEN_CHARS], len(text))


def _unseen_headers(row: Mapping[str, Any]) -> str:
    count = row["header_count"]
    return f"{count} {'header' if count == 1 else 'headers'}, {_NOT_SHOWN}"


def facts_of(row: Mapping[str, Any], spoken: Spoken | None = None) -> list[tuple[str, str]]:
    """Return the names and values of a request's terms, in the order to be read.

    The URL comes before what is to be paid, which it must not push off a screen.

    Args:
        row: as `approval_row` makes it.
        spoken: what the model wrote, where it is shown elsewhere.
    """
    bodiless = row["method"] in BODILESS or spoken is not None
    unseen = row["header_count"] > 0 and (spoken is None or spoken.headers is None)
    return [
        ("Approval", row["id"]),
        ("Status", row["state"]),
        ("Request", f"{row['method']} {row['url']}"),
        *(() if bodiless else (("Body", _BODY_NOT_SHOWN),)),
        *((("Headers", _unseen_headers(row)),) if unseen else ()),
        ("Price", price_of(row)),
        ("Asked by", row["host"]),
        ("Paid to", row["pay_to"]),
        ("Network", network_of(row)),
        ("Token", row["asset"]["address"]),
        ("Scheme", row["scheme"]),
        ("Asked at", row["created_at"]),
        ("Good until", row["expires_at"]),
    ]


def price_of(row: Mapping[str, Any]) -> str:
    """Return the price in dollars and in the token."""
    asset = row["asset"]
    return f"{dollars(row['amount_usd'])} ({asset['amount']} {asset['symbol']})"


def network_of(row: Mapping[str, Any]) -> str:
    """Return the network's name with its CAIP-2 id, or the id alone."""
    from wallet.assets import find_network

    network = find_network(row["network"])
    return row["network"] if network is None else f"{network.name} ({network.id})"


async def caps_of(parts: Parts, approval: Approval) -> tuple[CapStatus, ...]:
    """Return how each cap stands that the payment would count in.

    Raises:
        LedgerUnavailableError: the ledger cannot be read.
    """
    from wallet.limits import cap_status, caps_for

    caps, now = caps_for(parts.rules, approval.terms.host), parts.now_s()
    balances = await parts.ledger.call(lambda ledger: ledger.balances(caps, now))
    return tuple(cap_status(cap, one) for cap, one in zip(caps, balances, strict=True))


def cap_words(cap: CapStatus) -> str:
    """Return what a cap limits."""
    words = {"per_day": "today", "total": "in all"}
    return words.get(cap.name, "today, to this host")


def question_text(row: Mapping[str, Any], caps: tuple[CapStatus, ...], spoken: Spoken) -> str:
    """Return the question that a host shows in its own form: every term, one to a line."""
    left = [f"{dollars(str(cap.left))} {cap_words(cap)}" for cap in caps if cap.left is not None]
    given = () if spoken.headers is None else spoken.headers.start.split("\n")
    lines = [
        f"Pay {price_of(row)} to {row['host']}?",
        f"For: {row['method']} {row['url']}",
        f"Paid to {row['pay_to']} on {network_of(row)}.",
        f"Left of your limits before it: {', '.join(left)}.",
        *(() if not spoken.chars else (f"The model's {spoken.what}: {spoken.start}",)),
        *(f"The model's header {line}" for line in given),
        *((f"Headers: {_unseen_headers(row)}.",) if row["header_count"] and not given else ()),
        f"Allows one payment on exactly these terms, until {row['expires_at']}.",
    ]
    return "\n".join(clean(line, REQUEST_CHARS) for line in lines)
