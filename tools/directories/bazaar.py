"""Read a Bazaar: what a facilitator lists under `/discovery` (x402 v2, extension `bazaar`)."""

from __future__ import annotations

from typing import Any

from tools.directories.entries import RANKED_CHARS, Entry, Heard, read_method, read_quality
from tools.directories.prices import x402_bill
from tools.directories.words import one_line, several, small_input
from wallet.rails.codec import CodecError, as_array, as_object, parse_long_json

MAX_BYTES = 4 * 1024 * 1024
MAX_ENTRIES = 1_000
MAX_TAGS = 10
MAX_URL_CHARS = 500


def read_bazaar(body: bytes, *, first: int = 0, from_search: bool = False) -> Heard:
    """Read one answer of `/discovery/resources` (`items`) or `/discovery/search` (`resources`).

    An entry that cannot be used is counted and left out; it spoils no other.

    Raises:
        CodecError: the answer as a whole is not a Bazaar's.
    """
    document = as_object(parse_long_json(body, MAX_BYTES)) or {}
    items = as_array(document.get("resources" if from_search else "items"))
    if items is None:
        raise CodecError("it is not the answer of a Bazaar")
    found = [
        _entry(fields, first + place, from_search)
        for place, one in enumerate(items[:MAX_ENTRIES])
        if (fields := as_object(one)) is not None
    ]
    entries = tuple(one for one in found if one is not None)
    total = (as_object(document.get("pagination")) or {}).get("total")
    return Heard(
        entries,
        left_out=len(items) - len(entries),
        total=total if isinstance(total, int) and not isinstance(total, bool) else None,
        listed=len(items),
    )


def _entry(fields: dict[str, Any], position: int, from_search: bool) -> Entry | None:
    resource = fields.get("resource")
    about = as_object(resource) or {}
    url = about.get("url", resource)
    if not isinstance(url, str) or not 0 < len(url) <= MAX_URL_CHARS or not url.isascii():
        return None
    first_offer = as_object(next(iter(as_array(fields.get("accepts")) or []), None)) or {}
    declared = as_object((as_object(fields.get("extensions")) or {}).get("bazaar")) or {}
    told = _input(fields, declared, first_offer)
    tool = told.get("toolName", told.get("tool")) if _is_mcp(fields, told) else None
    return Entry(
        url=url,
        method=read_method(told.get("method")),
        tool=(one_line(tool, 64) or "?") if _is_mcp(fields, told) else None,
        name=one_line(_first(fields, about, "serviceName")),
        description=one_line(
            _first(fields, about, "description") or first_offer.get("description"), RANKED_CHARS
        ),
        tags=several(_first(fields, about, "tags"), MAX_TAGS),
        input=small_input({k: v for k, v in told.items() if k not in ("type", "method")}),
        bill=x402_bill(fields.get("accepts")),
        quality=read_quality(fields.get("quality") or declared.get("quality")),
        position=position,
        from_search=from_search,
    )


def _first(fields: dict[str, Any], about: dict[str, Any], name: str) -> object:
    """Return a member of the entry, or of its `resource` where that is an object."""
    return fields.get(name) or about.get(name)


def _is_mcp(fields: dict[str, Any], told: dict[str, Any]) -> bool:
    return "mcp" in (fields.get("type"), told.get("type"))


def _input(
    fields: dict[str, Any], declared: dict[str, Any], first_offer: dict[str, Any]
) -> dict[str, Any]:
    """Return how the service is called: declared in v2, in the first offer or beside it in v1."""
    info = as_object(declared.get("info")) or {}
    schema = as_object(first_offer.get("outputSchema")) or {}
    metadata = as_object(fields.get("metadata")) or {}
    for holder in (info, schema, metadata):
        told = as_object(holder.get("input"))
        if told:
            return told
    return {}
