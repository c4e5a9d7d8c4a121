"""A report as lines of text and as rows for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

from server.charts import decimals_of, money
from server.commands.common import clean
from server.commands.launcher import as_typed
from server.reports.report import FIELDS, Report, totals_data
from wallet.money_words import (
    DEPOSITED,
    FREED,
    HELD,
    IN_CHANNELS,
    SPENT,
    UNKNOWN,
    UNSENT,
    MoneyWord,
)
from wallet.spending import By, Totals, leading

NAME_CHARS = 44
ROWS_MOST = 25
BAR = 24
BLOCKS = ("█", "░")
ASCII_BLOCKS = ("#", "-")
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def as_text(report: Report, blocks: tuple[str, str] = BLOCKS) -> str:
    """Return a report as aligned text with small bars: one mark for spent, one for held.

    Args:
        report: the report.
        blocks: the two marks.
    """
    sums = report.totals
    if report.is_empty:
        return nothing(report) + "\n"
    lines = [f"Spending, {report.title} (UTC)", "", *_facts(report, sums)]
    for by in report.by:
        rows, rest = leading(report.used(by), ROWS_MOST)
        if by is By.DAY:
            rows, rest = report.used(by), None
        shown = {**rows} if rest is None else {**rows, "(others)": rest}
        lines += ["", *_table(by.value, shown, blocks)]
    if sums.held:
        lines += ["", f"{blocks[0]} {SPENT.word}   {blocks[1]} {HELD.word}"]
    return "\n".join(lines) + "\n"


def nothing(report: Report) -> str:
    """Return what to say of a time in which nothing was bought, and what to do about it."""
    free = report.spending.free_fetches
    but = {0: "", 1: "; one fetch was free"}.get(free, f"; {free} fetches were free")
    other = "`purser report --period YYYY-MM` shows another month, `purser receipts` the latest."
    return as_typed(f"Nothing was bought in this time: {report.title} (UTC){but}. {other}")


def _facts(report: Report, sums: Totals) -> list[str]:
    """Return the sums as lines; a part of what is held has a line where there is any."""
    spending = report.spending
    deposited = sum(one.deposited_usd.micros for one in spending.channels)
    always = [
        (SPENT, sums.settled, sums.settled_count),
        ("verified on the chain", sums.verified, sums.verified_count),
        ("by the seller's word", sums.claimed, sums.claimed_count),
        (HELD, sums.held, sums.held_count),
    ]
    where_any = [
        (UNKNOWN.word, sums.unknown, sums.unknown_count),
        (UNSENT.word, sums.unsent, sums.unsent_count),
        (IN_CHANNELS.word, sums.in_channels, 0),
        (FREED, sums.void, sums.void_count),
        (DEPOSITED, deposited, len(spending.channels)),
    ]
    rows = [*always, *(row for row in where_any if row[1])]
    decimals = decimals_of(micros for _, micros, _ in rows)
    amounts = [money(micros, decimals) for _, micros, _ in rows]
    width = max(map(len, amounts))
    lines = [
        f"{_name(name):<25}{amount:>{width}}  {_times(count) if micros else ''}".rstrip()
        for (name, micros, count), amount in zip(rows, amounts, strict=True)
    ]
    return [*lines, f"{'Free fetches':<25}{spending.free_fetches:>{width}}"]


def _name(name: MoneyWord | str) -> str:
    """Return a sum's name: a word begins the line, and a part of it is set in."""
    return f"  {name}" if isinstance(name, str) else name.word.capitalize()


def _times(count: int) -> str:
    return {0: "", 1: "once"}.get(count, f"{count} times")


def _table(heading: str, sums: Mapping[str, Totals], blocks: tuple[str, str]) -> list[str]:
    spent = decimals_of(one.settled for one in sums.values())
    held = decimals_of(one.held for one in sums.values())
    cells = [
        (
            clean(name, NAME_CHARS) or "-",
            money(one.settled, spent),
            money(one.held, held) if one.held else "-",
            str(one.settled_count),
        )
        for name, one in sums.items()
    ]
    head = (f"by {heading}".upper(), SPENT.word.upper(), HELD.word.upper(), "BOUGHT")
    widths = [max(len(row[index]) for row in (head, *cells)) for index in range(4)]
    most = max(one.counted for one in sums.values())
    tails = ["", *(_bar(one, most, blocks) for one in sums.values())]
    return [
        (
            f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}"
            f"  {row[3]:>{widths[3]}}  {tail}"
        ).rstrip()
        for row, tail in zip((head, *cells), tails, strict=True)
    ]


def _bar(one: Totals, most: int, blocks: tuple[str, str]) -> str:
    spent, held = (
        max(1, BAR * micros // most) if micros else 0 for micros in (one.settled, one.held)
    )
    return blocks[0] * spent + blocks[1] * held


def as_csv(report: Report) -> str:
    """Return a report as rows, one for each heading of each breakdown, amounts in US dollars."""
    rows = (
        [by.value, name, *map(str, totals_data(sums).values())]
        for by in report.by
        for name, sums in report.used(by).items()
    )
    return csv_text(("by", "name", *FIELDS), rows)


def csv_text(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return CSV (RFC 4180) in which no cell is a formula and none has a line break.

    A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def _cell(text: str) -> str:
    shown = clean(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULAS) else shown
