"""Request headers: what a caller may set, what is sent by default, and cookies of one exchange."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from wallet.errors import ErrorKind, PurserError
from wallet.rails.mpp.charge import ACCEPT_PAYMENT

Headers = tuple[tuple[str, str], ...]

DEFAULT_ACCEPT = "text/markdown, application/json;q=0.9, text/html;q=0.8, */*;q=0.5"
ACCEPT_ENCODING = "gzip, deflate"
MAX_HEADERS = 50
MAX_HEADER_BYTES = 16 * 1024
_MAX_COOKIES = 50
_MAX_COOKIE_CHARS = 4096
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}", re.ASCII)
_VALUE = re.compile(r"[\x20-\x7e\t]*", re.ASCII)
_COOKIE = re.compile(r"([!#$%&'*+.^_`|~A-Za-z0-9-]+)=([\x21\x23-\x2b\x2d-\x3a\x3c-\x7e]*)")
# Set by the transport, about one connection only, or about payment, which is the wallet's part.
_REFUSED = frozenset(
    {
        "accept-encoding",
        "accept-payment",
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "payment",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-payment",
    }
)
_REFUSED_PREFIXES = ("proxy-", "payment-", "x-payment-")


def check_caller_headers(headers: Iterable[tuple[str, str]]) -> Headers:
    """Return a caller's headers with values trimmed; at most 50 headers and 16 KiB.

    Raises:
        PurserError: INVALID_ARGUMENT for a name or value that is not plain ASCII, or for a header
            that is the transport's or the wallet's to set.
    """
    checked = tuple((name, value.strip(" \t")) for name, value in headers)
    if len(checked) > MAX_HEADERS:
        raise _invalid(f"At most {MAX_HEADERS} headers can be sent.")
    if sum(len(name) + len(value) + 4 for name, value in checked) > MAX_HEADER_BYTES:
        raise _invalid(f"The headers are larger than {MAX_HEADER_BYTES} bytes together.")
    for name, value in checked:
        if not is_sendable(name, value):
            raise _invalid("A header's name or value has characters that cannot be sent.")
        lowered = name.lower()
        if lowered in _REFUSED or lowered.startswith(_REFUSED_PREFIXES):
            raise _invalid(f"The header {lowered} cannot be set by the caller.")
    return checked


def is_sendable(name: str, value: str) -> bool:
    """Tell whether a header is a token and printable ASCII (RFC 9110 sections 5.1 and 5.5)."""
    return _TOKEN.fullmatch(name) is not None and _VALUE.fullmatch(value) is not None


def with_defaults(headers: Headers, user_agent: str, cookies: Mapping[str, str]) -> Headers:
    """Add what the caller left out and what is ours alone to say.

    Accept, User-Agent, Accept-Encoding, Accept-Payment and this hop's cookies.
    """
    own = [(name, value) for name, value in headers if name.lower() != "cookie"]
    names = {name.lower() for name, _ in own}
    if "accept" not in names:
        own.append(("Accept", DEFAULT_ACCEPT))
    if "user-agent" not in names:
        own.append(("User-Agent", user_agent))
    own.append(("Accept-Encoding", ACCEPT_ENCODING))
    own.append(("Accept-Payment", ACCEPT_PAYMENT))
    given = [value for name, value in headers if name.lower() == "cookie" and value]
    received = [f"{name}={value}" for name, value in cookies.items()]
    if given or received:
        own.append(("Cookie", "; ".join(given + received)))
    return tuple(own)


def with_payment(headers: Headers, payment: Mapping[str, str]) -> Headers:
    """Add the payment headers; one of the same name from the caller gives way."""
    replaced = {name.lower() for name in payment}
    kept = tuple((name, value) for name, value in headers if name.lower() not in replaced)
    return kept + tuple(payment.items())


def read_cookies(set_cookie_values: Sequence[str]) -> dict[str, str]:
    """Return the name and value of each readable Set-Cookie; attributes play no part.

    They live for one exchange and return only to the origin that set them, so the attributes that
    widen or prolong a cookie have nothing to say.
    """
    found: dict[str, str] = {}
    for value in set_cookie_values[:_MAX_COOKIES]:
        match = _COOKIE.fullmatch(value.partition(";")[0].strip())
        if match is not None and len(match[0]) <= _MAX_COOKIE_CHARS:
            found[match[1]] = match[2]
    return found


def _invalid(detail: str) -> PurserError:
    return PurserError(ErrorKind.INVALID_ARGUMENT, detail)
