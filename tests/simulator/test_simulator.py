"""Whole lives of the purse under crashes, liars and broken disks: no rule about money breaks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from mutants_of_the_purse import MUTANTS, broken
from run import report
from sim_plan import CENT, Answer, Call, Plan, Setting, plan_for
from sim_shrink import shrink
from sim_world import Life, live, simulating

RUN = Path(__file__).with_name("run.py")
FIXED_SEEDS = range(140)
FRESH_SEEDS = 40
ENOUGH_SEEDS = 120
A_PAGE = "https://a.example/0"


@pytest.fixture(scope="module", autouse=True)
def template() -> Iterator[Path]:
    with simulating() as path:
        yield path


def fails_of(plans: Iterator[Plan] | list[Plan], template: Path) -> list[Life]:
    return [life for plan in plans if (life := live(plan, template)).broken is not None]


def assert_lives(seeds: list[int], template: Path) -> None:
    lives = [live(plan_for(seed), template) for seed in seeds]
    failed = [life for life in lives if life.broken is not None]
    assert not failed, report(failed[0], lambda plan: live(plan, template))
    assert sum(life.settled for life in lives) > len(lives)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_no_life_of_a_known_seed_breaks_a_rule(part: int, template: Path) -> None:
    assert_lives(list(FIXED_SEEDS)[part::4], template)


@pytest.mark.slow
def test_no_life_of_a_fresh_seed_breaks_a_rule(template: Path) -> None:
    assert_lives([Random().randrange(2**48) for _ in range(FRESH_SEEDS)], template)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_purse_with_a_broken_rule_is_found_out(mutant: str, template: Path) -> None:
    with broken(mutant):
        found = next((s for s in range(ENOUGH_SEEDS) if live(plan_for(s), template).broken), None)
    assert found is not None
    assert live(plan_for(found), template).broken is None, "the seed fails without the mutant too"


def test_a_life_repeats_itself_step_by_step_in_another_interpreter(template: Path) -> None:
    command = [sys.executable, str(RUN), "--seeds", "12", "--digest"]
    environment = {"PYTHONHASHSEED": "4711"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    there = [line.split(" ") for line in ran.stdout.splitlines()[:12]]
    here = [[str(seed), live(plan_for(seed), template).digest] for seed in range(12)]
    assert there == here
    assert len({digest for _, digest in here}) == 12


def test_a_failing_plan_is_cut_down_to_what_its_failure_needs(template: Path) -> None:
    noise = [Call(at_ms, 0, f"https://b.example/{at_ms}") for at_ms in range(0, 9_000, 1_000)]
    late = Answer(say="refuse", settle="last_moment", ask_ms=7)
    cause = Call(20_000, 0, A_PAGE, late, copies=2)
    plan = Plan(1, Setting(per_day=24 * CENT), (*noise, cause))
    with broken("a 402 after paying frees the hold"):
        rule = live(plan, template).broken
        assert rule is not None
        small = shrink(plan, lambda one: live(one, template).broken == rule)
    assert small == Plan(1, Setting(), (Call(20_000, 0, A_PAGE, Answer(settle="last_moment")),))


def test_a_failure_is_reported_with_its_seed_its_rule_its_plan_and_its_steps(
    template: Path,
) -> None:
    with broken("the signature comes before the hold"):
        text = report(live(plan_for(3), template), lambda plan: live(plan, template))
    assert "seed 3 breaks the rule: no signature without a durable hold" in text
    assert "run.py --seed 3 --trace" in text
    assert "Plan(3, Setting(" in text
