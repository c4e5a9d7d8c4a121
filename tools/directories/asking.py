"""Ask every directory at once: each for itself, none in the way of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urlencode, urlsplit

import anyio
import anyio.to_thread

from tools.directories.bazaar import read_bazaar
from tools.directories.catalog import read_catalog
from tools.directories.entries import Entry, Heard, Query
from tools.directories.fetching import DirectoryError, Fetcher, Page
from tools.directories.site import read_openapi, read_well_known
from tools.web.guard import HostRules, Target, check_url
from wallet.errors import PurserError
from wallet.exchange import is_good
from wallet.rails.codec import CodecError

SEARCH_LIMIT = 20
PAGE_LIMIT = 100
MAX_PAGES = 5
QUERY_CHARS = 400


@dataclass(frozen=True, slots=True)
class Source:
    """One configured directory: a facilitator's base URL, a catalog's URL, or a site's origin."""

    kind: Literal["bazaar", "mpp", "site"]
    url: str

    @property
    def label(self) -> str:
        """Return its host, by which it is named in results."""
        return urlsplit(self.url).netloc


@dataclass(slots=True)
class Answers:
    """What came of asking: usable entries, and a note for whatever is missing."""

    entries: list[Entry] = field(default_factory=list[Entry])
    notes: list[str] = field(default_factory=list[str])


async def ask_all(
    sources: Sequence[Source],
    query: Query,
    fetcher: Fetcher,
    rules: HostRules,
    *,
    timeout_s: float,
    refresh: bool,
) -> Answers:
    """Ask each directory within its own time; one that fails becomes a note.

    The order of entries and notes is that of `sources`, whichever answers first.
    """
    answers = [Answers() for _ in sources]

    async def ask(source: Source, found: Answers) -> None:
        call = _Call(source, query, fetcher, rules, anyio.current_time() + timeout_s, refresh)
        try:
            await call.run(found)
        except DirectoryError as error:
            found.notes.append(f"{source.label} {error}")

    async with anyio.create_task_group() as group:
        for source, found in zip(sources, answers, strict=True):
            group.start_soon(ask, source, found)
    return Answers(
        [entry for one in answers for entry in one.entries],
        [note for one in answers for note in one.notes],
    )


@dataclass(frozen=True, slots=True)
class _Call:
    """One directory's part of a search."""

    source: Source
    query: Query
    fetcher: Fetcher
    rules: HostRules
    until: float
    refresh: bool

    async def run(self, found: Answers) -> None:
        match self.source.kind:
            case "bazaar":
                await self._bazaar(found)
            case "mpp":
                page = await self._get(self.source.url, found)
                self._take(await self._read(page, read_catalog), found)
            case "site":
                await self._site(found)

    async def _bazaar(self, found: Answers) -> None:
        base = self.source.url.rstrip("/")
        wanted = {"query": self.query.text[:QUERY_CHARS], "limit": str(SEARCH_LIMIT)}
        if self.query.network is not None:
            wanted["network"] = self.query.network
        if self.query.max_price is not None:
            wanted["maxUsdPrice"] = str(self.query.max_price)
        page = await self._get(f"{base}/discovery/search?{urlencode(wanted)}", found, missing=True)
        if is_good(page.status):
            read = await self._read(page, lambda body: read_bazaar(body, from_search=True))
            self._take(read, found)
            return
        await self._list(f"{base}/discovery/resources", found)

    async def _list(self, url: str, found: Answers) -> None:
        """Read the list page by page; it ends where it says so, repeats itself, or grows long."""
        seen: set[tuple[str, str | None, str | None]] = set()
        listed = 0
        for _ in range(MAX_PAGES):
            parts = urlencode({"limit": PAGE_LIMIT, "offset": listed})
            page = await self._get(f"{url}?{parts}", found)
            heard = await self._read(page, lambda body, at=listed: read_bazaar(body, first=at))
            fresh = tuple(one for one in heard.entries if _key(one) not in seen)
            seen.update(map(_key, fresh))
            self._take(replace(heard, entries=fresh), found)
            listed += heard.listed
            whole = heard.listed < PAGE_LIMIT if heard.total is None else listed >= heard.total
            if whole or not fresh:
                return
        found.notes.append(f"{self.source.label}: only its first {listed} entries were looked at")

    async def _site(self, found: Answers) -> None:
        site = self.source.url.rstrip("/")
        readers: tuple[tuple[str, Callable[[bytes, str], Heard]], ...] = (
            ("/openapi.json", read_openapi),
            ("/.well-known/x402", read_well_known),
        )
        any_there = False
        for path, reader in readers:
            page = await self._get(site + path, found, missing=True)
            if is_good(page.status):
                any_there = True
                self._take(await self._read(page, lambda body, r=reader: r(body, site)), found)
        if not any_there:
            raise DirectoryError("has neither /openapi.json nor /.well-known/x402")

    async def _get(self, url: str, found: Answers, *, missing: bool = False) -> Page:
        page = await self.fetcher.get(url, until=self.until, refresh=self.refresh)
        if page.stale:
            note = f"{self.source.label} does not answer; an earlier copy was used"
            if note not in found.notes:
                found.notes.append(note)
        if not is_good(page.status) and not missing:
            raise DirectoryError(f"answers HTTP {page.status}")
        return page

    async def _read(self, page: Page, reader: Callable[[bytes], Heard]) -> Heard:
        try:
            return await anyio.to_thread.run_sync(reader, page.body)
        except CodecError as error:
            raise DirectoryError(f"cannot be read: {error}") from None

    def _take(self, heard: Heard, found: Answers) -> None:
        """Keep the entries whose URLs may be contacted, written as they would be."""
        left_out = heard.left_out
        for one in heard.entries:
            target = contactable(one.url, self.source, self.rules)
            if target is None:
                left_out += 1
                continue
            label = (self.source.label,)
            found.entries.append(replace(one, url=target.url, directories=label))
        if left_out > 0:
            found.notes.append(
                f"{self.source.label}: {left_out} entries are left out, because they cannot be"
                " read or name an address that is not contacted"
            )


def contactable(url: str, source: Source, rules: HostRules) -> Target | None:
    """Return where a listed URL leads, or None where it names what is not contacted.

    What runs on the user's own machine counts only where a directory there lists it: one on the
    web has no say about it.
    """
    try:
        target, own = check_url(url, rules), check_url(source.url, rules)
    except PurserError:
        return None
    local = rules.private_allowed(target.host, target.port)
    return None if local and not rules.private_allowed(own.host, own.port) else target


def _key(entry: Entry) -> tuple[str, str | None, str | None]:
    return entry.url, entry.method, entry.tool
