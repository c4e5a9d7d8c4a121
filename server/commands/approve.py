"""`purser approve`: a person reads the terms of one payment, and says yes or no.

A program that can type commands as the user can type this one too. What stands between a model and
this command is the host's permission to run commands, not Purser.
"""

from __future__ import annotations

import argparse
import signal
import sys
from typing import TYPE_CHECKING, Any

from server.commands.approvals import print_terms
from server.commands.common import add_json, clean, dollars, print_json, run_wired, say, usage
from server.commands.ids import APPROVAL, find_approval
from server.commands.launcher import for_person

if TYPE_CHECKING:
    from server.wiring import Wired


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser approve` takes."""
    parser.add_argument("id", metavar="ID", help=APPROVAL.help())
    parser.add_argument(
        "--yes",
        action="store_true",
        help="do not ask, for a script of yours. Let no model run this command: whoever may run "
        "commands as you may approve as you, and only the host's permission to do so stops it",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Show the terms, ask, and record the approval; fail when the answer is no."""
    if not args.yes and args.json:
        return usage("--json needs --yes: the terms to agree to are shown as text")
    if not args.yes and not sys.stdin.isatty():
        return usage("there is no terminal to ask in: a person runs this in one, or gives --yes")

    async def job(wired: Wired) -> int:
        from wallet.approvals import ApprovalState, approval_row
        from wallet.consent import cannot_answer, record_answer

        now = wired.parts.now_s()
        approval = await wired.parts.ledger.call(lambda ledger: find_approval(ledger, args.id, now))
        if args.yes and approval.id != args.id:
            return usage(f"--yes shows no terms first, so it takes the whole id: {approval.id}")
        state = approval.state_at(now)
        if state not in (ApprovalState.PENDING, ApprovalState.APPROVED):
            raise cannot_answer(state)
        if not args.json:
            print_terms(approval_row(approval, now))
        if state is ApprovalState.PENDING:
            if not args.yes and not _says_yes(approval_row(approval, now)):
                told = f"Not approved; it goes on waiting. `purser deny {approval.id}` refuses it."
                say(for_person(told), sys.stderr)
                return 1
            approval = await record_answer(wired.parts, approval.id, approve=True)
        if args.json:
            print_json(approval_row(approval, wired.parts.now_s()))
        else:
            until = approval_row(approval, now)["expires_at"]
            say(f"\nApproved for one payment: the same call, made again before {until}, pays it.")
        return 0

    return run_wired(job, as_json=args.json)


def _says_yes(row: dict[str, Any]) -> bool:
    """Ask; Ctrl-C ends the command at once, which asyncio's own handler would only note."""
    what = f"{dollars(row['amount_usd'])} to {clean(row['host'])}"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sys.stderr.write(f"\nPay {what}, once, on exactly these terms? [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    finally:
        signal.signal(signal.SIGINT, before)
