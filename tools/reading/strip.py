"""All text of an HTML page outside its tags: the plain way, linear in time, for any bytes."""

from __future__ import annotations

import html
import re

MAX_TITLE_CHARS = 300

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


def strip_tags(page: str) -> str:
    """Return all text outside tags and invisible elements, in time linear in the page's length."""
    for name in _HIDDEN:
        page = _without(page, f"<{name}", f"</{name}")
    page = _without(page, "<!--", "--")
    page = _CELL_START.sub(" | ", _BLOCK.sub("\n", page))
    text = html.unescape(_TAG.sub("", page))
    return _BLANK_LINES.sub("\n\n", _SPACES.sub(" ", text).replace("\n ", "\n")).strip()


def title_of(page: str) -> str:
    """Return what stands in the first `<title>`, on one line."""
    found = _TITLE.search(page[:100_000])
    if found is None:
        return ""
    return " ".join(html.unescape(found[1]).split())[:MAX_TITLE_CHARS]


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
