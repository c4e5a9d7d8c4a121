"""The borders to disk and threads: real SQLite and files that fail, pause or die where told.

`borders` replaces five functions for as long as a simulation runs. Code that belongs to no
simulated process passes through them untouched.
"""

from __future__ import annotations

import asyncio
import errno
import shutil
import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import copy_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol, cast
from unittest.mock import patch

import anyio
import anyio.lowlevel
import anyio.to_thread
from sim_loop import ProcessDied, owner
from sim_plan import Fault

from wallet import proof, purchases, repeats

POLL_S = 1.7
"""Asking a waiting row twenty times a second would only make the simulation slow."""

UNSYNCED = "PRAGMA synchronous = OFF"
"""Everything lies in memory anyway; what a power cut leaves is another test's question."""


class Host(Protocol):
    """What a simulated process offers to its borders."""

    dead: bool
    connections: list[sqlite3.Connection]
    steps: list[Lockstep]

    def trouble(self, target: str) -> Fault | None:
        """Count one operation and return the fault that is due at it."""
        ...

    def may_pause(self) -> bool:
        """Tell whether a pause is planned, so that a job needs a thread of its own."""
        ...

    def die(self) -> None:
        """Be dead from here on."""
        ...

    def committed(self) -> None:
        """Notice that a database transaction is durable."""
        ...

    def delay_s(self) -> float:
        """Return how long a thread takes to begin or to be heard."""
        ...


def host() -> Host | None:
    """Return the simulated process that the present code belongs to."""
    return cast("Host | None", owner.get())


def _around(process: Host, target: str, act: Callable[[], Any], error: Exception) -> Any:
    """Do one operation with the trouble that is due before or after it."""
    if process.dead:
        raise ProcessDied
    fault = process.trouble(target)
    effect = None if fault is None else fault.effect
    if effect == "die_before":
        process.die()
        raise ProcessDied
    if effect == "fail_before":
        raise error
    result = act()
    if target == "commit":
        process.committed()
    if effect == "die_after":
        process.die()
        raise ProcessDied
    if effect == "fail_after":
        raise error
    if fault is not None and effect == "pause":
        Lockstep.pause(fault.pause_ms)
        if process.dead:
            raise ProcessDied
    return result


def _disk_error() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    error.sqlite_errorname = "SQLITE_IOERR"
    return error


class SimulatedConnection(sqlite3.Connection):
    """A real connection whose transactions can fail or be the last thing its process does."""

    process: Host

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run one statement; BEGIN and COMMIT are where trouble comes."""
        if self.process.dead:
            raise ProcessDied
        run = super().execute
        if sql == "COMMIT":
            return _around(self.process, "commit", lambda: run(sql), _disk_error())
        if sql.startswith("BEGIN"):
            return _around(self.process, "begin", lambda: run(sql), _disk_error())
        if sql.startswith("PRAGMA synchronous"):
            sql = UNSYNCED
        return run(sql, parameters)

    @property
    def in_transaction(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Tell whether to roll back; a dead process does nothing any more."""
        return not self.process.dead and super().in_transaction


def _connect(real: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
    def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        process = host()
        if process is None:
            return real(*args, **kwargs)
        connection = cast("SimulatedConnection", real(*args, factory=SimulatedConnection, **kwargs))
        connection.process = process
        process.connections.append(connection)
        return connection

    return connect


def _file_function(real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        process = host()
        if process is None:
            return real(*args, **kwargs)
        full = OSError(errno.ENOSPC, "No space left on device")
        return _around(process, "file", lambda: real(*args, **kwargs), full)

    return call


def _rmtree(path: Path, *, ignore_errors: bool = False) -> None:
    """A dead process tidies nothing up."""
    process = host()
    if process is None or not process.dead:
        shutil.rmtree(path, ignore_errors=ignore_errors)


class Lockstep:
    """One job in a thread of its own that runs only while the simulator waits for it."""

    current: Lockstep | None = None

    def __init__(self, job: Callable[[], Any]) -> None:
        self._job = job
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._paused_ms: int | None = None
        self.unfinished = True
        self._outcome: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=copy_context().run, args=(self._run,), daemon=True)
        self._thread.start()

    def advance(self) -> int | None:
        """Run on to the next pause and return its length in milliseconds; None at the end."""
        Lockstep.current, self._paused_ms = self, None
        self._go.release()
        self._back.acquire()
        Lockstep.current = None
        if self._paused_ms is None:
            self.unfinished = False
            self._thread.join()
        return self._paused_ms

    def result(self) -> Any:
        """Return or raise what the job did."""
        if self._error is not None:
            raise self._error
        return self._outcome

    @staticmethod
    def pause(for_ms: int) -> None:
        """Hand back to the simulator for a while; nothing happens outside a lockstep."""
        step = Lockstep.current
        if step is not None and threading.current_thread() is step._thread:
            step._paused_ms = for_ms
            step._back.release()
            step._go.acquire()

    def _run(self) -> None:
        self._go.acquire()
        try:
            self._outcome = self._job()
        except BaseException as error:  # noqa: BLE001 (handed on by `result`)
            self._error = error
        self._back.release()


def _run_sync(real: Callable[..., Any]) -> Callable[..., Any]:
    async def run_sync(
        function: Callable[..., Any],
        *args: Any,
        abandon_on_cancel: bool = False,
        limiter: anyio.CapacityLimiter | None = None,
    ) -> Any:
        """Stand for a worker thread: inline, with the delays and the shield that one has."""
        process = host()
        if process is None:
            return await real(function, *args, abandon_on_cancel=abandon_on_cancel, limiter=limiter)
        await anyio.lowlevel.checkpoint()
        async with limiter or nullcontext():
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(process.delay_s())
                outcome = await _run_job(process, lambda: function(*args))
                await asyncio.sleep(process.delay_s())
                return outcome()

    return run_sync


async def _run_job(process: Host, job: Callable[[], Any]) -> Callable[[], Any]:
    """Run a job to its end and return what gives its result: the exception is raised later."""
    if not process.may_pause():
        try:
            result = job()
        except Exception as error:  # noqa: BLE001 (raised where the thread is heard)
            return _raiser(error)
        return lambda: result
    step = Lockstep(job)
    process.steps.append(step)
    while (paused_ms := step.advance()) is not None:  # noqa: ASYNC110 (it is told how long)
        await asyncio.sleep(paused_ms / 1000)
    return step.result


def unwind(process: Host) -> None:
    """Let the paused jobs of a dead process run out; at each border they only raise."""
    for step in process.steps:
        while step.unfinished and step.advance() is not None:
            pass


def _raiser(error: Exception) -> Callable[[], Any]:
    def throw() -> Any:
        raise error

    return throw


@contextmanager
def borders() -> Generator[None]:
    """Put the simulated borders in place for every process simulated meanwhile."""
    with ExitStack() as stack:
        enter = stack.enter_context
        enter(patch.object(anyio.to_thread, "run_sync", _run_sync(anyio.to_thread.run_sync)))
        enter(patch.object(repeats, "JOIN_POLL_S", POLL_S))
        enter(patch.object(proof, "POLL_S", POLL_S))
        enter(patch.object(sqlite3, "connect", _connect(sqlite3.connect)))
        for name in ("write_new_file", "write_file", "sync_folder"):
            enter(patch.object(purchases, name, _file_function(getattr(purchases, name))))
        files = SimpleNamespace(rmtree=_rmtree, disk_usage=shutil.disk_usage)
        enter(patch.object(purchases, "shutil", files))
        yield
