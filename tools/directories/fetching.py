"""Get one document of a directory: from the cache while it is fresh, else through the guard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from tools.directories.cache import DirectoryCache, Kept
from tools.directories.entries import Heard
from wallet.errors import PurserError
from wallet.exchange import WebRequest, WebResponse, is_good
from wallet.rails.codec import CodecError

if TYPE_CHECKING:
    from tools.context import Web

NOT_OFFERED = frozenset({400, 404, 405, 410, 501})
"""Answers that say something too: this directory has no such list."""

Reader = Callable[[bytes], Heard]
"""Reads a document; raises CodecError where it is none of its kind."""


class DirectoryError(Exception):
    """A directory that cannot be used now; the reason is ours and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Page:
    """A document as it was read: `heard` is None where the directory says that it has no such one.

    `stale` tells that the directory gave no answer of use and an older copy stands in.
    """

    heard: Heard | None
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches and reads documents; a fresh copy is used for `cache_s` seconds without asking.

    Only what could be read is kept, so a broken answer never takes the place of a good copy.
    `clock` gives unix seconds.
    """

    web: Web
    cache: DirectoryCache
    cache_s: int
    clock: Callable[[], int]

    async def get(self, url: str, read: Reader, *, until: float, refresh: bool = False) -> Page:
        """Return a document, asking or starting to read no later than `until` (anyio's clock).

        Raises:
            DirectoryError: it cannot be had in time, and no earlier copy can be read.
        """
        _check_time(until)
        kept, earlier = await self._kept(url, read)
        now = self.clock()
        if kept is not None and not refresh and 0 <= now - kept.fetched_at < self.cache_s:
            return Page(earlier)
        try:
            answer = await self._ask(url, kept, until)
            if kept is not None and answer.status == 304:
                current, heard = replace(kept, fetched_at=now), earlier
            else:
                _check_time(until)
                current = Kept(url, answer.status, now, answer.header("etag"), _body(answer))
                heard = await _read(current, read)
        except DirectoryError:
            if earlier is None:
                raise
            return Page(earlier, stale=True)
        await anyio.to_thread.run_sync(self.cache.store, current)
        return Page(heard)

    async def _kept(self, url: str, read: Reader) -> tuple[Kept | None, Heard | None]:
        """Return the copy that is kept and what it says; one that cannot be read is none."""
        kept = await anyio.to_thread.run_sync(self.cache.load, url)
        if kept is None:
            return None, None
        try:
            return kept, await _read(kept, read)
        except DirectoryError:
            return None, None

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
            title = error.kind.value.title
            raise DirectoryError(f"cannot be asked: {title[:1].lower()}{title[1:]}") from None
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


def _check_time(until: float) -> None:
    if anyio.current_time() >= until:
        raise DirectoryError("did not answer in time")


async def _read(kept: Kept, read: Reader) -> Heard | None:
    """Read a document in a worker thread; None for one that says that there is no such list."""
    if not is_good(kept.status):
        return None
    try:
        return await anyio.to_thread.run_sync(read, kept.body)
    except CodecError as error:
        raise DirectoryError(f"cannot be read: {error}") from None
