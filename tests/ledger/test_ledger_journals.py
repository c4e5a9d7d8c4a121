"""The journals are read by the programs they are for, balance, and agree with the report."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core.data import Open, Transaction
from channel_kit import PRICE, USDC, buy, lend, opened, opening
from ledger_kit import DAY_S, NOON, put_unknown, request, settled, signed

from server.reports.as_journal import as_beancount, as_hledger
from server.reports.journal import Entry, entries
from wallet.ledger.base import HoldRequest, PurchaseFilter
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import State
from wallet.spending import total

END = NOON + 10 * DAY_S
HOSTILE = 'shop" open Assets:Mine ; date:2020-01-01 | )(\n2026-11-21 open Assets:Yours\\'
WALLET = "Assets:Purser:Base"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened_ledger = SqliteLedger(tmp_path / "ledger.sqlite3", clock=lambda: NOON)
    yield opened_ledger
    opened_ledger.close()


def usdc(**changes: object) -> HoldRequest:
    """Return a hold in a token that the table knows."""
    made = request(**changes)  # type: ignore[arg-type]
    return replace(made, transfer=replace(made.transfer, asset=USDC))


def written(ledger: SqliteLedger) -> list[Entry]:
    """Return every entry of everything that the ledger has."""
    bought = ledger.list_purchases(PurchaseFilter(limit=1000))
    return entries(bought, ledger.channels_touched(0, END), 0, END)


def loaded(made: Sequence[Entry]) -> list[Any]:
    """Load a journal with Beancount, which has to find no fault in it."""
    reader: Any = loader
    found, errors, _ = reader.load_string(as_beancount(made))
    assert errors == []
    return found


def beancount_balances(made: Sequence[Entry]) -> dict[str, Decimal]:
    """Add up a journal as Beancount reads it."""
    found = loaded(made)
    balances: dict[str, Decimal] = {}
    for one in found:
        for posting in one.postings if isinstance(one, Transaction) else ():
            assert posting.units is not None
            assert posting.units.currency == "USDC"
            assert posting.units.number is not None
            before = balances.get(posting.account, Decimal(0))
            balances[posting.account] = before + posting.units.number
    return balances


def everything(ledger: SqliteLedger) -> None:
    """Buy in every way there is, from hosts of every kind, and end one channel of two."""
    for host in ("api.example.com", "my-shop.example", "my.shop.example", "127.0.0.1", "::1"):
        settled(ledger, usdc(host=host, url=f"https://{host}/a;b?secret=1"))
    settled(ledger, usdc(host=HOSTILE, url='https://x.example/"\\;|  2026-11-21 * x'))
    put_unknown(ledger, usdc(amount=5, amount_atomic=5))
    ledger.hold(usdc(amount=7, amount_atomic=7))
    dead = signed(ledger, usdc(amount=11, amount_atomic=11))
    ledger.void(dead.id, allowed_from=(State.SIGNED,), note="proven dead")
    ending = opened(ledger)
    buy(ledger, ending)
    ledger.channels.close(ending.id, 3 * PRICE, NOON + DAY_S)
    lend(ledger, opened(ledger))


def test_beancount_reads_the_journal_and_every_entry_balances(ledger: SqliteLedger) -> None:
    everything(ledger)
    balances = beancount_balances(written(ledger))
    assert sum(balances.values()) == 0
    spent = sum(one for name, one in balances.items() if name.startswith("Expenses:"))
    assert spent * 1_000_000 == total(ledger.spending(0, END).lines).settled
    assert balances["Assets:Purser:Unknown"] == Decimal("0.010005")


def test_hosts_that_look_alike_have_accounts_of_their_own(ledger: SqliteLedger) -> None:
    everything(ledger)
    accounts = [one.account for one in loaded(written(ledger)) if isinstance(one, Open)]
    assert len(accounts) == len(set(accounts))
    assert {"Expenses:Purser:My-shop-example", "Expenses:Purser:My--shop-example"} < set(accounts)
    assert not [name for name in accounts if "Mine" in name.split(":")]
    assert len([name for name in accounts if name.startswith("Expenses:")]) == 6


@pytest.mark.parametrize("claimed", [PRICE, 2 * PRICE, 4 * PRICE])
def test_a_channel_that_ended_leaves_nothing_in_channels(
    ledger: SqliteLedger, claimed: int
) -> None:
    one = opened(ledger)
    buy(ledger, one)
    ledger.channels.close(one.id, claimed, NOON + DAY_S)
    balances = beancount_balances(written(ledger))
    assert balances["Assets:Purser:Channels"] == 0
    assert balances[WALLET] * 1_000_000 == -claimed


def test_a_deposit_that_is_not_proven_is_marked_as_uncertain(ledger: SqliteLedger) -> None:
    opening(ledger)
    deposit, page = sorted(written(ledger), key=lambda one: -one.postings[0].amount_atomic)
    assert (deposit.certain, page.certain) == (False, False)


def test_a_journal_holds_no_query_and_nothing_that_only_was_held(ledger: SqliteLedger) -> None:
    everything(ledger)
    ledger.hold(usdc(amount=123_456, amount_atomic=123_456))
    text = as_beancount(written(ledger)) + as_hledger(written(ledger))
    assert "secret" not in text
    assert "0.123456" not in text


def hledger(journal: Path, *arguments: str) -> str:
    """Run hledger on a journal; skip where it is not installed."""
    program = shutil.which("hledger")
    if program is None:
        pytest.skip("hledger is not installed (Debian: apt-get install hledger)")
    ran = subprocess.run(
        [program, "-f", str(journal), *arguments],
        capture_output=True,
        check=False,
        env={"LC_ALL": "C.UTF-8"},
    )
    assert (ran.returncode, ran.stderr.decode()) == (0, "")
    return ran.stdout.decode()


@pytest.mark.slow
def test_hledger_reads_the_journal_and_agrees(ledger: SqliteLedger, tmp_path: Path) -> None:
    everything(ledger)
    journal = tmp_path / "purser.journal"
    journal.write_text(as_hledger(written(ledger)), encoding="utf-8")
    hledger(journal, "check")
    rows = csv.reader(io.StringIO(hledger(journal, "balance", "--flat", "-E", "-O", "csv")))
    found = {name: amount for name, amount in rows if name not in ("account", "total")}
    other = beancount_balances(written(ledger))
    amounts = sorted(Decimal(amount.removesuffix(" USDC")) for amount in found.values())
    assert amounts == sorted(other.values())
    assert not [name for name in found if "mine" in name.split(":")]
    assert "2020" not in hledger(journal, "print", "date:2020")
