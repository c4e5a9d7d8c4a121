"""`purser receipts`: what was fetched and paid, newest first."""

from __future__ import annotations

import argparse
import csv
import io
import shutil
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from server.commands.common import (
    clean,
    dollars,
    is_terminal,
    print_json,
    print_table,
    run_wired,
    say,
)
from server.commands.screen import screen_lines

if TYPE_CHECKING:
    from server.wiring import Wired

PAGE = 100
COLUMNS = (
    "id",
    "created_at",
    "status",
    "evidence",
    "spent",
    "amount_usd",
    "network",
    "method",
    "url",
    "host",
    "tx_hash",
    "http_status",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser receipts` takes."""
    parser.add_argument("--host", metavar="HOST", help="only this host, such as api.example.com")
    parser.add_argument(
        "--status", choices=("free", "settled", "unknown", "void"), help="only this status"
    )
    parser.add_argument(
        "--since", type=_day_or_time, metavar="TIME", help="from a UTC day or RFC 3339 time on"
    )
    parser.add_argument(
        "--limit", type=_count, default=20, metavar="N", help="at most so many (default 20)"
    )
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print JSON instead of text")
    shape.add_argument("--csv", action="store_true", help="print CSV, with a line of headings")


def run(args: argparse.Namespace) -> int:
    """List receipts."""

    async def job(wired: Wired) -> int:
        rows, more = await _collect(wired, args)
        if args.json:
            print_json({"receipts": rows, "more": more})
        elif args.csv:
            sys.stdout.write(_csv(rows))
        else:
            _show(rows, more)
        return 0

    return run_wired(job, as_json=args.json)


async def _collect(wired: Wired, args: argparse.Namespace) -> tuple[list[dict[str, Any]], bool]:
    """Read page after page until the limit; the flag tells whether there are more."""
    from tools.list_receipts import list_receipts

    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while len(rows) < args.limit:
        size = min(PAGE, args.limit - len(rows))
        answer = await list_receipts(
            wired.toolbox, args.host, args.status, args.since, size, cursor
        )
        data = answer.structured or {}
        rows += data["receipts"]
        cursor = data["next_cursor"]
        if cursor is None:
            break
    return rows, cursor is not None


def _show(rows: list[dict[str, Any]], more: bool) -> None:
    if not rows:
        say("No receipts.")
        return
    if is_terminal():
        for line in _lines(rows, shutil.get_terminal_size().columns):
            say(line)
    else:
        _print_whole(rows)
    if more:
        say("There are more; raise --limit to see them.", sys.stderr)


def _print_whole(rows: list[dict[str, Any]]) -> None:
    cells = [
        [
            row["created_at"],
            row["status"],
            dollars(row["amount_usd"]),
            f"{row['method']} {row['url']}",
            row["id"],
        ]
        for row in rows
    ]
    print_table(["time (UTC)", "status", "price", "request", "receipt"], cells)


def _lines(rows: list[dict[str, Any]], width: int) -> list[str]:
    """Lay receipts out for a screen of `width` columns, each id whole and each request cut."""
    laid = [(["time (UTC)", "status", "price"], "receipt", "request")]
    for row in rows:
        time = f"{row['created_at']:.16}".replace("T", " ")
        request = clean(f"{row['method']} {row['url']}")
        laid.append(([time, row["status"], dollars(row["amount_usd"])], row["id"], request))
    return screen_lines(laid, width)


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([row[name] for name in COLUMNS] for row in rows)
    return text.getvalue()


def _day_or_time(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            "write a day such as 2026-11-21 or an RFC 3339 time"
        ) from None
    return text


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError("write a whole number from 1 to 1000000")
    return int(text)
