"""`purser fund`: where to send money, what is there already, and how much is sensible."""

from __future__ import annotations

import argparse
import io
import os
import sys
from typing import TYPE_CHECKING, Any

from server.commands.balance import print_holdings
from server.commands.common import add_json, dollars, print_json, run_wired, say, wallet_address
from server.commands.play_wallet import refuse_play_money
from server.play_money import is_play_folder

if TYPE_CHECKING:
    from server.wiring import Wired

QUIET_ZONE = 4  # modules of empty border that a scanner needs (ISO/IEC 18004)
BLOCKS = "█▀▄"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser fund` takes."""
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Show address, balances and advice; of play money, that it wants none."""
    from server.paths import purser_home_path

    home = purser_home_path(os.environ)
    if is_play_folder(home):
        return refuse_play_money(home, "send it nothing", as_json=args.json)

    async def job(wired: Wired) -> int:
        data = await _data(wired)
        if args.json:
            print_json(data)
        else:
            _show(data)
        return 0

    return run_wired(job, as_json=args.json)


async def _data(wired: Wired) -> dict[str, Any]:
    from wallet.assets import assets, networks

    address = await wallet_address(wired)
    contracts = {(one.network, one.symbol): one.address for one in assets().values()}
    rows = [
        {
            "network": networks()[one.network].name,
            "network_id": one.network,
            "testnet": networks()[one.network].testnet,
            "asset": one.symbol,
            "contract": contracts[one.network, one.symbol],
            "amount": one.amount,
            "reason": one.reason,
        }
        for one in await wired.toolbox.chain.holdings(address)
    ]
    suggested = str(wired.settings.budget.per_day)
    return {"address": address, "suggested_usd": suggested, "networks": rows}


def _show(data: dict[str, Any]) -> None:
    say(qr_text(data["address"], sys.stdout.encoding or "ascii"))
    say(f"Address: {data['address']}")
    say()
    rows = data["networks"]
    print_holdings(rows, None)
    say()
    for row in rows:
        where = f"{row['network']} ({row['network_id']})"
        say(f"Send {row['asset']} on {where}, and on no other network.")
        if row["testnet"]:
            say(f"  {row['network']} is a test network: its {row['asset']} has no value. Get some")
            say("  from the token issuer's faucet, choosing this network and this address.")
        say(f"  The token's contract: {row['contract']}")
    say()
    say(f"A small amount will do: {dollars(data['suggested_usd'])} is one day's budget.")
    say("Keep no more here than you can afford to lose. No other coin is needed for fees.")


def qr_text(text: str, encoding: str) -> str:
    """Draw a QR code (error correction M) in half blocks, or in ASCII where there are none.

    The light modules are drawn, which is right on a dark background; scanners read both.
    """
    import segno

    code = segno.make_qr(text, error="m")
    try:
        BLOCKS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        rows = code.matrix_iter(border=QUIET_ZONE)
        return "\n".join("".join("  " if dark else "##" for dark in row) for row in rows)
    drawn = io.StringIO()
    code.terminal(drawn, border=QUIET_ZONE, compact=True)
    return drawn.getvalue().rstrip("\n")
