"""Editing Codex's TOML: the entry changes, and nothing else does."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.mcp_hosts.edits import BrokenFileError, NotEditableError, Place
from server.mcp_hosts.toml_edit import drop, parse, put

PLACE = Place("mcp_servers", "purser")
ENTRY = {
    "command": "C:\\Program Files\\uv.exe",
    "args": ["run", 'a "b" # c'],
    "startup_timeout_sec": 60,
    "env": {"PURSER_HOME": "/p q", "WITH.DOT": "x"},
}
OWN = '[mcp_servers.purser]\ncommand = "old" # mine\n\n[mcp_servers.purser.env]\nA = "1"\n'

# Pieces of which any order makes a file; each is a table, so that none continues another.
PIECES = st.permutations(
    [
        '[mcp_servers.other] # [mcp_servers.purser]\ncommand = "x"\nargs = [ # a\n  "[b]",\n]\n',
        '# about the next one\n[profiles."a.b"]\ntext = """\n[mcp_servers.purser]\n# no"""\n\n',
        "[[things]]\nx = '[['\ny = { z = [1, 2.50] } # end\n",
        "\n\n# alone\n\n",
        '[mcp_servers.purserish]\ncommand = "y"',
    ]
)


def joined(pieces: list[str]) -> str:
    """Write pieces one below the other, the first setting ahead of every table."""
    return 'model = "x" # first\n' + "\n".join(pieces)


@given(PIECES, st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_an_entry_is_added_at_the_end_and_taken_out_without_a_trace(
    pieces: list[str], cut: int
) -> None:
    text = joined(pieces[:cut])
    edited = put(text, PLACE, ENTRY)
    assert tomllib.loads(edited)["mcp_servers"]["purser"] == ENTRY
    assert edited.startswith(text)
    ended = text if text.endswith("\n") else text + "\n"
    assert drop(edited, PLACE) == ended


@given(PIECES, st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_an_entry_is_replaced_where_it_stands(pieces: list[str], cut: int) -> None:
    before, after = joined(pieces[:cut]) + "\n", "\n" + "\n".join(pieces[cut:])
    edited = put(before + OWN + after, PLACE, ENTRY)
    assert tomllib.loads(edited)["mcp_servers"]["purser"] == ENTRY
    assert edited.startswith(before)
    assert edited.endswith(after)
    assert put(edited, PLACE, ENTRY) == edited
    without = drop(edited, PLACE)
    assert "purser" not in tomllib.loads(without).get("mcp_servers", {})
    assert without.endswith(after)


def test_line_ends_and_a_byte_order_mark_stay() -> None:
    text = '\ufeffmodel = "x"\r\n\r\n[a]\r\nb = 1\r\n'
    edited = put(text, PLACE, {"command": "y"})
    assert edited == text + '\r\n[mcp_servers.purser]\r\ncommand = "y"\r\n'
    assert drop(edited, PLACE) == text


def test_a_setting_that_codex_has_beside_ours_is_written_again() -> None:
    entry = {"command": "x", "enabled_tools": ["a"], "enabled": False, "tools": {"a": {"b": 1}}}
    assert parse(put(OWN, PLACE, entry)) == {"mcp_servers": {"purser": entry}}


@pytest.mark.parametrize(
    "text",
    [
        'mcp_servers = { purser = { command = "x" } }\n',
        'mcp_servers = { other = { command = "x" } }\n',
        'mcp_servers.purser.command = "x"\n',
        '[mcp_servers]\npurser = { command = "x" }\n',
        "mcp_servers = 3\n",
    ],
)
def test_other_ways_to_write_the_entry_are_left_to_a_person(text: str) -> None:
    with pytest.raises(NotEditableError):
        put(text, PLACE, ENTRY)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a = \n", 1, 5),
        ("[a]\nb = 1\nb = 2\n", 3, 6),
        ('b = 1\na = "x', 2, 7),
        ("a = " + "[" * 200, 1, 105),
    ],
)
def test_a_broken_file_is_told_by_line_and_column(text: str, line: int, column: int) -> None:
    with pytest.raises(BrokenFileError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert text[:4] not in caught.value.reason
