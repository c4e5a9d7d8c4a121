"""Change one setting in the text of config.toml, and leave every other character as it is."""

from __future__ import annotations

import re
import tomllib
from typing import Any, cast

_HEADER = re.compile(r"\s*\[(?!\[)(?P<name>[^\]]+)\]")


class NotEditableError(Exception):
    """The file writes this setting in a form that only a person can change well."""


def with_setting(text: str, where: tuple[str, ...], value: str) -> str:
    """Return the text with a setting at this value, which is written as TOML.

    The comment behind the setting, and the layout, stay. A setting or a table that is missing is
    added. The result is parsed, and differs from what it was in this setting alone.

    Args:
        text: valid TOML.
        where: the tables and the name, such as ("budget", "per_day").
        value: the new value.

    Raises:
        NotEditableError: as an inline table or with dotted names, for example.
    """
    lines = text.splitlines(keepends=True)
    edited = "".join(_edited(lines, where, value))
    wanted = _parsed(text)
    _put(wanted, where, _parsed(f"value = {value}")["value"])
    if _parsed(edited) != wanted:
        raise NotEditableError
    return edited


def _put(data: dict[str, Any], where: tuple[str, ...], value: object) -> None:
    name, *below = where
    if not below:
        data[name] = value
        return
    inner = data.setdefault(name, {})
    if not isinstance(inner, dict):
        raise NotEditableError
    _put(cast("dict[str, Any]", inner), tuple(below), value)


def _edited(lines: list[str], where: tuple[str, ...], value: str) -> list[str]:
    newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    setting = f"{where[-1]} = {value}"
    first = next((n for n, line in enumerate(lines) if _is_header(line, where[:-1])), None)
    if first is None:
        gap = [] if not lines else [newline] if lines[-1].endswith("\n") else [newline, newline]
        return [*lines, *gap, f"[{_dotted(where[:-1])}]{newline}{setting}{newline}"]
    for number in range(first + 1, len(lines)):
        if _HEADER.match(lines[number]):
            break
        if re.match(rf"\s*{re.escape(where[-1])}\s*=", lines[number]):
            last, behind = _end_of_value(lines, number)
            indent = re.match(r"\s*", lines[number])
            old = len(lines[number].rstrip("\r\n")) - len(behind)
            line = f"{indent[0] if indent else ''}{setting}"
            if behind:
                line = (line + "  ").ljust(old if last == number else 0) + behind
            return [*lines[:number], line + newline, *lines[last + 1 :]]
    header = lines[first] if lines[first].endswith("\n") else lines[first] + newline
    return [*lines[:first], header, setting + newline, *lines[first + 1 :]]


def _is_header(line: str, tables: tuple[str, ...]) -> bool:
    if not _HEADER.match(line):
        return False
    found: Any = _parsed(line)
    for part in tables:
        if not isinstance(found, dict) or list(cast("dict[str, Any]", found)) != [part]:
            return False
        found = cast("dict[str, Any]", found)[part]
    return found == {}


def _end_of_value(lines: list[str], first: int) -> tuple[int, str]:
    """Return the last line of the value that begins on a line, and the comment behind it."""
    for last in range(first, len(lines)):
        text = "".join(lines[first : last + 1])
        if not _is_toml(text):
            continue
        tail = lines[last].rstrip("\r\n")
        before = "".join(lines[first:last])
        for position, char in enumerate(tail):
            if char == "#" and _is_toml(before + tail[:position]):
                return last, tail[position:]
        return last, ""
    raise NotEditableError


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise NotEditableError from None


def _dotted(tables: tuple[str, ...]) -> str:
    return ".".join(
        part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"' for part in tables
    )
