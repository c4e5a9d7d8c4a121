"""Services come in an order that depends on what they say, a little on who pays, and on no luck."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from sandbox.hostile.directories import listing
from sandbox.hostile.wording import offer
from tests.directories.finding_kit import entries_of
from tools.directories.entries import Entry
from tools.directories.prices import lowest_price
from tools.directories.ranking import AT_MOST_ALIKE, PAYERS_SHARE, popularity, rank, spread, words


def order(listings: list[dict[str, Any]], query: str) -> list[str]:
    """Return the host names' first parts, best first."""
    ranked = rank(entries_of(listings), query, lambda one: lowest_price(one.bill))
    return [one.entry.url.removeprefix("https://").split(".")[0] for one in ranked]


def service(name: str, text: str, payers: int | None = None, **changes: Any) -> dict[str, Any]:
    quality = None if payers is None else {"l30DaysUniquePayers": payers}
    url = f"https://{name}.example.com/x"
    return listing(name, description=text, resource=url, quality=quality, **changes)


def test_a_service_that_shares_no_word_is_not_found() -> None:
    listings = [service("a", "weather forecasts"), service("b", "stock quotes")]
    assert order(listings, "weather") == ["a"]
    assert order(listings, "forecast") == ["a"]
    assert order(listings, "tides") == []


def test_a_rare_word_counts_more_than_a_common_one() -> None:
    common = [service(f"c{number}", "weather data") for number in range(8)]
    assert order([*common, service("z", "marine data")], "marine weather")[0] == "z"


def test_a_name_says_more_than_a_description() -> None:
    listings = [
        service("a", "many things, among them weather", serviceName="Things"),
        service("b", "many things, among them maps", serviceName="Weather"),
    ]
    assert order(listings, "weather") == ["b", "a"]


def test_payers_decide_between_equals_and_cannot_drown_the_words() -> None:
    equals = [service("a", "weather"), service("b", "weather", 900)]
    assert order(equals, "weather") == ["b", "a"]
    listings = [
        service("meant", "weather forecast for ships"),
        service("loved", "a forecast of elections and cups", 10**12),
        *(service(f"other{number}", "election news and cups") for number in range(5)),
    ]
    assert order(listings, "weather forecast for ships")[0] == "meant"


def test_payers_add_at_most_a_quarter_whatever_is_claimed() -> None:
    assert popularity(None) == popularity(0) == 0
    assert 0 < popularity(1) < popularity(100) < popularity(1000)
    assert popularity(1000) == popularity(10**12) == 1
    plain, loved = entries_of([service("a", "weather"), service("b", "weather", 10**12)])
    scores = {one.entry.url: one.score_millionths for one in rank([plain, loved], "weather", _free)}
    ratio = scores[loved.url] / scores[plain.url]
    assert ratio == pytest.approx(1 + PAYERS_SHARE, abs=0.001)


def test_calls_that_a_seller_can_make_itself_change_nothing() -> None:
    busy = listing("b", description="weather", quality={"l30DaysTotalCalls": 10**9})
    quiet = listing("a", description="weather")
    assert order([busy, quiet], "weather") == ["a", "b"]


def test_a_word_said_a_hundred_times_does_not_beat_one_said_beside_another() -> None:
    listings = [
        service("a", "weather " * 100, tags=["weather"] * 10),
        service("b", "marine weather"),
        service("c", "stock quotes"),
    ]
    assert order(listings, "marine weather")[0] == "b"


def test_the_order_does_not_depend_on_the_order_of_answers() -> None:
    listings = [
        service(name, "weather forecast", payers, accepts=[offer(amount=str(amount))])
        for name, payers, amount in (
            *(("a", 3, 100), ("b", 3, 100), ("c", None, 100), ("d", None, 50)),
            *(("e", 7, 100), ("f", 0, 70)),
        )
    ]
    expected = order(listings, "weather forecast")
    assert expected == ["e", "a", "b", "d", "f", "c"]
    shuffled = random.Random(5)
    for _ in range(20):
        shuffled.shuffle(listings)
        assert order(listings, "weather forecast") == expected


def test_one_seller_s_many_entries_stand_behind_the_others_after_the_third() -> None:
    many = [listing("many", resource=f"https://many.example.com/{number}") for number in range(9)]
    ranked = rank(entries_of([*many, listing("one"), listing("two")]), "harbour many", _free)
    assert [one.entry.url.split("/")[2] for one in ranked][:9] == ["many.example.com"] * 9
    hosts = [one.entry.url.split("/")[2] for one in spread(ranked, _nobody)]
    assert hosts[:5] == ["many.example.com"] * AT_MOST_ALIKE + [
        "one.example.com",
        "two.example.com",
    ]
    assert sorted(hosts) == sorted(one.entry.url.split("/")[2] for one in ranked)


def test_many_hosts_of_one_payee_count_as_one_seller() -> None:
    flood = [listing(f"host-{number}") for number in range(9)]
    honest = offer(payTo="0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc")
    other = listing("z", honest, description="a harbour among other words that were not asked for")
    ranked = rank(entries_of([*flood, other]), "harbour", _free)
    urls = [one.entry.url for one in spread(ranked, lambda one: one.bill.offers[0].pay_to)]
    assert urls.index(other["resource"]) == AT_MOST_ALIKE


def test_what_a_directory_s_own_search_found_stays_without_a_common_word() -> None:
    (entry,) = entries_of([service("a", "umbrella")])
    assert rank([entry], "rain", _free) == []
    found = replace(entry, from_search=True)
    assert [one.entry.url for one in rank([found], "rain", _free)] == [entry.url]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Weather-Forecasts, v2", ["weather", "forecast", "v2"]),
        ("glass gas", ["glass", "gas"]),
        ("café 東京", ["café", "東京"]),
        ("_ - !", []),
    ],
)
def test_words_are_letters_and_digits_without_a_plural(text: str, found: list[str]) -> None:
    assert words(text) == found


def _free(_: Entry) -> None:
    return None


def _nobody(_: Entry) -> None:
    return None
