"""One report: a period, what was bought in it, and how it is broken down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from server.charts import Bar
from server.reports.period import Period
from wallet.money import Usd
from wallet.receipts import iso_time
from wallet.spending import By, Spending, Totals, broken_down, every_day, total

DAYS_AS_BARS = 62
"""A longer time is drawn in months."""

DEFAULT_BY = (By.DAY, By.HOST, By.TOOL, By.NETWORK)


@dataclass(frozen=True)
class Report:
    """What the ledger knows of a period, to be broken down by each of `by`."""

    period: Period
    spending: Spending
    by: tuple[By, ...] = DEFAULT_BY

    @cached_property
    def totals(self) -> Totals:
        """Return the sums over everything."""
        return total(self.spending.lines)

    def broken_down(self, by: By) -> dict[str, Totals]:
        """Return the sums by one thing; every day of the period is there."""
        sums = broken_down(self.spending.lines, by)
        return every_day(sums, self.period.days) if by is By.DAY else sums

    def used(self, by: By) -> dict[str, Totals]:
        """Return the sums by one thing, without the days on which nothing was bought."""
        return broken_down(self.spending.lines, by)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was bought, held or freed, and no channel opened."""
        return not (self.spending.lines or self.spending.channels)

    @property
    def title(self) -> str:
        """Return the first and the last day."""
        days = self.period.days
        return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def columns(days: Mapping[str, Totals]) -> list[Bar]:
    """Return columns for a chart: one a day, or one a month where that would be too many."""
    if len(days) <= DAYS_AS_BARS:
        return [Bar(day[5:], day, sums.settled, sums.held) for day, sums in days.items()]
    months: dict[str, Totals] = {}
    for day, sums in days.items():
        months[day[:7]] = months.get(day[:7], Totals()) + sums
    return [Bar(month, month, sums.settled, sums.held) for month, sums in months.items()]


def as_data(report: Report) -> dict[str, Any]:
    """Return a report as JSON values; every amount is a string in US dollars."""
    return {
        "since": iso_time(report.period.since),
        "until": iso_time(report.period.until),
        "totals": totals_data(report.totals),
        "free_fetches": report.spending.free_fetches,
        "channels_opened": len(report.spending.channels),
        "channels_deposited_usd": str(
            Usd(sum(one.deposited_usd.micros for one in report.spending.channels))
        ),
        "by": {
            by.value: [
                {"name": name, **totals_data(sums)} for name, sums in report.used(by).items()
            ]
            for by in report.by
        },
    }


def totals_data(sums: Totals) -> dict[str, Any]:
    """Return sums as JSON values."""
    amounts = {
        "settled_usd": sums.settled,
        "verified_usd": sums.verified,
        "claimed_usd": sums.claimed,
        "held_usd": sums.held,
        "unknown_usd": sums.unknown,
        "not_sent_usd": sums.unsent,
        "in_channels_usd": sums.in_channels,
        "freed_usd": sums.void,
    }
    counts = {
        "settled": sums.settled_count,
        "verified": sums.verified_count,
        "claimed": sums.claimed_count,
        "held": sums.held_count,
        "unknown": sums.unknown_count,
        "not_sent": sums.unsent_count,
        "freed": sums.void_count,
    }
    return {**{name: str(Usd(micros)) for name, micros in amounts.items()}, **counts}


FIELDS: Sequence[str] = tuple(totals_data(Totals()))
