"""JSON as it is when it is small; with its shape on top, and a record a line, when it is not."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, cast

from tools.upstream.plain import as_dict, as_list
from wallet.rails.codec import nests_deeper

SMALL_CHARS = 20_000
"""What fits into one page of a tool's answer is shown whole."""

MAX_JSON_DEPTH = 200
_LINE_CHARS = 2_000
_LINED_DEPTH = 4
_SHOWN_KEYS = 30
_SHOWN_NAME_CHARS = 40
_TYPED_RECORDS = 1_000
_STRINGS = re.compile(r'("[^"\\]*+(?:\\.[^"\\]*+)*+")')
_DECODER = json.JSONDecoder()


def json_text(text: str) -> tuple[str, bool]:
    """Return JSON for reading, and whether its lines are records; what is broken stays as it is.

    No token is touched: numbers keep every digit.
    """
    value, compact = _compacted(text)
    if compact is None:
        return text, False
    if len(compact) <= SMALL_CHARS or compact[0] not in "[{":
        return compact, False
    return f"{_shape_line(value)}\n{_lined(compact)}", True


def ndjson_text(text: str) -> tuple[str, bool]:
    """Return a file of one JSON value a line for reading, as `json_text` does."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(text) <= SMALL_CHARS:
        return text, True
    pairs = [_compacted(line) for line in lines]
    values = [value for value, compact in pairs if compact is not None]
    shown = [
        line if compact is None else compact
        for line, (_, compact) in zip(lines, pairs, strict=True)
    ]
    unreadable = len(lines) - len(values)
    told = f"JSON lines: {len(values):,} records{_record_keys(values)}"
    told += f"; {unreadable:,} lines are no JSON" if unreadable else ""
    return "\n".join([told, *shown]), True


def _compacted(text: str) -> tuple[Any, str | None]:
    if nests_deeper(text, MAX_JSON_DEPTH):
        return None, None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None, None
    pieces = _STRINGS.split(text)
    pieces[::2] = ["".join(between.split()) for between in pieces[::2]]
    return value, "".join(pieces)


def _shape_line(value: object) -> str:
    fields = as_dict(value)
    if fields is None:
        return f"JSON {_described(value)}"
    parts = [f"{_name(key)} ({_described(inner)})" for key, inner in fields.items()]
    more = f", and {len(parts) - _SHOWN_KEYS:,} more" if len(parts) > _SHOWN_KEYS else ""
    return f"JSON object of {len(parts):,} keys: {', '.join(parts[:_SHOWN_KEYS])}{more}"


def _described(value: object) -> str:
    """Say of what type a value is, and how much is in it."""
    if (records := as_list(value)) is not None:
        return f"array of {len(records):,} {_kinds(records)}{_record_keys(records)}"
    if (fields := as_dict(value)) is not None:
        return f"object of {len(fields):,} keys"
    return _type(value)


def _kinds(records: list[Any]) -> str:
    """Name what an array holds: `objects`, or `values` of several types."""
    types = {_type(record) for record in records[:_TYPED_RECORDS]}
    return f"{types.pop()}s" if len(types) == 1 else "values"


def _record_keys(records: Iterable[Any]) -> str:
    """List the keys of an array's objects, the most common first, with the types seen."""
    counts: Counter[str] = Counter()
    types: dict[str, set[str]] = {}
    for number, record in enumerate(records):
        if not isinstance(record, dict) or number >= _TYPED_RECORDS:
            continue
        for key, value in cast("dict[str, Any]", record).items():
            counts[key] += 1
            types.setdefault(key, set()).add(_type(value))
    if not counts:
        return ""
    shown = [f"{_name(key)} ({'/'.join(sorted(types[key]))})" for key, _ in counts.most_common(30)]
    more = f", and {len(counts) - _SHOWN_KEYS:,} more" if len(counts) > _SHOWN_KEYS else ""
    return f"; keys: {', '.join(shown)}{more}"


def _type(value: object) -> str:
    match value:
        case bool():
            return "boolean"
        case None:
            return "null"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _name(key: str) -> str:
    key = " ".join(key.split())
    return key if len(key) <= _SHOWN_NAME_CHARS else f"{key[:_SHOWN_NAME_CHARS]}..."


def _lined(compact: str) -> str:
    """Put what is inside each large array or object on lines of its own, down to four levels."""
    places = sorted(_breaks(compact, 0, len(compact), 0))
    return "\n".join(compact[at:end] for at, end in pairwise([0, *places, len(compact)]))


def _breaks(compact: str, start: int, end: int, depth: int) -> Iterator[int]:
    """Yield where lines end inside the value from `start` to `end` of a compact JSON text."""
    scan = _DECODER.raw_decode
    keyed = compact[start] == "{"
    at = start + 1
    yield at
    while at < end - 1:
        if keyed:
            at = scan(compact, at)[1] + 1
        value, after = at, scan(compact, at)[1]
        large = after - value > _LINE_CHARS and compact[value] in "[{"
        if large and depth + 1 < _LINED_DEPTH:
            yield from _breaks(compact, value, after, depth + 1)
        at = after + 1
        yield min(at, end - 1)
