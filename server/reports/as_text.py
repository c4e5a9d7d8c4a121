"""A report as lines of text and as rows for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

from server.charts import decimals_of, money
from server.commands.common import clean
from server.reports.report import FIELDS, Report, totals_data
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
    lines = [f"Spending, {report.title} (UTC)", "", *_facts(report, sums)]
    for by in report.by:
        rows, rest = leading(report.used(by), ROWS_MOST)
        if by is By.DAY:
            rows, rest = report.used(by), None
        shown = {**rows} if rest is None else {**rows, "(others)": rest}
        lines += ["", *_table(by.value, shown, blocks)]
    if sums.open:
        lines += ["", f"{blocks[0]} spent   {blocks[1]} held, and may yet be spent or freed"]
    return "\n".join(lines) + "\n"


def _facts(report: Report, sums: Totals) -> list[str]:
    spending = report.spending
    deposited = sum(one.deposited_usd.micros for one in spending.channels)
    rows = [
        ("Spent", sums.settled, _times(sums.settled_count)),
        ("  verified on the chain", sums.verified, _times(sums.verified_count)),
        ("  by the seller's word", sums.claimed, _times(sums.claimed_count)),
        ("Outcome unknown", sums.unknown, _times(sums.unknown_count)),
        ("Held, not sent", sums.held, _times(sums.held_count)),
        ("Freed, cost nothing", sums.void, _times(sums.void_count)),
    ]
    decimals = decimals_of([deposited, *(micros for _, micros, _ in rows)])
    amounts = [money(micros, decimals) for _, micros, _ in rows]
    width = max(map(len, amounts))
    lines = [
        f"{name:<25}{amount:>{width}}  {note if micros else ''}".rstrip()
        for (name, micros, note), amount in zip(rows, amounts, strict=True)
    ]
    lines.append(f"{'Free fetches':<25}{spending.free_fetches:>{width}}")
    if spending.channels:
        opened = _times(len(spending.channels))
        lines.append(f"{'Put into channels':<25}{money(deposited, decimals):>{width}}  {opened}")
    return lines


def _times(count: int) -> str:
    return {0: "in channels", 1: "once"}.get(count, f"{count} times")


def _table(heading: str, sums: Mapping[str, Totals], blocks: tuple[str, str]) -> list[str]:
    if not sums:
        return [f"BY {heading.upper()}: nothing was bought."]
    spent = decimals_of(one.settled for one in sums.values())
    held = decimals_of(one.open for one in sums.values())
    cells = [
        (
            clean(name, NAME_CHARS) or "-",
            money(one.settled, spent),
            money(one.open, held) if one.open else "-",
            str(one.settled_count),
        )
        for name, one in sums.items()
    ]
    head = (f"by {heading}".upper(), "SPENT", "HELD", "BOUGHT")
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
        max(1, BAR * micros // most) if micros else 0 for micros in (one.settled, one.open)
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
