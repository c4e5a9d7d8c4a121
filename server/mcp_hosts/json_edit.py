"""Put an entry into JSON with comments, or take it out, and touch nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from server.mcp_hosts.edits import (
    INDENT,
    Editor,
    NotEditableError,
    Place,
    checked,
    newline_of,
    on_lines_of_their_own,
    quoted,
)
from server.mcp_hosts.jsonc import Member, Node, parse, read, skip_trivia

_REST_OF_LINE = re.compile(r"(?:[ \t]|/\*(?:[^*\n]|\*(?!/))*\*/)*(?://[^\r\n]*)?(?=\r?\n)")


def put(text: str, place: Place, entry: Mapping[str, Any]) -> str:
    """Return the text with the entry added, or put in the place of the one of that name.

    Raises:
        NotEditableError: the table of servers is something else, or is written twice.
    """
    root = read(text)
    step, newline = _step(text, root), newline_of(text)
    if root is None:
        whole = _written({place.table: {place.name: entry}}, "", step, newline)
        return on_lines_of_their_own(text, newline) + whole + newline
    servers = _member(root, place.table)
    if servers is None:
        edited = _added(text, root, place.table, {place.name: entry}, step)
    elif servers.node.members is None:
        raise NotEditableError(f"{place.table} is not a table of servers")
    elif (old := _member(servers.node, place.name)) is None:
        edited = _added(text, servers.node, place.name, entry, step)
    else:
        new = _written(entry, _indent(text, old.start), step, newline)
        edited = text[: old.node.start] + new + text[old.node.end :]
    return checked(parse, text, edited, place, entry)


def drop(text: str, place: Place) -> str:
    """Return the text without the entry; its neighbours' commas and comments stay right.

    Raises:
        NotEditableError: the table of servers is something else, or is written twice.
    """
    root = read(text)
    servers = None if root is None else _member(root, place.table)
    if servers is None or servers.node.members is None:
        raise NotEditableError(f"{place.table} is not a table of servers")
    entry = _member(servers.node, place.name)
    if entry is None:
        raise NotEditableError(f"{place.table} has no {place.name}")
    edited = text
    for start, end in reversed(_cuts(text, servers.node.members, entry)):
        edited = edited[:start] + edited[end:]
    return checked(parse, text, _closed_up(edited, place), place, None)


def _cuts(text: str, members: tuple[Member, ...], entry: Member) -> list[tuple[int, int]]:
    """Return the pieces of a text that a member and one comma beside it are, in order."""
    start, end = entry.start, entry.node.end
    if entry.comma is not None:
        if skip_trivia(text, end) == end:
            return [_whole_lines(text, start, entry.comma + 1)]
        # A comment between the value and its comma belongs to nobody in particular: it stays.
        return [(start, end), (entry.comma, entry.comma + 1)]
    before = members.index(entry) - 1
    if before < 0:
        return [_whole_lines(text, start, end)]
    comma = cast("int", members[before].comma)
    if not text[comma + 1 : start].strip(" \t"):
        return [(comma, end)]
    return [(comma, comma + 1), _whole_lines(text, start, end)]


def _closed_up(text: str, place: Place) -> str:
    """Write a table that has become empty as `{}`."""
    root = read(text)
    servers = None if root is None else _member(root, place.table)
    if servers is None or servers.node.members:
        return text
    node = servers.node
    blank = text[node.start + 1 : node.end - 1].isspace()
    return text[: node.start] + "{}" + text[node.end :] if blank else text


def _member(node: Node, key: str) -> Member | None:
    found = [one for one in node.members or () if one.key == key]
    if len(found) > 1:
        raise NotEditableError(f"{key} is there more than once")
    return found[0] if found else None


def _added(text: str, node: Node, key: str, value: Any, step: str) -> str:
    """Return the text with one more member behind the others of an object."""
    newline = newline_of(text)
    if not node.members:
        return _added_first(text, node, key, value, step)
    last = node.members[-1]
    indent = _indent(text, last.start)
    if text[_line_start(text, last.start) : last.start].strip() or not _ends_line(text, last):
        at = last.node.end if last.comma is None else last.comma + 1
        written = f"{quoted(key)}: {_written(value, _indent(text, at), step, newline)}"
        return text[:at] + (", " if last.comma is None else " ") + written + text[at:]
    member = f"{newline}{indent}{quoted(key)}: {_written(value, indent, step, newline)}"
    behind = last.node.end if last.comma is None else last.comma + 1
    rest = cast("re.Match[str]", _REST_OF_LINE.match(text, behind))
    if last.comma is None:
        return text[:behind] + "," + text[behind : rest.end()] + member + text[rest.end() :]
    return text[: rest.end()] + member + "," + text[rest.end() :]


def _added_first(text: str, node: Node, key: str, value: Any, step: str) -> str:
    """Return the text with a member in an object that had none, behind its comments."""
    newline, base = newline_of(text), _indent(text, node.start)
    indent = base + step
    member = f"{newline}{indent}{quoted(key)}: {_written(value, indent, step, newline)}"
    inside = text[node.start + 1 : node.end - 1].rstrip()
    at = node.start + 1 + len(inside)
    gap = text[at : node.end - 1]
    return text[:at] + member + (gap if "\n" in gap else newline + base) + text[node.end - 1 :]


def _ends_line(text: str, member: Member) -> bool:
    behind = member.node.end if member.comma is None else member.comma + 1
    return _REST_OF_LINE.match(text, behind) is not None


def _whole_lines(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen a cut to the lines that it would leave blank, or else to the blanks behind it."""
    line = _line_start(text, start)
    rest = text.find("\n", end)
    after = len(text) if rest < 0 else rest + 1
    if not text[line:start].strip() and not text[end:after].strip() and rest >= 0:
        return line, after
    while text[end : end + 1] in (" ", "\t"):
        end += 1
    return start, end


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _indent(text: str, index: int) -> str:
    start = _line_start(text, index)
    found = re.compile(r"\ufeff?([ \t]*)").match(text, start)
    return found[1] if found else ""


def _step(text: str, root: Node | None) -> str:
    """Return what the file indents by."""
    first = root.members[0] if root is not None and root.members else None
    return (first and _indent(text, first.start)) or INDENT


def _written(value: Any, indent: str, step: str, newline: str) -> str:
    """Write a value as JSON, objects over several lines and lists on one."""
    match value:
        case dict() if value:
            inner = indent + step
            items = cast("dict[str, Any]", value).items()
            lines = [f"{inner}{quoted(k)}: {_written(v, inner, step, newline)}" for k, v in items]
            return "{" + newline + f",{newline}".join(lines) + newline + indent + "}"
        case dict():
            return "{}"
        case list():
            items = cast("list[Any]", value)
            return "[" + ", ".join(_written(v, indent, step, newline) for v in items) + "]"
        case str():
            return quoted(value)
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case int() | Decimal():
            return str(value)
        case _:
            raise NotEditableError("the entry holds something that JSON cannot")


JSON = Editor(parse, put, drop)
