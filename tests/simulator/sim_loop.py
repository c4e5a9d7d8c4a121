"""An event loop whose time is a number: it jumps to the next timer, and repeats itself exactly."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager, suppress
from contextvars import Context, ContextVar
from importlib import import_module
from typing import Any, TypeVar
from unittest.mock import patch

H = TypeVar("H", bound=asyncio.Handle)


# anyio keeps the scope of each task by a weak key that the scope itself holds: a task that never
# ends would stay for good.
_task_states = vars(import_module("anyio._backends._asyncio"))["_task_states"]


class Mortal:
    """What can die with everything it runs: one simulated process."""

    dead = False


owner: ContextVar[Mortal | None] = ContextVar("owner", default=None)
"""The simulated process that the present code belongs to; None is the simulator itself."""


class ProcessDied(BaseException):
    """Unwinds code of a process that is dead; no handler of the product may act on it."""


class StuckError(Exception):
    """Nothing is ready and no timer is set: a task waits for what can never come."""


class NumberedTask(asyncio.Task[Any]):
    """A task whose hash is its number, so that sets of tasks have one order in every run."""

    def __init__(self, coro: Coroutine[Any, Any, Any], *, number: int, **kwargs: Any) -> None:
        self._number = number
        super().__init__(coro, **kwargs)

    def __hash__(self) -> int:
        return self._number

    def forget(self) -> None:
        """Close what a dead process left suspended, without running the loop for it."""
        self._log_destroy_pending = False
        _task_states.pop(self, None)
        if not self.done():
            with suppress(BaseException):  # a dead process has nobody to tell
                self.get_coro().close()


class _Jump:
    """Stands where a selector would: instead of waiting, it moves the clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        """Pass `timeout` seconds of virtual time in none at all."""
        if timeout is None:
            raise StuckError
        self._loop.now_s += timeout
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs callbacks in a fixed order at virtual times, and none of a process that is dead."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.tasks: list[NumberedTask] = []
        self._ready: deque[asyncio.Handle]
        self._scheduled: list[asyncio.TimerHandle]
        self._selector = _Jump(self)
        self.set_task_factory(self._number_task)
        self.set_exception_handler(_ignore)

    def time(self) -> float:
        """Return the virtual time in seconds since the loop was made."""
        return self.now_s

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Schedule a callback, unless its process is dead."""
        if _is_dead(context):
            return _never(asyncio.Handle(callback, args, self, context))
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:  # fmt: skip
        """Set a timer, unless its process is dead."""
        if _is_dead(context):
            return _never(asyncio.TimerHandle(when, callback, args, self, context))
        return super().call_at(when, callback, *args, context=context)

    def bury(self, process: Mortal) -> None:
        """Drop everything that was scheduled for a process."""
        for handle in (*self._ready, *self._scheduled):
            if _owner_of(handle) is process:
                handle.cancel()

    def close(self) -> None:
        """Forget what never ended, then close."""
        for task in self.tasks:
            task.forget()
        self.tasks.clear()
        super().close()

    def _number_task(
        self, loop: asyncio.AbstractEventLoop, coro: Any, **kwargs: Any
    ) -> NumberedTask:
        task = NumberedTask(coro, loop=loop, number=len(self.tasks), **kwargs)
        self.tasks.append(task)
        return task

    def _process_events(self, event_list: list[Any]) -> None:
        """There are no files to watch."""

    def _write_to_self(self) -> None:
        """There is nobody to wake."""


def _ignore(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Dead processes leave exceptions that nobody asks for; the model judges the living."""


@contextmanager
def burying() -> Generator[None]:
    """Hear no complaints of scopes and locks that are left outside of their task.

    What a dead process left suspended is closed in here, the last of it by a collection; freeze
    the heap before, and that costs next to nothing.
    """
    with patch.object(sys, "unraisablehook", lambda _: None):  # pyright: ignore
        yield
        gc.collect()


def _is_dead(context: Context | None) -> bool:
    process = owner.get() if context is None else context.get(owner)
    return process is not None and process.dead


def _owner_of(handle: asyncio.Handle) -> Mortal | None:
    context: Context | None = getattr(handle, "_context", None)
    return None if context is None else context.get(owner)


def _never(handle: H) -> H:
    handle.cancel()
    return handle
