"""Put an entry into TOML as a table of its own, or take it out, and touch nothing else."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from server.mcp_hosts.edits import (
    BrokenFileError,
    Editor,
    Place,
    check_bounds,
    checked,
    newline_of,
    on_lines_of_their_own,
    on_one_line,
    position,
    quoted,
)

_POSITION = re.compile(r"\(at line (\d+), column (\d+)\)$")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
# What a statement is made of, longest first: the quotes that may hold brackets and line breaks.
_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|\n|[\[{]|[\]}]|[^\"'\#\n\[\]{}]+",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Block:
    """A table as it is written: its path, its header, and where its last setting ends."""

    path: tuple[str, ...]
    start: int
    end: int


def parse(text: str) -> dict[str, Any]:
    """Return what a TOML text says.

    Raises:
        BrokenFileError: it is not TOML.
    """
    check_bounds(text)
    body = text.removeprefix("\ufeff")
    try:
        return tomllib.loads(body, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        found = _POSITION.search(str(error))
        if found is None:  # at the end of the document
            raise position(body, len(body), "not valid TOML") from None
        raise BrokenFileError(int(found[1]), int(found[2]), "not valid TOML") from None


def put(text: str, place: Place, entry: Mapping[str, Any]) -> str:
    """Return the text with the entry at its end, or in the place of the one of that name.

    Raises:
        NotEditableError: the entry is there as an inline table or with dotted names.
    """
    newline = newline_of(text)
    table = newline.join(_table((place.table, place.name), entry)) + newline
    blocks = _blocks_of(text, place)
    if blocks:
        first, *others = blocks
        edited = text
        for block in reversed(others):
            edited = _without(edited, block)
        edited = edited[: first.start] + table + edited[first.end :]
    else:
        gap = newline if text.strip("\ufeff \t\r\n") else ""
        edited = on_lines_of_their_own(text, newline) + gap + table
    return checked(parse, text, edited, place, entry)


def drop(text: str, place: Place) -> str:
    """Return the text without the entry and the blank line before it.

    Raises:
        NotEditableError: it is not there as a table of its own.
    """
    edited = text
    for block in reversed(_blocks_of(text, place)):
        edited = _without(edited, block)
    return checked(parse, text, edited, place, None)


def _without(text: str, block: _Block) -> str:
    before = text[: block.start]
    for newline in ("\r\n", "\n"):
        if before.endswith(newline * 2):
            before = before.removesuffix(newline)
            break
    return before + text[block.end :]


def _blocks_of(text: str, place: Place) -> list[_Block]:
    """Return the tables that make up the entry: its own, and those below it."""
    own = (place.table, place.name)
    return [block for block in _blocks(text) if block.path[:2] == own]


def _blocks(text: str) -> Iterator[_Block]:
    block: _Block | None = None
    for start, end in _statements(text):
        statement = text[start:end]
        if statement.lstrip(" \t\ufeff").startswith("["):
            if block is not None:
                yield block
            block = _Block(_header(statement), start, end)
        elif block is not None:
            block = _Block(block.path, block.start, end)
    if block is not None:
        yield block


def _statements(text: str) -> Iterator[tuple[int, int]]:
    """Yield each header or setting with its line break; blank lines and comments are none."""
    start, depth, filled = 0, 0, False
    for token in _TOKEN.finditer(text):
        match token[0][0]:
            case "\n" if depth == 0:
                if filled:
                    yield start, token.end()
                start, filled = token.end(), False
            case "[" | "{":
                depth, filled = depth + 1, True
            case "]" | "}":
                depth -= 1
            case "#":
                pass
            case _:
                filled = filled or not token[0].isspace()
    if filled:
        yield start, len(text)


def _header(statement: str) -> tuple[str, ...]:
    """Return the names in a header; those of an array of tables too."""
    found: Any = tomllib.loads(statement.removeprefix("\ufeff"))
    path: list[str] = []
    while found:
        ((name, inner),) = cast("dict[str, Any]", found).items()
        path.append(name)
        found = cast("list[Any]", inner)[0] if isinstance(inner, list) else inner
    return tuple(path)


def _table(path: tuple[str, ...], data: Mapping[str, Any]) -> list[str]:
    """Write a table, with the tables in it behind its settings."""
    lines = ["[" + ".".join(_key(part) for part in path) + "]"]
    for name, value in data.items():
        if not isinstance(value, dict):
            lines.append(f"{_key(name)} = {on_one_line(value, _key, ' = ')}")
    for name, value in data.items():
        if isinstance(value, dict):
            lines += ["", *_table((*path, name), cast("dict[str, Any]", value))]
    return lines


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else quoted(name)


TOML = Editor(parse, put, drop)
