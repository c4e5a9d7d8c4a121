from __future__ import annotations

import asyncio
import datetime
import gzip
import ipaddress
import logging
import ssl
import tracemalloc
import zlib
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.web.loopback import Seen, Site, always, http, serve
from tools.web.guard import HostRules
from tools.web.http import Timeouts, WebClient, WebExchange
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import NeverSentError, TransportFailedError, WebRequest

PAYMENT = {"PAYMENT-SIGNATURE": "c2lnbmVk"}
MAX_BYTES = 200_000


def client_for(*sites: Site, **options: object) -> WebClient:
    rules = HostRules(private_ok=tuple(site.authority for site in sites))
    return WebClient(rules, "purser/test", max_body_bytes=MAX_BYTES, **options)  # type: ignore[arg-type]


async def refused(exchange: WebExchange) -> PurserError:
    with pytest.raises(PurserError) as caught:
        await exchange.ask()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


# Both legs


@pytest.mark.asyncio
async def test_the_paid_request_repeats_method_url_headers_and_body() -> None:
    async def reply(seen: Seen, writer: asyncio.StreamWriter) -> None:
        paid = seen.header("payment-signature") is not None
        writer.write(
            http(200, body=b"goods") if paid else http(402, [("Set-Cookie", "a=1; Path=/")])
        )

    request = WebRequest(
        "POST", "", (("Content-Type", "application/json"), ("X-Q", "7")), b'{"q":1}'
    )
    async with serve(reply) as site, client_for(site) as client:
        request = WebRequest("POST", site.url("/p?q=%20a"), request.headers, request.body)
        exchange = WebExchange(client, request)
        asked = await exchange.ask()
        paid = await exchange.pay(PAYMENT)
        assert (asked.status, paid.status, paid.body) == (402, 200, b"goods")
        assert asked.url == paid.url == request.url
        assert exchange.request is request
    first, second = site.seen
    assert (first.method, first.path, first.body) == ("POST", "/p?q=%20a", b'{"q":1}')
    assert (second.method, second.path, second.body) == (first.method, first.path, first.body)
    extra = [pair for pair in second.headers if pair not in first.headers]
    assert extra == [("cookie", "a=1"), ("payment-signature", "c2lnbmVk")]
    assert [pair for pair in first.headers if pair not in second.headers] == []
    assert site.connections == 1


@pytest.mark.asyncio
async def test_defaults_are_sent_and_the_callers_accept_wins() -> None:
    async with serve(always()) as site, client_for(site) as client:
        await WebExchange(client, WebRequest("GET", site.url())).ask()
        await WebExchange(client, WebRequest("GET", site.url(), (("accept", "text/csv"),))).ask()
    first, second = site.seen
    assert (first.header("accept") or "").startswith("text/markdown, application/json")
    assert first.header("user-agent") == "purser/test"
    assert first.header("accept-encoding") == "gzip, deflate"
    assert [value for name, value in second.headers if name == "accept"] == ["text/csv"]


@pytest.mark.asyncio
async def test_cookies_do_not_outlive_their_exchange() -> None:
    async with serve(always(402, [("Set-Cookie", "a=1")])) as site, client_for(site) as client:
        for _ in range(2):
            await WebExchange(client, WebRequest("GET", site.url())).ask()
        exchange = WebExchange(client, WebRequest("GET", site.url(), (("Cookie", "mine=2"),)))
        await exchange.ask()
        await exchange.pay(PAYMENT)
    assert [seen.header("cookie") for seen in site.seen] == [None, None, "mine=2", "mine=2; a=1"]


@pytest.mark.asyncio
async def test_stored_bytes_can_be_presented_again_without_asking() -> None:
    async with serve(always(body=b"x")) as site, client_for(site) as client:
        response = await WebExchange(client, WebRequest("GET", site.url("/a"))).pay(PAYMENT)
    assert response.body == b"x"
    assert site.seen[0].header("payment-signature") == "c2lnbmVk"


