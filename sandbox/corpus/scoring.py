"""How much of a page's main content a text holds, and how little else.

The score is the F1 of words: words are runs of letters and digits without regard to case, and each
character by itself in scripts that write no spaces. Counts matter (a word said twice counts twice),
order does not; the targets of Markdown links are no words. A table is lost when a row of it has no
line in the text on which all its cells stand in their order.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from html.parser import HTMLParser

_TARGET = re.compile(r"\]\([^()\s]*\)")
_WORD = re.compile(
    r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]|[^\W_\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]+"
)
_NOT_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Score:
    """Shares in thousandths, so that no float is needed."""

    precision: int
    recall: int
    f1: int


def words(text: str) -> Counter[str]:
    """Return a text's words with their counts."""
    return Counter(_WORD.findall(_TARGET.sub("]", text).casefold()))


def score(text: str, gold: str) -> Score:
    """Compare a text with what should have been got."""
    got, wanted = words(text), words(gold)
    shared = (got & wanted).total()
    precision = shared * 1000 // max(1, got.total())
    recall = shared * 1000 // max(1, wanted.total())
    return Score(precision, recall, shared * 2000 // max(1, got.total() + wanted.total()))


def tables_of(markup: str) -> list[list[list[str]]]:
    """Return the rows of each table in a piece of HTML, in the order they end."""
    reader = _Tables()
    reader.feed(markup)
    reader.close()
    while reader.open:
        reader.end()
    return [table for table in reader.tables if any(len(row) > 1 for row in table)]


def lost_tables(text: str, markup: str) -> int:
    """Return how many tables of the markup the text has lost."""
    lines = [_NOT_LETTERS.sub("", line.casefold()) for line in text.splitlines()]
    return sum(
        not all(any(_holds(line, row) for line in lines) for row in table)
        for table in tables_of(markup)
    )


def _holds(line: str, row: list[str]) -> bool:
    at = 0
    for cell in row:
        letters = _NOT_LETTERS.sub("", cell.casefold())
        found = line.find(letters, at)
        if found < 0:
            return False
        at = found + len(letters)
    return True


class _Tables(HTMLParser):
    """Collects the cells of tables; a table inside a cell is part of that cell's text too."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[list[list[str]]] = []
        self.tables: list[list[list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.open.append([])
        elif self.open and tag == "tr":
            self.open[-1].append([])
        elif self.open and self.open[-1] and tag in ("td", "th"):
            self.open[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "table" and self.open:
            self.end()

    def handle_data(self, data: str) -> None:
        for table in self.open:
            if table and table[-1]:
                table[-1][-1] += f" {data}"

    def end(self) -> None:
        """Close the innermost open table."""
        self.tables.append(self.open.pop())
