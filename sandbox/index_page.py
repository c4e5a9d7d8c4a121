"""The seller's front page: what is for sale, and a line to type for each."""

from __future__ import annotations

from html import escape

from sandbox.corpus import documents
from sandbox.wares import WARES, Ware

_WARES, _LINES, _NAMES = "<!-- wares -->", "<!-- lines -->", "<!-- names -->"


def filled_index(page: str, seller_url: str) -> str:
    """Return the page with the wares, the lines that buy them, and the library's documents."""
    lines = "\n".join(f"purser fetch {ware.arguments(seller_url)}" for ware in WARES)
    names = ", ".join(one.name for one in documents())
    return (
        page.replace(_WARES, "\n".join(map(_row, WARES)))
        .replace(_LINES, escape(lines, quote=False))
        .replace(_NAMES, escape(names))
    )


def _row(ware: Ware) -> str:
    cells = (f"<code>{ware.route}</code>", ware.price, escape(ware.title), ware.paid_by)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
