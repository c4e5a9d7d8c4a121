"""Charts show amounts in proportion, say the same in words, and never hide a small one."""

from __future__ import annotations

from itertools import pairwise

import pytest
from report_kit import HOSTILE_HOST, SVG, drawn, of_class

from server.charts import COLOURS, Bar, Share, bars, decimals_of, gauge, money, percent, shares


def columns(*amounts: tuple[int, int]) -> str:
    made = [Bar(f"{number:02}", f"day {number}", *one) for number, one in enumerate(amounts)]
    return bars(made, title="Spending", described="what it shows", key="k")


def heights(svg: str, name: str) -> list[int]:
    return [int(one.get("height", "")) for one in of_class(svg, name)]


def dash(svg: str, name: str) -> int:
    (arc,) = of_class(svg, name)
    return int(arc.get("stroke-dasharray", "").split()[0])


def test_a_chart_has_a_name_and_a_description_for_who_cannot_see_it() -> None:
    svg = drawn(columns((10_000, 0)))
    assert (svg.get("role"), svg.get("aria-labelledby")) == ("img", "k-title k-desc")
    assert [svg[0].text, svg[1].text] == ["Spending", "what it shows"]


def test_columns_are_as_high_as_their_amounts() -> None:
    half, whole = heights(columns((50_000, 0), (100_000, 0)), "spent")
    assert abs(whole - 2 * half) <= 1


def test_the_smallest_amount_still_shows_and_none_does_not() -> None:
    svg = columns((1, 0), (0, 0), (5_000_000, 0))
    assert heights(svg, "spent") == [2, 141]


def test_what_is_held_is_hatched_and_stands_on_what_was_spent() -> None:
    svg = columns((60_000, 40_000))
    (spent,), (held,) = of_class(svg, "spent"), of_class(svg, "held")
    assert held.get("fill") == "url(#k-hatch)"
    assert int(held.get("y", "")) + int(held.get("height", "")) == int(spent.get("y", ""))
    titles = [one.text for one in drawn(svg).iter(f"{SVG}title")]
    assert titles[1:] == ["day 0: $0.06 spent, $0.04 held"]


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (0, ["$0.00", "$0.01"]),
        (1, ["$0.000000", "$0.000001"]),
        (27_000, ["$0.00", "$0.01", "$0.02", "$0.03"]),
        (70_000, ["$0.00", "$0.02", "$0.04", "$0.06", "$0.08"]),
        (5_000_000, ["$0.00", "$2.00", "$4.00", "$6.00"]),
        (2**62, None),
    ],
)
def test_the_scale_has_a_few_round_steps_and_room_for_the_highest(
    most: int, ticks: list[str] | None
) -> None:
    svg = columns((most, 0))
    shown = [one.text for one in of_class(svg, "scale")][:-1]
    assert 2 <= len(shown) <= 6
    if ticks is not None:
        assert shown == ticks
    assert all(int(one.get("y", "")) >= 0 for one in of_class(svg, "spent"))


def test_columns_never_leave_the_chart_however_many_there_are() -> None:
    svg = columns(*[(10_000, 0)] * 400)
    rects = of_class(svg, "spent")
    assert all(66 <= int(one.get("x", "")) <= 712 - int(one.get("width", "")) for one in rects)
    assert len(of_class(svg, "scale")) < 16


def test_a_gauge_shows_spent_and_held_against_the_limit() -> None:
    svg = gauge(spent=1_000_000, held=500_000, limit=5_000_000, title="today", key="g")
    assert (dash(svg, "arc-spent"), dash(svg, "arc-held")) == (200, 300)
    words = [one.text for one in drawn(svg).iter(f"{SVG}text")]
    assert words == ["$3.50", "left of $5.00"]


def test_a_gauge_that_is_over_its_limit_is_full_and_nothing_is_left() -> None:
    svg = gauge(spent=9, held=0, limit=4, title="today", key="g")
    assert dash(svg, "arc-spent") == 1_000
    assert next(drawn(svg).iter(f"{SVG}text")).text == "$0.00"
    assert "tight" in drawn(svg).get("class", "")


def test_a_gauge_of_no_limit_says_so_and_draws_no_arc() -> None:
    svg = gauge(spent=9, held=0, limit=None, title="ever", key="g")
    assert of_class(svg, "arc-spent") == []
    assert [one.text for one in drawn(svg).iter(f"{SVG}text")] == ["$0.000009", "used, no limit"]


def test_a_limit_of_nothing_is_used_up() -> None:
    svg = gauge(spent=0, held=0, limit=0, title="today", key="g")
    assert "tight" in drawn(svg).get("class", "")


def test_shares_fill_the_bar_and_go_by_their_order() -> None:
    parts = [Share(f"host {number}", 1_000 * (9 - number)) for number in range(9)]
    found = of_class(shares(parts, title="By host", key="s"), "part")
    places = [(int(one.get("x", "")), int(one.get("width", ""))) for one in found]
    assert all(x + width + 2 == after for (x, width), (after, _) in pairwise(places))
    assert places[-1][0] + places[-1][1] == 718
    assert [one.get("class", "").split()[1] for one in found[COLOURS:]] == ["part-rest"] * 3


def test_a_name_from_outside_is_only_text() -> None:
    svg = shares([Share(HOSTILE_HOST, 1)], title="By host", key="s")
    assert "<script" not in svg
    assert "\u202e" not in svg
    assert "=HYPERLINK" in "".join(drawn(svg).itertext())


def test_a_percentage_never_says_nothing_of_something() -> None:
    assert [percent(*one) for one in ((0, 0), (0, 9), (1, 10_000), (1, 3), (9, 9))] == [
        *("0%", "0.0%", "under 0.1%", "33.3%", "100.0%")
    ]


def test_amounts_of_a_column_have_as_many_decimals_as_the_finest() -> None:
    amounts = [1_000_000, 1_500, 10_000]
    places = decimals_of(amounts)
    assert [money(one, places) for one in amounts] == ["$1.0000", "$0.0015", "$0.0100"]
