"""Editing JSON with comments: the entry changes, and nothing else does."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.mcp_hosts.edits import BrokenFileError, NotEditableError, Place
from server.mcp_hosts.json_edit import drop, put
from server.mcp_hosts.jsonc import Node, parse, read

PLACE = Place("mcpServers", "purser")
ENTRY = {"command": "/opt/uv", "args": ["run", "purser"], "env": {"PURSER_HOME": "/p q"}}
COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|(//[^\n\r]*|/\*.*?\*/)', re.S)

TRIVIA = st.lists(
    st.sampled_from([" ", "\n", "\n    ", "\t", "// a, { note\n", "/* b */", '/* "c": [\n */']),
    max_size=3,
).map("".join)
KEYS = st.sampled_from(["a", "b", "mcpServers", "purser", 'ü \\ " //', "/*"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5))


@st.composite
def documents(draw: st.DrawFn, depth: int = 0) -> str:
    """Write an object with members, comments, commas and white space wherever they may stand."""
    keys = draw(st.lists(KEYS, unique=True, max_size=4))
    if depth == 0 and draw(st.booleans()) and "mcpServers" not in keys:
        keys.append("mcpServers")
    members: list[str] = []
    for key in keys:
        is_table = depth < 2 and (key == "mcpServers" or draw(st.booleans()))
        value = draw(documents(depth=depth + 1)) if is_table else json.dumps(draw(SCALARS))
        members.append(
            f"{draw(TRIVIA)}{json.dumps(key)}{draw(TRIVIA)}:{draw(TRIVIA)}{value}{draw(TRIVIA)}"
        )
    trailing = "," if members and draw(st.booleans()) else ""
    return "{" + ",".join(members) + trailing + draw(TRIVIA) + "}"


def comments(text: str) -> list[str]:
    """Return the comments of a text, in order."""
    return [found[1] for found in COMMENT.finditer(text) if found[1]]


def sources(text: str) -> dict[tuple[str, ...], str]:
    """Return the source of every member that the edit has no business with."""
    found: dict[tuple[str, ...], str] = {}

    def walk(node: Node, path: tuple[str, ...]) -> None:
        for member in node.members or ():
            here = (*path, member.key)
            if here == ("mcpServers",):
                walk(member.node, here)
            elif here != ("mcpServers", "purser"):
                found[here] = text[member.start : member.node.end]

    root = read(text)
    assert root is not None
    walk(root, ())
    return found


@given(documents())
@settings(max_examples=60, deadline=None)
def test_putting_an_entry_in_keeps_every_comment_and_every_other_member(text: str) -> None:
    before = parse(text)
    had = before.get("mcpServers", {}).get("purser", ...)
    edited = put(text, PLACE, ENTRY)
    servers: dict[str, Any] = {**before.get("mcpServers", {}), "purser": ENTRY}
    assert parse(edited) == {**before, "mcpServers": servers}
    assert sources(edited) == sources(text)
    if had is ...:
        assert comments(edited) == comments(text)
        assert parse(drop(edited, PLACE)) == {**before, "mcpServers": before.get("mcpServers", {})}
        assert comments(drop(edited, PLACE)) == comments(text)
    assert put(edited, PLACE, ENTRY) == edited


@given(documents())
@settings(max_examples=40, deadline=None)
def test_taking_an_entry_out_keeps_every_other_member(text: str) -> None:
    before = parse(text)
    if "purser" not in before.get("mcpServers", {}):
        with pytest.raises(NotEditableError):
            drop(text, PLACE)
        return
    edited = drop(text, PLACE)
    servers = {key: one for key, one in before["mcpServers"].items() if key != "purser"}
    assert parse(edited) == {**before, "mcpServers": servers}
    assert sources(edited) == sources(text)


@pytest.mark.parametrize(
    "text",
    [
        '{\n  "mcpServers": {}\n}\n',
        '{\n\t"mcpServers": {\n\t\t"other": {"command": "x"} // why\n\t}\n}',
        '{\n  "mcpServers": {\n    "a": 1, // one\n    // two\n  },\n  "z": [1, 2,],\n}\n',
        '\ufeff{\r\n  "mcpServers": {\r\n    "o": null\r\n  }\r\n}\r\n',
        '{"mcpServers": {"a": 1}, "b": 2}',
    ],
)
def test_what_was_put_in_and_taken_out_again_leaves_no_trace(text: str) -> None:
    there = put(text, PLACE, ENTRY)
    assert parse(there)["mcpServers"]["purser"] == ENTRY
    assert drop(there, PLACE) == text


def test_an_entry_takes_on_the_indentation_and_line_ends_of_its_file() -> None:
    text = '{\r\n\t"mcpServers": {\r\n\t\t"a": 1\r\n\t}\r\n}\r\n'
    edited = put(text, PLACE, {"command": "x", "args": ["y"]})
    assert edited == (
        '{\r\n\t"mcpServers": {\r\n\t\t"a": 1,\r\n\t\t"purser": {\r\n\t\t\t"command": "x",'
        '\r\n\t\t\t"args": ["y"]\r\n\t\t}\r\n\t}\r\n}\r\n'
    )


@pytest.mark.parametrize("text", ["", "\n", "{}", "// nothing yet\n", "{ /* empty */ }"])
def test_a_file_without_servers_gets_a_table_of_them(text: str) -> None:
    edited = put(text, PLACE, ENTRY)
    assert parse(edited) == {"mcpServers": {"purser": ENTRY}}
    assert comments(edited) == comments(text)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('{\n  "a": 1\n  "b": 2\n}', 3, 3),
        ('{"a": tru}', 1, 7),
        ("[]", 1, 1),
        ('{"a": "x\ny"}', 1, 7),
        ('{"a": 1} {}', 1, 10),
        ("{'a': 1}", 1, 2),
        ('{"a": 01}', 1, 8),
        ('{"a": "\\x"}', 1, 8),
        ('{"a": 1 /* no end', 1, 9),
        ('{"a": [1,, 2]}', 1, 10),
        ('{\n  "a": {', 2, 9),
        ('{"a": NaN}', 1, 7),
        ('{"a": ' + "[" * 200, 1, 107),
        ('{"a": ' + "1" * 500 + "}", 1, 7),
    ],
)
def test_a_broken_file_is_told_by_line_and_column(text: str, line: int, column: int) -> None:
    with pytest.raises(BrokenFileError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize(
    "text",
    ['{"mcpServers": []}', '{"mcpServers": {}, "mcpServers": {}}', '{"mcpServers": "x"}'],
)
def test_a_table_that_is_something_else_is_left_to_a_person(text: str) -> None:
    with pytest.raises(NotEditableError):
        put(text, PLACE, ENTRY)


@given(st.text(max_size=40))
@settings(max_examples=40, deadline=None)
def test_any_text_is_read_as_json_reads_it_or_refused(text: str) -> None:
    try:
        expected = json.loads(text)
    except (ValueError, RecursionError):
        expected = None
    try:
        found = parse(text)
    except BrokenFileError:
        found = None
    if isinstance(expected, dict):
        assert found == expected
    elif expected is not None:  # JSON of another kind is refused
        assert found is None
