"""Hosts hear that receipts have changed, as their era has it, and only of those they watch."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp.server.lowlevel import Server
from mcp.server.subscriptions import ResourceUpdated
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCNotification, JSONRPCRequest, ResourceUpdatedNotification
from stub_toolbox import ERAS, PAID, PAID_ID, Stub, bought

from server.app import build_server
from server.receipt_news import RECENT_URI, URIS_MAX, ReceiptNews
from server.warmup import Warmup
from wallet.errors import ErrorKind, PurserError

pytestmark = [
    pytest.mark.asyncio,
    # The client warns of what the newer revision has dropped; hosts of the older one use it.
    pytest.mark.filterwarnings("ignore:resources/:mcp.shared.exceptions.MCPDeprecationWarning"),
]

ONE = f"receipt://{PAID_ID}"
OTHER = PAID_ID[:-1] + "2"
URL = PAID.url


class Heard:
    """Collects what a client of either era is told."""

    def __init__(self) -> None:
        self.uris: list[str] = []
        self._news = anyio.Event()

    def note(self, uri: str) -> None:
        self.uris.append(uri)
        self._news.set()
        self._news = anyio.Event()

    async def handle(self, message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            self.note(str(message.params.uri))

    async def until(self, count: int) -> list[str]:
        with anyio.fail_after(10):
            while len(self.uris) < count:
                await self._news.wait()
        return self.uris


async def _watch(client: Client, uri: str) -> None:
    await client.subscribe_resource(uri)  # pyright: ignore[reportDeprecated]


async def _watch_no_more(client: Client, uri: str) -> None:
    await client.unsubscribe_resource(uri)  # pyright: ignore[reportDeprecated]


async def _listen(client: Client, era: str, uris: list[str], heard: Heard, group: Any) -> None:
    if era == "legacy":
        for uri in uris:
            await _watch(client, uri)
        return

    async def drive(*, task_status: Any) -> None:
        async with client.listen(resource_subscriptions=uris) as events:
            task_status.started()
            async for event in events:
                assert isinstance(event, ResourceUpdated)
                heard.note(event.uri)

    await group.start(drive)


async def _heard_after(stub: Stub, era: Any, uris: list[str], *calls: dict[str, Any]) -> list[str]:
    """Make the calls, then one that changes the recent receipts for certain, and tell all."""
    heard, news = Heard(), ReceiptNews()
    server = build_server(stub.open, warmup=Warmup(()), news=news)
    handle = heard.handle if era == "legacy" else None  # the newer era has its stream of events
    async with Client(server, mode=era, message_handler=handle) as client:
        async with anyio.create_task_group() as group:
            await _listen(client, era, [*uris, "receipt://end"], heard, group)
            for arguments in calls:
                await client.call_tool("paid_fetch", arguments)
            news.changed("end")
            with anyio.fail_after(10):
                while "receipt://end" not in heard.uris:
                    await heard.until(len(heard.uris) + 1)
            group.cancel_scope.cancel()
    return [uri for uri in heard.uris if uri != "receipt://end"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_purchase_is_told_to_those_who_watch_it_or_the_recent_ones(era: str) -> None:
    heard = await _heard_after(Stub(), era, [RECENT_URI, ONE], {"url": URL})
    assert set(heard) == {RECENT_URI, ONE}
    assert heard.count(ONE) == 1


@pytest.mark.parametrize("era", ERAS)
async def test_another_receipt_is_not_told(era: str) -> None:
    assert await _heard_after(Stub(), era, [f"receipt://{OTHER}"], {"url": URL}) == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_repeat_that_pays_nothing_changes_nothing(era: str) -> None:
    stub = Stub()
    stub.buyer.answers[URL] = bought(reused=True)
    assert await _heard_after(stub, era, [ONE], {"url": URL}) == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("receipt_id", "told"), [(PAID_ID, [ONE]), (None, [])])
async def test_a_failure_is_told_when_it_left_a_receipt(
    era: str, receipt_id: str | None, told: list[str]
) -> None:
    stub = Stub()
    stub.buyer.answers[URL] = PurserError(ErrorKind.OUTCOME_UNKNOWN, "Lost", "unknown", receipt_id)
    assert await _heard_after(stub, era, [ONE], {"url": URL}) == told


async def test_a_host_that_unsubscribes_hears_no_more() -> None:
    heard, news = Heard(), ReceiptNews()
    server = build_server(Stub().open, warmup=Warmup(()), news=news)
    async with Client(server, mode="legacy", message_handler=heard.handle) as client:
        for uri in (ONE, "receipt://end"):
            await _watch(client, uri)
        await _watch_no_more(client, ONE)
        news.changed(PAID_ID, "end")
        assert await heard.until(1) == ["receipt://end"]


async def test_what_is_no_receipt_is_granted_and_never_fires_and_wishes_are_bounded() -> None:
    heard, news = Heard(), ReceiptNews()
    server = build_server(Stub().open, warmup=Warmup(()), news=news)
    async with Client(server, mode="legacy", message_handler=heard.handle) as client:
        await _watch(client, "file:///etc/passwd")
        await _watch(client, "receipt://" + "x" * 300)
        for number in range(URIS_MAX + 1):
            await _watch(client, f"receipt://{number}")
        news.changed("x" * 300, str(URIS_MAX), str(URIS_MAX - 1))
        assert await heard.until(1) == [f"receipt://{URIS_MAX - 1}"]


async def test_a_burst_of_changes_is_told_together() -> None:
    heard, news = Heard(), ReceiptNews()
    server = build_server(Stub().open, warmup=Warmup(()), news=news)
    async with Client(server, mode="legacy", message_handler=heard.handle) as client:
        for uri in (RECENT_URI, ONE):
            await _watch(client, uri)
        for _ in range(50):
            news.changed(OTHER)
        news.changed(PAID_ID)
        assert await heard.until(2) == [RECENT_URI, ONE]


@pytest.mark.parametrize("era", ERAS)
async def test_subscribing_is_announced(era: str) -> None:
    async with Client(Stub().server(), mode="legacy" if era == "legacy" else "auto") as client:
        resources = client.server_capabilities.resources
    assert resources is not None
    assert resources.subscribe is True


@pytest.mark.parametrize("era", ERAS)
async def test_a_host_that_leaves_while_it_is_told_takes_no_other_with_it(era: Any) -> None:
    heard, news = Heard(), ReceiptNews()
    staying = build_server(Stub().open, warmup=Warmup(()), news=news)
    leaving = build_server(Stub().open, warmup=Warmup(()), news=news)
    handle = heard.handle if era == "legacy" else None
    async with Client(staying, mode=era, message_handler=handle) as client:
        async with anyio.create_task_group() as group:
            await _listen(client, era, ["receipt://last"], heard, group)
            async with Client(leaving, mode=era) as other, anyio.create_task_group() as theirs:
                await _listen(other, era, [ONE], Heard(), theirs)
                news.changed(PAID_ID)
                theirs.cancel_scope.cancel()
            news.changed(PAID_ID, "last")
            assert await heard.until(1) == ["receipt://last"]
            group.cancel_scope.cancel()


async def test_a_host_that_closes_in_the_middle_of_a_notification_ends_no_other() -> None:
    news, server = ReceiptNews(), Server[Any]("server", version="1")
    news.serve(server)
    told, heard = list[str](), anyio.create_memory_object_stream[SessionMessage](0)
    asked = anyio.create_memory_object_stream[SessionMessage | Exception](4)

    async def ask(number: int, method: str, **params: Any) -> None:
        request = JSONRPCRequest(jsonrpc="2.0", id=number, method=method, params=params)
        await asked[0].send(SessionMessage(request))
        await heard[1].receive()

    async with asked[0], news.running(), anyio.create_task_group() as group:
        group.start_soon(server.run, asked[1], heard[0], server.create_initialization_options())
        info, era = {"name": "host", "version": "1"}, "2025-06-18"
        await ask(1, "initialize", protocolVersion=era, capabilities={}, clientInfo=info)
        ready = JSONRPCNotification(jsonrpc="2.0", method="notifications/initialized")
        await asked[0].send(SessionMessage(ready))
        await ask(2, "resources/subscribe", uri=RECENT_URI)
        news.changed()
        await anyio.wait_all_tasks_blocked()
        assert heard[0].statistics().tasks_waiting_send == 1
        heard[1].close()

        news.bus.subscribe(lambda event: told.append(str(getattr(event, "uri", ""))))
        news.changed(PAID_ID)
        await anyio.wait_all_tasks_blocked()
        assert told == [RECENT_URI, ONE]
        group.cancel_scope.cancel()
