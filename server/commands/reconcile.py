"""`purser reconcile`: ask the chain what became of open payments."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from server.commands.common import add_json, dollars, print_json, print_table, run_wired, say
from server.commands.launcher import as_typed

if TYPE_CHECKING:
    from server.wiring import Wired
    from wallet.model import Purchase


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser reconcile` takes."""
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Reconcile every open payment once and show what was proven."""

    async def job(wired: Wired) -> int:
        from wallet.reconcile import reconcile_all

        done = await reconcile_all(wired.parts)
        outcome = {
            "settled": list(done.settled),
            "verified": list(done.verified),
            "voided": list(done.voided),
            "still_open": list(done.still_open),
        }
        if args.json:
            print_json(outcome)
            return 0
        ids = [one for group in outcome.values() for one in group]
        if not ids:
            say("No payment is open, and none waits to be verified.")
            return 0
        purchases = await wired.parts.ledger.call(lambda ledger: [ledger.get(one) for one in ids])
        headings = ["receipt", "host", "amount", "outcome"]
        print_table(headings, [_cells(one) for one in purchases if one is not None])
        if outcome["still_open"]:
            say("An open payment stays held until the chain proves what became of it.")
            told = "Run this again later; `purser doctor` tells whether the chain can be read."
            say(as_typed(told))
        return 0

    return run_wired(job, as_json=args.json)


def _cells(purchase: Purchase) -> list[str]:
    from wallet.assets import find_network
    from wallet.model import State
    from wallet.receipts import iso_time

    match purchase.state:
        case State.SETTLED:
            outcome = "settled: the chain shows the payment"
        case State.VOID:
            outcome = "void: the money never moved, and never can"
        case _ if purchase.transfer is None:
            outcome = "open"
        case _ if purchase.channel_id is not None:
            outcome = "open: the next page through its channel finds out"
        case _:
            network, until = (
                find_network(purchase.transfer.network_id),
                purchase.transfer.valid_before,
            )
            final = until + (0 if network is None else network.finality_margin_s)
            outcome = f"open: could settle until {iso_time(until)}"
            outcome += f"; if it did not, it is freed after {iso_time(final)}"
    amount = None if purchase.amount_usd is None else str(purchase.amount_usd)
    return [purchase.id, purchase.host, dollars(amount), outcome]
