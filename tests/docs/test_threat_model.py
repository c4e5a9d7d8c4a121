"""The threat model has a row for every threat, each with code and a test, or a word why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.hostile.catalogue import SCENES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if re.match(r"\| \d+ \|", line)
]
THREATS = 36


def test_every_threat_has_one_row() -> None:
    assert [int(row[0]) for row in ROWS] == [*range(1, THREATS + 1)]


@pytest.mark.parametrize("row", [pytest.param(row, id=row[0]) for row in ROWS])
def test_a_row_names_its_code_and_a_test_or_says_what_to_know(row: list[str]) -> None:
    _, threat, rules, done, shown, remains = row
    assert threat
    assert rules == "-" or all(1 <= int(rule) <= 10 for rule in rules.split(", "))
    modules = re.findall(r"`((?:server|tools|wallet|purser_mcp)/[\w./]+)`", done)
    assert modules
    assert all((ROOT / module).is_file() for module in modules)
    tests = re.findall(r"`tests/[\w/]+\.py::test_\w+`", shown)
    assert tests or ("Not built" in done and remains != "-")


def test_every_rule_about_money_stands_against_some_threat() -> None:
    named = {int(rule) for row in ROWS if row[2] != "-" for rule in row[2].split(", ")}
    assert named == {*range(1, 11)}


def test_a_threat_that_the_hostile_seller_plays_is_shown_by_it() -> None:
    played = {scene.threat for scene in SCENES}
    assert played <= {*range(1, THREATS + 1)}
    assert len(played) >= 15
    for row in ROWS:
        if int(row[0]) in played:
            assert "`tests/hostile/" in row[4], row[0]
