"""The generated page of settings, and their table in README.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, cast, get_args, get_origin

from page_parts import table

from server.config_template import default_config_text
from server.settings_models import SECTIONS, NetworkSettings, Section, Upstream
from wallet.money import Usd

_SETTINGS = """\
# Settings

Settings live in `config.toml` in Purser's folder, which `purser init` writes with every setting and
its default. The folder is `PURSER_HOME` (an absolute path) or, without it, the platform's folder
for user data: `~/.local/share/purser` on Linux, `~/Library/Application Support/purser` on macOS,
`%LOCALAPPDATA%\\purser` on Windows. Without a file the defaults hold.

Any setting can also come from the environment, which wins over the file. Lists are written there as
JSON: `PURSER_HOSTS__DENY='["example.com"]'`. A value that is not valid, or a name that Purser does
not know, stops the start with the file, the name and the reason; no value is ever replaced by a
default.

Settings are read once, at the start: start Purser again after a change. No tool changes them.

{sections}
## Variables that are not settings

| variable | meaning |
| --- | --- |
| `PURSER_HOME` | Purser's folder |
| `PURSER_PASSPHRASE` | opens `keystore.json` where nobody can be asked |
| `PURSER_PRIVATE_KEY` | the key itself, for `wallet.key = "env"`: tests and CI |
"""

_REMARKS: dict[str, str] = {
    "budget.approval_above": "Until then the code is `approval_required`",
    "fetch.max_body_bytes": "The code is `too_large`",
}
README_SECTIONS = ("budget", "hosts", "wallet", "approvals")
"""What a first reader needs; the page of settings has them all."""
_RPC_NOTE = "your own RPC servers, in place of the public ones in the table"

_UPSTREAM_NOTES = {
    "url": "a server of tools over streamable HTTP; exactly one of `url`, `command`, `a2a`",
    "command": "a server of tools that is started, with its arguments",
    "a2a": "where an agent takes JSON-RPC messages",
    "tools": "the tools to export, by the server's own names; empty: every one",
    "env": "variables for the command, which gets few others; values are never shown",
    "timeout_s": "the longest time for one call, in seconds",
    "max_price_usd": "the most that one call may cost; empty: your other limits alone",
}


def settings_page() -> str:
    """Return the page of settings, from the models that check them."""
    parts = [_section(name, f"[{name}]", model) for name, model in SECTIONS.items()]
    parts.append(_section("network", '[network."eip155:8453"]', NetworkSettings))
    parts.append(_section("upstream", "[upstream.NAME]", Upstream))
    return _SETTINGS.format(sections="\n".join(parts))


def _section(name: str, heading: str, model: type[Section]) -> str:
    scopes = {"network": "NETWORK__EIP155_8453", "upstream": "UPSTREAM__NAME"}
    scope = scopes.get(name, name.upper())
    rows = [
        [f"`{field}`", kind, default, note, f"`PURSER_{scope}__{field.upper()}`"]
        for field, kind, default, note in _settings(name, model)
    ]
    headings = ["setting", "type", "default", "meaning", "variable"]
    return f"## `{heading}`\n\n{table(headings, rows)}\n"


def _settings(name: str, model: type[Section]) -> Iterator[tuple[str, str, str, str]]:
    """Yield each setting of a section: its name, type, default and meaning."""
    notes = _template_notes()
    for field, info in model.model_fields.items():
        default = "none" if info.is_required() else _toml(info.get_default())
        note = notes.get((name, field)) or _UPSTREAM_NOTES.get(field, _RPC_NOTE)
        remark = _REMARKS.get(f"{name}.{field}")
        yield field, _kind(info), default, f"{note}. {remark}" if remark else note


def _template_notes() -> dict[tuple[str, str], str]:
    """Return the remarks that `purser init` writes beside the settings."""
    section, notes = "", dict[tuple[str, str], str]()
    for line in default_config_text().splitlines():
        if heading := re.match(r"\[(\w+)\]", line):
            section = heading[1]
        elif setting := re.match(r"(\w+) = .*?  # (.+)", line):
            notes[section, setting[1]] = setting[2]
    return notes


def _kind(info: Any) -> str:
    options = get_args(info.annotation)
    if get_origin(info.annotation) is Literal:
        return " or ".join(f"`{one}`" for one in options)
    if info.annotation is bool:
        return "`true` or `false`"
    if info.annotation is int:
        least, most = (
            next(getattr(one, name) for one in info.metadata if hasattr(one, name))
            for name in ("ge", "le")
        )
        return f"whole number, {least:,} to {most:,}"
    if Usd in (info.annotation, *options):
        return "USD in quotes" + (", or empty" if type(None) in options else "")
    if get_origin(info.annotation) is dict:
        return "table of texts"
    return "list of texts" if get_origin(info.annotation) is tuple else "text"


def _toml(value: Any) -> str:
    match value:
        case None:
            return '`""`'
        case tuple():
            items = cast("tuple[str, ...]", value)
            return "`[" + ", ".join(f'"{one}"' for one in items) + "]`"
        case bool():
            return "`true`" if value else "`false`"
        case int():
            return f"`{value}`"
        case dict():
            return "`{}`"
        case _:
            return f'`"{value}"`'


def settings_block() -> str:
    """Return the README's table of settings: those of `README_SECTIONS`."""
    rows = [
        [f"`{name}.{field}`", default, note]
        for name, model in SECTIONS.items()
        if name in README_SECTIONS
        for field, _, default, note in _settings(name, model)
    ]
    rows.append(['`network."<id>".rpc_urls`', "the table's", _RPC_NOTE])
    rows.append(["`upstream.<name>.*`", "none", "[paid tools of other servers](docs/upstream.md)"])
    return table(["setting", "default", "meaning"], rows)
