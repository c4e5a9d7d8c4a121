"""What a directory tells of one service, in one form whatever the directory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wallet.model import Bill
from wallet.money import Usd
from wallet.rails.codec import as_object

RANKED_CHARS = 1_000
MAX_COUNT = 10**12
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: `network` is a CAIP-2 id, `max_price` leaves out what costs more."""

    text: str
    max_price: Usd | None = None
    network: str | None = None
    limit: int = 10


@dataclass(frozen=True, slots=True)
class Quality:
    """How a directory says that a service was used in 30 days; each figure may be missing."""

    unique_payers: int | None = None
    calls: int | None = None
    last_called_at: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One service. Texts are a stranger's, on one line and bounded; `url` is not checked yet.

    `bill` has the offers that the entry names, as a 402 would. `stated` is a price in the
    directory's own words, read strictly, which no amount of a known token stands behind.
    `from_search` tells that the directory itself found it for the query, at `position`.
    `directories` are those that list it, first the one whose offers and price these are.
    """

    url: str
    method: str | None
    tool: str | None
    name: str
    description: str
    tags: tuple[str, ...]
    input: Mapping[str, Any] | None
    bill: Bill
    stated: str | None = None
    quality: Quality = Quality()
    position: int = 0
    from_search: bool = False
    directories: tuple[str, ...] = ()
    disputed: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of one document: its entries, how many it had in all, and whether more follow."""

    entries: tuple[Entry, ...] = ()
    left_out: int = 0
    total: int | None = None
    listed: int = 0


def read_method(value: object) -> str | None:
    """Return an HTTP method that can be called here, or None."""
    text = value.upper() if isinstance(value, str) and len(value) <= 10 else ""
    return text if text in METHODS else None


def read_quality(value: object) -> Quality:
    """Return a Bazaar entry's `quality`, leaving out what is not a plain count or time."""
    fields = as_object(value) or {}
    moment = fields.get("lastCalledAt")
    return Quality(
        _count(fields.get("l30DaysUniquePayers")),
        _count(fields.get("l30DaysTotalCalls")),
        moment if isinstance(moment, str) and _MOMENT.fullmatch(moment) else None,
    )


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MAX_COUNT else None
