"""The generated pages of tools, settings and errors, and the blocks of README.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin

from server.commands.demo import NAME_COLUMNS, Chapter, outcome
from server.config_template import default_config_text
from server.registry import ENTRIES, build_tools
from server.settings_models import SECTIONS, NetworkSettings, Section, Upstream
from server.strict import StrictTool
from wallet.errors import ErrorKind, PurserError
from wallet.model import Evidence, Purchase, State
from wallet.money import Usd
from wallet.receipts import receipt

ROOT = Path(__file__).resolve().parent.parent

_ERRORS = """\
# Errors

A refusal or failure is a tool result with `isError` set. Its text is one line under 1,000
characters: what happened, whether money moved, what to do, and whether to try again. The same is in
`_meta["purser/error"]`:

{meta}

No text of a seller is quoted in an error.

*Retry* says whether the same call may succeed later; a single failure can say otherwise in its own
`retryable`. *Refusal* means that your own rules said no; a `purser` command then exits with 3, and
with 1 for any other error. A refusal comes before anything is signed.

{codes}

## When approval is needed

A price above `budget.approval_above` waits for you. The first call is refused with
`approval_required`, and the request is written down under `approval_id`. You see its terms and
answer with `purser approve ID` or `purser deny ID`; then the same call pays, once, if its terms are
still those. [How it works](how-it-works.md#approvals) has the rest.
"""

_ERROR_META = {
    "code": "one of the codes below",
    "title": "what the code means, in a few words",
    "hint": "what to do about it",
    "retryable": "`true` when the same call may succeed later",
    "spent": "whether money moved: `no`, `yes` or `unknown`",
    "receipt_id": "the purchase this is about, or `null`",
    "approval_id": "the request for approval this is about, or `null`",
    "offers": "for each offer of the seller, why it was refused; at most 20",
}

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

_TOOLS = """\
# Tools

Arguments are checked to the letter: an unknown name is an error, not ignored, and so is a value of
another type. Lists and objects may also come as JSON text, which some hosts send. No argument
raises a limit. The annotations are hints for the host, such as whether to ask you before a call;
they enforce nothing.

{tools}
## Content

`paid_fetch` and `read_purchase` answer with one text block: the content between two boundary lines
that were drawn after it was written, then one line from Purser with the price, what is left of
today's budget, how to read on, and the receipt id. An image comes as an image, with that line as
text. The other tools answer with structured content, and with the same as JSON text.

## Receipts

`_meta["purser/receipt"]` of `paid_fetch` and `read_purchase`. All amounts are strings.

{receipt}

The same object is a resource: `receipt://{{id}}` for one, `receipts://recent` for the latest 20.

## Errors

`_meta["purser/error"]` and its codes are on [their own page](errors.md).
"""

_RECEIPT = {
    "id": "the receipt id, a UUIDv7",
    "status": "`free`, `settled`, `unknown` or `void`",
    "evidence": "how Purser knows: `verified` (read from the chain), `claimed` (the seller's word),"
    " `unknown`, or `none` when there is nothing to prove",
    "spent": "whether money moved: `yes`, `no` or `unknown`",
    "reused": "`true` when it was bought earlier and nothing was paid now",
    "amount_usd": "the price in USD",
    "amount_atomic": "the price in the token's smallest unit",
    "asset": "`symbol`, `address` and `decimals` of the token",
    "network": "the CAIP-2 id of the chain",
    "rail": "the payment protocol, `x402`",
    "scheme": "the payment scheme, `exact`",
    "payer": "this wallet's address",
    "pay_to": "the address that is paid",
    "nonce": "the nonce of the authorization",
    "valid_before": "when the authorization lapses, UTC",
    "tx_hash": "the transfer on the chain, when one is known",
    "resource": "the URL that was asked for",
    "method": "the HTTP method",
    "created_at": "when the purchase was written to the ledger, UTC",
    "settled_at": "when it was recorded as settled, UTC",
    "delivery": "`http_status`, `content_type`, `bytes` and `sha256` of the answer",
    "notes": "remarks of Purser, in its own words",
}


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def errors_page() -> str:
    """Return the page of error codes, from `wallet/errors.py`."""
    meta = PurserError(ErrorKind.TIMEOUT, "").meta()
    rows = [
        [
            f"`{kind.value.code}`",
            kind.value.title,
            kind.value.hint,
            "yes" if kind.value.retryable else "no",
            "yes" if kind.value.refusal else "no",
        ]
        for kind in ErrorKind
    ]
    return _ERRORS.format(
        meta=table(["field", "meaning"], [[f"`{name}`", _ERROR_META[name]] for name in meta]),
        codes=table(["code", "what happened", "what to do", "retry", "refusal"], rows),
    )


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


def tools_page() -> str:
    """Return the page of tools, from their functions and the registry."""
    keys = receipt(_example())
    rows = [[f"`{key}`", _RECEIPT[key]] for key in keys]
    return _TOOLS.format(
        tools="\n".join(_tool(one) for one in _tools()), receipt=table(["field", "meaning"], rows)
    )


def _example() -> Purchase:
    blank: dict[str, Any] = dict.fromkeys(Purchase.__dataclass_fields__)
    blank |= {"state": State.FREE, "evidence": Evidence.NONE, "created_at": 0, "notes": ()}
    return Purchase(**blank)


def _tools() -> list[StrictTool]:
    async def ready(_: tuple[str, ...]) -> None:
        raise AssertionError("documented tools are never called")

    async def toolbox() -> Any:
        raise AssertionError("documented tools are never called")

    return build_tools(toolbox, ready)


def _tool(tool: StrictTool) -> str:
    required = tool.parameters.get("required", [])
    rows = [
        [
            f"`{name}`",
            _schema_words(schema),
            "required" if name in required else f"`{_json(schema.get('default'))}`",
            schema.get("description", ""),
        ]
        for name, schema in tool.parameters.get("properties", {}).items()
    ]
    arguments = table(["argument", "type", "default", "meaning"], rows) if rows else "No arguments."
    hints = tool.annotations.model_dump(exclude_none=True) if tool.annotations else {}
    shown = ", ".join(f"`{_camel(name)}: {_json(value)}`" for name, value in hints.items())
    return (
        f"## `{tool.name}`\n\n{tool.title}. What the model is told:\n\n{_quoted(tool.description)}"
        f"\n\n{arguments}\n\nAnnotations: {shown}.\n"
    )


def _quoted(text: str | None) -> str:
    return "\n".join(f"> {line}".rstrip() for line in (text or "").splitlines())


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _json(value: Any) -> str:
    import json

    return json.dumps(value)


def _schema_words(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "anyOf" in schema:
        kinds = [_schema_words(one) for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    match schema.get("type"):
        case "array":
            return f"list of {schema['minItems']} to {schema['maxItems']} strings"
        case "object":
            return "object of strings"
        case "integer":
            return f"whole number, {schema['minimum']:,} to {schema['maximum']:,}"
        case "string" if "maxLength" in schema:
            return f"string, at most {schema['maxLength']:,} characters"
        case kind:
            return str(kind)


def _tools_block() -> str:
    rows = [
        [
            f"`{tool.name}`",
            ", ".join(f"`{name}`" for name in tool.parameters.get("properties", {})) or "none",
            (tool.description or "").partition("\n")[0].rstrip("."),
            "yes" if entry.pays else "no",
        ]
        for tool, entry in zip(_tools(), ENTRIES, strict=True)
    ]
    return table(["tool", "arguments", "what it does", "may pay"], rows)


def _settings_block() -> str:
    rows = [
        [f"`{name}.{field}`", default, note]
        for name, model in SECTIONS.items()
        for field, _, default, note in _settings(name, model)
    ]
    rows.append(['`network."<id>".rpc_urls`', "the table's", _RPC_NOTE])
    rows.append(["`upstream.<name>.*`", "none", "[paid tools of other servers](docs/upstream.md)"])
    return table(["setting", "default", "meaning"], rows)


def transcript(story: dict[str, Any]) -> str:
    """Return the paid and the refused call of a `purser demo --json` story.

    Only the first line of the page's text is shown; the rest stands as `[...]`.
    """
    chapters: list[dict[str, Any]] = story["chapters"]
    paid = next(one for one in chapters if one["payments_seen"])
    refused = next(one for one in chapters if one["error"])
    opening, title, *_, end, footer = paid["text"].splitlines()
    told: list[str] = []
    for one, shown in (
        (paid, [opening, title, "[...]", end, footer]),
        (refused, refused["text"].splitlines()),
    ):
        facts = [("model calls", one["call"]), *outcome(Chapter(**one))]
        call, *came = [f"{name:{NAME_COLUMNS}} {value}" for name, value in facts]
        told.append("\n".join([call, *(f"  {line}" for line in shown), *came]))
    return "```text\n" + "\n\n".join(told) + "\n```"


BLOCKS: dict[str, Callable[[], str]] = {"tools": _tools_block, "settings": _settings_block}


def with_block(page: str, name: str, content: str) -> str:
    """Return a page with the generated block of this name replaced.

    Raises:
        ValueError: the page does not have exactly one such block.
    """
    begin, end = f"<!-- generated:{name} -->", f"<!-- /generated:{name} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"the page needs one block {name}")
    before, rest = page.split(begin)
    return f"{before}{begin}\n{content}\n{end}{rest.split(end)[1]}"


def block_of(page: str, name: str) -> str:
    """Return what stands in a generated block."""
    inside = page.split(f"<!-- generated:{name} -->")[1]
    return inside.split(f"<!-- /generated:{name} -->")[0].strip("\n")
