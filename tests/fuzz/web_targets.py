"""What any bytes of a web server may do to the exchange: give bounded text or a typed refusal."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import socket
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import httpx
from rails_targets import check_refusal, check_words

from tools.reading.content import Format, render
from tools.reading.paging import page
from tools.web.addresses import blocked_reason, is_address, normalise_host
from tools.web.body import BodyReader
from tools.web.charset import clean, decode
from tools.web.exchange import MAX_REDIRECTS, WebExchange
from tools.web.guard import HostRules, Target, check_url
from tools.web.headers import (
    Headers,
    check_caller_headers,
    is_sendable,
    read_cookies,
    with_defaults,
    with_payment,
)
from tools.web.wire import Answer
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebRequest, WebResponse
from wallet.presenting import content_type_of

RULES = HostRules(deny=("denied.example",), private_ok=("127.0.0.1:8402",))
MAX_BODY_BYTES = 4096
GUARDED = (
    ErrorKind.INVALID_ARGUMENT,
    ErrorKind.INSECURE_URL,
    ErrorKind.PRIVATE_ADDRESS,
    ErrorKind.HOST_NOT_ALLOWED,
)
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_CODINGS = ("", "gzip", "deflate", "br", "gzip, gzip", "x-gzip", "identity", "GZIP ,")
_FORMATS: tuple[Format, ...] = ("auto", "markdown", "text", "raw")


def split(data: bytes) -> tuple[int, bytes, bytes]:
    """Take one byte for choices, then a head up to the first newline, then the rest."""
    head, _, rest = data[1:].partition(b"\n")
    return (data[0] if data else 0), head, rest


def body(data: bytes) -> None:
    """A body never grows past its limit, however it is coded and cut into pieces."""
    choice, _, rest = split(data)
    coding = _CODINGS[choice % len(_CODINGS)]
    whole = _collected(coding, [rest])
    size = choice // len(_CODINGS) + 1
    pieces = [rest[at : at + size] for at in range(0, len(rest), size)]
    for result, truncated, undecoded in (whole, _collected(coding, pieces)):
        assert len(result) <= MAX_BODY_BYTES
        if coding in ("", "identity"):
            assert (result, undecoded) == (rest[:MAX_BODY_BYTES], False)
        elif coding == "gzip" and not (truncated or undecoded) and rest:
            assert result == zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(rest)
        elif undecoded and not truncated:
            assert result == rest[:MAX_BODY_BYTES]


def _collected(coding: str, pieces: list[bytes]) -> tuple[bytes, bool, bool]:
    reader = BodyReader([coding] if coding else [], MAX_BODY_BYTES)
    for piece in pieces:
        if not reader.feed(piece):
            break
    return reader.finish(), reader.truncated, reader.undecoded


def charset(data: bytes) -> None:
    """Any body under any declared charset becomes text without controls, no longer than it was."""
    choice, head, rest = split(data)
    text = decode(rest, head.decode("latin-1"), is_html=choice % 2 == 1)
    assert len(text) <= len(rest)
    assert _UNWANTED.search(text) is None
    assert clean(text) == text
    text.encode("utf-8")


def content(data: bytes) -> None:
    """Any body of any type is shown as bounded text or an image, and pages join to the whole."""
    choice, head, rest = split(data)
    chosen = _FORMATS[choice % len(_FORMATS)]
    shown = render(rest, head.decode("latin-1"), "https://a.example/b/", chosen)
    assert shown.kind in ("text", "image", "audio", "binary")
    assert _UNWANTED.search(shown.text) is None
    assert len(shown.text) <= 20 * len(rest) + 400
    assert shown.data == (rest if shown.kind in ("image", "audio") else b"")
    assert len(shown.mime_type) <= 142
    assert shown.mime_type.isascii()
    at, joined = 0, ""
    while at < len(shown.text) and len(joined) < 10_000:
        part = page(shown.text, at, choice + 1, rows=shown.rows)
        assert part.start == at < part.end <= part.total
        at, joined = part.end, joined + part.text
    assert shown.text.startswith(joined)


def content_type(data: bytes) -> None:
    """A content type is kept only in the few forms that hold no prose."""
    text = data.decode("latin-1")
    kept = content_type_of(WebResponse("https://a.example/", 200, (("Content-Type", text),), b""))
    assert len(kept) <= 160
    assert re.fullmatch(r"[a-z0-9/.+;=\"\s:-]+", kept)


def url(data: bytes) -> None:
    """A URL is refused in typed words, or read by the HTTP library exactly as it was checked."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        target = check_url(text, RULES)
    except PurserError as error:
        check_refusal(error, *GUARDED)
        return
    check_target(target)


