"""The sections of config.toml: bounds and defaults; every default is the careful choice.

What one value may be is in `server/settings_values.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from server.settings_values import (
    DEFAULT_NETWORK,
    NAMED_BY_NETWORK,
    NAMED_BY_UPSTREAM,
    ROUTES,
    Amount,
    DirectoryUrls,
    HostPatterns,
    HostsAndPorts,
    LedgerUrl,
    NetworkIds,
    OptionalAmount,
    PaymentFlows,
    Routes,
    RpcUrls,
    Schemes,
    Texts,
    ToolNames,
    Variables,
    WebUrl,
)
from wallet.bounds import LONGEST_DELAY_S, SHORTEST_DELAY_S
from wallet.channels.rules import DEFAULT_RULES
from wallet.money import Usd


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
    allow: HostPatterns = ()
    deny: HostPatterns = ()
    private_ok: HostsAndPorts = ()


class Wallet(Section):
    """`[wallet]`: where the key is and what may be signed; `validity_s` in seconds."""

    key: Literal["keyring", "keystore", "env"] = "keyring"
    networks: NetworkIds = Field(default=(DEFAULT_NETWORK,), min_length=1)
    schemes: Schemes = Field(default=("exact",), min_length=1)
    payment_flows: PaymentFlows = Field(default=("authorization",), min_length=1)
    validity_s: int = Field(default=120, ge=15, le=3600)
    sign_in: bool = False


class NetworkSettings(Section):
    """`[network."eip155:..."]`: RPC URLs in place of the table's; they may hold an API key."""

    rpc_urls: RpcUrls = Field(min_length=1, repr=False)


class LedgerSettings(Section):
    """`[ledger]`: an empty `url` is SQLite in PURSER_HOME."""

    url: LedgerUrl = Field(default="", repr=False)


class Batch(Section):
    """`[batch]`: payment channels, where `wallet.schemes` names `batch-settlement`."""

    max_deposit: Amount = DEFAULT_RULES.max_deposit
    deposit_pages: int = Field(default=DEFAULT_RULES.deposit_pages, ge=1, le=1_000_000)
    max_withdraw_delay_s: int = Field(
        default=DEFAULT_RULES.max_withdraw_delay_s, ge=SHORTEST_DELAY_S, le=LONGEST_DELAY_S
    )


class Approvals(Section):
    """`[approvals]`: the host's ways of asking that may be used, and how long an answer is good."""

    routes: Routes = ROUTES
    notify: bool = True
    expires_s: int = Field(default=900, ge=60, le=3600)


class Fetch(Section):
    """`[fetch]`: bounds of one fetch."""

    timeout_s: int = Field(default=45, ge=1, le=600)
    max_body_bytes: int = Field(default=10_000_000, ge=1024, le=1_000_000_000)
    repeat_window_s: int = Field(default=600, ge=0, le=2_592_000)
    per_host_concurrency: int = Field(default=4, ge=1, le=16)


class Directories(Section):
    """`[directories]`: where paid services are looked for; a search sends its words there.

    `bazaar` has the base URLs of facilitators, `mpp` those of catalogs, `sites` origins.
    """

    bazaar: DirectoryUrls = Field(default=("https://api.cdp.coinbase.com/platform/v2/x402",))
    mpp: DirectoryUrls = ()
    sites: DirectoryUrls = ()
    cache_s: int = Field(default=3600, ge=0, le=604_800)
    wait_s: int = Field(default=15, ge=1, le=60)


class Serving(Section):
    """`[server]`: how the host is spoken to."""

    legacy_only: bool = False


class Upstream(Section):
    """`[upstream.NAME]`: a server whose tools are re-exported as `NAME__tool` and paid for.

    Exactly one of `url` (streamable HTTP), `command` (stdio) and `a2a` (JSON-RPC of an agent).
    """

    url: WebUrl = Field(default="", repr=False)
    command: Texts = Field(default=(), repr=False)
    a2a: WebUrl = Field(default="", repr=False)
    tools: ToolNames = ()
    env: Variables = Field(default={}, repr=False)
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


class Config(Section):
    """The whole of config.toml."""

    budget: Budget = Budget()
    hosts: Hosts = Hosts()
    wallet: Wallet = Wallet()
    network: Annotated[dict[str, NetworkSettings], NAMED_BY_NETWORK] = {}
    ledger: LedgerSettings = LedgerSettings()
    batch: Batch = Batch()
    approvals: Approvals = Approvals()
    fetch: Fetch = Fetch()
    directories: Directories = Directories()
    server: Serving = Serving()
    upstream: Annotated[dict[str, Upstream], NAMED_BY_UPSTREAM] = {}

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
    "approvals": Approvals,
    "fetch": Fetch,
    "directories": Directories,
    "server": Serving,
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
