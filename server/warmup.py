"""Import what is slow in the background, once the first answer has gone out."""

from __future__ import annotations

import importlib
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.to_thread
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from server.stderr_log import describe_exception
from wallet.loading import recursion_limit_kept

SLOW_MODULES = ("httpx", "eth_account", "web3")
"""In the order a first purchase needs them."""

ANSWER_GRACE_S = 0.05
"""An answered request is still on its way through the transport; importing would slow it down."""

_log = logging.getLogger(__name__)


class Warmup:
    """Imports modules one after the other in a worker thread, after the first answered request.

    A module that cannot be imported is logged and skipped; who needs it will fail for itself.

    Args:
        modules: what to import, in order.
    """

    def __init__(self, modules: tuple[str, ...] = SLOW_MODULES) -> None:
        self._modules = modules
        self._answered = anyio.Event()
        self._wanted = anyio.Event()
        self._tell: Callable[[], None] = lambda: None
        self._done = {name: anyio.Event() for name in modules}

    async def middleware(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Let every message through, and note that one request was answered."""
        result = await call_next(ctx)
        if ctx.request_id is not None:
            self._answered.set()
            self._tell()
        return result

    def on_answer(self, tell: Callable[[], None]) -> None:
        """Have `tell` called each time a request was answered."""
        self._tell = tell

    @property
    def started(self) -> bool:
        """Tell whether importing has been asked for."""
        return self._answered.is_set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep the import task alive; leaving waits for at most the module being imported."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._import_all)
            yield
            group.cancel_scope.cancel()

    async def ready(self, names: tuple[str, ...]) -> None:
        """Wait until these modules are imported, or have failed to be; names not listed pass."""
        self._answered.set()
        self._wanted.set()
        for name in names:
            if name in self._done:
                await self._done[name].wait()

    async def idle(self) -> None:
        """Wait until everything is imported, without asking for it any earlier."""
        for done in self._done.values():
            await done.wait()

    async def _import_all(self) -> None:
        await self._answered.wait()
        with anyio.move_on_after(ANSWER_GRACE_S):
            await self._wanted.wait()
        for name in self._modules:
            await anyio.to_thread.run_sync(_import, name)
            self._done[name].set()


def _import(name: str) -> None:
    try:
        with recursion_limit_kept():
            importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 -- an optional speed-up must not end the server
        _log.warning("could not import %s ahead of time: %s", name, describe_exception(error))
