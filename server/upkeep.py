"""What runs beside the server: open payments are brought to an end, on start and on a timer."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread

from server.stderr_log import describe_exception
from wallet.parts import Parts
from wallet.reconcile import reconcile_all

EVERY_S = 60

_log = logging.getLogger(__name__)


@asynccontextmanager
async def upkeep(
    parts: Parts, idle: Callable[[], Awaitable[None]], changed: Callable[..., None]
) -> AsyncGenerator[None]:
    """Reconcile once the server is idle after its start, and then every minute.

    Args:
        parts: the wallet.
        idle: returns when the slow modules are loaded, so that nothing delays the first answer.
        changed: hears of the receipts that say something else now.
    """
    async with anyio.create_task_group() as group:
        group.start_soon(_loop, parts, idle, changed)
        yield
        group.cancel_scope.cancel()


async def _loop(
    parts: Parts, idle: Callable[[], Awaitable[None]], changed: Callable[..., None]
) -> None:
    from tools.reading.apart import desk

    await idle()
    await anyio.to_thread.run_sync(parts.store.sweep_temporaries)
    await anyio.to_thread.run_sync(desk.prepare)
    while True:
        try:
            found = await reconcile_all(parts)
            if ids := [*found.settled, *found.verified, *found.voided]:
                changed(*ids)
        except Exception as error:  # noqa: BLE001 -- a chore must not end the server
            _log.warning("open payments could not be reconciled: %s", describe_exception(error))
        await anyio.sleep(EVERY_S)
