"""`purser approvals`: payments that wait for the user, and with `--all` what became of others."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from server.commands.common import (
    add_json,
    clean,
    dollars,
    is_terminal,
    print_facts,
    print_json,
    print_table,
    run_wired,
    say,
    usage,
)
from server.commands.launcher import for_person

if TYPE_CHECKING:
    from server.wiring import Wired

LINK_LIFE_S = 300
MOST_SHOWN = 1_000
SESSION_LIFE_S = 8 * 3_600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser approvals` takes."""
    parser.add_argument(
        "--all", action="store_true", help="those answered, used or expired too, newest first"
    )
    parser.add_argument(
        "--open",
        action="store_true",
        help="show them as pages in your browser, where you approve or deny, until Ctrl-C",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """List requests for approval, or serve their pages to the person at this terminal."""
    if args.open:
        if args.all or args.json:
            return usage("--open goes with neither --all nor --json")
        return _run_pages()

    async def job(wired: Wired) -> int:
        rows = await _rows(wired, everything=args.all)
        if args.json:
            print_json({"approvals": rows})
        elif not rows:
            say("There are no requests for approval." if args.all else "Nothing waits for you.")
        else:
            _show(rows)
        return 0

    return run_wired(job, as_json=args.json)


def _run_pages() -> int:
    """Serve the pages; whoever reads the link may answer, so it is for a terminal alone."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return usage("there is no terminal to show the link in: a person runs this in one")

    async def job(wired: Wired) -> int:
        import anyio

        from server.approval_terms import SpokenWords
        from server.pages.approval import LIST_PATH, approval_routes
        from server.pages.browser import shown_in_browser
        from server.pages.serving import serve_pages

        async with serve_pages(approval_routes(wired.parts, SpokenWords())) as pages:
            link = pages.link(LIST_PATH, life_s=LINK_LIFE_S, session_life_s=SESSION_LIFE_S)
            spare = pages.link(LIST_PATH, life_s=LINK_LIFE_S, session_life_s=SESSION_LIFE_S)
            say("Approve or deny in your browser. If it does not open, this link does, once:\n")
            say(f"  {spare}\n\nKeep it to yourself. Ctrl-C ends the pages.")
            with shown_in_browser(link, wired.settings.home):
                await anyio.sleep_forever()
        return 0

    return run_wired(job)


async def _rows(wired: Wired, *, everything: bool) -> list[dict[str, Any]]:
    from wallet.approvals import approval_row

    found = await wired.parts.ledger.call(
        lambda ledger: ledger.list_approvals(answered=everything, limit=MOST_SHOWN)
    )
    rows = [approval_row(one, wired.parts.now_s()) for one in found]
    return [row for row in rows if everything or row["state"] == "pending"]


def _show(rows: list[dict[str, Any]]) -> None:
    if is_terminal():
        for row in rows:
            for line in _block(row):
                say(line)
    else:
        headings = ["approval", "status", "price", "request", "asked by", "good until (UTC)"]
        print_table([*headings, "receipt"], [_cells(row) for row in rows])
    if any(row["state"] == "pending" for row in rows):
        say(
            for_person(
                "`purser approve ID` shows the whole terms and asks; `purser deny ID` refuses.\n"
                "`purser approvals --open` shows them as pages."
            )
        )


def _block(row: dict[str, Any]) -> list[str]:
    """Lay one request out for a screen of any width, where no id or price may be cut."""
    lines = [
        f"{row['id']}  {row['state']}  {dollars(row['amount_usd'])}",
        f"  {row['method']} {row['url']}",
        f"  asked by {row['host']}, good until {row['expires_at']}",
    ]
    if row["receipt_id"] is not None:
        lines.append(f"  used for receipt {row['receipt_id']}")
    return [clean(line) for line in lines]


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        row["id"],
        row["state"],
        dollars(row["amount_usd"]),
        f"{row['method']} {row['url']}",
        row["host"],
        row["expires_at"],
        row["receipt_id"] or "",
    ]


def print_terms(row: dict[str, Any]) -> None:
    """Write the terms of a request for a person to read, cleaned of what steers a terminal."""
    from server.approval_terms import REQUEST_CHARS, facts_of

    print_facts(facts_of(row), max_chars=REQUEST_CHARS)
