"""Entries in the two common forms of plain-text accounting: hledger and Beancount.

Every text that is not ours loses whatever either form would read as anything but text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from server.reports.journal import Account, Entry, Posting

_HEAD = "Written by Purser: amounts are tokens, days are UTC. A ! marks what is not proven yet."
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_PLAIN_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_HEDGED = re.compile(r"[;|()\[\]\"\s]+")  # two spaces in a row would begin an amount
_PART = re.compile(r"[^A-Za-z0-9]+", re.ASCII)
_COMMODITY = re.compile(r"[^A-Z0-9.]+", re.ASCII)


def as_hledger(entries: Sequence[Entry]) -> str:
    """Return a journal for hledger 1.19 or newer (hledger manual, "Journal")."""
    lines = [f"; {_HEAD}", "decimal-mark .", ""]
    for one in entries:
        mark = "*" if one.certain else "!"
        lines.append(f"{one.day} {mark} {_hedged(one.payee)} | {_hedged(one.note)}")
        lines += [f"    ; {name}: {value}" for name, value in one.tags]
        lines += [_hledger_posting(posting) for posting in one.postings]
        lines.append("")
    return "\n".join(lines)


def _hledger_posting(posting: Posting) -> str:
    account = ":".join(_hledger_part(part) for part in posting.account).lower()
    return f'    {account}  {posting.units} "{_commodity(posting.symbol)}"'


def _hedged(text: str) -> str:
    return _HEDGED.sub(" ", text).strip() or "-"


def _hledger_part(part: str) -> str:
    return _hedged(part.replace(":", "-"))


def as_beancount(entries: Sequence[Entry]) -> str:
    """Return a journal for Beancount 2 or 3, which wants each account opened first."""
    lines = [f"; {_HEAD}", 'option "title" "Purser"', ""]
    lines += [f"{day} open {account}" for account, day in sorted(_opened(entries).items())]
    lines.append("")
    for one in entries:
        mark = "*" if one.certain else "!"
        lines.append(f"{one.day} {mark} {_quoted(one.payee)} {_quoted(one.note)}")
        lines += [f"  {name}: {_quoted(value)}" for name, value in one.tags]
        lines += [
            f"  {_account(posting.account)}  {posting.units} {_commodity(posting.symbol)}"
            for posting in one.postings
        ]
        lines.append("")
    return "\n".join(lines)


def _opened(entries: Iterable[Entry]) -> dict[str, str]:
    """Return each account with the first day on which it is used."""
    first: dict[str, str] = {}
    for one in entries:
        for posting in one.postings:
            first.setdefault(_account(posting.account), one.day)
    return first


def _account(account: Account) -> str:
    return ":".join(_component(part) for part in account)


def _component(part: str) -> str:
    """Return a name as Beancount takes it: a capital or digit, then letters, digits and dashes.

    No two plain host names get the same one: a dot becomes a dash, and a dash two. What is no plain
    host name ends with a piece of its hash.
    """
    if _PLAIN_HOST.fullmatch(part):
        name = part.replace("-", "--").replace(".", "-")
    else:
        name = _PART.sub("-", part).strip("-")
        if _PART.sub("", part) != part.replace(" ", ""):
            name = f"{name or 'X'}-{hashlib.sha256(part.encode()).hexdigest()[:8]}"
    return name[:1].upper() + name[1:]


def _commodity(symbol: str) -> str:
    """Return a token's symbol as a commodity: capitals, digits and dots, a capital first."""
    return _COMMODITY.sub("", symbol.upper())[:24].strip(".")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
