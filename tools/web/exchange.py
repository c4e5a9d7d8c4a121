"""One purchase's conversation with one web server: ask with guarded redirects, pay without any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NoReturn
from urllib.parse import urljoin

import anyio

from tools.web.guard import Target, check_url
from tools.web.headers import (
    Headers,
    check_caller_headers,
    is_sendable,
    read_cookies,
    with_defaults,
    with_payment,
)
from tools.web.sending import Deadline, send_payment
from tools.web.wire import Answer, Wire, WireError
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import NeverSentError, WebRequest, WebResponse, is_good

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MAX_REDIRECTS = 5
MAX_CHALLENGE_BYTES = 1024 * 1024
# 64 KiB of challenge fits easily; the HTTP parser itself gives up a little above this.
MAX_RESPONSE_HEADER_BYTES = 96 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ABOUT_BODY = ("content-type", "content-encoding", "content-language", "content-location")


@dataclass(frozen=True, slots=True)
class _Hop:
    """One request of the chain: where, what, and which headers are still the caller's to send."""

    method: str
    target: Target
    headers: Headers
    body: bytes


def _as_sent(request: WebRequest, client: Wire) -> WebRequest:
    """Return the request with its URL normalised, so that no spelling of it is bought twice.

    A fragment, which no server sees, is no other page. What the guard refuses stays as it is.
    """
    try:
        return replace(request, url=check_url(request.url, client.rules).url)
    except PurserError:
        return request


