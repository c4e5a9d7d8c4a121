"""Put an entry into YAML in block style, or take it out, and touch nothing else.

ruamel.yaml says where each node stands; its own writer would lay the whole file out anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol, cast

from server.mcp_hosts.edits import (
    INDENT,
    BrokenFileError,
    Editor,
    NotEditableError,
    Place,
    check_bounds,
    checked,
    newline_of,
    on_lines_of_their_own,
    on_one_line,
    quoted,
)

_PLAIN = re.compile(r"(?!(?:true|false|null|yes|no|on|off|y|n)\Z)[A-Za-z_][A-Za-z0-9_-]*", re.I)


class _Mark(Protocol):
    index: int
    column: int


class _Node(Protocol):
    """What a node of ruamel.yaml has; the value of a mapping is a list of pairs of nodes."""

    id: str
    value: Any
    tag: str
    start_mark: _Mark
    end_mark: _Mark


def parse(text: str) -> dict[str, Any]:
    """Return what a YAML text says; an empty one says nothing.

    Raises:
        BrokenFileError: it is not one YAML mapping, or a name is there twice.
    """
    check_bounds(text)
    data = _read(text, "load")
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise BrokenFileError(1, 1, "the file must hold names and values")
    return cast("dict[str, Any]", data)


def _read(text: str, how: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    reader: Any = YAML(typ="safe", pure=True)
    try:
        return getattr(reader, how)(text)
    except MarkedYAMLError as error:
        raise _broken(error) from None
    except (YAMLError, ValueError):
        raise BrokenFileError(1, 1, "not valid YAML") from None
    except RecursionError:
        raise BrokenFileError(1, 1, "nested too deeply") from None


def _broken(error: Any) -> BrokenFileError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return BrokenFileError(line, column, "not valid YAML")


def put(text: str, place: Place, entry: Mapping[str, Any]) -> str:
    """Return the text with the entry behind the others, or in the place of the one of that name.

    Raises:
        NotEditableError: the servers are written in braces, or through an alias.
    """
    newline = newline_of(text)
    root = _block(_read(text, "compose"))
    pair = _pair(root, place.table)
    if pair is None:
        lines = [f"{place.table}:", *_lines({place.name: entry}, INDENT)]
        edited = on_lines_of_their_own(text, newline) + newline.join(lines) + newline
    elif _is_empty(pair[1]):
        edited = _filled(text, pair, newline.join(_lines({place.name: entry}, INDENT)))
    else:
        edited = _beside(text, _block(pair[1]), place, entry)
    return checked(parse, text, edited, place, entry)


def _beside(text: str, servers: _Node | None, place: Place, entry: Mapping[str, Any]) -> str:
    """Return the text with the entry among the other servers."""
    if servers is None:
        raise NotEditableError(f"{place.table} is not written in block style")
    newline = newline_of(text)
    indent = " " * _pairs(servers)[0][0].start_mark.column
    lines = newline.join(_lines({place.name: entry}, indent))
    old = _pair(servers, place.name)
    if old is not None:
        start = _line_start(text, old[0].start_mark.index)
        return text[:start] + lines + text[_end(old[1]) :]
    at = _next_line(text, _end(servers))
    return on_lines_of_their_own(text[:at], newline) + lines + newline + text[at:]


def drop(text: str, place: Place) -> str:
    """Return the text without the entry.

    Raises:
        NotEditableError: the servers are written in braces, or through an alias.
    """
    servers = _pair(_block(_read(text, "compose")), place.table)
    block = None if servers is None else _block(servers[1])
    old = _pair(block, place.name)
    if servers is None or block is None or old is None:
        raise NotEditableError(f"{place.table} is not written in block style")
    start = _line_start(text, old[0].start_mark.index)
    edited = text[:start] + text[_next_line(text, _end(old[1])) :]
    if len(_pairs(block)) == 1:
        colon = _behind_colon(text, servers[0])
        edited = edited[:colon] + " {}" + edited[colon:]
    return checked(parse, text, edited, place, None)


def _behind_colon(text: str, key: _Node) -> int:
    return text.index(":", key.end_mark.index) + 1


def _block(node: _Node | None) -> _Node | None:
    """Return a node that is a mapping in block style, or None for an absent one.

    Raises:
        NotEditableError: it is something else.
    """
    if node is None:
        return None
    if node.id != "mapping" or _in_braces(node) or not _pairs(node):
        raise NotEditableError("the file is not written in block style")
    return node


def _in_braces(node: _Node) -> bool:
    return bool(getattr(node, "flow_style", False))


def _pair(node: _Node | None, key: str) -> tuple[_Node, _Node] | None:
    found = next((pair for pair in _pairs(node) if pair[0].value == key), None)
    if found is not None and found[1].start_mark.index < found[0].end_mark.index:
        raise NotEditableError(f"{key} is an alias of something above it")
    return found


def _pairs(mapping: _Node | None) -> list[tuple[_Node, _Node]]:
    return [] if mapping is None else mapping.value


def _is_empty(node: _Node) -> bool:
    """Tell whether nothing stands here yet: no value, `null`, `~` or `{}`."""
    return node.tag == "tag:yaml.org,2002:null" or node.value == []


def _filled(text: str, pair: tuple[_Node, _Node], lines: str) -> str:
    """Return the text with these lines in the place of a value that is empty."""
    newline = newline_of(text)
    key, value = pair
    if value.value or value.value == []:  # null or ~, in letters, or {}
        start, end = value.start_mark.index, value.end_mark.index
    else:
        start = end = _behind_colon(text, key)
    rest = _next_line(text, end)
    head = (text[:start].rstrip(" ") + text[end:rest]).rstrip("\r\n")
    return head + newline + lines + newline + text[rest:]


def _end(node: _Node) -> int:
    """Return where a node's last character is; the mark of a block would be behind its comments."""
    if node.id == "mapping" and node.value and not _in_braces(node):
        return _end(_pairs(node)[-1][1])
    if node.id == "sequence" and node.value and not _in_braces(node):
        return _end(cast("list[_Node]", node.value)[-1])
    return node.end_mark.index


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _next_line(text: str, index: int) -> int:
    if index and text[index - 1] == "\n":  # a block scalar ends with its line
        return index
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _lines(data: Mapping[str, Any], indent: str) -> list[str]:
    """Write a mapping in block style."""
    lines: list[str] = []
    for name, value in data.items():
        key = name if _PLAIN.fullmatch(name) else quoted(name)
        if isinstance(value, dict) and value:
            lines += [f"{indent}{key}:", *_lines(cast("dict[str, Any]", value), indent + INDENT)]
        else:
            lines.append(f"{indent}{key}: {on_one_line(value, quoted, ': ')}")
    return lines


YAML_EDITOR = Editor(parse, put, drop)
