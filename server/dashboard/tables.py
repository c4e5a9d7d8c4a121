"""Tables and small pieces that more than one page of the dashboard has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from server.commands.common import dollars
from server.pages.markup import Child, Html, foreign, tag
from wallet.model import Evidence, Purchase, State
from wallet.receipts import iso_time

if TYPE_CHECKING:
    from server.pages.guard import Visit

HOST_CHARS = 80
URL_CHARS = 160

STATUSES: dict[str, tuple[State, ...]] = {
    "settled": (State.SETTLED,),
    "unknown": (State.HELD, State.SIGNED, State.UNKNOWN),
    "void": (State.VOID,),
    "free": (State.FREE,),
}
"""The statuses of receipts, and the states that each stands for."""

_CHIPS = {
    State.FREE: ("quiet", "free"),
    State.HELD: ("warn", "held"),
    State.SIGNED: ("warn", "sent"),
    State.UNKNOWN: ("warn", "unknown"),
    State.VOID: ("quiet", "freed"),
}


def chip(purchase: Purchase) -> Html:
    """Return where a purchase stands, in a word; how Purser knows is part of it."""
    if purchase.state is State.SETTLED:
        proven = purchase.evidence is Evidence.VERIFIED
        kind, word = ("good", "verified") if proven else ("plain", "claimed")
    else:
        kind, word = _CHIPS[purchase.state]
    return tag("span", word, class_=f"chip chip-{kind}")


def moment(unix_s: int | None) -> Html | None:
    """Return a time as a person reads it, UTC."""
    exact = iso_time(unix_s)
    if exact is None:
        return None
    return tag("time", f"{exact[:10]} {exact[11:16]}", datetime=exact)


def price(purchase: Purchase) -> str:
    """Return what a purchase cost, or holds."""
    return "free" if purchase.cost_usd is None else dollars(str(purchase.cost_usd))


def table(headings: Sequence[str], rows: Sequence[Sequence[Child]], *, label: str) -> Html:
    """Return a table that scrolls by itself; a heading that begins with `#` is of numbers."""
    numbers = [text.startswith("#") for text in headings]
    head = [
        tag("th", text.lstrip("#"), scope="col", class_="number" if number else None)
        for text, number in zip(headings, numbers, strict=True)
    ]
    names = [text.lstrip("#") for text in headings]
    body = [
        tag(
            "tr",
            *(
                tag("td", cell, class_="number" if number else None, data_label=name)
                for cell, number, name in zip(row, numbers, names, strict=True)
            ),
        )
        for row in rows
    ]
    made = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body))
    return tag("div", made, class_="table stack", tabindex=0, role="group", aria_label=label)


def receipts_table(visit: Visit, purchases: Sequence[Purchase], *, label: str) -> Html:
    """Return receipts as a table, each with a link to its own page."""
    if not purchases:
        return tag("p", "Nothing here.", class_="quiet")
    rows = [
        (
            tag("a", moment(one.created_at), href=visit.path(receipt_path(one.id))),
            price(one),
            chip(one),
            tag("span", foreign(one.host, HOST_CHARS), class_="host"),
            tag("span", foreign(f"{one.method} {one.url}", URL_CHARS), class_="request"),
        )
        for one in purchases
    ]
    return table(("time (UTC)", "#price", "status", "host", "request"), rows, label=label)


def receipt_path(receipt_id: str) -> str:
    """Return the path of a receipt's own page."""
    return f"/receipts/{receipt_id}"


def with_query(path: str, **values: Any) -> str:
    """Return a path with those of the values that are there."""
    query = urlencode({name: value for name, value in values.items() if value not in (None, "")})
    return f"{path}?{query}" if query else path


def card(heading: str, *body: Child, key: str, note: str | None = None) -> Html:
    """Return a part of a page that is renewed when the ledger changes; its `key` is its id."""
    told = None if note is None else tag("p", note, class_="quiet small")
    title = tag("h2", heading, id=f"{key}-heading")
    return tag(
        "section",
        *(title, told, *body),
        class_="card",
        id=key,
        aria_labelledby=f"{key}-heading",
        data_live=True,
    )


def empty_card(heading: str, told: str, key: str) -> Html:
    """Return a part that has nothing to show at present, in one line."""
    title = tag("h2", heading, id=f"{key}-heading")
    line = tag("p", told, class_="quiet")
    return tag("section", title, line, class_="card slim", id=key, data_live=True)


def navigation(visit: Visit, here: str) -> Html:
    """Return the links between the pages."""
    places = (("/", "Overview"), ("/receipts", "Receipts"))
    links = [
        tag("a", name, href=visit.path(path), aria_current="page" if path == here else None)
        for path, name in places
    ]
    return tag("nav", *links, class_="places", aria_label="Pages")
