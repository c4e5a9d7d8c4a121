"""Editing Goose's YAML: the entry changes, and nothing else does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from server.mcp_hosts.edits import BrokenFileError, NotEditableError, Place
from server.mcp_hosts.yaml_edit import drop, parse, put

PLACE = Place("extensions", "purser")
ENTRY = {
    "name": "purser",
    "enabled": True,
    "cmd": "C:\\a b\\uv.exe",
    "args": ["run", "yes", "a: # b", "ü\u2028"],
    "timeout": 300,
    "envs": {"PURSER_HOME": "/p q", "no": "x", "a.b": ""},
}
OWN = '  purser:\n    cmd: old # mine\n    args: ["a"]\n    envs:\n      A: "1"\n'

# Extensions in block style, as people and Goose write them, each with what may stand around it.
EXTENSIONS = st.permutations(
    [
        "  developer:\n    enabled: true   # on\n    args:\n    - 'a'\n    - b # last\n\n",
        '  # the next one\n  "memory x": {enabled: true, args: [1, 2]} # flow\n',
        "  notes:\n    text: |\n      purser:\n      # no comment\n\n",
        "  empty:\n  folded: >-\n    a\n    b\n",
        "  anchored: &a\n    cmd: x\n  alias: *a\n",
    ]
)
HEADS = st.sampled_from(["", "# Goose\n---\n", "GOOSE_MODE: auto # how\nlist:\n- a\n\n"])
TAILS = st.sampled_from(["", "\n# tail\n", "GOOSE_MODEL: 'x' # end\n", "\nother:\n  purser: 1"])


def loaded(text: str) -> Any:
    """Read YAML as Goose would."""
    reader: Any = YAML(typ="safe", pure=True)
    return reader.load(text)


@given(HEADS, EXTENSIONS, st.integers(1, 5), TAILS)
@settings(max_examples=12, deadline=None)
def test_an_entry_is_added_behind_the_others_and_taken_out_without_a_trace(
    head: str, extensions: list[str], count: int, tail: str
) -> None:
    text = head + "extensions: # all\n" + "".join(extensions[:count]) + tail
    edited = put(text, PLACE, ENTRY)
    assert loaded(edited)["extensions"]["purser"] == ENTRY
    assert put(edited, PLACE, ENTRY) == edited
    assert drop(edited, PLACE) in (text, text + "\n")


@given(HEADS, EXTENSIONS, st.integers(0, 5), TAILS)
@settings(max_examples=12, deadline=None)
def test_an_entry_is_replaced_where_it_stands(
    head: str, extensions: list[str], cut: int, tail: str
) -> None:
    before = head + "extensions: # all\n" + "".join(extensions[:cut])
    after = "".join(extensions[cut:]) + tail
    edited = put(before + OWN + after, PLACE, ENTRY)
    assert loaded(edited)["extensions"]["purser"] == ENTRY
    assert edited.startswith(before)
    assert edited.endswith("\n" + after)
    without = drop(edited, PLACE)
    assert without == before + after
    assert "purser" not in loaded(without)["extensions"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only\n",
        "a: 1\n",
        "extensions:\n",
        "extensions: {}\n",
        "a: 1\nextensions: ~ # c\nb: 2",
    ],
)
def test_a_file_without_extensions_gets_a_table_of_them(text: str) -> None:
    edited = put(text, PLACE, ENTRY)
    before: dict[str, Any] = loaded(text) or {}
    assert loaded(edited) == {**before, "extensions": {"purser": ENTRY}}
    assert ("#" in edited.replace('"a: # b"', "")) == ("#" in text)
    assert loaded(drop(edited, PLACE)) == {**before, "extensions": {}}


def test_the_last_entry_leaves_an_empty_table_and_the_comment_beside_its_name() -> None:
    text = "extensions: # all\n" + OWN + "b: 1\n"
    assert drop(text, PLACE) == "extensions: {} # all\nb: 1\n"


def test_line_ends_stay() -> None:
    text = "extensions:\r\n    a:\r\n        b: 1\r\n"
    edited = put(text, PLACE, {"cmd": "x"})
    assert edited == text + '    purser:\r\n      cmd: "x"\r\n'


@pytest.mark.parametrize(
    "text",
    [
        "extensions: {a: {b: 1}}\n",
        "{a: 1}\n",
        "extensions:\n- a\n",
        "x: &x\n  cmd: a\nextensions: *x\n",
        "a: 1\n...\n",
    ],
)
def test_other_ways_to_write_the_extensions_are_left_to_a_person(text: str) -> None:
    with pytest.raises(NotEditableError):
        put(text, PLACE, ENTRY)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: [\n", 2, 1),
        ("a: 1\n b: 2\n", 2, 3),
        ("a: 1\na: 2\n", 2, 1),
        ("a: 1\n---\nb: 2\n", 2, 1),
        ("a: \x07\n", 1, 1),
        ("- a\n", 1, 1),
        ("a: !!python/object:os.system x\n", 1, 4),
        ("a: " + "[" * 200, 1, 104),
    ],
)
def test_a_broken_file_is_told_by_line_and_column(text: str, line: int, column: int) -> None:
    with pytest.raises(BrokenFileError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
