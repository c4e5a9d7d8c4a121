"""The one HTTP client: a shared connection pool that dials only addresses the guard has checked.

httpx encodes requests and brings the trust roots; they are sent on an httpcore pool of our own,
because httpx's client has no place for a network backend, reads cookies and redirects by itself
(a malformed Location loses the answer) and logs URLs.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

import anyio
import anyio.lowlevel
import httpcore
import httpx

from tools.web.body import BodyReader
from tools.web.dial import Resolver, checked_addresses, resolve
from tools.web.exchange import WebExchange
from tools.web.guard import HostRules, Target
from tools.web.headers import Headers
from tools.web.wire import Answer, WireError

__all__ = ["Resolver", "Timeouts", "WebClient", "WebExchange"]

# Servers such as uvicorn and Node close an idle connection after 5 s. Leaving it earlier keeps a
# paid request from being written into a connection that is about to close.
_KEEPALIVE_S = 4.0
_PIECES_AT_ONCE = 250
_BROKEN_OFF = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)
_UNSENT = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout)

# At DEBUG the pool logs response headers, which may carry settlements and cookies.
logging.getLogger("httpcore").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for parts of a request; the whole of it has its own deadline in the exchange."""

    connect_s: float = 10.0
    idle_s: float = 45.0
    pool_s: float = 10.0


class WebClient:
    """One connection pool for every exchange of an event loop; close it with `aclose()`.

    Args:
        rules: the user's host rules, checked at each hop and again at each connection.
        user_agent: sent where the caller sets none.
        max_body_bytes: the largest body kept, after decoding.
        timeouts: for parts of a request.
        verify: the TLS context; by default one that verifies against certifi's roots.
        resolver: replaces the system's resolver.
        max_connections: over all hosts together.
    """

    def __init__(
        self,
        rules: HostRules,
        user_agent: str,
        *,
        max_body_bytes: int = 10_000_000,
        timeouts: Timeouts | None = None,
        verify: ssl.SSLContext | None = None,
        resolver: Resolver = resolve,
        max_connections: int = 100,
    ) -> None:
        self.rules = rules
        self.user_agent = user_agent
        self.max_body_bytes = max_body_bytes
        parts = timeouts or Timeouts()
        self._timeout = {
            "connect": parts.connect_s,
            "read": parts.idle_s,
            "write": parts.idle_s,
            "pool": parts.pool_s,
        }
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=verify or httpx.create_ssl_context(trust_env=False),
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            keepalive_expiry=_KEEPALIVE_S,
            network_backend=_GuardedBackend(rules, resolver),
        )

    async def __aenter__(self) -> WebClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()

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
        """Send one request to a checked target; see `tools.web.wire.Wire.send`."""
        request = _request(method, target, headers, body, self._timeout)
        with _wire_errors():
            response = await self._pool.handle_async_request(request)
            try:
                return await _read(response, body_limit(response.status), body_until)
            finally:
                await response.aclose()

    @asynccontextmanager
    async def stream(
        self, method: str, target: Target, headers: Headers, body: bytes
    ) -> AsyncGenerator[Opened]:
        """Send one request to a checked target and hand over the body as it comes, undecoded.

        Raises:
            PurserError: the guard refused an address, before anything was sent.
            WireError: no answer came back, or reading on failed.
        """
        request = _request(method, target, headers, body, self._timeout)
        with _wire_errors():
            response = await self._pool.handle_async_request(request)
        try:
            yield Opened(response.status, _headers(response), _pieces(response))
        finally:
            with _wire_errors():
                await response.aclose()


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer whose body is still to come, in raw pieces."""

    status: int
    headers: Headers
    pieces: AsyncGenerator[bytes]


async def _pieces(response: httpcore.Response) -> AsyncGenerator[bytes]:
    with _wire_errors():
        async for piece in response.aiter_stream():
            yield piece


def _headers(response: httpcore.Response) -> Headers:
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers
    )


def _request(
    method: str, target: Target, headers: Headers, body: bytes, timeout: dict[str, float]
) -> httpcore.Request:
    """Encode the request; a URL that httpx reads differently than the guard did goes nowhere."""
    try:
        encoded = httpx.Request(method, target.url, headers=list(headers), content=body or None)
    except httpx.InvalidURL:
        raise WireError("the URL cannot be requested", unsent=True) from None
    url = encoded.url
    read_as = (url.scheme, url.raw_host.decode(), url.port)
    if read_as != (target.scheme, target.host, _written_port(target)):
        raise WireError("the URL reads differently than it was checked", unsent=True)
    return httpcore.Request(
        method,
        httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=target.port, target=url.raw_path
        ),
        headers=encoded.headers.raw,
        content=body,
        extensions={"timeout": timeout},
    )


async def _read(response: httpcore.Response, max_bytes: int, until: float | None) -> Answer:
    """Read a bounded body; stopping early closes the connection instead of reusing it."""
    headers = _headers(response)
    codings = [value for name, value in headers if name.lower() == "content-encoding"]
    reader = BodyReader(codings, max_bytes)
    whole = until is None
    if until is None:
        await _feed(response, reader)
    else:
        with anyio.CancelScope(deadline=until), suppress(*_BROKEN_OFF):
            await _feed(response, reader)
            whole = True
    body = reader.finish()
    return Answer(response.status, headers, body, reader.truncated or not whole, reader.undecoded)


async def _feed(response: httpcore.Response, reader: BodyReader) -> None:
    count = 0
    async for piece in response.aiter_stream():
        if not reader.feed(piece):
            return
        count += 1
        if count % _PIECES_AT_ONCE == 0:
            # One read from the socket may hold ten thousand tiny chunks.
            await anyio.lowlevel.checkpoint()


def _written_port(target: Target) -> int | None:
    """Return the port as httpx shows it: None where it is the scheme's own."""
    return None if (target.scheme, target.port) in (("https", 443), ("http", 80)) else target.port


