"""The config.toml that `purser init` writes: every setting, its default and what it is for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from server.settings_models import SECTIONS, Section
from server.settings_values import DEFAULT_NETWORK
from wallet.assets import networks
from wallet.money import Usd

_HEAD = """\
# Purser's settings. Only you change them: no tool that a model can call does.
#
# Any of them can also come from the environment as PURSER_<SECTION>__<NAME>, which wins over this
# file: PURSER_BUDGET__PER_DAY=2.00, PURSER_HOSTS__DENY='["example.com"]'. A name or value that
# Purser does not know stops it from starting.
"""

_SECTION_NOTES = {
    "budget": "US dollars, in quotes. A day is a UTC day. Money on hold counts as spent.",
    "hosts": "Names are exact, or *.example.com for every host below example.com.",
    "wallet": "",
    "ledger": "",
    "batch": "Payment channels, for sellers of many cheap pages; see docs/channels.md.",
    "approvals": "How you are asked about a payment above budget.approval_above.",
    "fetch": "",
    "directories": "Where paid services are looked for; a search sends its words to a bazaar.",
    "server": "",
}

_NOTES = {
    "budget": {
        "per_payment": "the most that one payment may cost",
        "per_host_per_day": "the most that one host may get in a day",
        "per_day": "the most that is spent in a day",
        "total": "the most that is ever spent; empty: no such limit",
        "approval_above": "a dearer payment waits until you approve it with `purser approve`",
        "payments_per_minute": "how many payments may start in a minute",
    },
    "hosts": {
        "mode": "open: any public host. allowlist: only those in allow",
        "allow": "counts in allowlist mode",
        "deny": "never contacted, whatever else is set",
        "private_ok": 'local sellers, such as "127.0.0.1:8402": private and plain http are fine',
    },
    "wallet": {
        "key": "keyring, keystore (an encrypted file) or env (tests and CI)",
        "networks": "in order of preference",
        "schemes": "exact, permit2, upto and batch-settlement",
        "payment_flows": "upfront and escrow sellers take the money before the work",
        "validity_s": "the longest life of a signed payment, in seconds",
        "sign_in": "true: sign in, not pay, where you paid before",
    },
    "ledger": {
        "url": "empty: SQLite in this folder; or the absolute path of a SQLite file",
    },
    "batch": {
        "max_deposit": "the most that is put into one channel; held until it comes back",
        "deposit_pages": "how many pages of the price at hand a deposit is for",
        "max_withdraw_delay_s": "the longest that a seller may keep the rest from coming back",
    },
    "approvals": {
        "routes": "form: the host asks you; url: it opens a page",
        "notify": "a note on the desktop when the host cannot ask you",
        "expires_s": "how long a request and its answer are good, in seconds",
    },
    "fetch": {
        "timeout_s": "the longest time for one fetch, in seconds",
        "max_body_bytes": "a longer free answer is refused, a longer paid one is cut",
        "repeat_window_s": "the same fetch within this time is not paid twice",
        "per_host_concurrency": "requests that one host gets at a time from a call of many URLs",
    },
    "directories": {
        "bazaar": "facilitators; see docs/finding.md",
        "mpp": "catalogs of MPP services",
        "sites": "by /openapi.json, /.well-known/x402",
        "cache_s": "seconds that an answer is used for",
        "wait_s": "seconds that each of them may take",
    },
    "server": {
        "legacy_only": "true: for a host that cannot take up MCP 2026-07-28; see docs/protocol.md",
    },
}
"""What each setting is for, by section."""

_RPC = """
# Your own RPC servers for a network, in place of the public ones:
# [network."{network}"]
# rpc_urls = {urls}
"""

_UPSTREAM = """
# Servers of paid tools, and agents; each tool is re-exported as NAME__tool and paid for:
# [upstream.weather]
# url = "https://tools.example.com/mcp"  # or command = ["npx", "server"], or a2a = "https://..."
# max_price_usd = "0.05"
"""


def default_config_text(
    *, key: str = "keyring", networks_enabled: Sequence[str] = (DEFAULT_NETWORK,)
) -> str:
    """Return a commented config.toml with the defaults, but this key source and these networks.

    Raises:
        ValueError: a network is not in the table, or the key source does not exist.
    """
    chosen = {"key": key, "networks": tuple(networks_enabled)}
    model = SECTIONS["wallet"].model_validate(chosen)
    parts = [_HEAD]
    for name, section in SECTIONS.items():
        values = model if name == "wallet" else section()
        note = f"  # {_SECTION_NOTES[name]}" if _SECTION_NOTES[name] else ""
        parts.append(f"\n[{name}]{note}\n{_lines(name, values)}")
    first = chosen["networks"][0]
    parts.append(_RPC.format(network=first, urls=_toml(networks()[first].rpc_urls[:1])))
    parts.append(_UPSTREAM)
    return "".join(parts)


def _lines(section: str, values: Section) -> str:
    notes, names = _NOTES[section], type(values).model_fields
    rows = [(f"{name} = {_toml(getattr(values, name))}", notes[name]) for name in names]
    width = max(len(row) for row, _ in rows)
    return "".join(f"{row:<{width}}  # {note}\n" for row, note in rows)


def _toml(value: Any) -> str:
    match value:
        case None:
            return '""'
        case Usd():
            return f'"{value}"'
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case tuple():
            return json.dumps(list(value))  # pyright: ignore[reportUnknownArgumentType]
        case _:
            return json.dumps(value)
