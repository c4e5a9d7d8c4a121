"""`purser channel`: ask for what a channel has left, or see how to withdraw it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from server.commands.channels import channel_lines, channel_row
from server.commands.common import add_json, print_facts, print_json, run_wired, say
from server.commands.ids import CHANNEL, find_channel
from server.commands.launcher import as_typed

if TYPE_CHECKING:
    from server.wiring import Wired
    from wallet.channels.model import Channel

DATA_CHARS = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser channel` takes."""
    parser.add_argument(
        "action", choices=("refund", "withdraw"), help="ask the seller, or do without it"
    )
    parser.add_argument("id", metavar="ID", help=CHANNEL.help())
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Stop a channel, and ask for its rest or show the two transactions that bring it back."""

    async def job(wired: Wired) -> int:
        channel = await wired.parts.ledger.call(lambda ledger: find_channel(ledger, args.id))
        if args.action == "refund":
            return await _refund(wired, channel, as_json=args.json)
        return await _withdraw(wired, channel, as_json=args.json)

    return run_wired(job, as_json=args.json, unlocks=args.action == "refund")


async def _refund(wired: Wired, channel: Channel, *, as_json: bool) -> int:
    from wallet.channels.buying import Till
    from wallet.channels.closing import ask_refund
    from wallet.exchange import WebRequest
    from wallet.funds import Funds
    from wallet.repeats import Repeats

    parts = wired.parts
    url = await parts.ledger.call(lambda ledger: ledger.channels.last_url(channel.id))
    exchange = wired.toolbox.web.exchange(WebRequest("GET", url or f"{channel.origin}/"))
    await parts.keys.unlock()
    till = Till(parts, Funds(parts.chain), Repeats(parts).turn)
    row = channel_row(await ask_refund(parts, till, exchange, channel))
    if as_json:
        print_json(row)
        return 0
    for line in channel_lines(row):
        say(line)
    if row["closed_at"] is None:
        told = "What came back is freed once the chain can no longer take it back;"
        say(as_typed(f"{told} `purser reconcile` looks."))
    return 0


async def _withdraw(wired: Wired, channel: Channel, *, as_json: bool) -> int:
    from dataclasses import asdict

    from wallet.channels.closing import withdrawal

    steps = await withdrawal(wired.parts, channel)
    if as_json:
        print_json(asdict(steps))
        return 0
    say("Nothing more is signed for this channel. Two transactions bring back what is left of it.")
    say("Both need ether for gas, which Purser's wallet does not hold; send them from its account")
    say(f"with any wallet software, the second one {steps.delay_s} seconds after the first.")
    print_facts(
        [
            ("From", steps.payer),
            ("To", steps.contract),
            ("First, data", steps.first),
            ("Second, data", steps.second),
        ],
        max_chars=DATA_CHARS,
    )
    return 0
