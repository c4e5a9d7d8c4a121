"""`purser report` reads what was really bought, and writes it where it was told to."""

from __future__ import annotations

import csv
import io
import stat
from pathlib import Path

import pytest

from sandbox.run import Sandbox
from tests.commands.command_line import CommandLine


@pytest.mark.slow
def test_a_report_is_of_what_was_bought(shopper: CommandLine, sandbox: Sandbox) -> None:
    assert shopper("fetch", sandbox.seller_url + "/article").code == 0
    assert shopper("fetch", sandbox.seller_url + "/fails").code == 1
    data = shopper("report", "--json").json()["report"]
    sums = {name: data["totals"][name] for name in ("settled_usd", "unknown_usd", "settled")}
    assert sums == {"settled_usd": "0.01", "unknown_usd": "0.01", "settled": 1}
    assert [row["name"] for row in data["by"]["host"]] == ["127.0.0.1"]
    assert [row["name"] for row in data["by"]["tool"]] == ["fetch"]
    shown = shopper("report", "--period", "week", "--by", "network").out
    assert "BY NETWORK" in shown
    assert "BY HOST" not in shown
    rows = list(csv.reader(io.StringIO(shopper("report", "--format", "csv").out)))
    assert {row[0] for row in rows[1:]} == {"day", "host", "tool", "network"}
    for form in ("hledger", "beancount"):
        assert "127" in shopper("report", "--format", form).out


def test_a_file_is_private_and_never_written_over(purser: CommandLine, tmp_path: Path) -> None:
    target = tmp_path / "november.html"
    ran = purser("report", "--format", "html", "--output", str(target))
    assert (ran.code, ran.out) == (0, "")
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    target.write_text("mine", encoding="utf-8")
    again = purser("report", "--output", str(target))
    assert again.code == 1
    assert "exists already" in again.err
    assert target.read_text(encoding="utf-8") == "mine"
    nowhere = purser("report", "--output", str(tmp_path / "no" / "folder"))
    assert (nowhere.code, "cannot be written" in nowhere.err) == (1, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--period", "fortnight"),
        ("--period", "week", "--since", "2026-01-01"),
        ("--since", "2026-02-01", "--until", "2026-01-01"),
        ("--format", "csv", "--json"),
        ("--format", "hledger", "--by", "host"),
        ("--by", "payee"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(
    purser: CommandLine, arguments: tuple[str, ...]
) -> None:
    ran = purser("report", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err


def test_a_terminal_that_knows_no_blocks_gets_plain_marks(
    purser: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server.commands import report

    class Ascii(io.StringIO):
        encoding = "ascii"  # type: ignore[assignment]

    target = Ascii()
    monkeypatch.setattr(report.sys, "stdout", target)
    purser("report")
    target.getvalue().encode("ascii")
