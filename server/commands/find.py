"""`purser find`: search the configured directories of paid services; pays nothing."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from server.commands.common import (
    add_json,
    dollars,
    print_json,
    print_table,
    run_wired,
    say,
    usage,
)
from server.commands.launcher import as_typed
from server.commands.wording import for_terminal

if TYPE_CHECKING:
    from server.wiring import Wired

MOST = 50
_SHOWN_CHARS = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser find` takes."""
    parser.add_argument("query", metavar="QUERY", help="what the service should do")
    parser.add_argument("--max-price-usd", metavar="USD", help="leave out what costs more")
    parser.add_argument("--network", metavar="ID", help="this network alone, such as eip155:8453")
    parser.add_argument("--limit", type=int, default=10, metavar="N", help=f"1 to {MOST}, or 10")
    parser.add_argument(
        "--refresh", action="store_true", help="ask the directories although a copy is fresh"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Show services, best match first; fail when there is none and a directory has failed."""
    from wallet.money import Usd

    if not 1 <= args.limit <= MOST:
        return usage(f"--limit is 1 to {MOST}")
    try:
        most = None if args.max_price_usd is None else Usd.parse(args.max_price_usd)
    except ValueError as error:
        return usage(f"--max-price-usd: {error}")

    async def job(wired: Wired) -> int:
        from tools.find_paid_services import search

        data = await search(
            wired.toolbox, args.query, most, args.network, args.limit, refresh=args.refresh
        )
        if args.json:
            print_json(data)
        else:
            _print(data, _filters(args))
        return 1 if data["notes"] and not data["services"] else 0

    return run_wired(job, as_json=args.json)


def _filters(args: argparse.Namespace) -> str:
    """Name the options in force that leave services out."""
    given = {"--max-price-usd": args.max_price_usd, "--network": args.network}
    return " and ".join(name for name, value in given.items() if value is not None)


def _print(data: dict[str, Any], filters: str) -> None:
    for note in data["notes"]:
        say(f"note: {for_terminal(note)}")
    if not data["services"]:
        say(as_typed(_why_nothing(data, filters)))
        return
    headings = ["service", "price", "payable", "why not", "payers", "paid host"]
    print_table(headings, [_cells(row) for row in data["services"]])
    say("Names and prices are what directories say.")
    say(as_typed("`purser price URL` asks the seller, and `purser fetch URL` buys."))


def _why_nothing(data: dict[str, Any], filters: str) -> str:
    if not data["answered"]:
        told = "No directory answered, so nothing was searched: see the notes above."
        return f"{told} `purser policy show` names yours under directories."
    told = "Nothing found."
    if filters:
        told += f" {filters} may leave out what there is: try without."
    return f"{told} Other words may help, or --refresh for what was listed just now."


def _cells(row: dict[str, Any]) -> list[str]:
    name = row["untrusted"]["name"][:_SHOWN_CHARS]
    call = f"{row['method'] or '?'} {row['url']}"
    payers = row["quality"]["unique_payers_30d"]
    price = row["stated_price"] or "unknown"
    return [
        f"{name}: {call}" if name else call,
        dollars(row["price_usd"], price),
        {True: "yes", False: "no", None: "unknown"}[row["payable"]],
        "" if row["payable"] else row["reason"],
        "-" if payers is None else str(payers),
        str(row["paid_before"]["host"]),
    ]
