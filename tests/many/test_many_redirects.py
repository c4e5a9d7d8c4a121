"""The host that answers is the one to be polite to, wherever the URL pointed."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from sandbox.run import Sandbox
from tests.desk import open_desk
from tests.many.many_kit import codes, fetch_all, toolbox_of
from tests.meddler import PaidAnswer, meddler
from tests.web.loopback import Seen, serve
from tools.many.manners import FAILURES_IN_A_ROW, Hosts
from tools.many.polite import PoliteExchange
from tools.many.turns import Turns
from wallet.errors import PurserError
from wallet.exchange import WebRequest, WebResponse

SHOP = "https://shop.example/page"


@dataclass
class Redirected:
    """An exchange whose host leads to the shop, which asks for money, or to be left alone."""

    request: WebRequest
    status: int = 402
    headers: tuple[tuple[str, str], ...] = ()
    paid: int = 200
    asked: int = 0
    to: str = SHOP

    async def ask(self) -> WebResponse:
        self.asked += 1
        await anyio.lowlevel.checkpoint()
        return WebResponse(self.to, self.status, self.headers, b"")

    async def pay(self, payment_headers: Any) -> WebResponse:
        await anyio.lowlevel.checkpoint()
        return WebResponse(self.to, self.paid, self.headers, b"")

    def start_over(self) -> None: ...

    def can_still_pay(self) -> bool:
        return True


def polite(hosts: Hosts, number: int, **answer: Any) -> tuple[PoliteExchange, Redirected]:
    inner = Redirected(WebRequest("GET", f"https://to{number}.example/"), **answer)
    return PoliteExchange(inner, hosts, number, None, math.inf), inner


@pytest.mark.asyncio
async def test_a_payment_after_a_redirect_takes_a_slot_of_the_host_that_is_paid() -> None:
    hosts = Hosts(1)
    slots = hosts.of(SHOP).slots
    first, second = polite(hosts, 1)[0], polite(hosts, 2)[0]
    assert (await first.ask()).status == 402
    async with anyio.create_task_group() as group:
        group.start_soon(second.ask)
        await anyio.wait_all_tasks_blocked()
        assert (slots.borrowed_tokens, slots.statistics().tasks_waiting) == (1, 1)
        await first.pay({})
    assert slots.borrowed_tokens == 1
    second.finish()
    assert slots.borrowed_tokens == 0


@pytest.mark.asyncio
async def test_a_host_behind_a_redirect_is_waited_for_like_any_other() -> None:
    hosts = Hosts(4)
    told = (("retry-after", "3600"),)
    first, asking = polite(hosts, 1, status=503, headers=told)
    with pytest.raises(PurserError, match="longer than this call may"):
        await first.ask()
    assert asking.asked == 1
    second, _ = polite(hosts, 2)
    with pytest.raises(PurserError, match="longer than this call may"):
        await second.ask()


@pytest.mark.asyncio
async def test_a_page_that_has_its_price_hears_what_another_is_told_when_it_pays() -> None:
    hosts = Hosts(1)
    first, _ = polite(hosts, 1, paid=503, headers=(("retry-after", "3600"),))
    second, _ = polite(hosts, 2)
    await first.ask()

    async def ask() -> None:
        with pytest.raises(PurserError, match="longer than this call may"):
            await second.ask()

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        await first.pay({})


@pytest.mark.asyncio
@pytest.mark.parametrize(("slots", "wait_s"), [(1, None), (2, "9")])
async def test_a_page_that_waits_for_its_own_host_holds_up_no_page_of_another(
    slots: int, wait_s: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.many.turns.PATIENCE_S", math.inf)
    hosts, turns = Hosts(slots), Turns()
    before, _ = polite(hosts, 1)
    await before.ask()
    if wait_s is not None:
        hosts.of(SHOP).heed(WebResponse(SHOP, 503, (("retry-after", wait_s),), b""))
    inner = Redirected(WebRequest("GET", "https://slow.example/"))
    waiting = PoliteExchange(inner, hosts, 2, turns, math.inf)
    own = "https://other.example/"
    other = PoliteExchange(Redirected(WebRequest("GET", own), to=own), hosts, 3, turns, math.inf)
    for number in (2, 3):
        turns.enter(number)
    async with anyio.create_task_group() as group:
        group.start_soon(waiting.ask)
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(5):
            assert (await other.ask()).status == 402
        group.cancel_scope.cancel()


@pytest.mark.asyncio
async def test_a_voucher_goes_out_although_all_slots_are_taken() -> None:
    hosts = Hosts(1)
    waiting = polite(hosts, 1)[0]
    first = PoliteExchange(Redirected(WebRequest("GET", SHOP)), hosts, 2, None, math.inf)
    await waiting.ask()
    with anyio.fail_after(5):
        assert (await first.pay({})).status == 200
    assert hosts.of(SHOP).slots.borrowed_tokens == 1


@pytest.mark.asyncio
async def test_what_a_redirect_led_to_failing_is_not_the_fault_of_who_redirected(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async def break_down(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 Broken\r\ncontent-length: 2\r\n\r\nno")

    async def lead_on(seen: Seen, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
        if seen.path.startswith("/on"):
            head = (
                f"HTTP/1.1 302 On\r\nlocation: {shop.url()}\r\ncontent-length: 0\r\n\r\n".encode()
            )
        writer.write(head)

    async with (
        serve(break_down) as shop,
        serve(lead_on) as site,
        open_desk(tmp_path, sandbox, urls=(site.url(), shop.url())) as desk,
    ):
        urls = [site.url(f"/on/{number}") for number in range(4)] + [site.url("/here")]
        outcome = await fetch_all(toolbox_of(desk), urls, at_once=1)
        assert codes(outcome.pages)[-1] == "free"
        assert outcome.pages[-1].came


@pytest.mark.asyncio
async def test_no_seller_has_another_one_given_up_by_leading_to_what_fails_there(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async def sell(seen: Seen, writer: asyncio.StreamWriter) -> None:
        status = b"500 Broken" if seen.path == "/broken" else b"200 OK"
        writer.write(b"HTTP/1.1 %b\r\ncontent-length: 2\r\n\r\nno" % status)

    async def lead_on(_: Seen, writer: asyncio.StreamWriter) -> None:
        to = f"HTTP/1.1 302 On\r\nlocation: {shop.url('/broken')}\r\ncontent-length: 0\r\n\r\n"
        writer.write(to.encode())

    async with (
        serve(sell) as shop,
        serve(lead_on) as site,
        open_desk(tmp_path, sandbox, urls=(site.url(), shop.url())) as desk,
    ):
        urls = [site.url(f"/{number}") for number in range(FAILURES_IN_A_ROW)]
        outcome = await fetch_all(toolbox_of(desk), [*urls, shop.url("/good")], at_once=1)
        assert [page.came for page in outcome.pages] == [False] * FAILURES_IN_A_ROW + [True]


@pytest.mark.asyncio
async def test_after_a_paid_answer_that_asks_to_wait_nothing_more_is_asked_or_signed(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    asked: list[str] = []

    def ask(challenge: dict[str, Any]) -> dict[str, Any]:
        asked.append("asked")
        return challenge

    def busy(answer: PaidAnswer) -> PaidAnswer:
        answer.status = 503
        answer.headers.append(("retry-after", "3600"))
        return answer

    async with (
        meddler(sandbox.seller_url, busy, challenge=ask) as seller,
        open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk,
    ):
        urls = [f"{seller.url}/api/weather?busy={number}" for number in range(4)]
        toolbox = toolbox_of(desk, per_host_concurrency=1)
        outcome = await fetch_all(toolbox, urls, total="1.00", at_once=4)
        assert [page.came for page in outcome.pages] == [False] * 4
        assert (len(asked), desk.signatures) == (1, 1)
        assert await desk.check() == []
