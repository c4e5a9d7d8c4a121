"""`purser demo` tells its story in lines that a file or another program can take."""

from __future__ import annotations

import importlib

import pytest

from server.commands.demo import Chapter, outcome
from tests.commands.command_line import CommandLine

# The SDK keeps the stderr that it finds when it is loaded, and gives it to the servers it starts;
# what pytest puts there during a test is no file.
importlib.import_module("mcp.client.stdio")


@pytest.mark.parametrize(("seen", "told"), [(0, "0 payments"), (1, "1 payment"), (2, "2 payments")])
def test_payments_are_counted_in_words_that_agree(seen: int, told: str) -> None:
    chapter = Chapter("", "", "", None, None, seen, as_promised=True)
    assert outcome(chapter) == [("seller saw", told)]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_pipe_gets_plain_lines_without_spaces_at_their_ends(purser: CommandLine) -> None:
    ran = purser("demo")
    assert (ran.code, ran.err) == (0, "")
    assert "Every promise held" in ran.out
    assert "\x1b" not in ran.out
    assert [line for line in ran.out.splitlines() if line != line.rstrip()] == []
