"""One exchange over HTTP: both legs alike, redirects by hand, headers and methods checked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import pytest

from tests.web.loopback import PAYMENT, Seen, Site, always, client_for, http, refused, serve
from tools.web.guard import HostRules, Target
from tools.web.headers import Headers
from tools.web.http import WebClient, WebExchange
from tools.web.wire import Answer
from wallet.errors import ErrorKind
from wallet.exchange import WebRequest


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
        assert exchange.request == request
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
    assert first.header("accept-payment") == "evm/charge, usdc/charge;q=0.9"
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
async def test_nothing_about_a_request_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serve(always(402, [("X-Secret", "canary")])) as site, client_for(site) as client:
        exchange = WebExchange(client, WebRequest("GET", site.url("/?token=canary")))
        await exchange.ask()
        await exchange.pay({"PAYMENT-SIGNATURE": "canary"})
    assert "canary" not in caplog.text


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
        assert names == {"host", "accept", "accept-encoding", "accept-payment", "user-agent"}


@pytest.mark.asyncio
async def test_headers_dropped_on_the_way_do_not_come_back() -> None:
    sites: dict[str, Site] = {}

    async def away(seen: Seen, writer: asyncio.StreamWriter) -> None:
        moved = http(302, [("Location", sites["there"].url("/"))])
        writer.write(moved if seen.path == "/a" else http(402))

    async def back(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(http(302, [("Location", sites["home"].url("/b"))]))

    async with serve(away) as home, serve(back) as there, client_for(home, there) as client:
        sites.update(home=home, there=there)
        request = WebRequest("GET", home.url("/a"), (("X-Mine", "1"),))
        response = await WebExchange(client, request).ask()
    assert response.url == home.url("/b")
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
async def test_a_redirect_to_a_denied_host_is_refused_before_its_name_is_resolved() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        raise AssertionError("the name was resolved")

    async with serve(always(302, [("Location", "https://bad.example/")])) as site:
        rules = HostRules(deny=("bad.example",), private_ok=(site.authority,))
        async with WebClient(rules, "t", resolver=resolver) as client:
            error = await refused(WebExchange(client, WebRequest("GET", site.url())))
    assert error.kind is ErrorKind.HOST_NOT_ALLOWED


class PublicHost:
    """A wire whose `https://public.example` redirects; whatever else is sent really goes out."""

    def __init__(self, client: WebClient, location: str) -> None:
        self._client = client
        self._location = location

    @property
    def rules(self) -> HostRules:
        return self._client.rules

    @property
    def user_agent(self) -> str:
        return self._client.user_agent

    @property
    def max_body_bytes(self) -> int:
        return self._client.max_body_bytes

    async def send(
        self,
        method: str,
        target: Target,
        headers: Headers,
        body: bytes,
        body_limit: Callable[[int], int],
        *,
        body_until: float | None = None,
    ) -> Answer:
        if target.host == "public.example":
            return Answer(302, (("location", self._location),), b"", False, False)
        return await self._client.send(
            method, target, headers, body, body_limit, body_until=body_until
        )


@pytest.mark.asyncio
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_public_host_cannot_redirect_to_a_listed_local_seller(scheme: str) -> None:
    async with serve(always()) as local, client_for(local) as client:
        wire = PublicHost(client, f"{scheme}://{local.authority}/admin")
        error = await refused(WebExchange(wire, WebRequest("GET", "https://public.example/")))
    assert error.kind is ErrorKind.PRIVATE_ADDRESS
    assert local.connections == 0


@pytest.mark.asyncio
async def test_one_listed_local_seller_may_redirect_to_another() -> None:
    async with (
        serve(always(body=b"goods")) as other,
        serve(always(302, [("Location", other.url())])) as site,
        client_for(site, other) as client,
    ):
        assert (await WebExchange(client, WebRequest("GET", site.url())).ask()).body == b"goods"


@pytest.mark.asyncio
async def test_endless_redirects_stop_after_five() -> None:
    async with serve(always(302, [("Location", "/")])) as site, client_for(site) as client:
        error = await refused(WebExchange(client, WebRequest("GET", site.url())))
    assert error.kind is ErrorKind.UPSTREAM_ERROR
    assert len(site.seen) == 6


@pytest.mark.asyncio
@pytest.mark.parametrize("location", ["{other}", "javascript:ignore()", "https://[", "", "\xff"])
async def test_a_redirect_after_paying_is_returned_and_not_followed(location: str) -> None:
    async with serve(always()) as other:
        moved = always(302, [("Location", location.format(other=other.url()))])
        async with serve(moved) as site, client_for(site, other) as client:
            response = await WebExchange(client, WebRequest("GET", site.url())).pay(PAYMENT)
    assert response.status == 302
    assert other.connections == 0


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
        ("Accept-Payment", "stripe/charge"),
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
