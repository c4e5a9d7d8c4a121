"""Which URLs and addresses may be contacted: pure checks, the same for every hop and seller."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from tools.web.addresses import blocked_reason, is_address, is_local_name, normalise_host
from wallet.errors import ErrorKind, PurserError

MAX_URL_CHARS = 8192
_DEFAULT_PORTS = {"https": 443, "http": 80}
_NETLOC = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]+))(?::([0-9]{0,5}))?", re.ASCII)
_UNSAFE = re.compile(r"[\s\\\x00-\x20\x7f-\xa0\ufeff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL: `host` is an A-label name or a canonical address without brackets."""

    scheme: str
    host: str
    port: int
    origin: str
    url: str


@dataclass(frozen=True, slots=True)
class HostRules:
    """The user's `[hosts]` settings; `deny` wins over everything else.

    Patterns are exact hosts or `*.example.com` (every subdomain, not the apex). `private_ok`
    holds `host:port` pairs that may be private and plain http; in `allowlist` mode their hosts
    still have to be in `allow`.

    Raises:
        ValueError: a pattern is not a host, or a `private_ok` entry not a host and a port.
    """

    mode: Literal["open", "allowlist"] = "open"
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    private_ok: tuple[str, ...] = ()
    _private: frozenset[tuple[str, int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.mode not in ("open", "allowlist"):
            raise ValueError("hosts.mode is either open or allowlist")
        object.__setattr__(self, "allow", tuple(map(_pattern, self.allow)))
        object.__setattr__(self, "deny", tuple(map(_pattern, self.deny)))
        object.__setattr__(self, "_private", frozenset(map(_host_and_port, self.private_ok)))

    def permits(self, host: str) -> bool:
        """Tell whether a normalised host may be contacted at all."""
        if any(_matches(host, pattern) for pattern in self.deny):
            return False
        return self.mode == "open" or any(_matches(host, pattern) for pattern in self.allow)

    def private_allowed(self, host: str, port: int) -> bool:
        """Tell whether the user listed exactly this host and port as a local seller."""
        return (host, port) in self._private


def check_url(url: str, rules: HostRules) -> Target:
    """Parse and judge a URL of up to 8192 characters; nothing is resolved or contacted.

    Raises:
        PurserError: INVALID_ARGUMENT, PRIVATE_ADDRESS, INSECURE_URL or HOST_NOT_ALLOWED.
    """
    if len(url) > MAX_URL_CHARS:
        raise _invalid(f"The URL is longer than {MAX_URL_CHARS} characters.")
    if _UNSAFE.search(url):
        raise _invalid("The URL contains spaces, backslashes or control characters.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _invalid("The URL cannot be parsed.") from None
    host, port = _authority(parts.netloc, parts.scheme)
    private_ok = rules.private_allowed(host, port)
    if not private_ok and (is_local_name(host) or (is_address(host) and blocked_reason(host))):
        raise PurserError(ErrorKind.PRIVATE_ADDRESS, "The URL names a private or special address.")
    if parts.scheme != "https" and not (parts.scheme == "http" and private_ok):
        raise PurserError(ErrorKind.INSECURE_URL, "Only https URLs are fetched.")
    check_host(host, rules)
    origin = _origin(parts.scheme, host, port)
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme, host, port, origin, f"{origin}{parts.path or '/'}{query}")


def check_host(host: str, rules: HostRules) -> None:
    """Judge a normalised host by the user's rules alone.

    Raises:
        PurserError: HOST_NOT_ALLOWED.
    """
    if not rules.permits(host):
        raise PurserError(ErrorKind.HOST_NOT_ALLOWED, "The host rules exclude the URL's host.")


def check_address(ip: str, host: str, port: int, rules: HostRules) -> None:
    """Judge one address that the normalised `host` resolved to; call it for every one of them.

    Raises:
        PurserError: PRIVATE_ADDRESS, unless `host` and `port` are listed in `private_ok`.
    """
    if rules.private_allowed(host, port):
        return
    reason = blocked_reason(ip)
    if reason is not None:
        detail = f"The host resolves to an address that is not public ({reason})."
        raise PurserError(ErrorKind.PRIVATE_ADDRESS, detail)


def _authority(netloc: str, scheme: str) -> tuple[str, int]:
    """Return the normalised host and the port, written or default, of a URL's authority."""
    if "@" in netloc:
        raise _invalid("The URL carries a user name or password.")
    if not netloc:
        raise _invalid("The URL has no host; write it in full, starting with https://.")
    match = _NETLOC.fullmatch(netloc)
    if match is None:
        raise _invalid("The URL's host or port is not valid.")
    bracketed, plain, written = match.groups()
    port = int(written) if written else _DEFAULT_PORTS.get(scheme, 443)
    if not 1 <= port <= 65535:
        raise _invalid("The URL's port is not a number from 1 to 65535.")
    return _host(bracketed or plain, bracketed is not None), port


def _host(host: str, bracketed: bool) -> str:
    if bracketed and "%" in host:
        detail = "An IPv6 zone names a link of this machine."
        raise PurserError(ErrorKind.PRIVATE_ADDRESS, detail)
    if bracketed and ":" not in host:
        raise _invalid("Only IPv6 addresses stand in brackets.")
    try:
        return normalise_host(host)
    except ValueError as error:
        raise _invalid(f"The URL's host is not valid: {error}.") from None


def _origin(scheme: str, host: str, port: int) -> str:
    literal = f"[{host}]" if ":" in host else host
    return f"{scheme}://{literal}" + ("" if port == _DEFAULT_PORTS[scheme] else f":{port}")


def _pattern(text: str) -> str:
    wildcard, rest = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    host = normalise_host(rest.strip("[]") if ":" in rest else rest)
    if wildcard and is_address(host):
        raise ValueError("a host pattern's `*.` stands before a name, not an address")
    return wildcard + host


def _matches(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _host_and_port(text: str) -> tuple[str, int]:
    match = _NETLOC.fullmatch(text)
    if match is None or not match[3] or not 1 <= int(match[3]) <= 65535:
        raise ValueError("a hosts.private_ok entry is a host and a port, such as 127.0.0.1:8402")
    return normalise_host(match[1] or match[2]), int(match[3])


def _invalid(detail: str) -> PurserError:
    return PurserError(ErrorKind.INVALID_ARGUMENT, detail)
