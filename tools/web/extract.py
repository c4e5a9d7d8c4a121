"""HTML to Markdown or plain text: trafilatura's main text, or a plain strip where it finds none."""

from __future__ import annotations

import html
import logging
import re
from functools import partial
from typing import Literal

# Extraction takes up to a hundred times the page's size in memory, and its time grows faster than
# the page; what is over one of these is stripped instead.
MAX_EXTRACT_CHARS = 400_000
MAX_TAGS = 20_000
MAX_ATTRIBUTES = 10_000
MAX_CELLS = 2_000
_MAX_TITLE_CHARS = 300
_CELL = re.compile(r"<t[dh]\b", re.IGNORECASE)
_LONG_TAG = re.compile(r"<[a-zA-Z][^<>]{8000}")
# Possessive, so that a long run of spaces is walked once and not once for each of them.
_WIDE_SPAN = re.compile(r"(?:col|row)span\s*+=\s*+[\"']?+\s*+\d{3}", re.IGNORECASE)

_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,2000})</title", re.IGNORECASE)
_BLOCK = re.compile(
    r"<(?:/?(?:p|div|section|article|header|footer|main|ul|ol|table|tr|h[1-6]|pre|blockquote)"
    r"|br|hr|li)\b[^<>]*>",
    re.IGNORECASE,
)
_CELL_START = re.compile(r"<t[dh]\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[!/?a-zA-Z][^<>]*>")
_SPACES = re.compile(r"[ \t\u00a0]+")
_BLANK_LINES = re.compile(r"\n[ \n]*\n")
_HIDDEN = ("script", "style", "noscript", "template", "svg", "title", "head")


def html_to_text(page: str, url: str, form: Literal["markdown", "text"]) -> str:
    """Return a page's main text, its title first; never fetches anything, never raises.

    Takes milliseconds to about a second, so call it in a worker thread. `url` makes relative
    links absolute.
    """
    text = _extract(page, url, form) if _is_extractable(page) else ""
    return _with_title(text or strip_tags(page), _title(page), form)


def _is_extractable(page: str) -> bool:
    """Tell a page an author may have written from one made to keep the extractor busy."""
    return (
        len(page) <= MAX_EXTRACT_CHARS
        and page.count("<") <= MAX_TAGS
        and page.count("=") <= MAX_ATTRIBUTES
        and len(_CELL.findall(page)) <= MAX_CELLS
        and _LONG_TAG.search(page) is None
        and _WIDE_SPAN.search(page) is None
    )


def strip_tags(page: str) -> str:
    """Return all text outside tags and invisible elements, in time linear in the page's length."""
    for name in _HIDDEN:
        page = _without(page, f"<{name}", f"</{name}")
    page = _without(page, "<!--", "--")
    page = _CELL_START.sub(" | ", _BLOCK.sub("\n", page))
    text = html.unescape(_TAG.sub("", page))
    return _BLANK_LINES.sub("\n\n", _SPACES.sub(" ", text).replace("\n ", "\n")).strip()


def _extract(page: str, url: str, form: Literal["markdown", "text"]) -> str:
    import trafilatura
    from lxml.etree import LxmlError  # pyright: ignore[reportUnknownVariableType] - no stubs

    # Its warnings quote the page's URL, which may hold a secret.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    if "<html" not in page[:2000].lower():
        page = f"<html><body>{page}</body></html>"
    run = partial(
        trafilatura.extract,
        url=url,
        include_tables=True,
        include_comments=False,
        include_links=form == "markdown",
        output_format="markdown" if form == "markdown" else "txt",
    )
    try:
        return (run(page) or "").strip()
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        LxmlError,
        MemoryError,
        RuntimeError,
        TypeError,
        ValueError,
    ):
        # The extractor walks a hostile tree; whatever it trips over, the plain strip still works.
        return ""


def _title(page: str) -> str:
    found = _TITLE.search(page[:100_000])
    if found is None:
        return ""
    return " ".join(html.unescape(found[1]).split())[:_MAX_TITLE_CHARS]


def _with_title(text: str, title: str, form: Literal["markdown", "text"]) -> str:
    """Put the title on top unless the text opens with it; site names behind `|` may differ."""
    opening = text.lstrip("# ").partition("\n")[0].strip()
    if not title or (opening and title.startswith(opening)):
        return text
    heading = f"# {title}" if form == "markdown" else title
    return f"{heading}\n\n{text}".strip()


def _without(page: str, start: str, end: str) -> str:
    """Remove every stretch from `start` through the `>` after `end`, or to the very end."""
    lowered = page.lower()
    if len(lowered) != len(page):  # a few characters grow when lower-cased; ASCII never does
        lowered = page.translate(_ASCII_LOWER)
    kept: list[str] = []
    at = 0
    while (found := _element(lowered, start, at)) >= 0:
        kept.append(page[at:found])
        closed = lowered.find(end, found + len(start))
        stop = lowered.find(">", closed) if closed >= 0 else -1
        if stop < 0:
            return "".join(kept)
        at = stop + 1
    kept.append(page[at:])
    return "".join(kept)


_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def _element(lowered: str, start: str, at: int) -> int:
    """Find `start` as a whole tag name: `<head` but not `<header`."""
    while (found := lowered.find(start, at)) >= 0:
        after = lowered[found + len(start) : found + len(start) + 1]
        if start == "<!--" or not (after.isalnum() or after == "-"):
            return found
        at = found + len(start)
    return -1
