"""Directories over a real wallet, a real web client and a cache of the test's own."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox.run import Sandbox
from tests.desk import Desk, open_desk
from tools.directories.asking import Source
from tools.directories.bazaar import read_bazaar
from tools.directories.cache import DirectoryCache
from tools.directories.entries import Entry, Query
from tools.directories.finding import Directories
from tools.web.exchange import WebExchange
from wallet.appraisal import Appraiser
from wallet.exchange import Exchange, WebRequest
from wallet.money import Usd


@dataclass
class Now:
    """Unix seconds, which a test sets forward."""

    s: int = 1_795_000_000

    def __call__(self) -> int:
        return self.s


@dataclass
class WatchedWeb:
    """The desk's guarded web, noting every URL that Purser itself asks for."""

    desk: Desk
    asked: list[str] = field(default_factory=list[str])

    def exchange(self, request: WebRequest, *, timeout_s: float | None = None) -> Exchange:
        self.asked.append(request.url)
        return WebExchange(self.desk.client, request, timeout_s=10)


@dataclass
class Finder:
    """Directories under test, and what stands behind them."""

    directories: Directories
    web: WatchedWeb
    desk: Desk
    now: Now

    async def find(self, text: str = "harbour", **wanted: Any) -> dict[str, Any]:
        refresh = wanted.pop("refresh", False)
        if "max_price" in wanted:
            wanted["max_price"] = Usd.parse(wanted["max_price"])
        wanted.setdefault("limit", 50)
        return await self.directories.find(Query(text, **wanted), refresh=refresh)


@asynccontextmanager
async def open_finder(
    home: Path,
    sandbox: Sandbox,
    *sources: Source,
    timeout_s: int = 10,
    rules: dict[str, Any] | None = None,
) -> AsyncGenerator[Finder]:
    """Open directories at `sources`, whose places may be local."""
    local = [one.url for one in sources if urlsplit(one.url).hostname == "127.0.0.1"]
    async with open_desk(home, sandbox, urls=tuple(local), rules=rules) as desk:
        web, now = WatchedWeb(desk), Now()
        directories = Directories(
            sources=sources,
            web=web,
            rules=desk.client.rules,
            appraiser=Appraiser(desk.parts),
            cache=DirectoryCache(home / "directories"),
            cache_s=3600,
            timeout_s=timeout_s,
            clock=now,
        )
        yield Finder(directories, web, desk, now)


def entries_of(listings: Sequence[object]) -> list[Entry]:
    """Return what is read of a Bazaar's items."""
    return list(read_bazaar(json.dumps({"items": listings}).encode()).entries)
