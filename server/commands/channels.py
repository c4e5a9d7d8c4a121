"""`purser channels`: the payment channels, what they hold and what they have paid."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from server.commands.common import (
    add_json,
    clean,
    dollars,
    print_json,
    run_wired,
    say,
)
from server.commands.launcher import as_typed
from wallet.money_words import DEPOSITED, LEFT, SPENT

if TYPE_CHECKING:
    from server.wiring import Wired
    from wallet.channels.model import Channel

MOST_SHOWN = 1_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser channels` takes."""
    parser.add_argument("--all", action="store_true", help="those that have ended too")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """List channels, newest first; changes nothing."""
    from wallet.channels.model import LIVE_STATES

    async def job(wired: Wired) -> int:
        found = await wired.parts.ledger.call(
            lambda ledger: ledger.channels.listed(ended=args.all, limit=MOST_SHOWN)
        )
        rows = [channel_row(one) for one in found]
        if args.json:
            print_json({"channels": rows})
        elif not rows:
            say("There are no channels." if args.all else "No channel is open.")
        else:
            for row in rows:
                for line in channel_lines(row):
                    say(line)
            if any(one.state in LIVE_STATES and one.drained_at is None for one in found):
                say(as_typed("`purser channel refund ID` asks a seller for the rest."))
        return 0

    return run_wired(job, as_json=args.json)


def channel_row(channel: Channel) -> dict[str, Any]:
    """Return a channel as JSON values: amounts as strings, times in ISO 8601."""
    from wallet.assets import find_asset
    from wallet.money import token_units
    from wallet.receipts import iso_time

    config = channel.config
    asset = find_asset(config.network_id, config.token)
    decimals = 0 if asset is None else asset.decimals
    return {
        "id": channel.id,
        "state": channel.state.value,
        "seller": channel.origin,
        "network": config.network_id,
        "asset": {"address": config.token, "symbol": None if asset is None else asset.symbol},
        "pay_to": config.receiver,
        "deposited": token_units(channel.deposit.amount_atomic, decimals),
        "charged": token_units(channel.charged_atomic, decimals),
        "promised": token_units(channel.signed_max_atomic, decimals),
        "deposited_usd": str(channel.deposited_usd),
        "spent_usd": str(channel.spent_usd),
        "left_usd": str(channel.held_usd),
        "evidence": channel.evidence.value,
        "tx_hash": channel.tx_hash,
        "withdraw_delay_s": config.withdraw_delay_s,
        "created_at": iso_time(channel.created_at),
        "closed_at": None if channel.closed_at is None else iso_time(channel.closed_at),
        "claimed": None
        if channel.claimed_atomic is None
        else token_units(channel.claimed_atomic, decimals),
        "note": channel.note or None,
    }


def channel_lines(row: dict[str, Any]) -> list[str]:
    """Lay one channel out for a screen of any width, where no id or amount may be cut."""
    symbol = row["asset"]["symbol"] or ""
    amounts = [
        f"{DEPOSITED.word} {dollars(row['deposited_usd'])} ({row['evidence']})",
        f"{SPENT.word} {dollars(row['spent_usd'])}",
        f"{LEFT.word} {dollars(row['left_usd'])}",
    ]
    lines = [
        row["id"],
        f"  {row['state']} with {row['seller']} on {row['network']}, since {row['created_at']}",
        f"  {', '.join(amounts)}",
    ]
    if row["claimed"] is not None:
        lines.append(f"  ended {row['closed_at']}; the seller claimed {row['claimed']} {symbol}")
    if row["note"]:
        lines.append(f"  {row['note']}")
    return [clean(line) for line in lines]
