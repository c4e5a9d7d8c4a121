"""The generated page of tools, and their table in README.md."""

from __future__ import annotations

import json
from typing import Any

from page_parts import table

from server.registry import ENTRIES, build_tools
from server.strict import StrictTool
from wallet.methods import WAYS
from wallet.model import Evidence, Purchase, State
from wallet.receipts import receipt

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
today's budget, how to read on, and the receipt id. An image or a sound comes as one, with that
line as text; a file that cannot be shown is described and linked. [Reading](reading.md) tells what
becomes of each kind of content. The other tools answer with structured content, and with the same
as JSON text.

## Receipts

`_meta["purser/receipt"]` of `paid_fetch` and `read_purchase`. All amounts are strings.

{receipt}

The same object is a resource: `receipt://{{id}}` for one, `receipts://recent` for the latest 20.

## Errors

`_meta["purser/error"]` and its codes are on [their own page](errors.md).
"""


def _one_of(part: int) -> str:
    """Name the rails (0) or the schemes (1) of every way to pay, in the order of the table."""
    return " or ".join(f"`{name}`" for name in dict.fromkeys(key[part] for key in WAYS))


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
    "rail": f"the payment protocol: {_one_of(0)}",
    "scheme": f"the payment scheme: {_one_of(1)}",
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
    # The whole schema: what is published leaves out bounds that a model has no use for.
    whole = tool.fn_metadata.arg_model.model_json_schema()
    required = whole.get("required", [])
    rows = [
        [
            f"`{name}`",
            _schema_words(schema),
            "required" if name in required else f"`{_json(schema.get('default'))}`",
            schema.get("description", ""),
        ]
        for name, schema in whole["properties"].items()
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


def tools_block() -> str:
    """Return the README's table of tools."""
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