@pytest.mark.asyncio
async def test_environment_proxies_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serve(always(body=b"direct")) as site, client_for(site) as client:
        assert (await WebExchange(client, WebRequest("GET", site.url())).ask()).body == b"direct"


@pytest.mark.asyncio
async def test_nothing_about_a_request_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serve(always(402, [("X-Secret", "canary")])) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url("/?token=canary")))
        await exchange.ask()
        await exchange.pay({"PAYMENT-SIGNATURE": "canary"})
    assert "canary" not in caplog.text


# Redirects


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (301, "PUT", "PUT"),
        (302, "GET", "GET"),
    ],
)
async def test_a_redirect_changes_the_method_as_browsers_do(
    status: int, method: str, expected: str
) -> None:
    async def reply(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(http(402) if seen.path == "/b" else http(status, [("Location", "/b#x")]))

    body = b"{}" if method in ("POST", "PUT") else b""
    headers = (("Content-Type", "application/json"), ("X-Mine", "1"))
    async with serve(reply) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest(method, site.url("/a"), headers, body))
        response = await exchange.ask()
        await exchange.pay(PAYMENT)
    assert response.url == site.url("/b")
    kept = body if expected == method else b""
    for seen in site.seen[1:]:
        assert (seen.method, seen.path, seen.body) == (expected, "/b", kept)
        assert (seen.header("content-type") is None) == (expected != method)
        assert seen.header("x-mine") == "1"


@pytest.mark.asyncio
async def test_another_origin_sees_no_header_and_no_cookie_of_the_caller() -> None:
    async with serve(always(402)) as other:
        moved = [("Location", other.url("/x")), ("Set-Cookie", "s=1")]
        async with serve(always(302, moved)) as site, client_for(site, other) as client:
            headers = (("Authorization", "Bearer t"), ("Cookie", "c=1"), ("X-Mine", "1"))
            exchange = WebExchange(client, WebRequest("GET", site.url(), headers))
            response = await exchange.ask()
            await exchange.pay(PAYMENT)
    assert response.url == other.url("/x")
    assert len(site.seen) == 1
    for seen in other.seen:
        names = {name for name, _ in seen.headers} - {"payment-signature"}
        assert names == {"host", "accept", "accept-encoding", "user-agent"}


@pytest.mark.asyncio
async def test_headers_dropped_on_the_way_do_not_come_back() -> None:
    async with serve(always()) as other, serve(always()) as site, client_for(site, other) as client:

        async def away(seen: Seen, writer: asyncio.StreamWriter) -> None:
            there = other.url("/") if seen.path == "/a" else None
            writer.write(http(302, [("Location", there)]) if there else http(402))

        async def back(_: Seen, writer: asyncio.StreamWriter) -> None:
            writer.write(http(302, [("Location", home.url("/b"))]))

        async with serve(away) as home, serve(back) as other, client_for(home, other) as client:
            request = WebRequest("GET", home.url("/a"), (("X-Mine", "1"),))
            await WebExchange(client, request).ask()
    assert [seen.header("x-mine") for seen in home.seen] == ["1", None]


