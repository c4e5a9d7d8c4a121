"""`purser deny`: refuse a payment that waits, or take back an approval that was not used yet."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from server.commands.approvals import print_terms
from server.commands.common import add_json, print_json, run_wired, say
from server.commands.ids import APPROVAL, find_approval

if TYPE_CHECKING:
    from server.wiring import Wired


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser deny` takes."""
    parser.add_argument("id", metavar="ID", help=APPROVAL.help())
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Record the denial and show what was denied."""

    async def job(wired: Wired) -> int:
        from wallet.approvals import approval_row
        from wallet.consent import record_answer

        now = wired.parts.now_s()
        found = await wired.parts.ledger.call(lambda ledger: find_approval(ledger, args.id, now))
        approval = await record_answer(wired.parts, found.id, approve=False)
        row = approval_row(approval, wired.parts.now_s())
        if args.json:
            print_json(row)
        else:
            print_terms(row)
            until = row["expires_at"]
            say(f"\nDenied: until {until} the same call is refused without asking you again.")
            say("A denial stands until then: it cannot be turned into an approval.")
        return 0

    return run_wired(job, as_json=args.json)
