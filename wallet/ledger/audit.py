"""Proof that the books balance: every materialised number against the entries it came from."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict

from wallet.approvals import Terms
from wallet.ledger.channel_audit import add_channels, channel_faults

Budget = tuple[str, str]

_STATE_AFTER = {
    "free": "free",
    "hold": "held",
    "sign": "signed",
    "unknown": "unknown",
    "settle": "settled",
    "void": "void",
}


def audit(connection: sqlite3.Connection) -> list[str]:
    """Return plain sentences saying what is wrong; an empty list when nothing is."""
    return [
        *_file_faults(connection),
        *_budget_faults(connection),
        *_purchase_faults(connection),
        *_kept_payment_faults(connection),
        *_approval_faults(connection),
        *channel_faults(connection),
    ]


def _file_faults(connection: sqlite3.Connection) -> list[str]:
    faults = [
        f"The integrity check of the file reports: {row[0]}."
        for row in connection.execute("PRAGMA integrity_check(20)")
        if row[0] != "ok"
    ]
    orphans = len(connection.execute("PRAGMA foreign_key_check").fetchall())
    return [*faults, f"{orphans} rows point at a row that is missing."] if orphans else faults


def _budget_faults(connection: sqlite3.Connection) -> list[str]:
    """Fold the entries in Python, whose integers neither wrap nor round."""
    lines: defaultdict[str, list[Budget]] = defaultdict(list)
    for purchase_id, scope, window_id in connection.execute(
        "SELECT purchase_id, scope, window_id FROM budget_lines"
    ):
        lines[purchase_id].append((scope, window_id))
    held: Counter[Budget] = Counter()
    settled: Counter[Budget] = Counter()
    holds: Counter[str] = Counter()
    for purchase_id, kind, amount in connection.execute(
        "SELECT purchase_id, kind, amount_usd_micros FROM entries"
        " WHERE kind IN ('hold', 'settle', 'void') ORDER BY id"
    ):
        holds[purchase_id] += amount if kind == "hold" else 0
        for budget in lines[purchase_id]:
            held[budget] += amount if kind == "hold" else -holds[purchase_id]
            settled[budget] += amount if kind == "settle" else 0
    add_channels(connection, held, settled)
    faults: list[str] = []
    for scope, window_id, row_held, row_settled in connection.execute(
        "SELECT scope, window_id, held_usd_micros, settled_usd_micros FROM budgets"
    ):
        budget = (scope, window_id)
        for name, stored, folded in (
            ("held", row_held, held[budget]),
            ("settled", row_settled, settled[budget]),
        ):
            if stored != folded:
                faults.append(
                    f"The budget {scope} {window_id} says {stored} micro-USD {name},"
                    f" its entries say {folded}."
                )
    return faults


def _purchase_faults(connection: sqlite3.Connection) -> list[str]:
    state: dict[str, str] = {}
    resolutions: Counter[str] = Counter()
    amounts: defaultdict[str, set[int]] = defaultdict(set)
    charged: dict[str, int] = {}
    for purchase_id, kind, amount in connection.execute(
        "SELECT purchase_id, kind, amount_usd_micros FROM entries WHERE kind <> 'note' ORDER BY id"
    ):
        state[purchase_id] = _STATE_AFTER[kind]
        if kind == "settle":
            charged[purchase_id] = amount
        else:
            amounts[purchase_id].add(amount)
        resolutions[purchase_id] += kind in ("settle", "void")
    faults: list[str] = []
    for purchase_id, stored, amount, taken in connection.execute(
        "SELECT id, state, coalesce(amount_usd_micros, 0),"
        " coalesce(charged_usd_micros, amount_usd_micros, 0) FROM purchases ORDER BY id"
    ):
        folded = state.get(purchase_id, "missing")
        if stored != folded:
            faults.append(f"Purchase {purchase_id} is {stored}, its entries say {folded}.")
        if amounts[purchase_id] - {amount} or charged.get(purchase_id, taken) != taken:
            faults.append(f"Purchase {purchase_id} has entries of another amount.")
        if resolutions[purchase_id] > 1:
            faults.append(f"Purchase {purchase_id} was resolved more than once.")
    return faults


def _kept_payment_faults(connection: sqlite3.Connection) -> list[str]:
    return [
        f"Purchase {row[0]} is {row[1]} and needs no kept payment."
        for row in connection.execute(
            "SELECT id, state FROM purchases JOIN kept_payments ON purchase_id = id"
            " WHERE state <> 'settled' OR http_status BETWEEN 200 AND 299 ORDER BY id"
        )
    ]


_TERMS = "key, host, scheme, network_id, asset, pay_to, amount_atomic"


def _approval_faults(connection: sqlite3.Connection) -> list[str]:
    """Match each used approval with the purchase that names it, by the terms of both.

    The headers of a call are kept with its approval alone.
    """
    paid: dict[str, tuple[str, int, str]] = {
        approval_id: (purchase_id, amount, _terms_sha256(terms))
        for approval_id, purchase_id, amount, *terms in connection.execute(
            f"SELECT approval_id, id, amount_usd_micros, {_TERMS},"  # noqa: S608
            " coalesce((SELECT headers FROM approvals WHERE approvals.id = approval_id), '')"
            " FROM purchases WHERE approval_id IS NOT NULL"
        )
    }
    faults: list[str] = []
    for approval_id, purchase_id, amount, terms_sha256, *terms in connection.execute(
        f"SELECT id, purchase_id, amount_usd_micros, terms_sha256, {_TERMS}, headers"  # noqa: S608
        " FROM approvals ORDER BY number"
    ):
        if _terms_sha256(terms) != terms_sha256:
            faults.append(f"Approval {approval_id} does not have the terms of its hash.")
        named = paid.pop(approval_id, None)
        if (None if named is None else named[0]) != purchase_id:
            faults.append(f"Approval {approval_id} and its purchase do not name each other.")
        elif named is not None and named[1:] != (amount, terms_sha256):
            faults.append(f"Purchase {purchase_id} has other terms than its approval.")
    return faults + [
        f"Purchase {one[0]} names an approval that is missing." for one in paid.values()
    ]


def _terms_sha256(columns: list[str]) -> str:
    """Hash the columns of a row; empty when its amount is no number."""
    key, host, scheme, network_id, asset, pay_to, amount_atomic, headers = columns
    try:
        amount = int(amount_atomic)
    except ValueError:
        return ""
    return Terms(key, host, scheme, network_id, asset, pay_to, amount, headers).sha256()
