"""What came of many URLs, for a person as a table and a few lines, and for a program as JSON."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from server.commands.common import clean, dollars, is_terminal, print_table, say
from server.commands.launcher import as_typed
from server.commands.screen import screen_lines
from server.commands.wording import error_meta, for_terminal, words_for
from wallet.errors import as_sentence

if TYPE_CHECKING:
    from tools.many.outcome import Outcome, Page
    from wallet.errors import PurserError

_WHY = {
    "limits": "ten in a row were over a limit",
    "asked": "it was stopped",
}


class Saved(NamedTuple):
    """The file that holds a page's content, or why there is none."""

    path: str | None
    problem: str | None


def print_told(
    outcome: Outcome, saved: Mapping[int, Saved], args: argparse.Namespace, repeat_window_s: int
) -> None:
    """Write the table to standard output, and to standard error what is to be known about it."""
    from tools.many.summary import totals

    to_files = args.output_dir is not None
    _print_rows([_cells(page, saved.get(page.number)) for page in _known(outcome)], to_files)
    lines = _failures(outcome)
    lines += _answered(outcome)
    lines += _unsaved(saved)
    lines += _left(outcome)
    came = any(page.came for page in outcome.pages)
    if came and not to_files:
        lines.append("Stored: `purser receipt ID --content` shows what came, for nothing.")
    lines += _how_to_go_on(outcome, repeat_window_s)
    for line in lines:
        say(as_typed(line), sys.stderr)
    say(totals(outcome, args.max_total_usd, "--max-total-usd"), sys.stderr)


def _known(outcome: Outcome) -> list[Page]:
    """Return the pages of which something is known; a line of its own counts those left."""
    if outcome.stopped is None:
        return list(outcome.pages)
    left = {page.number for page in outcome.pages if page.is_left}
    return [one for one in outcome.pages if one.number not in left and one.same_as not in left]


def _print_rows(rows: list[list[str]], to_files: bool) -> None:
    if not rows:
        return
    headings = ["page", "price", "receipt", "file or url" if to_files else "url"]
    if not is_terminal():
        print_table(headings, rows)
        return
    laid = [
        ([number, price], its_id, clean(where))
        for number, price, its_id, where in [headings, *rows]
    ]
    # The end of a file's name may not be missing: a person types it.
    for line in screen_lines(laid, shutil.get_terminal_size().columns, whole=to_files):
        say(line)


def object_of(outcome: Outcome, saved: Mapping[int, Saved]) -> dict[str, Any]:
    """Return everything as one JSON object."""
    from tools.many.summary import counts

    return {
        "spent_usd": str(outcome.spent),
        "unclear_usd": str(outcome.unclear),
        "left_today_usd": None if outcome.left_today is None else str(outcome.left_today),
        "counts": counts(outcome.pages),
        "stopped": outcome.stopped,
        "pages": [_row(page, saved.get(page.number)) for page in outcome.pages],
    }


def _row(page: Page, saved: Saved | None) -> dict[str, Any]:
    from wallet.receipts import receipt

    bought, error = page.purchase, page.error
    return {
        "number": page.number,
        "url": page.url,
        "same_as": page.same_as,
        "receipt": None if bought is None else receipt(bought, reused=page.reused),
        "error": None if error is None else error_meta(error),
        "http_status": page.http_status,
        "reused": page.reused,
        "output": None if saved is None else saved.path,
        "output_problem": None if saved is None else saved.problem,
    }


def _cells(page: Page, saved: Saved | None) -> list[str]:
    receipt_id = "-" if page.purchase is None else page.purchase.id
    where = page.url if saved is None or saved.path is None else saved.path
    return [str(page.number), _price(page), receipt_id, where]


def _price(page: Page) -> str:
    if page.same_as is not None:
        return f"as {page.same_as}"
    if page.error is not None:
        return page.error.kind.value.code
    if page.purchase is None:
        return "not fetched"
    cost = page.purchase.cost_usd
    words = [dollars(str(cost)) if cost is not None and cost.micros else "free"]
    words += ["earlier"] if page.reused else []
    words += [] if page.came else [f"HTTP {page.http_status}"]
    return ", ".join(words)


def _failures(outcome: Outcome) -> list[str]:
    """Return what happened and what to do for each kind of failure, with our words on its first."""
    from tools.many.summary import ranges

    by_code: dict[str, list[tuple[int, PurserError]]] = {}
    for page in outcome.pages:
        if page.error is not None:
            rows = by_code.setdefault(page.error.kind.value.code, [])
            rows.append((page.number, page.error))
    lines: list[str] = []
    for code, failed in by_code.items():
        error = failed[0][1]
        words = words_for(error.kind)
        lines.append(f"{words.title} ({code}): {ranges(number for number, _ in failed)}.")
        lines.append(f"  {for_terminal(as_sentence(error.detail))}")
        if "`purser " not in error.detail:
            lines.append(f"  {words.hint}")
    return lines


def _answered(outcome: Outcome) -> list[str]:
    """Return a line for each HTTP status that counts as a failure."""
    from tools.many.summary import ranges

    by_status: dict[int, list[int]] = {}
    for page in outcome.pages:
        if page.error is None and page.http_status is not None and not page.came:
            by_status.setdefault(page.http_status, []).append(page.number)
    return [f"Answered HTTP {status}: {ranges(by_status[status])}." for status in sorted(by_status)]


def _unsaved(saved: Mapping[int, Saved]) -> list[str]:
    return [
        f"The file for page {number} cannot be written: {one.problem}. The content is stored: "
        "`purser receipt ID --content` shows it."
        for number, one in sorted(saved.items())
        if one.path is None
    ]


def _left(outcome: Outcome) -> list[str]:
    from tools.many.summary import ranges

    left = [page.number for page in outcome.pages if page.is_left]
    if outcome.stopped is None or not left:
        return []
    return [f"Not fetched, because {_WHY[outcome.stopped]}: {ranges(left)}."]


def _how_to_go_on(outcome: Outcome, repeat_window_s: int) -> list[str]:
    from tools.many.summary import kept_until

    until = kept_until(outcome, repeat_window_s)
    if until is None or all(page.came or page.same_as is not None for page in outcome.pages):
        return []
    return [f"What was bought comes back for nothing until {until}: run the command again."]
