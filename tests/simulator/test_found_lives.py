"""Lives that once broke a rule, as the smallest plans that did; each must stay mended."""

from __future__ import annotations

from pathlib import Path

import pytest
from sim_plan import Answer, Call, Plan, Setting
from sim_world import live, simulating

A_PAGE = "https://a.example/0"

FOUND = {
    # One process could not connect, and freed as never sent what another had presented again.
    "presented_again_while_the_first_sender_still_tries_to_connect": Plan(
        1,
        Setting(processes=2),
        (
            Call(0, 0, A_PAGE, Answer(say="never_sent", answer_ms=40_000)),
            Call(1_000, 1, A_PAGE, Answer(settle="last_moment", say="hang")),
        ),
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_life_that_once_broke_a_rule_keeps_it(name: str, tmp_path: Path) -> None:
    with simulating() as template:
        life = live(FOUND[name], template)
    assert life.broken is None, "\n".join(life.trace)
