"""The ledger from async code: one whole function, one database transaction, one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from wallet.ledger.base import Ledger, LedgerUnavailableError

T = TypeVar("T")


class LedgerWorker:
    """Runs functions on the ledger one at a time, off the event loop.

    `open_ledger` is called in the worker thread on first use, and again on the next use when it
    failed, so that a disk that comes back is found. Once open the ledger is kept: reopening after
    a fault could meet an empty folder and start the budgets anew.
    """

    def __init__(self, open_ledger: Callable[[], Ledger]) -> None:
        self._open_ledger = open_ledger
        self._ledger: Ledger | None = None
        self._limiter = anyio.CapacityLimiter(1)

    async def call(self, function: Callable[[Ledger], T]) -> T:
        """Return `function(ledger)`; once begun it is finished even when the caller is cancelled.

        Raises:
            LedgerUnavailableError: the ledger cannot be opened, read or written.
        """
        return await anyio.to_thread.run_sync(
            self._run, function, abandon_on_cancel=False, limiter=self._limiter
        )

    def _run(self, function: Callable[[Ledger], T]) -> T:
        if self._ledger is None:
            try:
                self._ledger = self._open_ledger()
            except (OSError, ImportError):
                raise LedgerUnavailableError("the ledger cannot be opened") from None
        return function(self._ledger)

    async def aclose(self) -> None:
        """Close the ledger after whatever is running; a later call opens it again."""
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._close, limiter=self._limiter)

    def _close(self) -> None:
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            ledger.close()
