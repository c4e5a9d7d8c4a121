"""No way round the guard: each form at each hop, names that flip, proxies, slow name servers."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import anyio
import anyio.to_thread
import httpcore
import pytest

from tests.web.forms import PRIVATE_HOSTS
from tests.web.loopback import PAYMENT, Seen, always, client_for, http, refused, serve
from tools.web.dial import LOOKUPS_AT_ONCE
from tools.web.exchange import MAX_REDIRECTS
from tools.web.guard import HostRules
from tools.web.http import WebClient, WebExchange
from wallet.errors import ErrorKind
from wallet.exchange import NeverSentError, WebRequest

pytestmark = pytest.mark.asyncio

PUBLIC = "8.8.8.8"
IN_A_HEADER = [host for host in PRIVATE_HOSTS if host.isascii()]


@pytest.mark.parametrize(
    ("hop", "hosts"), [(1, IN_A_HEADER), (3, IN_A_HEADER[::4]), (MAX_REDIRECTS, IN_A_HEADER[::4])]
)
async def test_every_form_of_a_private_host_is_refused_at_each_hop(
    hop: int, hosts: list[str]
) -> None:
    location = ""

    async def reply(seen: Seen, writer: asyncio.StreamWriter) -> None:
        made = int(seen.path.removeprefix("/"))
        there = location if made == hop else f"/{made + 1}"
        writer.write(http(302, [("Location", there)]))

    async with serve(always()) as canary, serve(reply) as site, client_for(site) as client:
        for host in hosts:
            location = f"https://{host}:{canary.port}/"
            site.seen.clear()
            error = await refused(WebExchange(client, WebRequest("GET", site.url("/1"))))
            assert (host, error.kind) == (host, ErrorKind.PRIVATE_ADDRESS)
            assert len(site.seen) == hop
        assert canary.connections == 0


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note each address that is really dialled; what is not on this machine is not answered."""
    addresses: list[str] = []
    backend = cast("Any", httpcore.AnyIOBackend)
    really = backend.connect_tcp

    async def connect(self: Any, host: str, port: int, *args: Any, **options: Any) -> Any:
        addresses.append(host)
        if not host.startswith("127."):
            raise httpcore.ConnectError("nobody is there")
        return await really(self, host, port, *args, **options)

    monkeypatch.setattr(backend, "connect_tcp", connect)
    return addresses


async def test_a_name_that_flips_is_dialled_at_the_address_that_was_checked(
    dialled: list[str],
) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])

    async def flipping(host: str, port: int) -> Sequence[str]:
        return next(answers)

    async with serve(always()) as canary, client_for(resolver=flipping) as client:
        exchange = WebExchange(client, WebRequest("GET", f"https://rebound.example:{canary.port}/"))
        assert (await refused(exchange)).kind is ErrorKind.UPSTREAM_ERROR
        assert dialled == [PUBLIC]
        assert (await refused(exchange)).kind is ErrorKind.PRIVATE_ADDRESS
        with pytest.raises(NeverSentError):
            await exchange.pay(PAYMENT)
    assert dialled == [PUBLIC]
    assert canary.connections == 0


async def test_a_redirect_to_a_name_that_flips_is_checked_anew(dialled: list[str]) -> None:
    asked: list[str] = []

    async def flipping(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return [PUBLIC if len(asked) == 1 else "127.0.0.1"]

    async with serve(always()) as canary:
        moved = always(302, [("Location", f"https://rebound.example:{canary.port}/")])
        async with serve(moved) as site, client_for(site, resolver=flipping) as client:
            exchange = WebExchange(client, WebRequest("GET", site.url()))
            assert (await refused(exchange)).kind is ErrorKind.UPSTREAM_ERROR
            assert (await refused(exchange)).kind is ErrorKind.PRIVATE_ADDRESS
    assert asked == ["rebound.example"] * 2
    assert dialled == ["127.0.0.1", PUBLIC]  # the first is the site's, and is kept open
    assert canary.connections == 0


@asynccontextmanager
async def hanging_up() -> AsyncGenerator[tuple[int, list[str]]]:
    """Run a server that closes each connection at once; yields its port and who came."""
    came: list[str] = []

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append("a connection")
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], came


@pytest.mark.parametrize("no_proxy", [None, "", "*", "127.0.0.1"])
async def test_no_proxy_of_the_environment_sees_a_connection(
    monkeypatch: pytest.MonkeyPatch, no_proxy: str | None
) -> None:
    async with (
        serve(always(body=b"by proxy")) as proxy,
        serve(always(body=b"direct")) as site,
        hanging_up() as (secure_port, came),
    ):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SOCKS_PROXY"):
            monkeypatch.setenv(name, f"http://{proxy.authority}")
            monkeypatch.setenv(name.lower(), f"http://{proxy.authority}")
        if no_proxy is not None:
            monkeypatch.setenv("NO_PROXY", no_proxy)
        rules = HostRules(private_ok=(site.authority, f"127.0.0.1:{secure_port}"))
        async with WebClient(rules, "t") as client:
            answer = await WebExchange(client, WebRequest("GET", site.url())).ask()
            secure = WebRequest("GET", f"https://127.0.0.1:{secure_port}/")
            assert (await refused(WebExchange(client, secure))).kind is ErrorKind.UPSTREAM_ERROR
        assert (answer.body, came) == (b"direct", ["a connection"])
        assert proxy.connections == 0


class SlowNames:
    """A system resolver that answers only when it is released."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.released = threading.Event()

    async def wait_for_a_question(self) -> None:
        assert await anyio.to_thread.run_sync(self.asked.acquire, True, 10), "nobody asked"

    def __call__(self, host: str, port: int, *_: object, **__: object) -> list[Any]:
        self.asked.release()
        if not self.released.wait(20):
            raise OSError("never released")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def slow_names(monkeypatch: pytest.MonkeyPatch) -> SlowNames:
    names = SlowNames()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    return names


@contextmanager
def released_at_last(names: SlowNames) -> Generator[None]:
    """Let every lookup go on at the end, also of a test that fails: its threads must end."""
    try:
        yield
    finally:
        names.released.set()


async def test_a_slow_name_server_does_not_stop_the_event_loop(slow_names: SlowNames) -> None:
    ended: list[ErrorKind] = []

    async def ask(client: WebClient) -> None:
        exchange = WebExchange(client, WebRequest("GET", "https://slow.example/"))
        ended.append((await refused(exchange)).kind)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with serve(always(body=b"ok")) as site, client_for(site, verify=context) as client:
        async with anyio.create_task_group() as group:
            with released_at_last(slow_names):
                group.start_soon(ask, client)
                await slow_names.wait_for_a_question()
                other = await WebExchange(client, WebRequest("GET", site.url())).ask()
                assert (other.body, ended) == (b"ok", [])
    assert ended == [ErrorKind.PRIVATE_ADDRESS]


async def test_many_slow_names_take_no_thread_from_the_chain_or_the_store(
    slow_names: SlowNames,
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with client_for(verify=context) as client:
        async with anyio.create_task_group() as group:
            with released_at_last(slow_names):
                for number in range(LOOKUPS_AT_ONCE + 40):
                    url = f"https://slow-{number}.example/"
                    exchange = WebExchange(client, WebRequest("GET", url))
                    group.start_soon(refused, exchange)
                for _ in range(LOOKUPS_AT_ONCE):
                    await slow_names.wait_for_a_question()
                with anyio.fail_after(10):
                    assert await asyncio.to_thread(lambda: "the chain is looked up")
                    assert await anyio.to_thread.run_sync(lambda: "a purchase is stored")
                assert not slow_names.asked.acquire(blocking=False)
