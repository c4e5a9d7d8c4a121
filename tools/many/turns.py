"""Let pages be decided about in the order in which they were named, whoever answers first.

Under a common limit the order decides what is bought. With it, the pages that are bought are the
ones that would be bought one by one.
"""

from __future__ import annotations

import anyio

PATIENCE_S = 3.0
"""A page whose price is not known by then lets the ones behind it go first."""


class Turns:
    """The pages under way, by number; each takes its turn when all before it have had theirs."""

    def __init__(self) -> None:
        self._undecided: set[int] = set()
        self._waiting: set[int] = set()
        self._changed = anyio.Event()

    def enter(self, number: int) -> None:
        """Count a page as under way; pages enter in order."""
        self._undecided.add(number)

    async def take(self, number: int) -> None:
        """Wait until every page before this one is decided, or is too slow to be waited for."""
        self._waiting.add(number)
        try:
            while self._before(number):
                with anyio.move_on_after(PATIENCE_S) as patience:
                    while self._before(number):
                        await self._changed.wait()
                if patience.cancelled_caught:
                    self._undecided -= self._before(number) - self._waiting
                    self._tell()
        finally:
            self._waiting.discard(number)

    def decided(self, number: int) -> None:
        """Let the next page take its turn: this one is held, or came to something else."""
        self._undecided.discard(number)
        self._tell()

    def _before(self, number: int) -> set[int]:
        return {one for one in self._undecided if one < number}

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