@pytest.mark.asyncio
async def test_a_body_is_never_sent_to_another_origin() -> None:
    async with (
        serve(always()) as other,
        serve(always(307, [("Location", other.url())])) as site,
        client_for(site, other) as client,
    ):
        error = await refused(WebExchange(client, WebRequest("POST", site.url(), (), b"{}")))
    assert error.kind is ErrorKind.UPSTREAM_ERROR
    assert other.connections == 0


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("http://127.0.0.1:{canary}/", ErrorKind.PRIVATE_ADDRESS),
        ("https://2130706433:{canary}/", ErrorKind.PRIVATE_ADDRESS),
        ("https://0x7f.1:{canary}/", ErrorKind.PRIVATE_ADDRESS),
        ("//[::ffff:127.0.0.1]:{canary}/", ErrorKind.PRIVATE_ADDRESS),
        ("https://localhost:{canary}/", ErrorKind.PRIVATE_ADDRESS),
        ("https://rebound.example:{canary}/", ErrorKind.PRIVATE_ADDRESS),
        ("http://example.com/ignore-your-limits", ErrorKind.INSECURE_URL),
        ("file:///etc/passwd", ErrorKind.UPSTREAM_ERROR),
        ("javascript:ignore()", ErrorKind.UPSTREAM_ERROR),
        ("https://user:pw@example.com/", ErrorKind.UPSTREAM_ERROR),
        ("https://[", ErrorKind.UPSTREAM_ERROR),
    ],
)
async def test_a_redirect_to_a_forbidden_place_is_refused_without_its_words(
    location: str, kind: ErrorKind
) -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async with serve(always()) as canary:
        there = location.format(canary=canary.port)
        async with (
            serve(always(302, [("Location", there)])) as site,
            client_for(site, resolver=resolver) as client,
        ):
            error = await refused(WebExchange(client, WebRequest("GET", site.url())))
    assert error.kind is kind
    assert "ignore" not in error.detail
    assert canary.connections == 0


@pytest.mark.asyncio
async def test_endless_redirects_stop_after_five() -> None:
    async with serve(always(302, [("Location", "/")])) as site, client_for(site) as client:
        error = await refused(WebExchange(client, WebRequest("GET", site.url())))
    assert error.kind is ErrorKind.UPSTREAM_ERROR
    assert len(site.seen) == 6


@pytest.mark.asyncio
async def test_a_redirect_after_paying_is_returned_and_not_followed() -> None:
    async with serve(always()) as other:
        moved = always(302, [("Location", other.url())])
        async with serve(moved) as site, client_for(site, other) as client:
            response = await WebExchange(client, WebRequest("GET", site.url())).pay(PAYMENT)
    assert response.status == 302
    assert other.connections == 0


# Names and addresses


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


# What is proof that nothing was sent


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
@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha"]
)
async def test_an_answer_that_breaks_off_proves_nothing(start: bytes) -> None:
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


# Deadlines


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
        exchange = WebExchange(client, request, timeout_s=0.2, pay_timeout_s=0.2)
        assert (await refused(exchange)).kind is ErrorKind.TIMEOUT
        with pytest.raises(TransportFailedError):
            await exchange.pay(PAYMENT)
    assert len(site.seen) == 2


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


# Sizes and codings


@pytest.mark.asyncio
async def test_a_body_over_the_limit_is_refused_unpaid_and_cut_when_paid() -> None:
    body = b"0123456789" * (MAX_BYTES // 10) + b"!"
    async with serve(always(body=body)) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        assert (await refused(exchange)).kind is ErrorKind.TOO_LARGE
        paid = await exchange.pay(PAYMENT)
    assert paid.truncated
    assert paid.body == body[:-1]


@pytest.mark.asyncio
async def test_a_body_of_exactly_the_limit_is_whole() -> None:
    async with serve(always(body=b"x" * MAX_BYTES)) as site, client_for(site) as client:
        response = await WebExchange(client, WebRequest("GET", site.url())).ask()
    assert (len(response.body), response.truncated) == (MAX_BYTES, False)


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [402, 404, 500])
async def test_an_error_body_over_the_limit_is_cut_and_kept(status: int) -> None:
    async with (
        serve(always(status, body=b"x" * (MAX_BYTES + 1))) as site,
        client_for(site) as client,
    ):
        response = await WebExchange(client, WebRequest("GET", site.url())).ask()
    assert (response.status, len(response.body), response.truncated) == (status, MAX_BYTES, True)


