"""`purser price`: what URLs would cost, and whether they would be paid; pays nothing."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from server.commands.common import add_json, dollars, print_json, print_table, run_wired, usage
from server.commands.request_arguments import (
    add_request_arguments,
    request_parts,
    request_problem,
    scheme_problem,
)
from tools.bounds import PRICED_URLS

if TYPE_CHECKING:
    from server.wiring import Wired


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser price` takes."""
    parser.add_argument("urls", metavar="URL", nargs="+", help=f"1 to {PRICED_URLS} URLs")
    add_request_arguments(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Show prices, cheapest first; fail when some URL could not be asked."""
    if len(args.urls) > PRICED_URLS:
        return usage(f"at most {PRICED_URLS} URLs at once")
    if (problem := request_problem(args)) is not None:
        return usage(problem)
    if (problem := next(filter(None, map(scheme_problem, args.urls)), None)) is not None:
        return usage(problem)

    async def job(wired: Wired) -> int:
        from tools.check_price import check_price

        answer = await check_price(wired.toolbox, args.urls, *request_parts(args))
        data = answer.structured or {}
        if args.json:
            print_json(data)
        else:
            headings = ["url", "price", "would pay", "why"]
            print_table(headings, [_cells(row) for row in data["prices"]])
        return 1 if any("error" in row for row in data["prices"]) else 0

    return run_wired(job, as_json=args.json)


def _cells(row: dict[str, Any]) -> list[str]:
    if row["free"]:
        return [row["url"], "free", "-", ""]
    reason = "" if row["would_pay"] else row["reason"]
    price = dollars(row["price_usd"], "unknown")
    return [row["url"], price, "yes" if row["would_pay"] else "no", reason]
