"""Receipts: a list to search and page through, its exports, and one receipt with its evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from server.commands.receipt import facts
from server.commands.receipts import COLUMNS
from server.dashboard.overview import SCRIPTS, STYLES, live_line
from server.dashboard.tables import (
    HOST_CHARS,
    STATUSES,
    chip,
    navigation,
    price,
    receipts_table,
    with_query,
)
from server.pages.layout import page, problem
from server.pages.markup import Html, foreign, tag
from server.reports.as_text import csv_text
from server.reports.period import moment
from tools.list_receipts import brief
from wallet.ledger.base import PurchaseFilter
from wallet.model import Purchase
from wallet.receipts import EVIDENCE_WORDS, receipt

if TYPE_CHECKING:
    from starlette.responses import Response

    from server.pages.guard import Visit
    from server.settings import Settings

PAGE_ROWS = 50
TEXT_CHARS = 300
SIGNED_CHARS = 20_000
PATH = "/receipts"
_FIELDS = ("host", "status", "text", "since", "until")


@dataclass(frozen=True, slots=True)
class Search:
    """What a person looks for: the texts of the form, and the filter that they make."""

    texts: Mapping[str, str]
    wanted: PurchaseFilter

    def before(self, receipt_id: str | None, limit: int) -> PurchaseFilter:
        """Return the filter for so many receipts before one."""
        return replace(self.wanted, before_id=receipt_id, limit=limit)


def read_search(query: Mapping[str, str]) -> Search:
    """Read the form.

    Raises:
        ValueError: a day cannot be read, or the status is none; the text says so.
        OverflowError: a day ends after the last one there is.
    """
    texts = {name: query.get(name, "").strip()[:TEXT_CHARS] for name in _FIELDS}
    status = texts["status"]
    if status and status not in STATUSES:
        raise ValueError("there is no such status")
    wanted = PurchaseFilter(
        host=texts["host"].lower() or None,
        states=STATUSES.get(status, ()),
        since=moment(texts["since"], whole_day=False) if texts["since"] else None,
        until=moment(texts["until"], whole_day=True) if texts["until"] else None,
        text=texts["text"] or None,
    )
    return Search(texts, wanted)


def list_page(
    visit: Visit, search: Search, found: Sequence[Purchase], before: str | None, mark: str
) -> Response:
    """Return the receipts that were found, newest first; one more than fits says there are more."""
    shown = found[:PAGE_ROWS]
    path = visit.path(PATH)
    older = newest = None
    if len(found) > PAGE_ROWS:
        href = with_query(path, **search.texts, before=shown[-1].id)
        older = tag("a", "Older", href=href, rel="next", class_="button")
    if before:
        newest = tag("a", "Newest", href=with_query(path, **search.texts), class_="button")
    exports = [
        tag("a", name.upper(), href=with_query(f"{path}.{name}", **search.texts), download=True)
        for name in ("csv", "json")
    ]
    told = tag("p", "Export all that match: ", exports[0], " or ", exports[1], class_="small quiet")
    listed = tag(
        "section",
        receipts_table(visit, shown, label="Receipts"),
        tag("div", newest, older, class_="actions"),
        told,
        class_="card",
        id="receipts",
        data_live=None if before else True,
    )
    body = (
        navigation(visit, PATH),
        tag("h1", "Receipts"),
        _form(path, search.texts),
        live_line(visit, mark, PATH),
        listed,
    )
    return page("Receipts", *body, wide=True, scripts=SCRIPTS, styles=STYLES)


def _form(path: str, texts: Mapping[str, str]) -> Html:
    options = [tag("option", "any", value="")]
    options += [
        tag("option", name, value=name, selected=name == texts["status"]) for name in STATUSES
    ]
    fields = (
        _field("host", "Host", tag("input", id="host", name="host", value=texts["host"])),
        _field("status", "Status", tag("select", *options, id="status", name="status")),
        _field(
            "text",
            "Text",
            tag("input", id="text", name="text", value=texts["text"], type="search"),
            "in the address, the id or the transfer's hash",
        ),
        _day("since", "From", texts),
        _day("until", "To", texts),
        tag("button", "Search", class_="primary", type="submit"),
    )
    return tag("form", *fields, method="get", action=path, class_="search", role="search")


def _field(name: str, label: str, control: Html, hint: str | None = None) -> Html:
    return tag("label", tag("span", label), control, for_=name, title=hint)


def _day(name: str, label: str, texts: Mapping[str, str]) -> Html:
    return _field(name, label, tag("input", id=name, name=name, value=texts[name], type="date"))


def receipt_page(
    visit: Visit, purchase: Purchase, words: tuple[str | None, str | None], settings: Settings
) -> Response:
    """Return everything that is known of one purchase, and how Purser knows."""
    data = receipt(purchase)
    rows: list[Html] = []
    for name, value in facts(data, settings):
        shown: Html | str = foreign(value, TEXT_CHARS * 4)
        if name == "Explorer" and value.startswith("https://"):
            shown = tag("a", shown, href=value, rel="noreferrer")
        elif name in ("Receipt", "Nonce", "Transfer", "SHA-256", "Paid to", "Paid from"):
            shown = tag("code", shown)
        rows += [tag("dt", name), tag("dd", shown)]
    head = tag("h1", price(purchase), " ", chip(purchase))
    host = foreign(purchase.host, HOST_CHARS)
    told = tag("p", f"{host}, {EVIDENCE_WORDS[purchase.evidence]}", class_="quiet")
    signed = [
        tag(
            "details", tag("summary", f"The {kind} that the seller signed"), tag("pre", _json(text))
        )
        for kind, text in zip(("offer", "receipt"), words, strict=True)
        if text is not None
    ]
    body = tag("section", head, told, tag("dl", *rows, class_="facts"), *signed, class_="card")
    nav = navigation(visit, "")
    return page("Receipt", nav, body, styles=STYLES)


def _json(text: str) -> str:
    """Return what a seller signed, one value a line, as text that hides nothing."""
    lines = json.dumps(json.loads(text), indent=2, ensure_ascii=True).splitlines()
    return "\n".join(foreign(line) for line in lines)[:SIGNED_CHARS]


def as_csv(found: Sequence[Purchase]) -> str:
    """Return receipts as rows for a spreadsheet."""
    rows = (brief(one) for one in found)
    cells = (["" if row[name] is None else str(row[name]) for name in COLUMNS] for row in rows)
    return csv_text(COLUMNS, cells)


def as_data(found: Sequence[Purchase]) -> dict[str, Any]:
    """Return receipts as JSON values."""
    return {"receipts": [receipt(one) for one in found]}


def no_receipt() -> Response:
    """Return the page for an id that is none."""
    return problem(404, "No such receipt", "This ledger does not know it.")
