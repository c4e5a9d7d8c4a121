"""Every command explains itself, quickly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from server.cli import COMMANDS
from tests.commands.command_line import CommandLine

ROOT = Path(__file__).resolve().parent.parent.parent
SLOW = {
    *("httpx", "eth_account", "eth_keys", "web3", "trafilatura", "keyring", "rich", "mcp"),
    *("platformdirs", "segno", "pydantic", "x402", "uvicorn", "anyio"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_a_command_does_and_shows_examples(name: str, purser: CommandLine) -> None:
    ran = purser(name, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"usage: purser {name}")
    for example in COMMANDS[name].examples:
        assert f"\n  {example}\n" in ran.out
    assert not purser.home.exists()


def test_help_lists_every_command(purser: CommandLine) -> None:
    ran = purser("--help")
    assert ran.code == 0
    listed = {line.split()[0] for line in ran.out.splitlines() if line.startswith("    ")}
    assert set(COMMANDS) <= listed
    told = " ".join(ran.out.split())
    assert "fetch ends with 0 when all came, 1 when one failed, 3 when only limits" in told


def test_without_a_command_there_is_help(purser: CommandLine) -> None:
    ran = purser()
    assert (ran.code, ran.err, ran.out) == (0, "", purser("--help").out)


@pytest.mark.parametrize(
    ("typed", "meant"), [("fech", "did you mean fetch?"), ("xyzzy", "purser --help lists them")]
)
def test_an_unknown_command_is_met_with_the_closest(
    typed: str, meant: str, purser: CommandLine
) -> None:
    ran = purser(typed)
    assert (ran.code, ran.out) == (2, "")
    assert f"there is no command '{typed}'" in ran.err
    assert meant in ran.err


@pytest.mark.parametrize("arguments", [("frobnicate",), ("fetch",), ("receipts", "--nope")])
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...], purser: CommandLine) -> None:
    ran = purser(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "usage: purser" in ran.err


@pytest.mark.slow
def test_the_parsers_load_nothing_slow() -> None:
    code = (
        "import json, sys\nfrom server.cli import build_parser\nbuild_parser().format_help()\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded: list[str] = json.loads(ran.stdout)
    assert "server.commands.doctor" in loaded
    assert SLOW & {name.partition(".")[0] for name in loaded} == set()
