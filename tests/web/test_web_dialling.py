"""Which connections are made, and what is proof that no request left on one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import anyio
import pytest

from tests.web.loopback import PAYMENT, Seen, always, client_for, http, refused, serve
from tools.web.guard import HostRules, Target
from tools.web.http import Timeouts, WebClient, WebExchange
from tools.web.wire import WireError
from wallet.errors import ErrorKind
from wallet.exchange import NeverSentError, TransportFailedError, WebRequest


@pytest.mark.asyncio
async def test_a_name_is_resolved_once_and_its_checked_address_is_dialled() -> None:
    asked: list[tuple[str, int]] = []

    async def flipping(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    async with serve(always(402)) as site:
        rules = HostRules(private_ok=(f"seller.example:{site.port}",))
        async with WebClient(rules, "t", resolver=flipping) as client:
            url = f"http://seller.example:{site.port}/"
            exchange = WebExchange(client, WebRequest("GET", url))
            await exchange.ask()
            await exchange.pay(PAYMENT)
    assert asked == [("seller.example", site.port)]
    assert site.seen[0].header("host") == f"seller.example:{site.port}"
    assert site.connections == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["fe80::1%lo"]]
)
async def test_one_private_address_among_many_refuses_the_host(addresses: list[str]) -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        return addresses

    async with serve(always()) as site, client_for(resolver=resolver) as client:
        request = WebRequest("GET", f"https://seller.example:{site.port}/")
        exchange = WebExchange(client, request)
        assert (await refused(exchange)).kind is ErrorKind.PRIVATE_ADDRESS
        with pytest.raises(NeverSentError):
            await exchange.pay(PAYMENT)
    assert site.connections == 0


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "url", ["https://other.example/", "http://seller.example/", "https://seller.example:444/"]
)
async def test_a_url_that_reads_differently_than_it_was_checked_is_not_sent(url: str) -> None:
    async def nobody(host: str, port: int) -> Sequence[str]:
        raise AssertionError("a name was looked up")

    target = Target("https", "seller.example", 443, "https://seller.example", url)
    async with client_for(resolver=nobody) as client:
        with pytest.raises(WireError) as refusal:
            await client.send("GET", target, (), b"", lambda _: 100)
        assert refusal.value.unsent


@pytest.mark.asyncio
async def test_an_ipv6_seller_on_this_machine_can_be_listed() -> None:
    async with serve(always(body=b"six"), host="::1") as site:
        rules = HostRules(private_ok=(f"[::1]:{site.port}",))
        async with WebClient(rules, "t") as client:
            request = WebRequest("GET", f"http://[0::1]:{site.port}/")
            response = await WebExchange(client, request).ask()
    assert response.url == f"http://[::1]:{site.port}/"
    assert site.seen[0].header("host") == f"[::1]:{site.port}"


@pytest.mark.asyncio
async def test_a_dead_address_gives_way_to_the_next_one() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]

    async with serve(always(body=b"ok")) as site:
        rules = HostRules(private_ok=(f"seller.example:{site.port}",))
        async with WebClient(rules, "t", resolver=resolver) as client:
            url = f"http://seller.example:{site.port}/"
            assert (await WebExchange(client, WebRequest("GET", url)).ask()).body == b"ok"


@pytest.mark.asyncio
async def test_a_name_that_does_not_resolve_was_never_sent_to() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    async with client_for(resolver=resolver) as client:
        exchange = WebExchange(client, WebRequest("GET", "https://nowhere.example/"))
        assert (await refused(exchange)).kind is ErrorKind.UPSTREAM_ERROR
        with pytest.raises(NeverSentError):
            await exchange.pay(PAYMENT)


@pytest.mark.asyncio
async def test_a_refused_connection_is_proof_that_nothing_was_sent() -> None:
    async with serve(always(402)) as site:
        pass
    async with client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        assert (await refused(exchange)).kind is ErrorKind.UPSTREAM_ERROR
        with pytest.raises(NeverSentError) as caught:
            await exchange.pay(PAYMENT)
    assert caught.value.__suppress_context__


@pytest.mark.asyncio
@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Len"])
async def test_an_answer_that_breaks_off_before_its_body_proves_nothing(start: bytes) -> None:
    async def reply(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await writer.drain()
        writer.close()

    async with serve(reply) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        with pytest.raises(TransportFailedError) as caught:
            await exchange.pay(PAYMENT)
        assert (await refused(exchange)).kind is ErrorKind.UPSTREAM_ERROR
    assert caught.value.__suppress_context__
    assert len(site.seen) == 2


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("start", "body"),
    [
        (b"Content-Length: 9\r\n\r\nha", b"ha"),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nha\r\n", b"ha"),
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b""),
    ],
)
async def test_a_paid_answer_that_breaks_off_in_its_body_comes_back_cut(
    start: bytes, body: bytes
) -> None:
    async def reply(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nPAYMENT-RESPONSE: abc\r\n" + start)
        await writer.drain()
        writer.close()

    async with serve(reply) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        answer = await exchange.pay(PAYMENT)
        assert (answer.status, answer.body, answer.truncated) == (200, body, True)
        assert answer.header("payment-response") == "abc"
        assert (await refused(exchange)).kind is ErrorKind.UPSTREAM_ERROR


@pytest.mark.asyncio
async def test_a_reused_connection_that_dies_on_the_paid_request_proves_nothing() -> None:
    async def reply(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if seen.header("payment-signature") is None:
            writer.write(http(402))
        else:
            writer.transport.abort()

    async with serve(reply) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        await exchange.ask()
        with pytest.raises(TransportFailedError):
            await exchange.pay(PAYMENT)
    assert site.connections == 1


@pytest.mark.asyncio
async def test_a_connection_closed_while_idle_is_replaced_before_paying() -> None:
    closed = asyncio.Event()

    async def reply(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(http(402 if seen.header("payment-signature") is None else 200))
        await writer.drain()
        writer.close()
        closed.set()

    async with serve(reply) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        await exchange.ask()
        await closed.wait()
        await anyio.wait_all_tasks_blocked()
        assert (await exchange.pay(PAYMENT)).status == 200
    assert site.connections == 2


@pytest.mark.asyncio
async def test_a_payment_header_that_cannot_be_sent_is_never_sent() -> None:
    async with serve(always()) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        with pytest.raises(NeverSentError):
            await exchange.pay({"PAYMENT-SIGNATURE": "a\r\nX: y"})
    assert site.seen == []


@pytest.mark.asyncio
async def test_a_byte_at_a_time_meets_the_total_deadline() -> None:
    async def reply(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    timeouts = Timeouts(idle_s=60)
    async with serve(reply) as site, client_for(site, timeouts=timeouts) as client:
        request = WebRequest("GET", site.url())
        exchange = WebExchange(client, request, timeout_s=0.2)
        assert (await refused(exchange)).kind is ErrorKind.TIMEOUT
        assert not exchange.can_still_pay()
        paying = WebExchange(client, request, timeout_s=0.2)
        assert paying.can_still_pay()
        assert (await paying.pay(PAYMENT)).truncated


@pytest.mark.asyncio
async def test_silence_is_a_timeout_when_asking_and_unknown_when_paying() -> None:
    async def reply(_: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    timeouts = Timeouts(idle_s=0.05)
    async with serve(reply) as site, client_for(site, timeouts=timeouts) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        assert (await refused(exchange)).kind is ErrorKind.TIMEOUT
        with pytest.raises(TransportFailedError):
            await exchange.pay(PAYMENT)


@pytest.mark.asyncio
async def test_a_name_server_that_never_answers_is_a_timeout_and_nothing_was_sent() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    timeouts = Timeouts(connect_s=0.05)
    async with client_for(resolver=resolver, timeouts=timeouts) as client:
        exchange = WebExchange(client, WebRequest("GET", "https://slow.example/"))
        assert (await refused(exchange)).kind is ErrorKind.TIMEOUT
        with pytest.raises(NeverSentError):
            await exchange.pay(PAYMENT)


@pytest.mark.asyncio
async def test_a_cancelled_exchange_leaves_the_client_usable() -> None:
    async def reply(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if seen.path == "/hang":
            await asyncio.Event().wait()
        writer.write(http(200, body=b"ok"))

    async with serve(reply) as site, client_for(site, max_connections=1) as client:
        with anyio.move_on_after(0.05) as scope:
            await WebExchange(client, WebRequest("GET", site.url("/hang"))).ask()
        assert scope.cancelled_caught
        assert (await WebExchange(client, WebRequest("GET", site.url("/"))).ask()).body == b"ok"
