"""CSV and TSV: as they are when small; a table with its shape on top when they are not."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence

from tools.reading.grid import MAX_COLUMNS, markdown_table
from tools.reading.json_text import SMALL_CHARS

DELIMITERS = (",", "\t", ";", "|")
_SNIFFED_ROWS = 50
_SNIFFED_CHARS = 50_000
_TYPED_ROWS = 1_000
_SHOWN_COLUMNS = 40
_SHOWN_NAME_CHARS = 40
_FILLED_TIMES = 4
_FILLED_CELLS = 10_000
_TYPES = (
    ("integer", re.compile(r"[+-]?\d{1,40}", re.ASCII)),
    ("number", re.compile(r"[+-]?(?:\d[\d,]*)?[.,]?\d+(?:e[+-]?\d+)?%?", re.ASCII | re.IGNORECASE)),
    ("date", re.compile(r"\d{4}-\d\d-\d\d(?:[T ][\d:.+-]{5,20}Z?)?", re.ASCII)),
    ("boolean", re.compile(r"true|false|yes|no", re.IGNORECASE)),
)


def csv_text(text: str) -> tuple[str, bool]:
    """Return delimited text for reading, and whether each line is a row.

    Small files stay as they are while every row is one line. What is large, or has newlines inside
    its cells, becomes a Markdown table under one line that tells its size and columns. What cannot
    be read as rows stays as it is.
    """
    rows = _read(text)
    if rows is None:
        return text, False
    one_line_each = not any("\n" in cell or "\r" in cell for row in rows for cell in row)
    if len(text) <= SMALL_CHARS and one_line_each:
        return text, True
    width = max(map(len, rows))
    # One wide row among many short ones would make a table many times the file.
    room = _FILLED_CELLS + _FILLED_TIMES * sum(map(len, rows))
    if width > MAX_COLUMNS or width * len(rows) > room:
        return text, one_line_each
    filled = [row + [""] * (width - len(row)) for row in rows]
    names = _header(filled)
    table = filled if names is filled[0] else [names, *filled]
    return f"{_shape_line(table)}\n{markdown_table(table, tight=True)}", True


def delimiter_of(text: str) -> str | None:
    """Return the delimiter that parts the first rows most evenly, or None if none parts them."""
    sample = text[:_SNIFFED_CHARS]
    scores: dict[str, tuple[int, int]] = {}
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        try:
            widths = Counter(
                len(row) for row, _ in zip(reader, range(_SNIFFED_ROWS), strict=False) if row
            )
        except csv.Error:
            continue
        width, count = max(widths.items(), key=lambda one: one[::-1], default=(0, 0))
        if width > 1:
            scores[delimiter] = (count * 100 // max(1, widths.total()), width)
    return max(scores, key=lambda one: scores[one], default=None)


def _read(text: str) -> list[list[str]] | None:
    delimiter = delimiter_of(text)
    if delimiter is None:
        return None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = [row for row in reader if any(row)]
    except csv.Error:
        return None
    return rows or None


def _header(rows: Sequence[list[str]]) -> list[str]:
    """Return the first row if it can name the columns, else made-up names."""
    first = rows[0]
    named = all(cell.strip() and _type_of(cell) in ("text", "boolean") for cell in first)
    if named and len(set(first)) == len(first):
        return first
    return [f"column {number}" for number in range(1, len(first) + 1)]


def _shape_line(table: Sequence[Sequence[str]]) -> str:
    names, rows = table[0], table[1:]
    columns = [f"{_short(name)} ({_column_type(rows, at)})" for at, name in enumerate(names)]
    more = f", and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
    shown = ", ".join(columns[:_SHOWN_COLUMNS])
    return f"Table of {len(rows):,} rows and {len(names)} columns: {shown}{more}"


def _column_type(rows: Sequence[Sequence[str]], at: int) -> str:
    """Return the one type of a column's first cells; integers among numbers are numbers."""
    seen = {_type_of(row[at]) for row in rows[:_TYPED_ROWS] if row[at].strip()}
    if seen == {"integer", "number"}:
        return "number"
    return seen.pop() if len(seen) == 1 else "text" if seen else "empty"


def _type_of(cell: str) -> str:
    bare = cell.strip()
    if len(bare) > 100:
        return "text"
    return next((name for name, pattern in _TYPES if pattern.fullmatch(bare)), "text")


def _short(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= _SHOWN_NAME_CHARS else f"{name[:_SHOWN_NAME_CHARS]}..."
