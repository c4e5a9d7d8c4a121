"""Tell open pages that the ledger changed, by server-sent events (HTML standard, section 9.2).

The ledger's mark of change is one cheap read. It is asked for once a second however many pages are
open, and not at all while none is.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable

import anyio

EVERY_S = 1.0
STILL_HERE_S = 15
STREAM_LIFE_S = 600
STREAMS_MOST = 16

_RETRY_MS = 3_000


class Watch:
    """What every open page learns changes from.

    Args:
        read_mark: gives a text that is another one once anything was written.
        every_s: how long a mark that was read is good.
    """

    def __init__(
        self, read_mark: Callable[[], Awaitable[str]], *, every_s: float = EVERY_S
    ) -> None:
        self._read_mark = read_mark
        self._every_s = every_s
        self._lock = anyio.Lock()
        self._mark = ""
        self._read_at_s: float | None = None
        self._streams = 0
        self._closing = anyio.Event()

    def close(self) -> None:
        """End every stream, so that serving can end at once."""
        self._closing.set()

    @property
    def is_full(self) -> bool:
        """Tell whether no further page can be told."""
        return self._streams >= STREAMS_MOST

    async def mark(self) -> str:
        """Return the mark, at most `every_s` old."""
        async with self._lock:
            now_s = anyio.current_time()
            if self._read_at_s is None or now_s - self._read_at_s >= self._every_s:
                self._mark = await self._read_mark()
                self._read_at_s = now_s
            return self._mark

    async def events(self) -> AsyncGenerator[str]:
        """Yield the present mark and each later one, until the stream has lived long enough.

        The browser then asks anew, and its session is looked at again.
        """
        self._streams += 1
        try:
            ends_at_s = anyio.current_time() + STREAM_LIFE_S
            known, quiet_since_s = await self.mark(), anyio.current_time()
            yield f"retry: {_RETRY_MS}\n{_event(known)}"
            while anyio.current_time() < ends_at_s:
                with anyio.move_on_after(self._every_s):
                    await self._closing.wait()
                    return
                mark = await self.mark()
                if mark != known:
                    known, quiet_since_s = mark, anyio.current_time()
                    yield _event(mark)
                elif anyio.current_time() - quiet_since_s >= STILL_HERE_S:
                    quiet_since_s = anyio.current_time()
                    yield ":\n\n"
        finally:
            self._streams -= 1


def _event(mark: str) -> str:
    return f"event: mark\ndata: {mark}\n\n"
