"""The sections of config.toml: types, bounds and defaults; every default is the careful choice."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    model_validator,
)

from wallet.assets import find_network, networks
from wallet.bounds import LONGEST_DELAY_S, PAYMENT_FLOWS, SHORTEST_DELAY_S
from wallet.channels.rules import DEFAULT_RULES
from wallet.money import Usd

DEFAULT_NETWORK = "eip155:8453"
SUPPORTED_SCHEMES = ("exact", "permit2", "upto", "batch-settlement")
_SCHEMES_TEXT = ", ".join(SUPPORTED_SCHEMES)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
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
        raise ValueError(f"is not a payment scheme; {_SCHEMES_TEXT} are supported")


def _payment_flow(text: str) -> None:
    if text not in PAYMENT_FLOWS:
        raise ValueError(f"must be one of {', '.join(PAYMENT_FLOWS)}")


def _rpc_url(text: str) -> None:
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("must be an https URL") from None
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not (secure and parts.hostname):
        raise ValueError("must be an https URL; plain http only on this machine")


def _ledger_url(text: str) -> str:
    if text.startswith(("postgres://", "postgresql://")):
        raise ValueError("PostgreSQL is not supported in this version; leave it empty for SQLite")
    if "://" in text or (text and not Path(text).is_absolute()):
        raise ValueError("must be empty, or the absolute path of a SQLite file")
    return text


def _known_networks(value: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in value:
        try:
            _network(name)
        except ValueError as error:
            raise ValueError(f'"{name[:60]}": {error}') from None
    return value


Amount = Annotated[Usd, PlainValidator(_usd)]
OptionalAmount = Annotated[Usd | None, PlainValidator(_usd_or_none)]
Texts = Annotated[tuple[str, ...], Field(strict=False)]


class Section(BaseModel):
    """A table of config.toml: unknown keys and near-miss types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Budget(Section):
    """`[budget]`: the caps, in USD; a day is a UTC day; `total` None is no lifetime cap."""

    per_payment: Amount = Usd(1_000_000)
    per_host_per_day: Amount = Usd(2_000_000)
    per_day: Amount = Usd(5_000_000)
    total: OptionalAmount = None
    approval_above: Amount = Usd(500_000)
    payments_per_minute: int = Field(default=30, ge=1, le=100_000)


class Hosts(Section):
    """`[hosts]`: which hosts may be contacted; `deny` wins."""

    mode: Literal["open", "allowlist"] = "open"
    allow: Annotated[Texts, _each(_host_pattern)] = ()
    deny: Annotated[Texts, _each(_host_pattern)] = ()
    private_ok: Annotated[Texts, _each(_host_and_port)] = ()


class Wallet(Section):
    """`[wallet]`: where the key is and what may be signed; `validity_s` in seconds."""

    key: Literal["keyring", "keystore", "env"] = "keyring"
    networks: Annotated[Texts, _each(_network)] = Field(default=(DEFAULT_NETWORK,), min_length=1)
    schemes: Annotated[Texts, _each(_scheme)] = Field(default=("exact",), min_length=1)
    payment_flows: Annotated[Texts, _each(_payment_flow)] = Field(
        default=("authorization",), min_length=1
    )
    validity_s: int = Field(default=120, ge=15, le=3600)
    sign_in: bool = False


class NetworkSettings(Section):
    """`[network."eip155:..."]`: RPC URLs in place of the table's; they may hold an API key."""

    rpc_urls: Annotated[Texts, _each(_rpc_url)] = Field(min_length=1, repr=False)


class LedgerSettings(Section):
    """`[ledger]`: an empty `url` is SQLite in PURSER_HOME."""

    url: Annotated[str, AfterValidator(_ledger_url)] = Field(default="", repr=False)


class Batch(Section):
    """`[batch]`: payment channels, where `wallet.schemes` names `batch-settlement`."""

    max_deposit: Amount = DEFAULT_RULES.max_deposit
    deposit_pages: int = Field(default=DEFAULT_RULES.deposit_pages, ge=1, le=1_000_000)
    max_withdraw_delay_s: int = Field(
        default=DEFAULT_RULES.max_withdraw_delay_s, ge=SHORTEST_DELAY_S, le=LONGEST_DELAY_S
    )


