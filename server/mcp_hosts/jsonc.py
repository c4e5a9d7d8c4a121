"""Read JSON with comments and trailing commas, and remember where each member stands.

VS Code, Cursor and others take both in their files; RFC 8259 is the grammar otherwise.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from server.mcp_hosts.edits import MAX_DEPTH, check_length, position

_TRIVIA = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|/\*(?:[^*]|\*(?!/))*\*/)*")
_STRING = re.compile(r'"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD = re.compile(r"true|false|null")
_WORDS = {"true": True, "false": False, "null": None}
NUMBER_CHARS = 400


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place; `members` is None for everything but an object."""

    start: int
    end: int
    value: Any
    members: tuple[Member, ...] | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One name and value of an object; `comma` is where the comma behind it is, if there is one."""

    key: str
    start: int
    node: Node
    comma: int | None


def skip_trivia(text: str, index: int) -> int:
    """Return where the white space and comments that begin here end."""
    found = _TRIVIA.match(text, index)
    return index if found is None else found.end()


def parse(text: str) -> dict[str, Any]:
    """Return the object that a text holds; an empty text, or comments alone, are an empty one.

    Numbers with a fraction or exponent are `Decimal`.

    Raises:
        BrokenFileError: the text is no such object.
    """
    root = read(text)
    return {} if root is None else root.value


def read(text: str) -> Node | None:
    """Return the object of a text with all places in it, or None when there is no value at all.

    Raises:
        BrokenFileError: the text is no such object.
    """
    check_length(text)
    start = skip_trivia(text, 1 if text.startswith("\ufeff") else 0)
    if start == len(text):
        return None
    root = _value(text, start, 0)
    if root.members is None:
        raise position(text, start, "the file must hold an object, in braces")
    rest = skip_trivia(text, root.end)
    if rest != len(text):
        raise position(text, rest, "something stands behind the end")
    return root


def _value(text: str, start: int, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise position(text, start, "nested too deeply")
    match text[start : start + 1]:
        case "{":
            return _object(text, start, depth)
        case "[":
            return _array(text, start, depth)
        case '"':
            value, end = _string(text, start)
            return Node(start, end, value)
        case _:
            return _scalar(text, start)


def _scalar(text: str, start: int) -> Node:
    if (word := _WORD.match(text, start)) is not None:
        return Node(start, word.end(), _WORDS[word[0]])
    number = _NUMBER.match(text, start)
    if number is None or len(number[0]) > NUMBER_CHARS:
        raise position(text, start, "a value was expected")
    exact = Decimal if number[1] or number[2] else int
    return Node(start, number.end(), exact(number[0]))


def _string(text: str, start: int) -> tuple[str, int]:
    found = _STRING.match(text, start)
    if found is None:
        raise position(text, start, "this text in quotes has no end on its line")
    try:
        return json.loads(found[0]), found.end()
    except json.JSONDecodeError as error:
        raise position(text, start + error.pos, "not an escape sequence of JSON") from None


def _array(text: str, start: int, depth: int) -> Node:
    items: list[Any] = []
    index = skip_trivia(text, start + 1)
    while text[index : index + 1] != "]":
        item = _value(text, index, depth + 1)
        items.append(item.value)
        index, _ = _separator(text, item.end, "]")
    return Node(start, index + 1, items)


def _object(text: str, start: int, depth: int) -> Node:
    members: list[Member] = []
    index = skip_trivia(text, start + 1)
    while text[index : index + 1] != "}":
        if text[index : index + 1] != '"':
            raise position(text, index, "a name in double quotes was expected")
        key, after = _string(text, index)
        colon = skip_trivia(text, after)
        if text[colon : colon + 1] != ":":
            raise position(text, colon, "a colon was expected")
        node = _value(text, skip_trivia(text, colon + 1), depth + 1)
        at = index
        index, comma = _separator(text, node.end, "}")
        members.append(Member(key, at, node, comma))
    value = {member.key: member.node.value for member in members}
    return Node(start, index + 1, value, tuple(members))


def _separator(text: str, end: int, closing: str) -> tuple[int, int | None]:
    """Return where the next item or the closing bracket is, and the comma before it."""
    index = skip_trivia(text, end)
    if text[index : index + 1] == ",":
        return skip_trivia(text, index + 1), index
    if text[index : index + 1] != closing:
        raise position(text, index, f"a comma or {closing} was expected")
    return index, None
