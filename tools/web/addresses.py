"""Hosts and addresses as data: one spelling for each, and a reason why an address is not public."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*", re.ASCII)
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.ASCII)
_ISATAP = 0x00005EFE
_ISATAP_MASK = 0xFDFFFFFF


def normalise_host(host: str) -> str:
    """Return a host as it is matched and dialled: lower-case A-labels or a canonical address.

    Numbers that a system resolver takes for IPv4 (`2130706433`, `127.1`, `0x7f.1`,
    `0177.0.0.1`, other scripts' digits) become dotted decimal, as in the WHATWG URL standard.

    Raises:
        ValueError: it is neither, or an IPv6 address with a zone; the text quotes nothing.
    """
    if ":" in host:
        return _ipv6(host)
    if not host.isascii():
        host = _to_ascii(host)
    host = host.lower().removesuffix(".")
    if len(host) > 253 or _NAME.fullmatch(host) is None:
        raise ValueError("it is not a DNS name or an address")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        return str(_ipv4_number(host))
    return host


def is_address(host: str) -> bool:
    """Tell whether a normalised host is a literal IPv4 or IPv6 address."""
    return ":" in host or host.rpartition(".")[2].isdigit()


def is_local_name(host: str) -> bool:
    """Tell whether a normalised name belongs to this machine or its local network."""
    return any(host == name or host.endswith(f".{name}") for name in _tables().names)


def blocked_reason(ip: str) -> str | None:
    """Say why an address is not a public one, or None; embedded IPv4 addresses are unwrapped."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return "unreadable"
    if isinstance(address, IPv4Address):
        return _table_reason(address)
    if address.scope_id is not None:
        return "bound to one link"
    carried = _carried(address)
    for inner in (*carried, *_isatap(address)):
        if (reason := _table_reason(inner)) is not None:
            return reason
    return None if carried else _table_reason(address)


@dataclass(frozen=True, slots=True)
class _Embedding:
    net: IPv6Network
    shift: int
    inverted: bool


@dataclass(frozen=True, slots=True)
class _Tables:
    names: tuple[str, ...]
    ranges: tuple[tuple[IPv4Network | IPv6Network, str], ...]
    embeddings: tuple[_Embedding, ...]


@cache
def _tables() -> _Tables:
    text = files("tools.web").joinpath("blocked_ranges.toml").read_text(encoding="utf-8")
    data: dict[str, Any] = tomllib.loads(text)
    return _Tables(
        names=tuple(data["names"]),
        ranges=tuple((ipaddress.ip_network(row["net"]), row["why"]) for row in data["range"]),
        embeddings=tuple(
            _Embedding(IPv6Network(row["net"]), row["shift"], row.get("inverted", False))
            for row in data["embedded"]
        ),
    )


def _table_reason(address: IPv4Address | IPv6Address) -> str | None:
    rows = _tables().ranges
    return next((why for net, why in rows if address in net), None)


def _carried(address: IPv6Address) -> list[IPv4Address]:
    """Return every IPv4 address that the prefix says is inside."""
    found: list[IPv4Address] = []
    for row in _tables().embeddings:
        if address in row.net:
            bits = int(address) >> row.shift & 0xFFFFFFFF
            found.append(IPv4Address(bits ^ 0xFFFFFFFF if row.inverted else bits))
    return found


def _isatap(address: IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 address of an ISATAP interface identifier (RFC 5214 section 6.1)."""
    value = int(address)
    if (value >> 32 & _ISATAP_MASK) != _ISATAP:
        return []
    return [IPv4Address(value & 0xFFFFFFFF)]


def _to_ascii(host: str) -> str:
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise ValueError("it is not an internationalised name") from None


def _ipv6(host: str) -> str:
    try:
        address = IPv6Address(host)
    except ValueError:
        raise ValueError("it is not an IPv6 address") from None
    if address.scope_id is not None:
        raise ValueError("an IPv6 zone names a link of this machine")
    return address.compressed


def _ipv4_number(host: str) -> IPv4Address:
    """Read one to four numbers the way inet_aton(3) does."""
    labels = host.split(".")
    if len(labels) > 4 or any(_NUMBER.fullmatch(label) is None for label in labels):
        raise ValueError("its last part is a number, yet it is no IPv4 address")
    *front, last = [_c_integer(label) for label in labels]
    if any(number > 255 for number in front) or last >= 256 ** (4 - len(front)):
        raise ValueError("it holds a number too large for an IPv4 address")
    return IPv4Address(last + sum(n << (24 - 8 * place) for place, n in enumerate(front)))


def _c_integer(label: str) -> int:
    base = 16 if label.startswith("0x") else 8 if label.startswith("0") else 10
    try:
        return int(label.removeprefix("0x") or "0", base)
    except ValueError:
        raise ValueError("it holds a number that cannot be read") from None
