"""A bar on standard error while many pages are fetched; only for a person who looks at it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from server.commands.common import make_console, say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

STOPPING = "Stopping: what is being paid finishes first. Ctrl-C again ends at once."
WAITING = "The payments of this minute are used up (budget.payments_per_minute): waiting for more."


class Bar:
    """Shows how many pages are done, what was spent, and how many are under way.

    Without a terminal that may be drawn in, it shows nothing.

    Args:
        total: how many pages there are.
        shown: draw it.
    """

    def __init__(self, total: int, *, shown: bool) -> None:
        self._total = total
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._shown = shown
        self._said: set[str] = set()

    @contextmanager
    def drawn(self, state: Callable[[], str]) -> Generator[None]:
        """Draw it while the block runs, with what `state` says at its end, then take it away."""
        if not self._shown:
            yield
            return
        with _drawing(state) as self._progress:
            self._task = self._progress.add_task("fetching", total=self._total, spent="0.00")
            yield

    @contextmanager
    def aside(self) -> Generator[None]:
        """Take it out of the way while somebody is asked something."""
        if self._progress is None:
            yield
            return
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()

    def tell(self, done: int, spent: str) -> None:
        """Show how far it is."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, spent=spent)

    def say_once(self, text: str) -> None:
        """Write a line above the bar, or alone; not the same one twice."""
        if text in self._said:
            return
        self._said.add(text)
        if self._progress is None:
            say(text, sys.stderr)
        else:
            self._progress.console.print(text)


def can_draw() -> bool:
    """Tell whether standard error is a terminal in which a line may be drawn anew."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stderr.isatty() and not plain


def _drawing(state: Callable[[], str]) -> Progress:
    from rich import progress
    from rich.text import Text

    class State(progress.ProgressColumn):
        """What is going on, as it is when the bar is drawn."""

        def render(self, task: progress.Task) -> Text:
            return Text(state())

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("${task.fields[spent]} spent"),
        State(),
        console=make_console(sys.stderr),
        transient=True,
        refresh_per_second=5,
    )
