"""Words of strangers, made fit to be shown: one line, printable, bounded."""

from __future__ import annotations

import unicodedata
from typing import Any

from wallet.rails.codec import NumberLiteral, as_array, as_object, encode_json

SHOWN_CHARS = 200
MAX_INPUT_CHARS = 600

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_LEVELS = 4
_MEMBERS = 20
_NAME_CHARS = 40
_VALUE_CHARS = 80
_CUT = "..."
_EXACT_INTEGER = 2**53 - 1
"""Up to this an integer is one in every reader of JSON; other numbers are shown as text."""


def one_line(value: object, max_chars: int = SHOWN_CHARS) -> str:
    """Return a text on one line without control, format or direction characters; else nothing.

    A longer one is cut and ends in three dots.
    """
    if not isinstance(value, str):
        return ""
    # Bounded before it is looked at: a description may be megabytes long.
    seen = value[: 8 * max_chars]
    shown = "".join(
        " " if char.isspace() else char
        for char in seen
        if char.isspace() or unicodedata.category(char) not in _HIDDEN
    )
    line = " ".join(shown.split())
    if len(line) > max_chars or len(seen) < len(value):
        return line[: max_chars - len(_CUT)] + _CUT
    return line


def several(values: object, count: int, max_chars: int = _NAME_CHARS) -> tuple[str, ...]:
    """Return the first texts of a list, each on one line; what is not a text is left out."""
    lines = [one_line(one, max_chars) for one in (as_array(values) or [])[:count]]
    return tuple(dict.fromkeys(line for line in lines if line))


def small_input(value: object) -> dict[str, Any] | None:
    """Return what an entry says of its input, small enough to show; None where it says nothing.

    At most 600 characters of JSON, 4 levels, 20 members each. What is larger becomes the names of
    its members alone.
    """
    fields = as_object(value)
    if not fields:
        return None
    small = _small(fields, _LEVELS)
    if len(encode_json(small)) <= MAX_INPUT_CHARS:
        return small
    names = {one_line(name, _NAME_CHARS): _names(inner) for name, inner in fields.items()}
    brief = dict(list(names.items())[:8])
    return brief if len(encode_json(brief)) <= MAX_INPUT_CHARS else {"fields": _names(fields)[:8]}


def _names(value: object) -> list[str]:
    fields = as_object(value) or {}
    inner = as_object(fields.get("properties"))
    return [one_line(name, _NAME_CHARS) for name in list(inner or fields)[:8]]


def _small(value: object, levels: int) -> Any:
    if isinstance(value, str):
        return one_line(value, _VALUE_CHARS)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= _EXACT_INTEGER:
        return value
    if isinstance(value, int | NumberLiteral):
        text = value.text if isinstance(value, NumberLiteral) else str(value)
        return one_line(text, _NAME_CHARS)
    if not levels:
        return _CUT
    fields = as_object(value)
    if fields is not None:
        members = list(fields.items())[:_MEMBERS]
        return {one_line(name, _NAME_CHARS): _small(one, levels - 1) for name, one in members}
    return [_small(one, levels - 1) for one in (as_array(value) or [])[:_MEMBERS]]
