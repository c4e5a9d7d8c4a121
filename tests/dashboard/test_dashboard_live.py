"""Open pages are told of a change, by one cheap question however many there are."""

from __future__ import annotations

import pytest

from server.dashboard import live
from server.dashboard.live import STREAMS_MOST, Watch


class Marks:
    """A ledger's mark that a test moves by hand, and how often it was asked for."""

    def __init__(self) -> None:
        self.now = "1"
        self.asked = 0

    async def __call__(self) -> str:
        self.asked += 1
        return self.now


@pytest.mark.asyncio
async def test_a_page_learns_the_mark_at_once_and_then_each_later_one() -> None:
    marks = Marks()
    events = Watch(marks, every_s=0).events()
    assert await anext(events) == "retry: 3000\nevent: mark\ndata: 1\n\n"
    marks.now = "2"
    assert await anext(events) == "event: mark\ndata: 2\n\n"
    await events.aclose()


@pytest.mark.asyncio
async def test_many_pages_ask_the_ledger_once_and_none_asks_never() -> None:
    marks = Marks()
    watch = Watch(marks, every_s=3_600)
    assert marks.asked == 0
    streams = [watch.events() for _ in range(STREAMS_MOST)]
    for one in streams:
        await anext(one)
    assert marks.asked == 1
    assert watch.is_full
    await streams.pop().aclose()
    assert not watch.is_full
    for one in streams:
        await one.aclose()


@pytest.mark.asyncio
async def test_a_stream_ends_by_itself_so_that_its_session_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "STREAM_LIFE_S", 0)
    watch = Watch(Marks(), every_s=0)
    assert len([one async for one in watch.events()]) == 1
    assert not watch.is_full


@pytest.mark.asyncio
async def test_a_quiet_stream_says_that_it_is_still_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "STILL_HERE_S", 0)
    events = Watch(Marks(), every_s=0).events()
    await anext(events)
    assert await anext(events) == ":\n\n"
    await events.aclose()


@pytest.mark.asyncio
async def test_streams_end_with_the_server() -> None:
    watch = Watch(Marks(), every_s=3_600)
    events = watch.events()
    await anext(events)
    watch.close()
    assert [one async for one in events] == []
