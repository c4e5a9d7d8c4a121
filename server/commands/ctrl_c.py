"""Ctrl-C: during a hidden question it ends the process; in a long run, the first ends in order.

A question is asked in a thread that no signal reaches, and that nothing but an answer ends.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from server.exit_codes import INTERRUPTED

_open_questions: list[Callable[[], None]] = []


@contextmanager
def question() -> Generator[None]:
    """Mark that somebody is asked something hidden: the next Ctrl-C ends the process.

    The terminal then shows again what is typed.
    """
    _open_questions.append(_terminal_as_it_is())
    try:
        yield
    finally:
        _open_questions.pop()


@contextmanager
def heeding_questions() -> Generator[None]:
    """Let Ctrl-C end the process while a question is open, and do as before otherwise."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before):  # ignored from the start, as for a job in the background
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        _leave_a_question()
        before(number, frame)

    with _handling(handle):
        yield


@contextmanager
def first_ctrl_c(stop: Callable[[], None]) -> Generator[None]:
    """Run `stop` on the event loop at the first Ctrl-C; at the next, raise KeyboardInterrupt.

    A plain signal handler, because Windows has no other; the loop is woken on every system. Where
    Ctrl-C was ignored from the start, as for a job in the background, it stays so.
    """
    loop = asyncio.get_running_loop()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield
        return

    def first(number: int, frame: FrameType | None) -> None:
        _leave_a_question()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        loop.call_soon_threadsafe(stop)

    with _handling(first):
        yield


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], Any]) -> Generator[None]:
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _leave_a_question() -> None:
    """End the process if a question is open: without the key nothing is signed meanwhile.

    A normal end would wait for the thread that reads the answer. What else goes on is left as a
    crash leaves it, which loses nothing.
    """
    if _open_questions:
        _open_questions[0]()
        with suppress(OSError):
            os.write(2, b"\n")
        os._exit(INTERRUPTED)


def _terminal_as_it_is() -> Callable[[], None]:
    """Return what sets the terminal back to how it is now."""
    with suppress(ImportError, OSError, ValueError):
        import termios

        terminal = sys.stdin.fileno()
        as_it_is = termios.tcgetattr(terminal)
        return lambda: termios.tcsetattr(terminal, termios.TCSANOW, as_it_is)
    return lambda: None
