"""How a host is treated: a few requests at a time, waited for when it says so, and not pestered."""

from __future__ import annotations

import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import anyio

from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebResponse

FAILURES_IN_A_ROW = 3
"""After so many a host is asked for nothing more; it may take money and bring nothing."""
_BUSY = (429, 503)
_LONGEST_S = 10**6


class Host:
    """One host, as every page of a call sees it.

    Args:
        at_once: how many requests it gets at a time.
    """

    def __init__(self, at_once: int) -> None:
        self.slots = anyio.CapacityLimiter(at_once)
        self._failures = 0
        self._not_before = 0.0

    @property
    def asked_to_wait(self) -> bool:
        """Tell whether it asked to be left alone until later than now."""
        return anyio.current_time() < self._not_before

    async def ready(self, until: float) -> None:
        """Wait until the host may be asked.

        Args:
            until: the latest time, on the event loop's clock.

        Raises:
            PurserError: UPSTREAM_ERROR, it keeps failing or asks to be left alone for longer.
        """
        if self._failures >= FAILURES_IN_A_ROW:
            detail = f"This host failed {self._failures} times in a row and is not asked again now."
            raise PurserError(ErrorKind.UPSTREAM_ERROR, detail)
        while self.asked_to_wait:
            wait_s = self._not_before - anyio.current_time()
            if self._not_before > until:
                detail = f"The server asks to wait {wait_s:.0f} seconds, longer than this call may."
                raise PurserError(ErrorKind.UPSTREAM_ERROR, detail)
            await anyio.sleep(wait_s)

    def heed(self, response: WebResponse) -> bool:
        """Note what an answer says about waiting; tell whether it asks to be asked again."""
        wait_s = retry_after_s(response)
        if wait_s is None:
            return False
        self._not_before = max(self._not_before, anyio.current_time() + wait_s)
        return True

    def note(self, *, failed: bool) -> None:
        """Count how a page ended: failures in a row, until one comes."""
        self._failures = self._failures + 1 if failed else 0


class Hosts:
    """The hosts of one call, by name and port; what `nobody` does counts against none of them."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self.nobody = Host(at_once)
        self._known: dict[str, Host] = {}

    def of(self, url: str) -> Host:
        """Return the host of a URL; URLs that nobody can ask share one."""
        name = ""
        with suppress(ValueError):
            name = urlsplit(url).netloc.rpartition("@")[2].lower()
        return self._known.setdefault(name, Host(self._at_once))


def retry_after_s(response: WebResponse) -> int | None:
    """Return how many seconds a 429 or 503 asks to wait (RFC 9110 section 10.2.3), if it does."""
    text = (response.header("retry-after") or "").strip()
    if response.status not in _BUSY or not text.isascii() or len(text) > 40:
        return None
    if text.isdigit():
        return min(int(text), _LONGEST_S)
    try:
        at = parsedate_to_datetime(text)
        return min(max(0, int(at.timestamp()) - time.time_ns() // 10**9 + 1), _LONGEST_S)
    except (ValueError, OverflowError):
        return None
