"""Times as sellers write them (RFC 3339), as unix seconds, in integers."""

from __future__ import annotations

import re

_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))",
    re.ASCII,
)
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def unix_second(text: str) -> int | None:
    """Return the whole unix second that an RFC 3339 time lies in, or None when it is not one.

    A fraction is cut off, so that no end counts as later than it is. Leap seconds are refused.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    if not (1 <= month <= 12 and 1 <= day <= _days_of(year, month)):
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    sign, hours, minutes = match.groups()[6:]
    ahead_s = (int(hours) * 60 + int(minutes)) * 60 if sign else 0
    local_s = ((_days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    return local_s + ahead_s if sign == "-" else local_s - ahead_s


def _days_of(year: int, month: int) -> int:
    return 29 if month == 2 and _is_leap(year) else _MONTH_DAYS[month - 1]


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _days_since_1970(year: int, month: int, day: int) -> int:
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400
    days += sum(_days_of(year, one) for one in range(1, month)) + day
    return days - 719_163  # the days up to and with 1970-01-01, counted the same way