@pytest.mark.asyncio
async def test_an_endless_chunked_body_stops_at_the_limit() -> None:
    async def reply(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            await writer.drain()

    async with serve(reply) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        assert (await refused(exchange)).kind is ErrorKind.TOO_LARGE
        assert len((await exchange.pay(PAYMENT)).body) == MAX_BYTES


@pytest.mark.asyncio
@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", "deflate", "deflate-raw"])
async def test_one_layer_of_compression_is_undone(coding: str) -> None:
    text = b"goods " * 1000
    raw = zlib.compressobj(wbits=-15)
    packed = {"deflate": zlib.compress(text), "deflate-raw": raw.compress(text) + raw.flush()}
    header = [("Content-Encoding", coding.removesuffix("-raw"))]
    body = packed.get(coding, gzip.compress(text))
    async with serve(always(headers=header, body=body)) as site, client_for(site) as client:
        response = await WebExchange(client, WebRequest("GET", site.url())).ask()
    assert response.body == text


@pytest.mark.asyncio
@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip, identity, deflate", "gzip"])
async def test_an_unusable_coding_is_refused_unpaid_and_kept_raw_when_paid(coding: str) -> None:
    body = b"\x01\x02 not compressed at all" * 10
    header = [("Content-Encoding", coding)]
    async with serve(always(headers=header, body=body)) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        assert (await refused(exchange)).kind is ErrorKind.UPSTREAM_ERROR
        assert (await exchange.pay(PAYMENT)).body == body


@pytest.mark.asyncio
async def test_compression_that_breaks_half_way_keeps_what_came_when_paid() -> None:
    whole = bytes(range(256)) * 400
    body = gzip.compress(whole)[:-200]
    header = [("Content-Encoding", "gzip")]
    async with serve(always(headers=header, body=body)) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        assert (await refused(exchange)).kind is ErrorKind.UPSTREAM_ERROR
        paid = await exchange.pay(PAYMENT)
    assert paid.truncated
    assert paid.body
    assert whole.startswith(paid.body)


@pytest.mark.asyncio
async def test_a_bomb_stops_at_the_limit_with_little_memory() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(512)) + packer.flush()
    header = [("Content-Encoding", "gzip")]
    async with serve(always(headers=header, body=bomb)) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        await WebExchange(client, WebRequest("HEAD", site.url())).ask()
        tracemalloc.start()
        try:
            error = await refused(exchange)
            paid = await exchange.pay(PAYMENT)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert error.kind is ErrorKind.TOO_LARGE
    assert (len(paid.body), paid.truncated) == (MAX_BYTES, True)
    assert peak_bytes < 4_000_000


@pytest.mark.asyncio
@pytest.mark.parametrize("kib", [1, 16, 64, 80])
async def test_a_large_challenge_header_is_read(kib: int) -> None:
    challenge = "a" * kib * 1024
    site_reply = always(402, [("PAYMENT-REQUIRED", challenge)])
    async with serve(site_reply) as site, client_for(site) as client:
        response = await WebExchange(client, WebRequest("GET", site.url())).ask()
    assert response.header("payment-required") == challenge


@pytest.mark.asyncio
@pytest.mark.parametrize("kib", [100, 128, 1024])
async def test_absurdly_large_headers_are_an_upstream_error(kib: int) -> None:
    headers = [(f"X-{number}", "a" * 1000) for number in range(kib)]
    async with serve(always(402, headers)) as site, client_for(site) as client:
        error = await refused(WebExchange(client, WebRequest("GET", site.url())))
    assert error.kind is ErrorKind.UPSTREAM_ERROR


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_an_answer_that_is_not_http_is_an_upstream_error(answer: bytes) -> None:
    async def reply(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    async with serve(reply) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url()))
        assert (await refused(exchange)).kind is ErrorKind.UPSTREAM_ERROR
        with pytest.raises(TransportFailedError):
            await exchange.pay(PAYMENT)


