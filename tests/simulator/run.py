"""Run many simulated lives, or one with all its steps; print a smaller plan of what fails.

uv run python tests/simulator/run.py --seeds 10000
uv run python tests/simulator/run.py --seed 4711 --trace
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from sim_plan import Plan, plan_for  # noqa: E402
from sim_shrink import shrink, written  # noqa: E402
from sim_world import Life, live, simulating  # noqa: E402


def report(life: Life, run: Callable[[Plan], Life]) -> str:
    """Return what a person needs of a failing life: rule, plan, steps, and how to repeat it."""
    small = shrink(life.plan, lambda plan: run(plan).broken == life.broken)
    seed = life.plan.seed
    return "\n".join(
        [
            f"seed {seed} breaks the rule: {life.broken}",
            f"repeat it: uv run python tests/simulator/run.py --seed {seed} --trace",
            f"the smallest plan found that breaks it, with {len(small.events)} events:",
            written(small),
            "its steps:",
            *run(small).trace,
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many lives to run")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    parser.add_argument("--seed", type=int, help="run this one alone")
    parser.add_argument("--trace", action="store_true", help="print every step")
    parser.add_argument("--digest", action="store_true", help="print a hash of every life's steps")
    chosen = parser.parse_args()
    first, count = (chosen.first, chosen.seeds) if chosen.seed is None else (chosen.seed, 1)
    failed = signatures = settled = voided = 0
    began_s = time.monotonic()
    with simulating() as template:
        for seed in range(first, first + count):
            life = live(plan_for(seed), template)
            signatures += life.signatures
            settled += life.settled
            voided += life.voided
            if chosen.trace:
                print(written(life.plan), *life.trace, sep="\n")
            if chosen.digest:
                print(seed, life.digest)
            if life.broken is not None:
                failed += 1
                print(report(life, lambda plan: live(plan, template)), flush=True)
    took_s = round(time.monotonic() - began_s)
    print(
        f"{count} seeds from {first} in {took_s} s: {failed} failed; "
        f"{signatures} signatures, {settled} settled, {voided} freed"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
