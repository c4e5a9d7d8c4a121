"""One page of a long text, cut where nothing is lost: between rows, lines, words, characters."""

from __future__ import annotations

from dataclasses import dataclass

from tools.reading.clusters import cut_before

WORD_WINDOW = 200


@dataclass(frozen=True, slots=True)
class Page:
    """Characters `start` to `end` of a text of `total`; `end` is where the next page starts."""

    text: str
    start: int
    end: int
    total: int


def page(text: str, start: int, max_chars: int, *, rows: bool = False) -> Page:
    """Cut out at most `max_chars` characters (1 or more) from `start`; pages join to the whole.

    A row of a table, or any line if `rows`, moves to the next page whole, unless it is longer than
    a page. Other text is cut behind the last newline, or else the last space, of the final 200
    characters; never inside what a reader sees as one character, unless it is longer than a page.
    A `start` outside the text gives an empty page at its nearest end.
    """
    total = len(text)
    start = min(max(start, 0), total)
    end = min(start + max(max_chars, 1), total)
    if end < total:
        end = _row_start(text, start, end, rows) or _word_end(text, start, end)
    return Page(text[start:end], start, end, total)


def _row_start(text: str, start: int, end: int, rows: bool) -> int:
    """Return where the row that `end` would cut begins; 0 if it cuts none, or begins the page."""
    line = text.rfind("\n", 0, end) + 1
    if line <= start:
        return 0
    is_row = rows or text[line : line + 20].lstrip(" >").startswith("|")
    return line if is_row else 0


def _word_end(text: str, start: int, end: int) -> int:
    window = max(start, end - WORD_WINDOW)
    newline, space = text.rfind("\n", window, end), text.rfind(" ", window, end)
    border = newline if newline >= 0 else space
    return cut_before(text, border + 1 if border >= 0 else end, start)
