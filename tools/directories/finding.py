"""Find services: ask the directories, put what matches in order, and say what limits allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import anyio.to_thread

from tools.directories.asking import Answers, Source, ask_all
from tools.directories.cache import DirectoryCache, ListedPrice
from tools.directories.entries import Entry, Query
from tools.directories.fetching import Fetcher
from tools.directories.prices import lowest_price, on_network, why_no_price
from tools.directories.ranking import Ranked, rank, spread
from tools.directories.words import SHOWN_CHARS, one_line
from wallet.appraisal import Dealings
from wallet.errors import ErrorKind
from wallet.money import Usd
from wallet.receipts import iso_time

if TYPE_CHECKING:
    from tools.context import Web
    from tools.web.guard import HostRules
    from wallet.model import Bill
    from wallet.quotes import Quote, QuotedOffer

MAX_NOTES = 10
TAGS_SHOWN = 5
NOTHING_CONFIGURED = "no directory is configured; the user can name some under [directories]"
_IS_A_TOOL = "it is a tool of an MCP server, which the user can add under [upstream]"
_NO_PRICE = "the directory names no price; check_price asks the seller"
_STATED = "only stated in dollars, with no token behind it; check_price asks the seller"


class Appraiser(Protocol):
    """Says what the user's limits allow; `wallet.appraisal.Appraiser` is one."""

    async def judge(self, url: str, bill: Bill, *, max_price: Usd | None) -> Quote:
        """Return what would be done if the URL asked for exactly this."""
        ...

    async def dealings(self) -> Dealings:
        """Return whom the user has paid before."""
        ...


@dataclass(frozen=True, slots=True)
class Directories:
    """The configured directories. `timeout_s` is for each of them, `clock` gives unix seconds."""

    sources: tuple[Source, ...]
    web: Web
    rules: HostRules
    appraiser: Appraiser
    cache: DirectoryCache
    cache_s: int
    timeout_s: int
    clock: Callable[[], int]

    async def find(self, query: Query, *, refresh: bool = False) -> dict[str, Any]:
        """Return services and notes as plain data; see docs/finding.md for each field.

        Raises:
            PurserError: LEDGER_UNAVAILABLE. A directory that fails is only a note.
        """
        fetcher = Fetcher(self.web, self.cache, self.cache_s, self.clock)
        answers = await ask_all(
            self.sources,
            query,
            fetcher,
            self.rules,
            timeout_s=self.timeout_s,
            refresh=refresh,
        )
        ranked = await anyio.to_thread.run_sync(_ranked, answers.entries, query)
        shown = ranked[: query.limit]
        dealings = await self.appraiser.dealings()
        rows = [await self._row(one.entry, query, dealings) for one in shown]
        await anyio.to_thread.run_sync(self.cache.remember, self._listed(shown))
        return {
            "services": rows,
            "matches": len(ranked),
            "answered": answers.answered,
            "notes": self._notes(answers),
        }

    async def listed(self, urls: Sequence[str]) -> dict[str, dict[str, str | None]]:
        """Return what directories said that these URLs cost, where a search showed it before."""
        known = await anyio.to_thread.run_sync(self.cache.prices)
        return {
            url: {
                "price_usd": known[url].price_usd,
                "directory": known[url].directory,
                "at": iso_time(known[url].at),
            }
            for url in urls
            if url in known
        }

    async def _row(self, entry: Entry, query: Query, dealings: Dealings) -> dict[str, Any]:
        quote = await self.appraiser.judge(entry.url, entry.bill, max_price=query.max_price)
        offer = _offer_of(quote)
        price = None if offer is None else offer.amount_usd
        callable_here = entry.tool is None
        pay_to = None if offer is None else offer.pay_to or None
        return {
            "url": entry.url,
            "method": entry.method,
            "price_usd": None if price is None else str(price),
            "price_reason": _price_reason(entry) if price is None else _disputed(entry),
            "stated_price": _stated(entry, quote) if price is None else None,
            "rail": None if offer is None else offer.rail,
            "scheme": None if offer is None else offer.scheme,
            "network": None if offer is None else offer.network,
            "asset": None if offer is None else offer.asset_symbol,
            **_verdict(quote, callable_here),
            "pay_to": pay_to,
            "paid_before": {
                "host": dealings.by_host.get(urlsplit(entry.url).hostname or "", 0),
                "payee": dealings.by_payee.get((pay_to or "").lower(), 0),
            },
            "quality": {
                "unique_payers_30d": entry.quality.unique_payers,
                "calls_30d": entry.quality.calls,
                "last_called_at": entry.quality.last_called_at,
            },
            "listed_in": list(entry.directories),
            "untrusted": {
                "name": entry.name,
                "description": one_line(entry.description, SHOWN_CHARS),
                "tags": list(entry.tags[:TAGS_SHOWN]),
                "tool": entry.tool,
                "input": entry.input,
            },
        }

    def _listed(self, shown: Sequence[Ranked]) -> dict[str, ListedPrice]:
        now = self.clock()
        return {
            one.entry.url: ListedPrice(str(one.price), one.entry.directories[0], now)
            for one in shown
            if one.price is not None and one.entry.tool is None
        }

    def _notes(self, answers: Answers) -> list[str]:
        notes = answers.notes if self.sources else [NOTHING_CONFIGURED]
        more = len(notes) - MAX_NOTES
        return [*notes[:MAX_NOTES], f"{more} more notes"] if more > 0 else notes