class Fetch(Section):
    """`[fetch]`: bounds of one fetch."""

    timeout_s: int = Field(default=45, ge=1, le=600)
    max_body_bytes: int = Field(default=10_000_000, ge=1024, le=1_000_000_000)
    repeat_window_s: int = Field(default=600, ge=0, le=2_592_000)


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


class Upstream(Section):
    """`[upstream.NAME]`: a server whose tools are re-exported as `NAME__tool` and paid for.

    Exactly one of `url` (streamable HTTP), `command` (stdio) and `a2a` (JSON-RPC of an agent).
    """

    url: Annotated[str, AfterValidator(_web_url)] = Field(default="", repr=False)
    command: Texts = Field(default=(), repr=False)
    a2a: Annotated[str, AfterValidator(_web_url)] = Field(default="", repr=False)
    tools: Annotated[Texts, _each(_tool_name)] = ()
    env: Annotated[dict[str, str], AfterValidator(_variables)] = Field(default={}, repr=False)
    timeout_s: int = Field(default=45, ge=1, le=600)
    max_price_usd: OptionalAmount = None

    @model_validator(mode="after")
    def _one_kind(self) -> Upstream:
        if [bool(self.url), bool(self.command), bool(self.a2a)].count(True) != 1:
            raise ValueError("needs exactly one of url, command and a2a")
        if self.command and not self.command[0].strip():
            raise ValueError("command names no program")
        if self.env and not self.command:
            raise ValueError("env is only for a command")
        if self.tools and self.a2a:
            raise ValueError("tools is not for an agent; it has one")
        return self


def _known_upstreams(value: Mapping[str, Upstream]) -> Mapping[str, Upstream]:
    for name in value:
        try:
            _upstream_name(name)
        except ValueError as error:
            raise ValueError(f'"{name[:60]}": {error}') from None
    return value


class Config(Section):
    """The whole of config.toml."""

    budget: Budget = Budget()
    hosts: Hosts = Hosts()
    wallet: Wallet = Wallet()
    network: Annotated[dict[str, NetworkSettings], AfterValidator(_known_networks)] = {}
    ledger: LedgerSettings = LedgerSettings()
    batch: Batch = Batch()
    fetch: Fetch = Fetch()
    upstream: Annotated[dict[str, Upstream], AfterValidator(_known_upstreams)] = {}

    @model_validator(mode="after")
    def _upstreams_may_be_contacted(self) -> Config:
        for name, upstream in self.upstream.items():
            if upstream.url or upstream.a2a:
                _check_reachable(name, upstream.url or upstream.a2a, self.hosts)
        return self


def _check_reachable(name: str, url: str, hosts: Hosts) -> None:
    from tools.web.guard import HostRules, check_url
    from wallet.errors import PurserError

    rules = HostRules(hosts.mode, hosts.allow, hosts.deny, hosts.private_ok)
    try:
        check_url(url, rules)
    except PurserError as error:
        raise ValueError(f"upstream.{name}: {error.detail}") from None


NAMED: dict[str, type[Section]] = {"network": NetworkSettings, "upstream": Upstream}
"""The tables of tables: each entry has a name of the user's own."""

SECTIONS: dict[str, type[Section]] = {
    "budget": Budget,
    "hosts": Hosts,
    "wallet": Wallet,
    "ledger": LedgerSettings,
    "batch": Batch,
    "fetch": Fetch,
}


def from_text(model: type[Section], name: str, text: str) -> Any:
    """Turn an environment variable's text into what TOML would have given for this setting.

    Raises:
        ValueError: a whole number or a JSON list was needed.
    """
    import json

    annotation = model.model_fields[name].annotation
    if annotation is int:
        if not (text.isascii() and text.isdigit()):
            raise ValueError("must be a whole number")
        return int(text)
    if annotation is bool:
        if text not in ("true", "false"):
            raise ValueError("must be true or false")
        return text == "true"
    if annotation == tuple[str, ...]:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError('must be a JSON list, such as ["a", "b"]') from None
    if annotation == dict[str, str]:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError("must be a JSON object of texts") from None
    return text
