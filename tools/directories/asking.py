"""Ask every directory at once: each for itself, none in the way of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urlencode, urlsplit

import anyio

from tools.directories.bazaar import read_bazaar
from tools.directories.catalog import read_catalog
from tools.directories.entries import Entry, Heard, Query
from tools.directories.fetching import DirectoryError, Fetcher, Reader
from tools.directories.site import read_openapi, read_well_known
from tools.web.guard import HostRules, Target, check_url
from wallet.errors import PurserError

SEARCH_LIMIT = 20
PAGE_LIMIT = 100
MAX_PAGES = 5
MAX_TAKEN = 2_000
"""Entries of one directory that are looked at in all, over its pages and documents."""
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
    """What came of asking: usable entries, and a note for whatever is missing.

    `taken` counts the entries looked at, also those whose URLs are not contacted. `answered` counts
    the directories that had anything to look at, an earlier copy included.
    """

    entries: list[Entry] = field(default_factory=list[Entry])
    notes: list[str] = field(default_factory=list[str])
    taken: int = 0
    answered: int = 0

    def note(self, text: str) -> None:
        """Add a note, unless it is there."""
        if text not in self.notes:
            self.notes.append(text)


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
            found.answered = 1
        except DirectoryError as error:
            found.notes.append(f"{source.label} {error}")
            found.answered = min(1, found.taken)

    async with anyio.create_task_group() as group:
        for source, found in zip(sources, answers, strict=True):
            group.start_soon(ask, source, found)
    return Answers(
        [entry for one in answers for entry in one.entries],
        [note for one in answers for note in one.notes],
        answered=sum(one.answered for one in answers),
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
                self._take(await self._get(self.source.url, read_catalog, found), found)
            case "site":
                await self._site(found)

    async def _bazaar(self, found: Answers) -> None:
        base = self.source.url.rstrip("/")
        wanted = {"query": self.query.text[:QUERY_CHARS], "limit": str(SEARCH_LIMIT)}
        if self.query.network is not None:
            wanted["network"] = self.query.network
        if self.query.max_price is not None:
            wanted["maxUsdPrice"] = str(self.query.max_price)
        heard = await self._seek(
            f"{base}/discovery/search?{urlencode(wanted)}",
            lambda body: read_bazaar(body, from_search=True),
            found,
        )
        if heard is None:
            await self._list(f"{base}/discovery/resources", found)
        else:
            self._take(heard, found)

    async def _list(self, url: str, found: Answers) -> None:
        """Read the list page by page; it ends where it says so, repeats itself, or grows long."""
        seen: set[tuple[str, str | None, str | None]] = set()
        listed = 0
        for _ in range(MAX_PAGES):
            parts = urlencode({"limit": PAGE_LIMIT, "offset": listed})
            heard = await self._get(
                f"{url}?{parts}", lambda body, at=listed: read_bazaar(body, first=at), found
            )
            fresh = tuple(one for one in heard.entries if _key(one) not in seen)
            seen.update(map(_key, fresh))
            self._take(replace(heard, entries=fresh), found)
            listed += heard.listed
            whole = heard.listed < PAGE_LIMIT if heard.total is None else listed >= heard.total
            if whole or not fresh:
                return
            if found.taken >= MAX_TAKEN:
                break
        found.note(self._only(min(listed, MAX_TAKEN)))

    async def _site(self, found: Answers) -> None:
        site = self.source.url.rstrip("/")
        readers: tuple[tuple[str, Callable[[bytes, str], Heard]], ...] = (
            ("/openapi.json", read_openapi),
            ("/.well-known/x402", read_well_known),
        )
        any_there = False
        for path, reader in readers:
            heard = await self._seek(site + path, lambda body, r=reader: r(body, site), found)
            if heard is not None:
                any_there = True
                self._take(heard, found)
        if not any_there:
            raise DirectoryError("has neither /openapi.json nor /.well-known/x402")

    async def _get(self, url: str, read: Reader, found: Answers) -> Heard:
        heard = await self._seek(url, read, found)
        if heard is None:
            raise DirectoryError("has no list at its URL")
        return heard

    async def _seek(self, url: str, read: Reader, found: Answers) -> Heard | None:
        """Return a document of the directory, or None where it says that it has no such one."""
        page = await self.fetcher.get(url, read, until=self.until, refresh=self.refresh)
        if page.stale:
            found.note(f"{self.source.label} gives no usable answer; an earlier copy was used")
        return page.heard

    def _only(self, count: int) -> str:
        return f"{self.source.label}: only its first {count} entries were looked at"

    def _take(self, heard: Heard, found: Answers) -> None:
        """Keep the entries whose URLs may be contacted, written as they would be."""
        left_out = heard.left_out
        room = MAX_TAKEN - found.taken
        found.taken += min(room, len(heard.entries))
        for one in heard.entries[:room]:
            target = contactable(one.url, self.source, self.rules)
            if target is None:
                left_out += 1
                continue
            label = (self.source.label,)
            found.entries.append(replace(one, url=target.url, directories=label))
        if len(heard.entries) > room:
            found.note(self._only(MAX_TAKEN))
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
