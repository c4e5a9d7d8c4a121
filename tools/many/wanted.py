"""What a call of many pages is asked for, and the rows that it begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.many.outcome import Page
from wallet.exchange import WebRequest

if TYPE_CHECKING:
    from wallet.money import Usd


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to fetch: URLs in order, what they may cost together, and how many go at a time.

    `time_s` is for all of it, in its first two thirds pages are begun and paid; None sets no limit.
    No page may cost more than `max_price`, if there is one.
    """

    urls: tuple[str, ...]
    max_total: Usd | None
    concurrency: int
    time_s: int | None
    max_price: Usd | None = None


def numbered(urls: tuple[str, ...]) -> list[Page]:
    """Return one row for each URL; a URL that stands there again is that of its first row."""
    first: dict[str, int] = {}
    pages: list[Page] = []
    for number, url in enumerate(urls, 1):
        earlier = first.setdefault(url, number)
        pages.append(Page(number, url, same_as=None if earlier == number else earlier))
    return pages


def request_of(url: str) -> WebRequest:
    """Return the request for one page."""
    return WebRequest("GET", url)
