"""Get one document of a directory: from the cache while it is fresh, else through the guard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from tools.directories.cache import DirectoryCache, Kept
from wallet.errors import PurserError
from wallet.exchange import WebRequest, WebResponse, is_good

if TYPE_CHECKING:
    from tools.context import Web

NOT_OFFERED = frozenset({400, 404, 405, 410, 501})
"""Answers that say something too: this directory has no such list."""


class DirectoryError(Exception):
    """A directory that cannot be used now; the reason is ours and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Page:
    """A document: `stale` where the directory did not answer and an older copy stands in."""

    status: int
    body: bytes
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches documents; a fresh copy is used for `cache_s` seconds without asking.

    `clock` gives unix seconds.
    """

    web: Web
    cache: DirectoryCache
    cache_s: int
    clock: Callable[[], int]

    async def get(self, url: str, *, until: float, refresh: bool = False) -> Page:
        """Return a document, asking no later than `until` (on anyio's clock).

        Raises:
            DirectoryError: it cannot be had, and no earlier copy is kept.
        """
        kept = await anyio.to_thread.run_sync(self.cache.load, url)
        now = self.clock()
        if kept is not None and not refresh and 0 <= now - kept.fetched_at < self.cache_s:
            return Page(kept.status, kept.body)
        try:
            answer = await self._ask(url, kept, until)
        except DirectoryError:
            if kept is None or not is_good(kept.status):
                raise
            return Page(kept.status, kept.body, stale=True)
        if kept is not None and answer.status == 304:
            current = replace(kept, fetched_at=now)
        else:
            current = Kept(url, answer.status, now, answer.header("etag"), _body(answer))
        await anyio.to_thread.run_sync(self.cache.store, current)
        return Page(current.status, current.body)

    async def _ask(self, url: str, kept: Kept | None, until: float) -> WebResponse:
        headers = [("accept", "application/json")]
        if kept is not None and kept.etag is not None:
            headers.append(("if-none-match", kept.etag))
        left_s = max(0.0, until - anyio.current_time())
        try:
            with anyio.fail_after(left_s):
                answer = await self.web.exchange(WebRequest("GET", url, tuple(headers))).ask()
        except TimeoutError:
            raise DirectoryError("did not answer in time") from None
        except PurserError as error:
            raise DirectoryError(f"cannot be asked: {error.kind.value.code}") from None
        if answer.status == 402:
            raise DirectoryError("asks for money itself, which is not paid for a search")
        if answer.status == 304 and kept is not None:
            return answer
        if not is_good(answer.status) and answer.status not in NOT_OFFERED:
            raise DirectoryError(f"answers HTTP {answer.status}")
        return answer


def _body(answer: WebResponse) -> bytes:
    """Return what is worth keeping: of an error page nothing."""
    return answer.body if is_good(answer.status) else b""
