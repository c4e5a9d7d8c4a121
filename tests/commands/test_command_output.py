"""What is shown is bounded and harmless; a terminal gets tables and, unless unwanted, colour."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.run import Sandbox
from server.commands.common import clean, clean_block
from tests.commands.command_line import CommandLine

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\nb\tc\u2028d", "a b c d"),
        ("\x1b]8;;https://evil.example\x07click\x1b\\", "]8;;https://evil.exampleclick\\"),
        ("\x9b31mred", "31mred"),
        ("safe\u202etxt.exe\u2066", "safetxt.exe"),
        ("bad \ud800 half", "bad  half"),
        ("\N{FAMILY}\u200d\N{FAMILY} \u0646\u200c", "\N{FAMILY}\u200d\N{FAMILY} \u0646\u200c"),
    ],
)
def test_what_steers_a_terminal_is_taken_out(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_a_long_text_is_cut() -> None:
    assert clean("x" * 100, 10) == "xxxxxxx..."
    assert clean("x" * 10, 10) == "x" * 10


def test_a_block_keeps_its_lines_and_tabs() -> None:
    assert clean_block("a\tb\n\x1b[2Jc\r\n") == "a\tb\n[2Jc\n"


def in_a_terminal(arguments: list[str], env: dict[str, str]) -> tuple[str, str]:
    """Run a command with a pseudo-terminal as its standard output; return both outputs."""
    import pty

    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "purser_mcp", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=subprocess.PIPE,
        env={**os.environ, "COLUMNS": "120", "TERM": "xterm-256color", **env},
    )
    os.close(slave)
    seen = b""
    while True:
        try:
            data = os.read(master, 65_536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            break
        if not data:
            break
        seen += data
    os.close(master)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors.decode()
    return seen.decode(), errors.decode()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_terminal_gets_a_table_with_colour_unless_it_is_unwanted(shopper: CommandLine) -> None:
    coloured, _ = in_a_terminal(["doctor"], shopper.env)
    assert "\x1b[32mok" in coloured
    plain, _ = in_a_terminal(["doctor"], shopper.env | {"NO_COLOR": "1"})
    assert "\x1b" not in plain
    for seen in (coloured, plain):
        assert "━" in seen or "─" in seen
    dumb, _ = in_a_terminal(["doctor"], shopper.env | {"TERM": "dumb"})
    assert dumb.startswith("STATUS  CHECK")
    assert "\x1b" not in dumb


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_bytes_that_are_no_text_are_not_written_to_a_terminal(
    shopper: CommandLine, sandbox: Sandbox
) -> None:
    seen, errors = in_a_terminal(["fetch", sandbox.seller_url + "/image.png"], shopper.env)
    assert seen == ""
    assert "bytes that are no text. Run this again with --output FILE" in errors
    again = shopper("fetch", sandbox.seller_url + "/image.png", "--json")
    assert (again.code, again.json()["receipt"]["reused"]) == (0, True), again.out


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("columns", "lines_each"), [(120, 1), (80, 2), (60, 3)])
def test_receipts_fit_the_screen_with_their_ids_whole(
    shopper: CommandLine, sandbox: Sandbox, columns: int, lines_each: int
) -> None:
    url = f"{sandbox.seller_url}/free?{'long=' * 30}"
    assert shopper("fetch", url).code == 0
    (row,) = shopper("receipts", "--json").json()["receipts"]
    seen, _ = in_a_terminal(["receipts"], shopper.env | {"COLUMNS": str(columns)})
    lines = seen.splitlines()
    assert len(lines) == 2 * lines_each
    assert max(map(len, lines)) == columns
    assert lines[lines_each].startswith(row["created_at"][:16].replace("T", " ") + "  free")
    assert row["id"] in seen
    assert f"  GET {sandbox.seller_url}" in lines[-1]
    assert lines[-1].endswith("…")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_person_who_serves_by_hand_is_told_who_is_waited_for(shopper: CommandLine) -> None:
    import pty

    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "purser_mcp", "serve"],
        cwd=ROOT,
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **shopper.env},
        start_new_session=True,
    )
    os.close(slave)
    assert process.stderr is not None
    told = process.stderr.readline().decode()
    os.close(master)
    out, _ = process.communicate(timeout=30)
    assert (told, out) == (
        "purser: waiting for an MCP host on standard input; Ctrl-C ends\n",
        b"",
    )


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_narrow_terminal_cuts_no_price_and_no_id_of_an_approval(
    shopper: CommandLine, sandbox: Sandbox
) -> None:
    shopper.env["PURSER_BUDGET__APPROVAL_ABOVE"] = "0.00"
    url = sandbox.seller_url + "/article"
    approval_id = shopper("fetch", url, "--json").json()["error"]["approval_id"]
    shopper("approve", approval_id, "--yes")
    shopper("fetch", url)
    seen, _ = in_a_terminal(["approvals", "--all"], shopper.env | {"COLUMNS": "40"})
    (row,) = shopper("approvals", "--all", "--json").json()["approvals"]
    assert seen.splitlines() == [
        f"{approval_id}  consumed  $0.01",
        f"  GET {url}",
        f"  asked by 127.0.0.1, good until {row['expires_at']}",
        f"  used for receipt {row['receipt_id']}",
    ]
    assert row["receipt_id"] in shopper("approvals", "--all").out
