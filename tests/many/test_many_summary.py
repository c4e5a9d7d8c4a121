"""The text about many pages is short, whole, and counts everything once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from mcp.client import Client

from tests.mcp_server.stub_toolbox import ERAS, PAID, Stub, StubShelf, bought
from tools.many.inline import TRIED_MAX, short_contents
from tools.many.outcome import Outcome, Page, Stopped
from tools.many.summary import TEXT_CHARS, counts, ranges, summarise
from wallet.errors import ErrorKind, PurserError
from wallet.model import State
from wallet.money import Usd
from wallet.purchases import Stored

OVER = PurserError(ErrorKind.OVER_MAX_TOTAL, "It does not fit.")


def paid(number: int, **changes: Any) -> Page:
    purchase = replace(PAID, **changes)
    return Page(number, f"https://seller.example/{number}" + "x" * 3000, purchase, 200)


def test_numbers_are_written_as_ranges() -> None:
    assert ranges([1, 2, 3, 5, 7, 8]) == "1-3, 5, 7-8"
    assert ranges([]) == ""


def test_a_thousand_pages_of_any_kind_stay_within_the_bound() -> None:
    pages = [
        paid(number) if number % 2 else Page(number, "u", error=OVER) for number in range(1000)
    ]
    text = summarise(Outcome(tuple(pages), Stopped.TIME, None), None, 600)
    assert len(text) <= TEXT_CHARS
    assert "list_receipts" in text


def test_money_of_unknown_outcome_is_told_apart() -> None:
    lost = PurserError(ErrorKind.OUTCOME_UNKNOWN, "Who knows.", "unknown", PAID.id)
    unknown = Page(2, "u", replace(PAID, state=State.UNKNOWN), error=lost)
    pages = (paid(1), unknown, replace(paid(3), reused=True), Page(4, "u"))
    outcome = Outcome(pages, Stopped.TIME, Usd.parse("4.98"))
    assert (outcome.spent, outcome.unclear) == (Usd.parse("0.01"), Usd.parse("0.01"))
    text = summarise(outcome, Usd.parse("1.00"), 600)
    assert text.splitlines()[0] == (
        "[Purser: 1 page bought; $0.01 spent now of max_total_usd $1.00;"
        " $0.01 held for payments of unknown outcome; bought earlier, nothing spent now: 1;"
        " failed: 1; not fetched: 1; $4.98 left today]"
    )
    assert "Not fetched, because the time for one call is over: 4." in text
    assert "comes back for nothing until 2026-11-18T" in text
    assert counts(pages)["failed"] == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_short_contents_come_along_within_fences_and_progress_only_grows(era: Any) -> None:
    stub, told = Stub(), list[float]()
    delivery = PAID.delivery
    assert delivery is not None
    stub.shelf.stored[PAID.id] = Stored(b"hello", delivery, False)

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        assert (total, message is None) == (3, False)
        told.append(progress)

    urls = [f"https://seller.example/{number}" for number in range(3)]
    async with Client(stub.server(), mode=era) as client:
        arguments = {"urls": json.dumps([*urls, urls[0]]), "max_total_usd": 0.05}
        result = await client.call_tool("fetch_many", arguments, progress_callback=heard)
    assert not result.is_error
    (block,) = result.content
    assert block.type == "text"
    assert block.text.count("\nhello\n[end of content of ") == 3
    assert "The same URL as an earlier one: 4." in block.text
    assert len((result.meta or {})["purser/receipts"]) == 3
    assert stub.buyer.limits == [Usd.parse("0.05")]
    assert told == sorted(set(told))
    assert told


class _CountingShelf(StubShelf):
    """A shelf that notes what was asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def load(self, purchase_id: str) -> Stored | None:
        self.asked.append(purchase_id)
        return super().load(purchase_id)


@pytest.mark.asyncio
async def test_only_some_pages_are_read_for_being_shown_and_no_pdf() -> None:
    delivery = PAID.delivery
    assert delivery is not None
    slow = replace(delivery, content_type="application/pdf")
    pages = [paid(1, id="pdf", delivery=slow), *(paid(one, id=str(one)) for one in range(2, 100))]
    shelf = _CountingShelf()
    assert await short_contents(shelf, tuple(pages), "auto", TEXT_CHARS) == ""
    assert shelf.asked == [str(one) for one in range(2, 2 + TRIED_MAX)]


@pytest.mark.asyncio
async def test_it_is_an_error_only_when_nothing_came() -> None:
    stub = Stub()
    refused = PurserError(ErrorKind.OVER_DAY_BUDGET, "Nothing is left.")
    stub.buyer.answers = {"https://a.example/1": refused, "https://a.example/2": bought()}
    async with Client(stub.server()) as client:
        some = await client.call_tool(
            "fetch_many", {"urls": ["https://a.example/1", "https://a.example/2", "ftp://x"]}
        )
        none = await client.call_tool("fetch_many", {"urls": ["https://a.example/1", "ftp://x"]})
    assert not some.is_error
    assert none.is_error
    assert (none.meta or {})["purser/error"]["code"] == "over_day_budget"


@pytest.mark.asyncio
async def test_an_unforeseen_failure_of_one_page_is_told_and_ends_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stub = Stub()
    stub.buyer.answers = {"https://a.example/1": RuntimeError("a secret")}
    async with Client(stub.server()) as client:
        urls = ["https://a.example/1", "https://a.example/2"]
        result = await client.call_tool("fetch_many", {"urls": urls})
    (block,) = result.content
    assert block.type == "text"
    assert "internal_error: 1." in block.text
    assert not result.is_error
    assert "a secret" not in block.text + caplog.text
