"""Which time a report is about: whole UTC days, from a first second until before another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

LONGEST_DAYS = 3_660
WEEK_DAYS = 7

_MONTH = re.compile(r"([1-9][0-9]{3})-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Period:
    """From the unix second `since` until before `until`."""

    since: int
    until: int

    @property
    def days(self) -> list[str]:
        """Return each UTC day that it touches, in order."""
        first, last = _day(self.since), _day(self.until - 1)
        return [
            (first + timedelta(days=number)).isoformat()
            for number in range((last - first).days + 1)
        ]


def last_days(count: int, now: int) -> Period:
    """Return the last so many UTC days, today included."""
    today = _day(now)
    return _whole(today - timedelta(days=count - 1), today)


def named(text: str, now: int) -> Period:
    """Return a period by name.

    Args:
        text: `week` (the last seven days), `month` (this month up to today) or `YYYY-MM`.
        now: the unix second that today is taken from.

    Raises:
        ValueError: it is none of these.
    """
    if text == "week":
        return last_days(WEEK_DAYS, now)
    if text == "month":
        today = _day(now)
        return _whole(today.replace(day=1), today)
    match = _MONTH.fullmatch(text)
    if match is None:
        raise ValueError("write week, month or a month such as 2026-11")
    first = date(int(match[1]), int(match[2]), 1)
    return _whole(first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))


def between(since: str | None, until: str | None, now: int) -> Period:
    """Return the time from one day or time to another.

    Args:
        since: a UTC day, from its first second on, or an RFC 3339 time; None for 30 days ago.
        until: a UTC day, up to its last second, or an RFC 3339 time; None for today.
        now: the unix second that today is taken from.

    Raises:
        ValueError: one cannot be read, or the end is not after the beginning, or it is too long.
    """
    default = last_days(30, now)
    period = Period(
        default.since if since is None else moment(since, whole_day=False),
        default.until if until is None else moment(until, whole_day=True),
    )
    if period.until <= period.since:
        raise ValueError("the end has to be after the beginning")
    if period.until - period.since > LONGEST_DAYS * 86_400:
        raise ValueError(f"a report covers at most {LONGEST_DAYS} days")
    return period


def moment(text: str, *, whole_day: bool) -> int:
    """Return a UTC day or RFC 3339 time as a unix second.

    Args:
        text: what a person wrote.
        whole_day: a day stands for the first second behind it, and not for its own first one.

    Raises:
        ValueError: it cannot be read; the text says what to write.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("write a day such as 2026-11-21 or an RFC 3339 time") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    if whole_day and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        found += timedelta(days=1)
    return int(found.timestamp())


def _whole(first: date, last: date) -> Period:
    return Period(_start(first), _start(last + timedelta(days=1)))


def _start(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())


def _day(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()
