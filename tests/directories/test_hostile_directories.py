"""Directories that lie: nothing is fetched for them, nothing of theirs is unmarked or unbounded."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest

from sandbox.hostile.directories import CANARY, listing, offer, units, words
from sandbox.run import Sandbox
from tests.directories.finding_kit import entries_of, open_finder
from tools.directories import asking
from tools.directories.asking import MAX_PAGES, Source, contactable
from tools.directories.prices import MAX_OFFERS
from tools.directories.ranking import AT_MOST_ALIKE
from tools.web.guard import HostRules

LONGEST_ROW = 3_000


def host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def hostile(url: str, name: str) -> Source:
    return Source("bazaar", f"{url}/{name}")


async def find(tmp_path: Path, sandbox: Sandbox, url: str, name: str) -> dict[str, Any]:
    async with open_finder(tmp_path, sandbox, hostile(url, name)) as finder:
        found = await finder.find()
        own = urlsplit(url).netloc
        assert {urlsplit(asked).netloc for asked in finder.web.asked} == {own}
        assert finder.desk.signatures == 0
    return found


@pytest.mark.asyncio
async def test_prices_in_odd_units_are_right_or_unknown_with_a_reason(
    tmp_path: Path, sandbox: Sandbox, hostile_url: str
) -> None:
    rows = (await find(tmp_path, sandbox, hostile_url, "units"))["services"]
    assert len(rows) == len(units())
    for row in rows:
        name = host_of(row["url"]).removesuffix(".example.com")
        assert row["price_usd"] == units()[name][1], name
        if row["price_usd"] is None:
            assert row["price_reason"], name
            assert row["payable"] is not True, name
    stated = {row["url"].split("/")[2].partition(".")[0]: row["stated_price"] for row in rows}
    assert stated["cents"] == "0.01 USD"
    assert stated["euro"] == "0.01 EURC"
    assert stated["named-usdc"] is None


@pytest.mark.asyncio
async def test_a_stranger_s_words_stand_only_under_untrusted(
    tmp_path: Path, sandbox: Sandbox, hostile_url: str
) -> None:
    found = await find(tmp_path, sandbox, hostile_url, "words")
    assert len(found["services"]) == len(words())
    for row in found["services"]:
        marked = row.pop("untrusted")
        assert set(marked) == {"name", "description", "tags", "tool", "input"}
        assert CANARY not in json.dumps(row)
        assert "harbour.example" not in json.dumps(row)
        assert len(json.dumps(marked, ensure_ascii=False)) <= LONGEST_ROW
        assert len(marked["name"]) <= 200
        assert len(marked["description"]) <= 200
        assert row["quality"]["unique_payers_30d"] is None


@pytest.mark.asyncio
async def test_an_address_that_is_not_contacted_is_left_out(
    tmp_path: Path, sandbox: Sandbox, hostile_url: str
) -> None:
    found = await find(tmp_path, sandbox, hostile_url, "places")
    assert found["services"] == []
    (note,) = found["notes"]
    assert "entries are left out" in note


@pytest.mark.parametrize(
    ("url", "directory", "leads"),
    [
        ("http://127.0.0.1:8402/x", "http://127.0.0.1:8402", True),
        ("http://127.0.0.1:8402/x", "https://directory.example", False),
        ("https://seller.example/x", "https://directory.example", True),
        ("https://seller.example/x", "http://127.0.0.1:8402", True),
        ("http://127.0.0.1:9/x", "http://127.0.0.1:8402", False),
        ("https://denied.example/x", "https://directory.example", False),
    ],
)
def test_a_directory_on_the_web_says_nothing_of_sellers_on_this_machine(
    url: str, directory: str, leads: bool
) -> None:
    rules = HostRules(deny=("denied.example",), private_ok=("127.0.0.1:8402",))
    assert (contactable(url, Source("site", directory), rules) is not None) is leads


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("redirecting", "cannot be asked: the host is a private or special address"),
        ("asking", "asks for money itself"),
        ("broken", "cannot be read"),
        ("nested", "cannot be read"),
        ("million", "cannot be asked: the response is larger than"),
        ("not-a-list", "cannot be read"),
    ],
)
async def test_a_directory_that_cannot_be_used_is_a_note(
    tmp_path: Path, sandbox: Sandbox, hostile_url: str, name: str, note: str
) -> None:
    found = await find(tmp_path, sandbox, hostile_url, name)
    assert found["services"] == []
    assert note in found["notes"][0]


@pytest.mark.asyncio
async def test_a_list_that_repeats_itself_is_read_twice_at_most(
    tmp_path: Path, sandbox: Sandbox, hostile_url: str
) -> None:
    async with open_finder(tmp_path, sandbox, hostile(hostile_url, "looping")) as finder:
        found = await finder.find()
        asked = len(finder.web.asked)
    assert asked == 3  # its search, which it does not have, and two pages
    assert found["matches"] == 100


@pytest.mark.asyncio
async def test_an_endless_list_is_read_up_to_a_bound_and_the_rest_is_noted(
    tmp_path: Path, sandbox: Sandbox, hostile_url: str
) -> None:
    async with open_finder(tmp_path, sandbox, hostile(hostile_url, "endless")) as finder:
        found = await finder.find()
        asked = len(finder.web.asked)
    assert asked == 1 + MAX_PAGES
    assert found["matches"] == 100 * MAX_PAGES
    assert "only its first 500 entries" in found["notes"][0]


@pytest.mark.asyncio
async def test_no_more_entries_of_one_directory_are_taken_than_the_bound(
    tmp_path: Path, sandbox: Sandbox, hostile_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MAX_TAKEN", 250)
    async with open_finder(tmp_path, sandbox, hostile(hostile_url, "endless")) as finder:
        found = await finder.find()
        asked = len(finder.web.asked)
    assert asked == 1 + 3
    assert found["matches"] == 250
    (note,) = found["notes"]
    assert "only its first 250 entries" in note


@pytest.mark.parametrize("one", [offer(), None], ids=["readable", "unreadable"])
def test_no_more_offers_of_one_entry_are_read_than_the_bound(one: object) -> None:
    (entry,) = entries_of([listing("many", *[one] * 5_000)])
    (challenge,) = entry.bill.challenges
    assert len(challenge.offers) + len(challenge.unreadable) == MAX_OFFERS == 10


@pytest.mark.asyncio
async def test_an_answer_that_comes_too_late_is_not_read_and_no_further_page_asked_for(
    tmp_path: Path, sandbox: Sandbox, hostile_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = anyio.current_time
    async with open_finder(tmp_path, sandbox, hostile(hostile_url, "endless")) as finder:
        asked = finder.web.asked
        monkeypatch.setattr(anyio, "current_time", lambda: real() + 60 * (len(asked) >= 3))
        found = await finder.find()
    assert len(asked) == 3  # its search, which it does not have, and two pages
    assert found["matches"] == 100
    (note,) = found["notes"]
    assert "did not answer in time" in note


@pytest.mark.asyncio
async def test_kept_pages_are_read_within_the_time_too(
    tmp_path: Path, sandbox: Sandbox, hostile_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, looks = anyio.current_time, count()
    async with open_finder(tmp_path, sandbox, hostile(hostile_url, "endless")) as finder:
        assert (await finder.find())["matches"] == 100 * MAX_PAGES
        asked = len(finder.web.asked)
        # The time is up once the deadline is set and the search and one page were looked at.
        monkeypatch.setattr(anyio, "current_time", lambda: real() + 60 * (next(looks) >= 3))
        found = await finder.find()
        assert len(finder.web.asked) == asked
    assert found["matches"] == 100
    assert "did not answer in time" in found["notes"][0]


@pytest.mark.asyncio
async def test_a_flood_of_one_seller_fills_no_page_alone(
    tmp_path: Path, sandbox: Sandbox, hostile_url: str
) -> None:
    sources = (
        hostile(hostile_url, "flooding"),
        Source("bazaar", f"{sandbox.seller_url}/directory"),
    )
    async with open_finder(tmp_path, sandbox, *sources) as finder:
        found = await finder.find("harbour", limit=10)
    hosts = [host_of(row["url"]) for row in found["services"]]
    assert sum(host.startswith("flood-") for host in hosts[: AT_MOST_ALIKE + 3]) <= AT_MOST_ALIKE
    assert "127.0.0.1" in hosts[: AT_MOST_ALIKE + 1]


@pytest.mark.asyncio
async def test_entries_for_one_call_become_one_at_the_highest_price(
    tmp_path: Path, sandbox: Sandbox, hostile_url: str
) -> None:
    (row,) = (await find(tmp_path, sandbox, hostile_url, "twice"))["services"]
    assert row["price_usd"] == "0.02"
    assert "different prices" in row["price_reason"]