@contextmanager
def _wire_errors() -> Generator[None]:
    """Turn the pool's exceptions into our own, which say only how far the request got.

    The pool raises the three of `_UNSENT` while it waits for a connection or makes one, so no
    byte of the request has left. Everything else, a reused connection that turns out to be dead
    included, comes after the first write was tried.
    """
    try:
        yield
    except _UNSENT as error:
        timed_out = isinstance(error, httpcore.TimeoutException)
        raise WireError("no connection", unsent=True, timed_out=timed_out) from None
    except httpcore.TimeoutException:
        raise WireError("silence", unsent=False, timed_out=True) from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError):
        raise WireError("the connection broke", unsent=False) from None


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Dials TCP: resolves once, checks every address, connects to one of those very addresses.

    TLS is started by the pool with the host's name, so certificates are checked against the name.
    """

    def __init__(self, rules: HostRules, resolver: Resolver) -> None:
        self._rules = rules
        self._resolver = resolver
        # Its name is bound in a try block that hides the type.
        self._dialler = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first checked address that answers; `timeout` covers all of it."""
        try:
            with anyio.fail_after(timeout):
                return await self._connect(host, port, timeout_s=timeout)
        except TimeoutError:
            raise httpcore.ConnectTimeout("no address answered in time") from None

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: nothing on this machine is a seller unless listed by host and port."""
        raise httpcore.ConnectError("Unix sockets are not used")

    async def sleep(self, seconds: float) -> None:
        """Wait, for the pool's own use."""
        await anyio.sleep(seconds)

    async def _connect(
        self, host: str, port: int, timeout_s: float | None
    ) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await checked_addresses(host, port, self._rules, self._resolver)
        except OSError:
            raise httpcore.ConnectError("the host's name does not resolve") from None
        # An address that swallows packets must not use up the time of those behind it.
        share = None if timeout_s is None else timeout_s / len(addresses)
        for address in addresses[:-1]:
            try:
                return await self._dialler.connect_tcp(address, port, timeout=share)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._dialler.connect_tcp(addresses[-1], port)
