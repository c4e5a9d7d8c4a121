"""`purser balance`: the limits, what is left of them, and what the wallet holds."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from server.commands.common import (
    NO_WALLET,
    add_json,
    dollars,
    has_wallet,
    print_facts,
    print_json,
    print_table,
    run_wired,
    say,
    wallet_address,
)
from server.commands.launcher import as_typed
from wallet.errors import PurserError
from wallet.money_words import DEPOSITED, HELD, LEFT, OPEN_PAYMENTS, SPENT

if TYPE_CHECKING:
    from server.wiring import Wired

_NAMES = {"per_day": "today", "total": "ever"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser balance` takes."""
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Show the balance."""

    async def job(wired: Wired) -> int:
        from tools.check_balance import check_balance

        data = (await check_balance(wired.toolbox)).structured or {}
        if data["address"] is None:
            data |= await _while_locked(wired)
        if args.json:
            print_json(data)
        else:
            _show(
                data, "not known: run `purser doctor`" if has_wallet(wired.settings) else NO_WALLET
            )
        return 0

    return run_wired(job, as_json=args.json)


async def _while_locked(wired: Wired) -> dict[str, Any]:
    """Return address and holdings of a wallet whose address is stored beside its locked key."""
    try:
        address = await wallet_address(wired)
    except PurserError:
        return {}
    rows = [
        {"network": one.network, "asset": one.symbol, "amount": one.amount, "reason": one.reason}
        for one in await wired.toolbox.chain.holdings(address)
    ]
    return {"address": address, "on_chain": rows, "on_chain_reason": None}


def _show(data: dict[str, Any], without_address: str) -> None:
    print_facts(
        [
            ("Address", data["address"] or as_typed(without_address)),
            ("One payment", f"at most {dollars(data['per_payment_limit_usd'])}"),
        ]
    )
    say()
    limits: list[list[str]] = [
        [
            _budget_name(row),
            dollars(row["limit_usd"], "no limit"),
            dollars(row["settled_usd"]),
            dollars(row["held_usd"]),
            dollars(row["left_usd"], "no limit"),
        ]
        for row in [*data["limits"], *data["hosts_today"]]
    ]
    print_table(["budget", "limit", SPENT.word, HELD.word, LEFT.word], limits)
    say()
    print_holdings(data["on_chain"], data["on_chain_reason"])
    if data["channels"]:
        say()
        say(_channels_line(data["channels"]))
    if data["open_holds"]:
        say()
        _show_holds(data["open_holds"], data["open_holds_total"])


def _budget_name(row: dict[str, Any]) -> str:
    if "host" in row:
        return f"today, {row['host']}"
    name = str(row["name"])
    return _NAMES.get(name, name)


def print_holdings(rows: list[dict[str, Any]] | None, reason: str | None) -> None:
    """Write what the wallet holds on each network; what cannot be read is not zero."""
    if rows is None:
        say(f"On the chain: unknown ({reason}).")
        return
    cells = [
        [
            row["network"],
            row["asset"],
            "unknown" if row["amount"] is None else row["amount"],
            row["reason"] or "",
        ]
        for row in rows
    ]
    print_table(["network", "token", "balance", "note"], cells)


def _channels_line(sums: dict[str, Any]) -> str:
    """Say how the channels stand; what is left of them is part of what is held above."""
    parts = ((DEPOSITED, "deposited_usd"), (SPENT, "spent_usd"), (LEFT, "left_usd"))
    told = ", ".join(f"{part.word} {dollars(sums[field])}" for part, field in parts)
    return as_typed(f"Payment channels: {sums['open']}, {told}. `purser channels` lists them.")


def _show_holds(holds: list[dict[str, Any]], total: int) -> None:
    rows = [
        [
            hold["receipt_id"],
            hold["host"],
            dollars(hold["amount_usd"]),
            hold["created_at"],
            hold["valid_before"] or "-",
        ]
        for hold in holds
    ]
    headings = ["receipt", "host", HELD.word, "since (UTC)", "valid until (UTC)"]
    title = as_typed(f"{OPEN_PAYMENTS}: {total}. `purser reconcile` looks at them.")
    print_table(headings, rows, title=title)
