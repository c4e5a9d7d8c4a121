"""How the ledger's schema moves on: copied first, in one step, and never backwards."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from ledger_kit import DELIVERY, request, settled

from wallet.ledger.base import LedgerUnavailableError
from wallet.ledger.database import Database
from wallet.ledger.rows import free_purchase, progress_values, terms_values
from wallet.ledger.sqlite import SqliteLedger, schema_scripts

BOUGHT = free_purchase("p1", "k", "local", "GET", "https://a.example/", "a.example", 5, DELIVERY)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "ledger.sqlite3"


@contextmanager
def opened(path: Path) -> Generator[SqliteLedger]:
    with closing(SqliteLedger(path)) as ledger:
        yield ledger


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    opened(path).__enter__().close()
    change(path, "PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(LedgerUnavailableError, match="newer Purser"):
        SqliteLedger(path)
    assert path.read_bytes() == before


def test_a_migration_copies_the_ledger_beside_it_first(path: Path) -> None:
    with opened(path) as ledger:
        purchase = settled(ledger, request())
    scripts = (*schema_scripts(), "CREATE TABLE later (id INTEGER) STRICT;\n")
    with closing(Database(path, scripts)) as database, database.read() as connection:
        assert connection.execute("SELECT count(*) FROM later").fetchone()[0] == 0
        assert connection.execute("SELECT id FROM purchases").fetchone()[0] == purchase.id
    backup = path.with_name(f"ledger.sqlite3.v{len(schema_scripts())}.bak")
    assert [item.name for item in path.parent.glob("*bak*")] == [backup.name]
    if os.name == "posix":
        assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with opened(backup) as ledger:
        assert ledger.get(purchase.id) == purchase


def test_a_new_ledger_leaves_no_copy_of_an_empty_one(path: Path) -> None:
    with opened(path):
        assert list(path.parent.glob("*bak*")) == []


def test_a_ledger_of_the_first_version_is_copied_and_goes_on_with_its_books(path: Path) -> None:
    first = schema_scripts()[:1]
    with closing(Database(path, first)):
        pass
    row = terms_values(BOUGHT) | progress_values(BOUGHT)
    later = "approval_id transfer_method facilitator charged_atomic charged_usd_micros"
    for column in f"{later} channel_id cumulative_atomic".split():
        row.pop(column)
    columns = ", ".join(row)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        values = ", ".join(f":{name}" for name in row)
        connection.execute(f"INSERT INTO purchases ({columns}) VALUES ({values})", row)
        connection.execute(
            "INSERT INTO entries (purchase_id, kind, amount_usd_micros, at)"
            " VALUES (:id, 'free', 0, :created_at)",
            row,
        )
    with opened(path) as ledger:
        assert ledger.get(BOUGHT.id) == BOUGHT
        assert ledger.check() == []
    backup = path.with_name("ledger.sqlite3.v1.bak")
    with closing(Database(backup, first)) as copied, copied.read() as connection:
        assert connection.execute("SELECT id FROM purchases").fetchone()[0] == BOUGHT.id


def test_a_purser_of_the_first_version_leaves_a_newer_ledger_alone(path: Path) -> None:
    opened(path).__enter__().close()
    before = path.read_bytes()
    with pytest.raises(LedgerUnavailableError, match="newer Purser"):
        Database(path, schema_scripts()[:1])
    assert path.read_bytes() == before


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    with opened(path) as ledger:
        purchase = settled(ledger, request())
    broken = "CREATE TABLE later (id INTEGER) STRICT;\nINSERT INTO nowhere VALUES (1);\n"
    with pytest.raises(LedgerUnavailableError):
        Database(path, (*schema_scripts(), broken))
    with opened(path) as ledger:
        assert ledger.get(purchase.id) == purchase
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master").fetchall()
    assert ("later",) not in names