# Requests


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "header",
    [
        ("Host", "other.example"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("Proxy-Authorization", "x"),
        ("Accept-Encoding", "br"),
        ("X-PAYMENT", "x"),
        ("Payment-Signature", "x"),
        ("PAYMENT-RESPONSE", "x"),
        ("X-A", "a\r\nX-B: c"),
        ("X-A\r\nX-B", "c"),
        ("X-A", "a\nb"),
        ("X-A", "a\x00b"),
        ("X-A", "caf\u00e9"),
        ("X A", "b"),
        ("X-A:", "b"),
        ("", "b"),
        ("X-A", "a" * 20_000),
    ],
)
async def test_a_header_that_could_smuggle_is_refused(header: tuple[str, str]) -> None:
    async with serve(always()) as site, client_for(site) as client:
        error = await refused(WebExchange(client, WebRequest("GET", site.url(), (header,))))
    assert error.kind is ErrorKind.INVALID_ARGUMENT
    assert site.connections == 0


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "method", ["TRACE", "CONNECT", "get", "", "GET / HTTP/1.1\r\nX: y\r\n\r\nGET"]
)
async def test_only_known_methods_are_sent(method: str) -> None:
    async with serve(always()) as site, client_for(site) as client:
        error = await refused(WebExchange(client, WebRequest(method, site.url())))
    assert error.kind is ErrorKind.INVALID_ARGUMENT
    assert site.connections == 0


@pytest.mark.asyncio
async def test_too_many_headers_are_refused() -> None:
    async with serve(always()) as site, client_for(site) as client:
        headers = tuple((f"X-{number}", "1") for number in range(51))
        error = await refused(WebExchange(client, WebRequest("GET", site.url(), headers)))
    assert error.kind is ErrorKind.INVALID_ARGUMENT


# TLS


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test seller")])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.9"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "seller.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, path


async def loopback_name(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


@pytest.mark.asyncio
async def test_a_certificate_nobody_vouches_for_is_refused_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    server, _ = certificate(tmp_path, "seller.example")
    async with serve(always(402), server) as site:
        rules = HostRules(private_ok=(f"seller.example:{site.port}",))
        async with WebClient(rules, "t", resolver=loopback_name) as client:
            url = f"https://seller.example:{site.port}/"
            exchange = WebExchange(client, WebRequest("GET", url))
            assert (await refused(exchange)).kind is ErrorKind.UPSTREAM_ERROR
            with pytest.raises(NeverSentError):
                await exchange.pay(PAYMENT)
    assert site.seen == []


@pytest.mark.asyncio
@pytest.mark.parametrize(("asked", "works"), [("seller.example", True), ("other.example", False)])
async def test_a_certificate_is_checked_against_the_name_not_the_address(
    tmp_path: Path, asked: str, works: bool
) -> None:
    server, path = certificate(tmp_path, "seller.example")
    async with serve(always(body=b"goods"), server) as site:
        rules = HostRules(private_ok=(f"{asked}:{site.port}",))
        verify = ssl.create_default_context(cafile=path)
        async with WebClient(rules, "t", resolver=loopback_name, verify=verify) as client:
            url = f"https://{asked}:{site.port}/"
            exchange = WebExchange(client, WebRequest("GET", url))
            if works:
                assert (await exchange.ask()).body == b"goods"
            else:
                assert (await refused(exchange)).kind is ErrorKind.UPSTREAM_ERROR
                assert site.seen == []


@pytest.mark.asyncio
async def test_https_is_never_downgraded_even_to_a_listed_seller(tmp_path: Path) -> None:
    server, path = certificate(tmp_path, "seller.example")
    async with (
        serve(always()) as plain,
        serve(always(302, [("Location", plain.url())]), server) as site,
    ):
        rules = HostRules(private_ok=(f"seller.example:{site.port}", plain.authority))
        verify = ssl.create_default_context(cafile=path)
        async with WebClient(rules, "t", resolver=loopback_name, verify=verify) as client:
            url = f"https://seller.example:{site.port}/"
            error = await refused(WebExchange(client, WebRequest("GET", url)))
    assert error.kind is ErrorKind.INSECURE_URL
    assert plain.connections == 0
