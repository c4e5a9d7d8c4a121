"""The table of mutants fits the code it breaks, and the tool that runs it tells what it sees."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.mutants import ROOT, RULES, Mutant, faults, judge, load_mutants

MUTANTS = load_mutants()
CODE = "def half(number):\n    return number // 2\n"
TESTS = """
from code_under_test import half

def test_four():
    assert half(4) == 2

def test_nothing():
    assert half(0) == 0
"""


def mutant(new: str, *tests: str) -> Mutant:
    """Return a mutant of the small tree below."""
    return Mutant("m", "1", "b", "code_under_test.py", "number // 2", new, tests)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "code_under_test.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("one", MUTANTS, ids=lambda one: one.name)
def test_a_mutant_still_finds_its_text_and_its_tests(one: Mutant) -> None:
    assert faults(one, ROOT) == []


def test_every_rule_is_broken_in_several_ways_and_each_way_has_a_name_of_its_own() -> None:
    names = Counter(one.name for one in MUTANTS)
    assert [name for name, count in names.items() if count > 1] == []
    rules = Counter(one.rule for one in MUTANTS)
    assert {rule: count for rule, count in rules.items() if count < 5} == {}
    assert set(rules) == set(RULES)


def test_a_mutant_that_has_gone_stale_says_why(tree: Path) -> None:
    gone = Mutant("m", "1", "b", "code_under_test.py", "no such text", "x", ("test_it.py",))
    assert faults(gone, tree) == ["its text stands 0 times in code_under_test.py"]
    assert faults(mutant("x", "test_it.py::test_five"), tree) == [
        "there is no test_it.py::test_five"
    ]
    assert "is not Python" in " ".join(faults(mutant("(", "test_it.py"), tree))
    assert faults(mutant("number // 2", "test_it.py"), tree) == ["it changes nothing"]
    assert faults(mutant("x"), tree) == ["it names no test"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("new", "tests", "outcome", "by"),
    [
        ("number // 3", "test_it.py", "caught", "test_four"),
        ("number // 3", "test_it.py::test_nothing", "survived", ""),
        ("number // 2; import", "test_it.py", "broken", "SyntaxError"),
    ],
)
def test_the_tool_tells_caught_from_survived_and_from_what_it_cannot_judge(
    tree: Path, new: str, tests: str, outcome: str, by: str
) -> None:
    result = judge(mutant(new, tests), tree)
    assert result.outcome == outcome
    assert by in result.by
    assert (tree / "code_under_test.py").read_text(encoding="utf-8") == CODE
