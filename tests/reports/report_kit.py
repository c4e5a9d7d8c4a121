"""What the tests of reports share: made-up lines, and a small view of what was drawn."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from server.reports.period import Period, last_days
from server.reports.report import DEFAULT_BY, Report
from wallet.model import Evidence, State
from wallet.spending import By, Line, Spending

NOON = 1_795_262_400  # 2026-11-21 12:00 UTC
WEEK = last_days(7, NOON)
HOSTILE_HOST = '=HYPERLINK("https://evil.example")</td><script>alert(1)</script>\u202e'
SVG = "{http://www.w3.org/2000/svg}"


def line(**changes: Any) -> Line:
    """Return one settled purchase of a cent on the day of `NOON`."""
    usual: dict[str, Any] = {
        "day": "2026-11-21",
        "host": "api.example.com",
        "source": "",
        "network_id": "eip155:8453",
        "rail": "x402",
        "scheme": "exact",
        "method": "GET",
        "state": State.SETTLED,
        "evidence": Evidence.VERIFIED,
        "count": 1,
        "micros": 10_000,
    }
    return Line(**{**usual, **changes})


def report(*lines: Line, period: Period = WEEK, by: tuple[By, ...] = DEFAULT_BY) -> Report:
    """Return a report of these lines."""
    return Report(period, Spending(lines, (), 0), by)


def drawn(svg: str) -> ElementTree.Element:
    """Read a chart, which has to be well-formed XML on its own."""
    return ElementTree.fromstring(svg)


def of_class(svg: str, name: str) -> list[ElementTree.Element]:
    """Return each element of a chart that has this class."""
    return [one for one in drawn(svg).iter() if name in one.get("class", "").split()]
