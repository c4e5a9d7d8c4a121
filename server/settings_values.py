"""What one setting of config.toml may hold: the types of its values, and the reason for a no."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PlainValidator

from wallet.assets import find_network, networks
from wallet.bounds import PAYMENT_FLOWS
from wallet.money import Usd

DEFAULT_NETWORK = "eip155:8453"
SUPPORTED_SCHEMES = ("exact", "permit2", "upto", "batch-settlement")
ROUTES = ("form", "url")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_UPSTREAM_NAME = re.compile(r"[a-z][a-z0-9-]{0,23}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)


def _usd(value: object) -> Usd:
    if isinstance(value, bool | int | float):
        raise ValueError('put the amount in quotes, such as "0.50"; a bare number is not exact')
    if not isinstance(value, str):
        raise ValueError('must be an amount in quotes, such as "0.50"')
    return Usd.parse(value)


def _usd_or_none(value: object) -> Usd | None:
    return None if value == "" else _usd(value)


def _each(check: Callable[[str], None]) -> AfterValidator:
    """Apply a check to every item, and refuse the same item twice."""

    def run(items: tuple[str, ...]) -> tuple[str, ...]:
        for number, item in enumerate(items, 1):
            try:
                check(item)
            except ValueError as error:
                raise ValueError(f"entry {number}: {error}") from None
        if len(set(items)) < len(items):
            raise ValueError("names the same entry twice")
        return items

    return AfterValidator(run)


def _each_name(check: Callable[[str], None]) -> AfterValidator:
    """Apply a check to the user's own name of every entry."""

    def run(entries: Mapping[str, Any]) -> Mapping[str, Any]:
        for name in entries:
            try:
                check(name)
            except ValueError as error:
                raise ValueError(f'"{name[:60]}": {error}') from None
        return entries

    return AfterValidator(run)


def _host_pattern(text: str) -> None:
    from tools.web.guard import HostRules

    HostRules(allow=(text,))


def _host_and_port(text: str) -> None:
    from tools.web.guard import HostRules

    HostRules(private_ok=(text,))


def _network(text: str) -> None:
    if text in networks():
        return
    known = find_network(text)
    if known is not None:
        raise ValueError(f"write the network as {known.id}")
    raise ValueError(f"is not a network that Purser knows; Base is {DEFAULT_NETWORK}")


def _scheme(text: str) -> None:
    if text not in SUPPORTED_SCHEMES:
        supported = ", ".join(SUPPORTED_SCHEMES)
        raise ValueError(f"is not a payment scheme; {supported} are supported")


def _route(text: str) -> None:
    if text not in ROUTES:
        raise ValueError(f"must be one of {', '.join(ROUTES)}")


def _payment_flow(text: str) -> None:
    if text not in PAYMENT_FLOWS:
        raise ValueError(f"must be one of {', '.join(PAYMENT_FLOWS)}")


def _rpc_url(text: str) -> None:
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("must be an https URL") from None
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not (secure and parts.hostname):
        raise ValueError("must be an https URL; plain http only on this machine")


def _ledger_url(text: str) -> str:
    if text.startswith(("postgres://", "postgresql://")):
        raise ValueError("PostgreSQL is not supported in this version; leave it empty for SQLite")
    if "://" in text or (text and not Path(text).is_absolute()):
        raise ValueError("must be empty, or the absolute path of a SQLite file")
    return text


def _upstream_name(text: str) -> None:
    if _UPSTREAM_NAME.fullmatch(text) is None:
        raise ValueError(
            "an upstream's name is a lower-case letter and up to 23 more letters, digits and -"
        )


def _web_url(text: str) -> str:
    """Check a URL's form; whether its host may be contacted is for `[hosts]` to say."""
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("must be an https URL") from None
    if text and (
        parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc
    ):
        raise ValueError("must be an https URL without a user name")
    return text


def _directory_url(text: str) -> None:
    if not _web_url(text):
        raise ValueError("is empty")


def _tool_name(text: str) -> None:
    if not text.strip():
        raise ValueError("is empty")


def _variables(value: Mapping[str, str]) -> Mapping[str, str]:
    for name in value:
        if _VARIABLE.fullmatch(name) is None:
            raise ValueError("names of variables are letters, digits and _")
        if name.upper().startswith("PURSER_"):
            raise ValueError("Purser's own variables are not handed on")
    return value


Amount = Annotated[Usd, PlainValidator(_usd)]
OptionalAmount = Annotated[Usd | None, PlainValidator(_usd_or_none)]
Texts = Annotated[tuple[str, ...], Field(strict=False)]
HostPatterns = Annotated[Texts, _each(_host_pattern)]
HostsAndPorts = Annotated[Texts, _each(_host_and_port)]
NetworkIds = Annotated[Texts, _each(_network)]
Schemes = Annotated[Texts, _each(_scheme)]
PaymentFlows = Annotated[Texts, _each(_payment_flow)]
Routes = Annotated[Texts, _each(_route)]
RpcUrls = Annotated[Texts, _each(_rpc_url)]
DirectoryUrls = Annotated[Texts, _each(_directory_url)]
ToolNames = Annotated[Texts, _each(_tool_name)]
LedgerUrl = Annotated[str, AfterValidator(_ledger_url)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
Variables = Annotated[dict[str, str], AfterValidator(_variables)]

NAMED_BY_NETWORK = _each_name(_network)
NAMED_BY_UPSTREAM = _each_name(_upstream_name)
"""For tables of tables, whose entries have names of the user's own."""