class WebExchange:
    """Implements `wallet.exchange.Exchange` over HTTP.

    Args:
        client: sends one request at a time; usually a `tools.web.http.WebClient`.
        request: as the caller meant it; the URL may be one that the guard refuses.
        timeout_s: for everything together, from the first `ask` on.
    """

    def __init__(
        self,
        client: Wire,
        request: WebRequest,
        *,
        timeout_s: float = 45.0,
    ) -> None:
        self._client = client
        self._request = _as_sent(request, client)
        self._deadline = Deadline(timeout_s)
        self._hop: _Hop | None = None
        self._cookies: dict[str, dict[str, str]] = {}

    @property
    def request(self) -> WebRequest:
        """Return the request that was asked for, its URL spelled as it is sent."""
        return self._request

    async def ask(self) -> WebResponse:
        """Send the request without payment and follow up to five redirects, each one checked.

        Raises:
            PurserError: INVALID_ARGUMENT, INSECURE_URL, PRIVATE_ADDRESS or HOST_NOT_ALLOWED from
                the guard; TIMEOUT, UPSTREAM_ERROR or TOO_LARGE from the server's side.
        """
        self._hop = None
        self._cookies.clear()
        hop = self._first_hop()
        try:
            with anyio.fail_after(self._deadline.left_s()):
                return await self._follow(hop)
        except TimeoutError:
            raise PurserError(
                ErrorKind.TIMEOUT, f"No whole answer within {self._deadline.total_s:g} seconds."
            ) from None
        except WireError as error:
            if error.timed_out:
                raise PurserError(ErrorKind.TIMEOUT, "The server did not answer.") from None
            detail = "No connection could be made." if error.unsent else "The answer broke off."
            raise PurserError(ErrorKind.UPSTREAM_ERROR, detail) from None

    async def pay(self, payment_headers: Mapping[str, str]) -> WebResponse:
        """Send the request again, with payment, to the very URL that answered 402.

        Method, headers, body and cookies are those of that hop; no redirect is followed. Without
        an `ask` before, it goes to the request's own URL, to present stored bytes again.

        Raises:
            NeverSentError: the guard refused or no connection could be made.
            TransportFailedError: anything else that kept a whole answer from arriving.
        """
        try:
            hop = self._hop or self._first_hop()
        except PurserError:
            raise NeverSentError("the request was refused before it was sent") from None
        if not all(is_sendable(name, value) for name, value in payment_headers.items()):
            raise NeverSentError("a payment header cannot be sent")
        headers = with_payment(self._outgoing(hop), payment_headers)
        answer = await send_payment(
            self._deadline,
            lambda body_until: self._client.send(
                hop.method,
                hop.target,
                headers,
                hop.body,
                self._paid_limit,
                body_until=body_until,
            ),
        )
        return _response(hop.target, answer)

    def start_over(self) -> None:
        """Forget where redirects led: what is paid next goes to the request's own URL."""
        self._hop = None

    def can_still_pay(self) -> bool:
        """Tell whether a third of the time is left, which a settlement may well take."""
        return self._deadline.is_enough_to_pay()

    def _first_hop(self) -> _Hop:
        request = self._request
        if request.method not in METHODS:
            raise _invalid(f"The method must be one of {', '.join(sorted(METHODS))}.")
        if len(request.body) > self._client.max_body_bytes:
            raise _invalid("The request's body is too large to be sent.")
        headers = check_caller_headers(request.headers)
        target = check_url(request.url, self._client.rules)
        return _Hop(request.method, target, headers, request.body)

    async def _follow(self, hop: _Hop) -> WebResponse:
        for _ in range(MAX_REDIRECTS + 1):
            self._hop = hop
            answer = await self._client.send(
                hop.method, hop.target, self._outgoing(hop), hop.body, self._asked_limit
            )
            response = _response(hop.target, answer)
            jar = self._cookies.setdefault(hop.target.origin, {})
            jar.update(read_cookies(response.values("set-cookie")))
            location = response.header("location")
            if answer.status not in _REDIRECTS or location is None:
                return _accept(response, answer)
            hop = self._next_hop(hop, answer.status, location)
        raise _upstream(f"The server redirected more than {MAX_REDIRECTS} times.")

    def _next_hop(self, hop: _Hop, status: int, location: str) -> _Hop:
        """Apply RFC 9110 section 15.4 as browsers do; headers and bodies never change origin."""
        target = self._redirect_target(hop.target, location)
        method, body, headers = hop.method, hop.body, hop.headers
        if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
            method, body = "GET", b""
            headers = tuple(pair for pair in headers if pair[0].lower() not in _ABOUT_BODY)
        if target.origin != hop.target.origin:
            if body:
                raise _upstream("The server redirected a request with a body to another origin.")
            headers = ()
        return _Hop(method, target, headers, body)

    def _redirect_target(self, current: Target, location: str) -> Target:
        try:
            url = urljoin(current.url, location.strip())
            target = check_url(url, self._client.rules)
        except ValueError:
            raise _upstream("The server redirected to something that is not a URL.") from None
        except PurserError as error:
            if error.kind is ErrorKind.INVALID_ARGUMENT:
                raise _upstream("The server redirected to something that is not a URL.") from None
            _refuse_redirect(error.kind)
        rules = self._client.rules
        if rules.private_allowed(target.host, target.port) and not rules.private_allowed(
            current.host, current.port
        ):
            _refuse_redirect(ErrorKind.PRIVATE_ADDRESS)
        if current.scheme == "https" and target.scheme != "https":
            _refuse_redirect(ErrorKind.INSECURE_URL)
        return target

    def _outgoing(self, hop: _Hop) -> Headers:
        cookies = self._cookies.get(hop.target.origin, {})
        return with_defaults(hop.headers, self._client.user_agent, cookies)

    def _asked_limit(self, status: int) -> int:
        limit = self._client.max_body_bytes
        return min(limit, MAX_CHALLENGE_BYTES) if status == 402 or status in _REDIRECTS else limit

    def _paid_limit(self, status: int) -> int:
        return self._client.max_body_bytes


def _response(target: Target, answer: Answer) -> WebResponse:
    return WebResponse(target.url, answer.status, answer.headers, answer.body, answer.truncated)


def _accept(response: WebResponse, answer: Answer) -> WebResponse:
    """Refuse what cannot be handed on; a 402 may be cut, since v2 challenges are in headers."""
    if sum(len(name) + len(value) for name, value in answer.headers) > MAX_RESPONSE_HEADER_BYTES:
        raise _upstream(f"The response's headers are over {MAX_RESPONSE_HEADER_BYTES} bytes.")
    if answer.undecoded:
        raise _upstream("The body's compression is unknown or broken.")
    if answer.truncated and is_good(answer.status):
        raise PurserError(ErrorKind.TOO_LARGE, f"The body is over {len(answer.body)} bytes.")
    return response


def _refuse_redirect(kind: ErrorKind) -> NoReturn:
    raise PurserError(kind, "The server redirected to an address that is refused.") from None


def _upstream(detail: str) -> PurserError:
    return PurserError(ErrorKind.UPSTREAM_ERROR, detail)


def _invalid(detail: str) -> PurserError:
    return PurserError(ErrorKind.INVALID_ARGUMENT, detail)
