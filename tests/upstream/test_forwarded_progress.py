"""What an upstream says of its progress is forwarded bounded, cleaned and only as real numbers."""

from __future__ import annotations

import pytest

from server.upstream.tools import PROGRESS_CHARS, Forward


class Told:
    """Stands in for the host's side of a call."""

    def __init__(self) -> None:
        self.reports: list[tuple[float, float | None, str | None]] = []

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Keep one report."""
        self.reports.append((progress, total, message))


@pytest.mark.asyncio
async def test_progress_goes_forward_in_numbers_that_json_has_and_visible_words() -> None:
    told = Told()
    forward = Forward(told)
    await forward(1, float("inf"), "a\n\U000e0041\u202eb" + "x" * 5_000)
    for odd in (float("nan"), float("inf"), 1, 0.5):
        await forward(odd, 3, "again")
    await forward(2, 3, None)
    (_, total, words), last = told.reports
    assert total is None
    assert words is not None
    assert words.startswith("a bx")
    assert len(words) == PROGRESS_CHARS
    assert last == (2, 3, None)
