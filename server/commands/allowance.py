"""`purser allowance`: see what Permit2 may take from the wallet, and how to change that."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from server.commands.common import add_json, print_facts, print_json, run_wired, say, wallet_address
from server.exit_codes import DONE, FAILED

if TYPE_CHECKING:
    from server.wiring import Wired
    from wallet.assets import Asset
    from wallet.chain import Chain
    from wallet.money import Usd

DATA_CHARS = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser allowance` takes."""
    parser.add_argument(
        "--set",
        type=_usd,
        default=None,
        metavar="USD",
        help="show the transaction that lets Permit2 take this much, such as 5.00; 0 takes it back",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Show each allowance on the enabled networks, and fail when one cannot be read.

    Nothing is signed or sent.
    """

    async def job(wired: Wired) -> int:
        address = await wallet_address(wired)
        rows = [await _row(wired.parts.chain, asset, address, args.set) for asset in _assets(wired)]
        if args.json:
            print_json({"address": address, "allowances": rows})
        else:
            _show(address, rows)
        return DONE if all(row["allowed"] is not None for row in rows) else FAILED

    return run_wired(job, as_json=args.json)


def _assets(wired: Wired) -> list[Asset]:
    from wallet.assets import assets

    enabled = wired.settings.wallet.networks
    known = [one for one in assets().values() if one.network in enabled and one.usd_pegged]
    return sorted(known, key=lambda one: enabled.index(one.network))


async def _row(chain: Chain, asset: Asset, address: str, limit: Usd | None) -> dict[str, Any]:
    from wallet.allowances import approval_data
    from wallet.assets import networks
    from wallet.chain import ChainUnreadableError
    from wallet.money import atomic_from_usd, token_units

    row: dict[str, Any] = {
        "network": networks()[asset.network].name,
        "network_id": asset.network,
        "asset": asset.symbol,
        "allowed": None,
        "reason": None,
    }
    try:
        allowed_atomic = await chain.permit2_allowance(asset, address)
        row["allowed"] = token_units(allowed_atomic, asset.decimals)
    except ChainUnreadableError as error:
        row["reason"] = str(error)
    if limit is not None:
        data = approval_data(atomic_from_usd(limit, asset.decimals))
        row["transaction"] = {"from": address, "to": asset.address, "value": "0", "data": data}
    return row


def _show(address: str, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        of_what, by_whom = f"{row['asset']} on {row['network']}", f"from {address}"
        if row["allowed"] is None:
            unknown = f"How much {of_what} Permit2 may take {by_whom} is not known"
            say(f"purser: {unknown}: {row['reason']}.", sys.stderr)
        else:
            say(f"Permit2 may take at most {row['allowed']} {of_what} {by_whom}.")
    if not any("transaction" in row for row in rows):
        return
    say()
    say("An allowance stays until it is used or taken back, so give little. Send this from the")
    say("wallet's own account, with any wallet software; it costs gas. Purser does not send it.")
    for row in rows:
        say()
        sent = row["transaction"]
        facts = [("Network", row["network"]), ("To", sent["to"]), ("Data", sent["data"])]
        print_facts(facts, max_chars=DATA_CHARS)


def _usd(text: str) -> Usd:
    from wallet.money import Usd

    try:
        return Usd.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