def check_target(target: Target) -> None:
    """A checked target is public or listed, spelled in one way, and read alike by httpx."""
    assert check_url(target.url, RULES) == target
    listed = RULES.private_allowed(target.host, target.port)
    assert target.scheme == "https" or listed
    assert target.host != "denied.example"
    assert normalise_host(target.host) == target.host
    if is_address(target.host) and not listed:
        assert blocked_reason(target.host) is None
        assert ipaddress.ip_address(target.host).is_global or ":" in target.host
    assert "@" not in target.origin
    with contextlib.suppress(httpx.InvalidURL):  # what httpx cannot read is never sent
        seen = httpx.URL(target.url)
        assert seen.raw_host.decode("ascii") == target.host
        assert (seen.port or {"https": 443, "http": 80}[seen.scheme]) == target.port
        assert seen.scheme == target.scheme


def host(data: bytes) -> None:
    """No spelling that the C library takes for an address passes for a name or another address."""
    text = data.decode("utf-8", "replace")
    try:
        found = normalise_host(text)
    except ValueError as error:
        check_words(str(error))
        return
    assert normalise_host(found) == found
    if ":" in found:
        assert ipaddress.IPv6Address(found).compressed == found
        return
    for spelling in (text, found):
        number = _inet_aton(spelling)
        if number is not None:
            assert found == number
    if is_address(found):
        assert str(ipaddress.IPv4Address(found)) == found


def _inet_aton(text: str) -> str | None:
    if not text.isascii() or text != text.strip() or " " in text or "\0" in text:
        return None
    try:
        return socket.inet_ntoa(socket.inet_aton(text))
    except OSError:
        return None


def headers(data: bytes) -> None:
    """Whatever cookies and headers come in, only sendable ones go out, and no forbidden one."""
    lines = data.decode("latin-1").split("\n")
    cookies = read_cookies(lines)
    assert len(cookies) <= 50
    pairs = tuple((name, value) for name, _, value in (line.partition(":") for line in lines))
    try:
        own = check_caller_headers(pairs)
    except PurserError as error:
        check_refusal(error, ErrorKind.INVALID_ARGUMENT)
        own: Headers = ()
    for name, _ in own:
        assert name.lower() not in ("host", "content-length", "x-payment", "payment-signature")
    payment = {"PAYMENT-SIGNATURE": "e30="}
    sent = with_payment(with_defaults(own, "purser/test", cookies), payment)
    assert [value for name, value in sent if name.lower() == "payment-signature"] == ["e30="]
    for name, value in sent:
        assert is_sendable(name, value)
        assert "\r" not in value
        assert "\n" not in value


@dataclass
class FuzzedWire:
    """Sends nothing: answers each request with the next redirect, then with a 402."""

    locations: list[str]
    rules: HostRules = RULES
    user_agent: str = "purser/test"
    max_body_bytes: int = MAX_BODY_BYTES
    sent: list[tuple[str, Target, Headers, bytes]] = field(
        default_factory=list[tuple[str, Target, Headers, bytes]]
    )

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
        self.sent.append((method, target, headers, body))
        if len(self.sent) > len(self.locations) or body_until is not None:
            return Answer(402, (), b"", truncated=False, undecoded=False)
        location = self.locations[len(self.sent) - 1]
        fields = (("Location", location), ("Set-Cookie", f"hop={len(self.sent)}"))
        status = (301, 302, 303, 307, 308)[len(location) % 5]
        return Answer(status, fields, b"", truncated=False, undecoded=False)


def redirect(data: bytes) -> None:
    """However a server redirects, only allowed places are asked, and none learns another's."""
    wire = FuzzedWire([line.decode("latin-1") for line in data.split(b"\n")[:8]])
    secret, first = ("X-Token", "s3cret"), "https://shop.example/start"
    exchange = WebExchange(wire, WebRequest("POST", first, (secret,), b"body"), timeout_s=30)
    loop = _loop()
    try:
        asked = loop.run_until_complete(exchange.ask())
    except PurserError as error:
        check_refusal(error, *GUARDED, ErrorKind.UPSTREAM_ERROR)
    else:
        paid = loop.run_until_complete(exchange.pay({"PAYMENT-SIGNATURE": "e30="}))
        assert (paid.url, paid.status) == (asked.url, 402)
        *earlier, last = wire.sent
        assert last[1] == earlier[-1][1]
        assert ("PAYMENT-SIGNATURE", "e30=") in last[2]
    assert len(wire.sent) <= MAX_REDIRECTS + 2
    for _, target, fields, sent_body in wire.sent:
        check_target(target)
        at_home = target.origin == "https://shop.example"
        assert target.scheme == "https"
        if not at_home:
            assert secret not in fields
            assert sent_body == b""
    payments = [one for one in wire.sent if any(name.startswith("PAYMENT") for name, _ in one[2])]
    assert len(payments) <= 1


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()
