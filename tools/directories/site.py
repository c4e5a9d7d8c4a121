"""Read what a site tells of itself: `/openapi.json` and `/.well-known/x402`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from tools.directories.bazaar import MAX_BYTES, MAX_ENTRIES, MAX_TAGS, MAX_URL_CHARS
from tools.directories.entries import METHODS, RANKED_CHARS, Entry, Heard
from tools.directories.prices import mpp_bill, stated_price
from tools.directories.words import one_line, several, small_input
from wallet.model import Bill
from wallet.rails.codec import CodecError, as_array, as_object, parse_long_json

_REF = "#/components/schemas/"
_MAX_PARAMETERS = 20


def read_openapi(body: bytes, site: str) -> Heard:
    """Read an OpenAPI document's paid operations (draft-payment-discovery-01).

    `x-payment-info` is either of offers in the token's smallest unit or of a price in decimal
    dollars; the two are never mixed. A server of another host than the site's is not believed.

    Raises:
        CodecError: it is not an OpenAPI document.
    """
    document = as_object(parse_long_json(body, MAX_BYTES)) or {}
    paths = as_object(document.get("paths"))
    if paths is None:
        raise CodecError("it is not an OpenAPI document")
    base = _base(document, site)
    entries: list[Entry] = []
    listed = 0
    for path, method, operation in _paid_operations(paths):
        listed += 1
        url = None if base is None else base.rstrip("/") + path
        if url is not None and _fits(url) and len(entries) < MAX_ENTRIES:
            entries.append(_operation(document, url, method, operation, len(entries)))
    return Heard(tuple(entries), left_out=listed - len(entries), total=listed, listed=listed)


def read_well_known(body: bytes, site: str) -> Heard:
    """Read `/.well-known/x402`: the URLs under `resources`; its `instructions` are not read.

    Raises:
        CodecError: it has no such list.
    """
    document = as_object(parse_long_json(body, MAX_BYTES)) or {}
    resources = as_array(document.get("resources"))
    if resources is None:
        raise CodecError("it has no list of resources")
    urls = dict.fromkeys(
        url
        for one in resources[:MAX_ENTRIES]
        if isinstance(one, str) and (url := _below(site, one)) is not None
    )
    entries = tuple(
        Entry(url, None, None, "", "", (), None, Bill(()), position=place)
        for place, url in enumerate(urls)
    )
    return Heard(entries, len(resources) - len(entries), len(resources), len(resources))


def _paid_operations(paths: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, one in paths.items():
        for method, other in (as_object(one) or {}).items():
            operation = as_object(other) or {}
            if method.upper() in METHODS and "x-payment-info" in operation and path[:1] == "/":
                yield path, method.upper(), operation


def _base(document: Mapping[str, Any], site: str) -> str | None:
    """Return where the paths lie: the site, or a server the document names on the same host."""
    servers = as_array(document.get("servers")) or []
    named = (as_object(servers[0]) or {}).get("url") if servers else None
    if named is None:
        return site
    return _below(site, named) if isinstance(named, str) else None


def _below(site: str, reference: str) -> str | None:
    """Return the URL that a reference names, if it is of the site's host or of one below it."""
    if not _fits(reference):
        return None
    try:
        url = urljoin(site, reference)
        host, own = urlsplit(url).hostname or "", urlsplit(site).hostname or ""
    except ValueError:
        return None
    return url if host == own or host.endswith(f".{own}") else None


def _fits(url: str) -> bool:
    return len(url) <= MAX_URL_CHARS and url.isascii()


def _operation(
    document: Mapping[str, Any], url: str, method: str, operation: dict[str, Any], position: int
) -> Entry:
    payment = as_object(operation.get("x-payment-info")) or {}
    offers = as_array(payment.get("offers"))
    price = payment.get("price")
    if offers is None:
        offers = [] if price is not None else [payment]
    title = (as_object(document.get("info")) or {}).get("title")
    words = [operation.get("summary"), operation.get("description")]
    service = as_object(document.get("x-service-info")) or {}
    tags = (*several(operation.get("tags"), 5), *several(service.get("categories"), 5))
    return Entry(
        url=url,
        method=method,
        tool=None,
        name=one_line(title),
        description=one_line(" - ".join(w for w in words if isinstance(w, str)), RANKED_CHARS),
        tags=tuple(dict.fromkeys(tags))[:MAX_TAGS],
        input=small_input(_inputs(document, operation)),
        bill=mpp_bill(offers),
        stated=stated_price(price),
        position=position,
    )


def _inputs(document: Mapping[str, Any], operation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters by name with where they go, and the schema of a JSON body."""
    told: dict[str, Any] = {}
    for one in (as_array(operation.get("parameters")) or [])[:_MAX_PARAMETERS]:
        parameter = as_object(one) or {}
        if isinstance(parameter.get("name"), str):
            where = parameter.get("in")
            needed = ", required" if parameter.get("required") is True else ""
            told[parameter["name"]] = f"{where if isinstance(where, str) else 'query'}{needed}"
    content = as_object((as_object(operation.get("requestBody")) or {}).get("content")) or {}
    schema = as_object((as_object(content.get("application/json")) or {}).get("schema"))
    if schema is not None:
        told["body"] = _resolved(document, schema)
    return told


def _resolved(document: Mapping[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follow one reference into the same document; none leads out of it."""
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith(_REF):
        return schema
    schemas = as_object((as_object(document.get("components")) or {}).get("schemas")) or {}
    return as_object(schemas.get(reference.removeprefix(_REF))) or {}