def _ranked(entries: Sequence[Entry], query: Query) -> list[Ranked]:
    """Put what may be meant in order; runs in a worker thread, since there may be thousands."""
    wanted: list[Entry] = []
    for entry in merged(entries):
        if query.network is not None:
            bill = on_network(entry.bill, query.network)
            if not bill.offers:
                continue
            entry = replace(entry, bill=bill)
        price = lowest_price(entry.bill)
        if query.max_price is None or price is None or price <= query.max_price:
            wanted.append(entry)
    ranked = rank(wanted, query.text, lambda entry: lowest_price(entry.bill))
    return spread(ranked, _payee)


def merged(entries: Sequence[Entry]) -> list[Entry]:
    """Make one entry of all those for one call; where they differ in price, the dearest stands."""
    found: dict[tuple[str, str, str | None], Entry] = {}
    for entry in entries:
        key = (entry.url, entry.method or "GET", entry.tool)
        known = found.get(key)
        found[key] = entry if known is None else _joined(known, entry)
    return list(found.values())


def _joined(one: Entry, other: Entry) -> Entry:
    prices = [lowest_price(entry.bill) for entry in (one, other)]
    first, second = prices
    dearer = second is not None and (first is None or second > first)
    kept = other if dearer else one
    return replace(
        kept,
        method=one.method or other.method,
        name=kept.name or one.name or other.name,
        description=kept.description or one.description or other.description,
        input=kept.input or one.input or other.input,
        directories=tuple(dict.fromkeys((*kept.directories, *one.directories, *other.directories))),
        disputed=one.disputed or other.disputed or (None not in prices and first != second),
    )


def _payee(entry: Entry) -> str | None:
    return next((one.pay_to.lower() for one in entry.bill.offers if one.pay_to), None)


def _offer_of(quote: Quote) -> QuotedOffer | None:
    """Return the offer that would be paid, or else the cheapest one with a price."""
    wanted = quote.askable if quote.chosen is None else quote.chosen
    chosen = next((one for one in quote.offers if one.index == wanted), None)
    priced = [one for one in quote.offers if one.amount_usd is not None]
    cheapest = min(priced, key=lambda one: (one.amount_usd or Usd(0), one.index), default=None)
    return chosen or cheapest or next(iter(quote.offers), None)


def _verdict(quote: Quote, callable_here: bool) -> dict[str, Any]:
    """Say whether the limits would let it be paid; null where its price is not known."""
    if not callable_here:
        return {"payable": False, "refusal": None, "reason": _IS_A_TOOL}
    if not quote.offers:
        return {"payable": None, "refusal": None, "reason": _NO_PRICE}
    refusal = quote.refusal or (None if quote.chosen is not None else ErrorKind.NO_PAYABLE_OFFER)
    return {
        "payable": quote.chosen is not None,
        "refusal": None if refusal is None else refusal.value.code,
        "reason": _unreadable(quote) or quote.reason,
    }


def _unreadable(quote: Quote) -> str | None:
    """Return why the first offer cannot be read, where none of them can."""
    only_bad = all(one.refusal is ErrorKind.MALFORMED_CHALLENGE for one in quote.offers)
    return quote.offers[0].reason if quote.offers and only_bad else None


def _price_reason(entry: Entry) -> str:
    return _STATED if entry.stated is not None else why_no_price(entry.bill) or _NO_PRICE


def _stated(entry: Entry, quote: Quote) -> str | None:
    """Return what is asked for where that is no price in USD: a number of ours with its unit."""
    asked = next((one for one in quote.offers if one.amount is not None), None)
    if entry.stated is not None or asked is None:
        return entry.stated
    return f"{asked.amount} {asked.asset_symbol}" if asked.asset_symbol else asked.amount


def _disputed(entry: Entry) -> str | None:
    return "directories name different prices; this is the highest" if entry.disputed else None
