"""What the editors of JSON, TOML and YAML share: their errors, and how texts are quoted.

An editor changes one entry of one table in a text and leaves every other character as it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

MAX_CHARS = 20_000_000
MAX_DEPTH = 100
INDENT = "  "
_BRACKETS = re.compile(r"[\[\]{}]")


class BrokenFileError(Exception):
    """The text is not what its host could read: where, counted from 1, and why; never quoted."""

    def __init__(self, line: int, column: int, reason: str) -> None:
        super().__init__(f"line {line}, column {column}: {reason}")
        self.line, self.column, self.reason = line, column, reason


class NotEditableError(Exception):
    """The text is sound, but writes the entry in a form that only a person can change well."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands: the table of servers, and the server's name in it."""

    table: str
    name: str


@dataclass(frozen=True, slots=True)
class Editor:
    """How one kind of text is read and edited.

    `parse` raises BrokenFileError. `put` adds or replaces the entry, `drop` takes it out; both take
    a text that `parse` accepts and raise NotEditableError.
    """

    parse: Callable[[str], dict[str, Any]]
    put: Callable[[str, Place, Mapping[str, Any]], str]
    drop: Callable[[str, Place], str]


def position(text: str, index: int, reason: str) -> BrokenFileError:
    """Return the error for a place in a text, which is given as an index."""
    before = text[:index]
    return BrokenFileError(before.count("\n") + 1, index - before.rfind("\n"), reason)


def check_length(text: str) -> None:
    """Refuse a text that is too long to be somebody's settings.

    Raises:
        BrokenFileError: it is.
    """
    if len(text) > MAX_CHARS:
        raise BrokenFileError(1, 1, "the file is too long")


def check_bounds(text: str) -> None:
    """Refuse a text that is too long, or has too many brackets open at once.

    They are counted wherever they stand, in comments too, before a parser sees them.

    Raises:
        BrokenFileError: it is, or it has.
    """
    check_length(text)
    depth = 0
    for bracket in _BRACKETS.finditer(text):
        depth = depth + 1 if bracket[0] in "[{" else max(0, depth - 1)
        if depth > MAX_DEPTH:
            raise position(text, bracket.start(), "nested too deeply")


def newline_of(text: str) -> str:
    """Return how the lines of a text end."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def on_lines_of_their_own(text: str, newline: str) -> str:
    """Return the text, ended by a line break unless it is empty."""
    return text if not text or text.endswith("\n") else text + newline


def quoted(text: str) -> str:
    """Write a text in double quotes, as JSON, TOML and YAML all read it."""
    written = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else _escaped(one) for one in written)


def on_one_line(value: Any, key: Callable[[str], str], equals: str) -> str:
    """Write a value within one line, as TOML and YAML both read it.

    Args:
        value: what the entry holds.
        key: writes the name of a pair.
        equals: what stands between a name and its value.

    Raises:
        NotEditableError: it is a date or the like.
    """
    match value:
        case str():
            return quoted(value)
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case int() | float() | Decimal():
            return str(value)
        case list():
            items = cast("list[Any]", value)
            return "[" + ", ".join(on_one_line(one, key, equals) for one in items) + "]"
        case dict():
            pairs = cast("dict[str, Any]", value).items()
            written = (f"{key(k)}{equals}{on_one_line(v, key, equals)}" for k, v in pairs)
            return "{" + ", ".join(written) + "}"
        case _:
            raise NotEditableError("the entry holds something that only a person can move")


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))


def table_of(data: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Return the table of servers; an empty one when there is none.

    Raises:
        NotEditableError: something else has its name.
    """
    found = data.get(place.table)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise NotEditableError(f"{place.table} is not a table of servers")
    return cast("dict[str, Any]", found)


def changed(data: Mapping[str, Any], place: Place, entry: Mapping[str, Any] | None) -> Any:
    """Return the data with the entry in its place, or with none: what an edit must amount to."""
    servers = {**table_of(data, place)}
    if entry is None:
        servers.pop(place.name, None)
    else:
        servers[place.name] = dict(entry)
    return {**data, place.table: servers}


def checked(
    parse: Callable[[str], dict[str, Any]],
    text: str,
    edited: str,
    place: Place,
    entry: Mapping[str, Any] | None,
) -> str:
    """Return the edited text if it says exactly what it should: nothing else is ever written.

    An empty table of servers is the same as none, which TOML has no need to name.

    Raises:
        NotEditableError: it does not.
    """
    wanted = _without_empty(changed(parse(text), place, entry), place)
    try:
        if _without_empty(parse(edited), place) == wanted:
            return edited
    except BrokenFileError:
        pass
    raise NotEditableError(f"{place.table} is written in a way that cannot be edited safely")


def _without_empty(data: dict[str, Any], place: Place) -> dict[str, Any]:
    if table_of(data, place):
        return data
    return {name: value for name, value in data.items() if name != place.table}
