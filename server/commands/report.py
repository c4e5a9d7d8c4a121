"""`purser report`: what was spent in a time, as text, a table, a page or a journal."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from server.commands.common import run_wired, say, usage

if TYPE_CHECKING:
    from server.reports.period import Period
    from server.reports.report import Report
    from server.wiring import Wired
    from wallet.channels.model import Channel
    from wallet.ledger.base import Ledger
    from wallet.model import Purchase

FORMATS = ("text", "csv", "json", "html", "hledger", "beancount")
GROUPS = ("day", "host", "tool", "network", "protocol", "method")
PAGE = 1_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser report` takes."""
    parser.add_argument(
        "--period",
        metavar="week|month|YYYY-MM",
        help="the last seven days, this month so far (the default), or one month",
    )
    parser.add_argument("--since", metavar="TIME", help="from a UTC day or RFC 3339 time on")
    parser.add_argument(
        "--until", metavar="TIME", help="up to the end of a UTC day, or before an RFC 3339 time"
    )
    parser.add_argument(
        "--by",
        action="append",
        choices=GROUPS,
        help="break the sums down by this; may be given more than once",
    )
    parser.add_argument("--format", choices=FORMATS, help="how to write it (default text)")
    parser.add_argument("--output", metavar="FILE", help="write a file that does not exist yet")
    parser.add_argument("--json", action="store_true", help="the same as --format json")


def run(args: argparse.Namespace) -> int:
    """Write the report; changes nothing."""
    chosen = args.format or ("json" if args.json else "text")
    if args.json and chosen != "json":
        return usage("--json and another --format exclude each other")
    if args.period is not None and (args.since or args.until):
        return usage("--period excludes --since and --until")
    if args.by and chosen in ("hledger", "beancount"):
        return usage("a journal has every purchase by itself, so it takes no --by")
    try:
        period = _period(args, int(time.time()))
    except (ValueError, OverflowError) as error:
        return usage(str(error))

    async def job(wired: Wired) -> int:
        text = await wired.parts.ledger.call(
            lambda ledger: _text(ledger, period, chosen, args.by or [])
        )
        return _write(text, args.output)

    return run_wired(job, as_json=chosen == "json")


def _period(args: argparse.Namespace, now: int) -> Period:
    from server.reports.period import between, named

    if args.since or args.until:
        return between(args.since, args.until, now)
    return named(args.period or "month", now)


def _text(ledger: Ledger, period: Period, chosen: str, by: list[str]) -> str:
    if chosen in ("hledger", "beancount"):
        return _journal(ledger, period, chosen)
    import json

    from server.reports.as_html import as_html
    from server.reports.as_text import as_csv
    from server.reports.report import DEFAULT_BY, Report, as_data
    from wallet.spending import By

    groups = tuple(dict.fromkeys(map(By, by))) or DEFAULT_BY
    report = Report(period, ledger.spending(period.since, period.until), groups)
    writers: dict[str, Callable[[Report], str]] = {
        "text": _plain,
        "csv": as_csv,
        "json": lambda one: json.dumps({"report": as_data(one)}, indent=2) + "\n",
        "html": as_html,
    }
    return writers[chosen](report)


def _journal(ledger: Ledger, period: Period, chosen: str) -> str:
    from server.reports.as_journal import as_beancount, as_hledger
    from server.reports.journal import entries

    bought, channels = _bought(ledger, period)
    made = entries(bought, channels, period.since, period.until)
    return (as_hledger if chosen == "hledger" else as_beancount)(made)


def _bought(ledger: Ledger, period: Period) -> tuple[list[Purchase], list[tuple[Channel, int]]]:
    from wallet.ledger.base import PurchaseFilter
    from wallet.model import State

    states = (State.SETTLED, State.SIGNED, State.UNKNOWN)
    found: list[Purchase] = []
    while True:
        wanted = PurchaseFilter(
            states=states,
            since=period.since,
            until=period.until,
            before_id=found[-1].id if found else None,
            limit=PAGE,
        )
        page = ledger.list_purchases(wanted)
        found += page
        if len(page) < PAGE:
            return found, ledger.channels_touched(period.since, period.until)


def _plain(report: Report) -> str:
    from server.reports.as_text import ASCII_BLOCKS, BLOCKS, as_text

    try:
        "".join(BLOCKS).encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return as_text(report, ASCII_BLOCKS)
    return as_text(report)


def _write(text: str, output: str | None) -> int:
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return 0
    from wallet.files import write_file

    try:
        write_file(Path(output), text.encode(), replace=False)
    except FileExistsError:
        say(f"purser: {output} exists already; name another file.", sys.stderr)
        return 1
    except OSError as error:
        say(f"purser: {output} cannot be written ({error.strerror}).", sys.stderr)
        return 1
    say(f"Wrote {output}", sys.stderr)
    return 0
