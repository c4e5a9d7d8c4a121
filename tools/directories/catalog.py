"""Read an MPP catalog: services with endpoints, and what each endpoint charges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tools.directories.bazaar import MAX_BYTES, MAX_ENTRIES, MAX_TAGS, MAX_URL_CHARS
from tools.directories.entries import RANKED_CHARS, Entry, Heard, read_method
from tools.directories.prices import mpp_bill
from tools.directories.words import one_line, several
from wallet.rails.codec import CodecError, as_array, as_object, parse_long_json


def read_catalog(body: bytes) -> Heard:
    """Read `{"services": [{"serviceUrl", "name", "endpoints": [...]}]}`; free endpoints are passed.

    Raises:
        CodecError: the answer as a whole is not a catalog.
    """
    document = as_object(parse_long_json(body, MAX_BYTES)) or {}
    services = as_array(document.get("services"))
    if services is None:
        raise CodecError("it is not an MPP catalog")
    entries: list[Entry] = []
    listed = 0
    for service, endpoint in _paid_endpoints(services):
        listed += 1
        if len(entries) < MAX_ENTRIES:
            entry = _entry(service, endpoint, len(entries))
            if entry is not None:
                entries.append(entry)
    return Heard(tuple(entries), left_out=listed - len(entries), total=listed, listed=listed)


def _paid_endpoints(services: list[Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for one in services:
        service = as_object(one) or {}
        for other in as_array(service.get("endpoints")) or []:
            endpoint = as_object(other) or {}
            if endpoint.get("payment") is not None:
                yield service, endpoint


def _entry(service: dict[str, Any], endpoint: dict[str, Any], position: int) -> Entry | None:
    base, path = service.get("serviceUrl", service.get("url")), endpoint.get("path")
    if not isinstance(base, str) or not isinstance(path, str) or not path.startswith("/"):
        return None
    url = base.rstrip("/") + path
    if len(url) > MAX_URL_CHARS or not url.isascii():
        return None
    payment = as_object(endpoint.get("payment")) or {}
    offers = as_array(payment.get("offers"))
    words = [endpoint.get("description"), service.get("description")]
    tags = (*several(service.get("categories"), 5), *several(service.get("tags"), 5))
    return Entry(
        url=url,
        method=read_method(endpoint.get("method")),
        tool=None,
        name=one_line(service.get("name")),
        description=one_line(" - ".join(w for w in words if isinstance(w, str)), RANKED_CHARS),
        tags=tuple(dict.fromkeys(tags))[:MAX_TAGS],
        input=None,
        bill=mpp_bill([payment] if offers is None else offers),
        position=position,
    )
