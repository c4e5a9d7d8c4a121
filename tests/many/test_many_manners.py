"""Hosts are asked a few times at once, waited for, and left alone when they only fail."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anyio
import pytest

from sandbox.run import Sandbox
from tests.desk import open_desk
from tests.many.many_kit import codes, fetch_all, toolbox_of
from tests.meddler import PaidAnswer, meddler
from tests.web.loopback import Seen, Site, serve
from tools.many.manners import FAILURES_IN_A_ROW, retry_after_s
from tools.many.outcome import Stopped
from tools.many.turns import Turns
from wallet.exchange import WebResponse


def answer(status: str, body: bytes = b"ok", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "content-type: text/plain"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


@pytest.mark.asyncio
async def test_a_host_gets_no_more_requests_at_once_than_the_setting_says(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    inside, most = 0, 0

    async def reply(seen: Seen, writer: asyncio.StreamWriter) -> None:
        nonlocal inside, most
        del seen
        inside += 1
        most = max(most, inside)
        for _ in range(50):
            await asyncio.sleep(0)
        inside -= 1
        writer.write(answer("200 OK"))

    async with serve(reply) as site, open_desk(tmp_path, sandbox, urls=(site.url(),)) as desk:
        urls = [site.url(f"/{number}") for number in range(24)]
        outcome = await fetch_all(toolbox_of(desk, per_host_concurrency=3), urls, at_once=16)
        assert set(codes(outcome.pages)) == {"free"}
        assert most == 3


@pytest.mark.asyncio
async def test_a_price_is_asked_for_when_it_can_be_paid_next(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    events: list[str] = []

    def asked(challenge: dict[str, Any]) -> dict[str, Any]:
        events.append("asked")
        return challenge

    def paid(answer: PaidAnswer) -> PaidAnswer:
        events.append("paid")
        return answer

    async with (
        meddler(sandbox.seller_url, paid, challenge=asked) as seller,
        open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk,
    ):
        urls = [f"{seller.url}/api/weather?next={number}" for number in range(4)]
        toolbox = toolbox_of(desk, per_host_concurrency=1)
        outcome = await fetch_all(toolbox, urls, total="1.00", at_once=4)
        assert codes(outcome.pages) == ["settled"] * 4
    assert events == ["asked", "paid"] * 4


@pytest.mark.asyncio
async def test_a_busy_host_is_asked_again_when_it_said(tmp_path: Path, sandbox: Sandbox) -> None:
    async def reply(seen: Seen, writer: asyncio.StreamWriter) -> None:
        first = [one.path for one in site.seen].count(seen.path) == 1
        writer.write(answer("429 No", b"", "retry-after: 0") if first else answer("200 OK"))

    site: Site
    async with serve(reply) as site, open_desk(tmp_path, sandbox, urls=(site.url(),)) as desk:
        outcome = await fetch_all(toolbox_of(desk), [site.url("/a"), site.url("/b")])
        assert [page.came for page in outcome.pages] == [True, True]
        assert len(site.seen) == 4


@pytest.mark.asyncio
async def test_a_host_that_wants_a_longer_wait_is_left_alone(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async def reply(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(answer("503 No", b"", "retry-after: 3600"))

    async with serve(reply) as site, open_desk(tmp_path, sandbox, urls=(site.url(),)) as desk:
        urls = [site.url(f"/{number}") for number in range(9)]
        outcome = await fetch_all(toolbox_of(desk), urls, at_once=1)
        assert set(codes(outcome.pages)) == {"upstream_error"}
        assert len(site.seen) == 1


@pytest.mark.asyncio
async def test_a_failing_host_is_left_alone_and_spoils_no_other(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async def reply(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(answer("500 Broken"))

    async with serve(reply) as site, open_desk(tmp_path, sandbox, urls=(site.url(),)) as desk:
        bad = [site.url(f"/{number}") for number in range(8)]
        urls = [
            *bad[:4],
            "https://127.0.0.1/",
            "http://[bad",
            *bad[4:],
            sandbox.seller_url + "/free",
        ]
        outcome = await fetch_all(toolbox_of(desk), urls, at_once=1)
        told = codes(outcome.pages)
        assert told[3:6] == ["upstream_error", "private_address", "invalid_argument"]
        assert (told[-1], outcome.pages[-1].came) == ("free", True)
        assert len(site.seen) == FAILURES_IN_A_ROW


@pytest.mark.asyncio
async def test_a_url_that_stands_there_twice_is_fetched_once(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with open_desk(tmp_path, sandbox) as desk:
        url = sandbox.seller_url + "/api/weather?twice"
        outcome = await fetch_all(toolbox_of(desk), [url, url + "&b", url])
        assert codes(outcome.pages) == ["settled", "settled", "as 1"]
        assert desk.signatures == 2


@pytest.mark.asyncio
async def test_when_the_time_is_over_payments_finish_and_the_rest_is_left(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    silent = anyio.Event()

    async def reply(_: Seen, __: asyncio.StreamWriter) -> None:
        await silent.wait()

    async with serve(reply) as site, open_desk(tmp_path, sandbox, urls=(site.url(),)) as desk:
        paid = sandbox.seller_url + "/api/weather?time"
        urls = [site.url("/silent"), paid, site.url("/never"), site.url("/asked")]
        outcome = await fetch_all(toolbox_of(desk), urls, at_once=2, time_s=3)
        assert codes(outcome.pages) == ["left", "settled", "left", "left"]
        assert outcome.stopped is Stopped.TIME


@pytest.mark.asyncio
async def test_pages_take_turns_in_order_and_a_slow_one_is_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tools.many.turns.PATIENCE_S", 0)
    turns, order = Turns(), list[int]()
    for number in (1, 2, 3, 4):
        turns.enter(number)

    async def go(number: int) -> None:
        await turns.take(number)
        order.append(number)
        turns.decided(number)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            for number in (4, 3, 2):  # page 1 never names its price
                group.start_soon(go, number)
    assert order == [2, 3, 4]


@pytest.mark.parametrize(
    ("status", "text", "wait_s"),
    [
        (429, "7", 7),
        (503, " 7 ", 7),
        (200, "7", None),
        (402, "7", None),
        (429, "", None),
        (429, "-7", None),
        (429, "7.5", None),
        (429, "٧", None),
        (429, "9" * 30, 10**6),
        (429, "9" * 41, None),
        (429, "soon", None),
        (429, "Wed, 21 Oct 2015 07:28:00 GMT", 0),
        (429, "Wed, 21 Oct 9999 07:28:00 GMT", 10**6),
        (429, "Wed, 99 Oct 2015 99:28:00 GMT", None),
    ],
)
def test_retry_after_is_read_strictly(status: int, text: str, wait_s: int | None) -> None:
    response = WebResponse("https://a.example/", status, (("Retry-After", text),), b"")
    assert retry_after_s(response) == wait_s
