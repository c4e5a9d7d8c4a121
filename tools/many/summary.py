"""Say what came of many URLs in one bounded text: what it cost, every receipt, what is left to do.

Pages are named by their position in the caller's own list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tools.many.outcome import Outcome, Page, Stopped
from wallet.model import State
from wallet.money import Usd
from wallet.receipts import iso_time

TEXT_CHARS = 24_000
"""Hosts cut a longer result, or put it into a file."""
URLS_SHOWN = 100
"""With more pages than this, a line has no URL: the caller has the list."""
_URL_CHARS = 80
_DETAIL_CHARS = 160
_RESERVED_CHARS = 2_000
_KINDS = {
    "bought": "",
    "earlier": "bought earlier, nothing spent now",
    "free": "free",
    "refused": "refused",
    "failed": "failed",
    "left": "not fetched",
    "duplicates": "duplicates, fetched once",
}
_WHY = {
    Stopped.TIME: "the time for one call is over",
    Stopped.RATE: "the user's limit of payments per minute is reached; wait a minute",
    Stopped.LIMITS: "ten in a row were over a limit",
    Stopped.ASKED: "it was stopped",
}


def summarise(outcome: Outcome, max_total: Usd | None, repeat_window_s: int) -> str:
    """Return the text for a model: totals, one line for each receipt, and the rest by reason."""
    parts = [totals(outcome, max_total), *_unfinished(outcome, repeat_window_s)]
    parts += _without(outcome)
    used = sum(len(part) + 1 for part in parts)
    lines = _receipts(outcome, max(TEXT_CHARS - _RESERVED_CHARS - used, _RESERVED_CHARS))
    text = "\n".join([*parts[:1], *lines, *parts[1:]])
    return text if len(text) <= TEXT_CHARS else text[: TEXT_CHARS - 3] + "..."


def ranges(numbers: Iterable[int]) -> str:
    """Write ascending numbers briefly: `3, 5-8`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], number]
        else:
            runs.append([number])
    return ", ".join("-".join(map(str, run)) for run in runs)


def counts(pages: Sequence[Page]) -> dict[str, int]:
    """Return how many pages were bought now, came earlier, were free, failed, are left or double.

    `refused`: by the user's limits or the caller's own. `failed`: everything else without content.
    """
    found: dict[str, int] = dict.fromkeys(_KINDS, 0)
    for page in pages:
        found[_kind(page)] += 1
    return found


def _kind(page: Page) -> str:
    if page.same_as is not None:
        return "duplicates"
    if page.is_left:
        return "left"
    if page.error is not None:
        return "refused" if page.error.kind.value.refusal else "failed"
    if not page.came:
        return "failed"
    if page.purchase is not None and page.purchase.state is State.FREE:
        return "free"
    return "earlier" if page.reused else "bought"


def totals(outcome: Outcome, max_total: Usd | None, its_name: str = "max_total_usd") -> str:
    """Say in one line what was spent, what is left, and how many pages ended in which way."""
    found = counts(outcome.pages)
    limit = "" if max_total is None else f" of {its_name} ${max_total}"
    pages = "page" if found["bought"] == 1 else "pages"
    words = [f"{found['bought']} {pages} bought; ${outcome.spent} spent now{limit}"]
    if outcome.unclear.micros:
        words.append(f"${outcome.unclear} held for payments of unknown outcome")
    words += [f"{told}: {found[kind]}" for kind, told in _KINDS.items() if told and found[kind]]
    if outcome.left_today is not None:
        words.append(f"${outcome.left_today} left today")
    return f"[Purser: {'; '.join(words)}]"


def _unfinished(outcome: Outcome, repeat_window_s: int) -> list[str]:
    left = [page.number for page in outcome.pages if page.is_left]
    if outcome.stopped is None or not left:
        return []
    why = _WHY[outcome.stopped]
    text = f"Not fetched, because {why}: {ranges(left)}."
    if outcome.stopped in (Stopped.TIME, Stopped.RATE):
        text += " To go on, call fetch_many again with the same arguments."
        if (until := kept_until(outcome, repeat_window_s)) is not None:
            text += f" What was bought comes back for nothing until {until}, within the same total."
    return [text]


def kept_until(outcome: Outcome, repeat_window_s: int) -> str | None:
    """Return until when all that was paid for comes back for nothing; None when nothing was."""
    bought = [one.purchase for one in outcome.pages if one.purchase is not None]
    since = [one.settled_at for one in bought if one.state is State.SETTLED and one.settled_at]
    return iso_time(min(since) + repeat_window_s) if since else None


def _receipts(outcome: Outcome, room: int) -> list[str]:
    paid = [one for one in outcome.pages if one.purchase is not None]
    if not paid:
        return []
    with_url = len(outcome.pages) <= URLS_SHOWN
    lines = ['Number in urls, price, receipt; read_purchase(receipt_id="...") shows each for free:']
    for page in paid:
        line = _receipt(page, with_url)
        room -= len(line) + 1
        if room < 0:
            rest = len(paid) - len(lines) + 1
            lines.append(f"... and {rest} more; list_receipts has them.")
            break
        lines.append(line)
    return lines


def _receipt(page: Page, with_url: bool) -> str:
    purchase = page.purchase
    if purchase is None:
        raise AssertionError("only what was fetched has a receipt")
    price = "free" if purchase.state is State.FREE else f"${purchase.cost_usd}"
    words = [str(page.number), price, purchase.id]
    if page.reused:
        words.append("earlier")
    if purchase.state not in (State.FREE, State.SETTLED):
        words.append("not paid" if purchase.state is State.VOID else "outcome unknown")
    if page.http_status is not None and not page.came:
        words.append(f"HTTP {page.http_status}")
    if with_url:
        words.append(clipped(page.url, _URL_CHARS))
    return " ".join(words)


def _without(outcome: Outcome) -> list[str]:
    """Return a line for each way to fail, with our words on its first case."""
    by_code: dict[str, list[Page]] = {}
    for page in outcome.pages:
        if page.error is not None:
            by_code.setdefault(page.error.kind.value.code, []).append(page)
    lines: list[str] = []
    for code, pages in by_code.items():
        error = pages[0].error
        detail = "" if error is None else clipped(error.detail, _DETAIL_CHARS)
        lines.append(f"{code}: {ranges(one.number for one in pages)}. {detail}")
    doubles = [one.number for one in outcome.pages if one.same_as is not None]
    if doubles:
        lines.append(f"The same URL as an earlier one: {ranges(doubles)}.")
    return lines


def clipped(text: str, max_chars: int) -> str:
    """Put a text on one line of printable characters, at most `max_chars` long."""
    line = "".join(char if char.isprintable() else " " for char in text[: max_chars + 1])
    return line if len(line) <= max_chars else line[: max_chars - 3] + "..."
