"""Ctrl-C twice: the first ends in order, the second at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any


@contextmanager
def first_ctrl_c(stop: Callable[[], None]) -> Generator[None]:
    """Run `stop` on the event loop at the first Ctrl-C; at the next, raise KeyboardInterrupt.

    A plain signal handler, because Windows has no other; the loop is woken on every system. Where
    Ctrl-C was ignored from the start, as for a job in the background, it stays so.
    """
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        yield
        return

    def first(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        loop.call_soon_threadsafe(stop)

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
