"""The file under the ledger: who may read it, how it fails, and how its schema moves on."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from ledger_kit import NOON, SIGNED, cap, money, put_unknown, request, settled, signed

from wallet.ledger.base import LedgerUnavailableError, PurchaseFilter
from wallet.ledger.database import Database
from wallet.ledger.sqlite import SqliteLedger, schema_scripts
from wallet.model import Evidence, State

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
NOBODY = 65_534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "ledger.sqlite3"


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def again(kind: str, amount: str) -> str:
    """Return SQL that adds an entry of `kind` to every purchase."""
    columns = "purchase_id, kind, amount_usd_micros, at"
    return f"INSERT INTO entries ({columns}) SELECT id, '{kind}', {amount}, 0 FROM purchases"


@contextmanager
def opened(path: Path, lock_timeout_s: float = 5.0) -> Generator[SqliteLedger]:
    with closing(SqliteLedger(path, lock_timeout_s=lock_timeout_s)) as ledger:
        yield ledger


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
def test_the_file_is_0600_in_a_folder_0700(path: Path) -> None:
    old = os.umask(0)
    try:
        with opened(path) as ledger:
            settled(ledger, request())
            assert {mode_of(item) for item in path.parent.iterdir()} == {0o600}
            assert mode_of(path.parent) == 0o700
    finally:
        os.umask(old)


@posix
def test_a_file_others_could_read_is_made_private(path: Path) -> None:
    opened(path).__enter__().close()
    path.chmod(0o644)
    with opened(path):
        assert mode_of(path) == 0o600


def test_what_was_written_is_there_after_reopening(path: Path) -> None:
    with opened(path) as ledger:
        first = put_unknown(ledger, request())
        kept = ledger.get(first.id)
    with opened(path) as ledger:
        assert ledger.get(first.id) == kept
        assert ledger.signed_payment(first.id) == SIGNED
        assert money(ledger) == (10_000, 0)


def test_commits_are_synced_and_the_journal_is_one_this_sqlite_can_be_trusted_with(
    path: Path,
) -> None:
    with closing(Database(path, schema_scripts())) as database, database.read() as connection:
        settings = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("synchronous", "foreign_keys", "trusted_schema", "journal_mode")
        }
    safe = sqlite3.sqlite_version_info >= (3, 51, 3)
    assert settings == {
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "journal_mode": "wal" if safe else "truncate",
    }


@pytest.mark.skipif(sqlite3.sqlite_version_info >= (3, 51, 3), reason="WAL is safe here")
def test_a_wal_written_elsewhere_is_left_under_an_sqlite_that_could_damage_it(path: Path) -> None:
    with opened(path) as ledger:
        purchase = settled(ledger, request())
    change(path, "PRAGMA journal_mode = wal")
    with opened(path) as ledger:
        assert ledger.get(purchase.id) == purchase
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET amount_usd_micros = 0",
        "DELETE FROM entries",
        "UPDATE budget_lines SET scope = 'elsewhere'",
        "DELETE FROM budget_lines",
        "DELETE FROM purchases",
        "UPDATE purchases SET amount_usd_micros = 0",
        "UPDATE purchases SET nonce = '0x00'",
        "UPDATE purchases SET state = 'held', settled_at = NULL",
        "UPDATE budgets SET settled_usd_micros = -1",
        "UPDATE budgets SET settled_usd_micros = 9223372036854775807, held_usd_micros = 1",
        "UPDATE budgets SET held_usd_micros = 9223372036854775807 + 1",
        "UPDATE purchases SET signed_payment = 'again'",
        again("void", "amount_usd_micros"),
        again("hold", "amount_usd_micros"),
    ],
)
def test_the_schema_itself_refuses_to_rewrite_history(path: Path, statement: str) -> None:
    with opened(path) as ledger:
        purchase = settled(ledger, request())
        with pytest.raises(sqlite3.IntegrityError):
            change(path, statement)
        assert ledger.get(purchase.id) == purchase
        assert ledger.check() == []


def test_the_schema_itself_refuses_a_second_open_purchase_of_one_key(path: Path) -> None:
    with opened(path) as ledger:
        held = ledger.hold(request())
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TEMP TABLE twin AS SELECT * FROM purchases")
            connection.execute("UPDATE twin SET id = 'other', nonce = '0x00'")
            with pytest.raises(sqlite3.IntegrityError, match=r"purchases\.key"):
                connection.execute("INSERT INTO purchases SELECT * FROM twin")
        assert ledger.open_purchases() == [held]


def test_the_schema_itself_refuses_a_second_purchase_of_one_nonce(path: Path) -> None:
    with opened(path) as ledger:
        first = ledger.hold(request(nonce="0x" + "ab" * 32))
        ledger.void(first.id, allowed_from=(State.HELD,), note="never sent")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TEMP TABLE twin AS SELECT * FROM purchases")
            connection.execute("UPDATE twin SET id = 'other', key = 'other'")
            connection.execute("UPDATE twin SET nonce = upper(nonce), payer = lower(payer)")
            with pytest.raises(sqlite3.IntegrityError, match=r"purchases\.nonce"):
                connection.execute("INSERT INTO purchases SELECT * FROM twin")


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE budgets SET held_usd_micros = 7", "its entries say 0"),
        ("UPDATE budgets SET settled_usd_micros = 7", "its entries say 10000"),
        ("INSERT INTO budgets VALUES ('all', 'total', 5, 0)", "says 5 micro-USD held"),
        (
            again("unknown", "amount_usd_micros"),
            "is settled, its entries say unknown",
        ),
        (
            again("settle", "1"),
            "resolved more than once",
        ),
        (
            again("settle", "1"),
            "entries of another amount",
        ),
        (
            "INSERT INTO budget_lines VALUES ('nowhere', 'all', '2026-11-21')",
            "1 rows point at a row that is missing",
        ),
        (
            "UPDATE purchases SET http_status = 200",
            "needs no kept payment",
        ),
    ],
)
def test_check_says_what_does_not_add_up(path: Path, statement: str, sentence: str) -> None:
    with opened(path) as ledger:
        settled(ledger, request())
        assert ledger.check() == []
        change(path, "DROP INDEX entries_resolve_once", statement)
        assert sentence in " ".join(ledger.check())


def test_another_programs_file_is_refused(path: Path) -> None:
    path.parent.mkdir()
    change(path, "CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(LedgerUnavailableError, match="another program"):
        SqliteLedger(path)


@pytest.mark.parametrize(
    "content", [b"not a ledger " * 400, b"SQLite format 3\x00" + b"\xff" * 8192]
)
def test_a_file_that_is_no_ledger_is_refused(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(LedgerUnavailableError, match="damaged"):
        SqliteLedger(path)
    assert path.read_bytes() == content


def test_damage_in_the_middle_of_the_file_is_reported_not_returned(path: Path) -> None:
    with opened(path) as ledger:
        for _ in range(40):
            settled(ledger, request())
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    with pytest.raises(LedgerUnavailableError, match="damaged"), opened(path) as ledger:
        ledger.list_purchases(PurchaseFilter())


def test_a_folder_that_cannot_be_made_is_a_typed_refusal(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LedgerUnavailableError, match="cannot be opened"):
        SqliteLedger(tmp_path / "file" / "ledger.sqlite3")
    with pytest.raises(LedgerUnavailableError):
        SqliteLedger(tmp_path)


@posix
def test_a_read_only_file_can_be_read_and_refuses_holds() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite3"
        with opened(path) as ledger:
            purchase = settled(ledger, request())
        path.chmod(0o400)
        if os.geteuid() == 0:  # root may write anything, so be somebody else
            os.chown(path, NOBODY, -1)
            os.chown(folder, NOBODY, -1)
            os.seteuid(NOBODY)
        try:
            with opened(path) as ledger:
                assert ledger.get(purchase.id) == purchase
                with pytest.raises(LedgerUnavailableError, match="read-only"):
                    ledger.hold(request())
                assert ledger.check() == []
        finally:
            if os.getuid() == 0:
                os.seteuid(0)


@posix
def test_a_file_deleted_while_in_use_is_not_written_nor_made_anew(path: Path) -> None:
    with opened(path) as ledger:
        settled(ledger, request())
        path.unlink()
        with pytest.raises(LedgerUnavailableError):
            ledger.hold(request())
        assert not path.exists()


def test_a_closed_ledger_is_a_typed_refusal(path: Path) -> None:
    ledger = SqliteLedger(path)
    ledger.close()
    ledger.close()
    with pytest.raises(LedgerUnavailableError):
        ledger.hold(request())
    with pytest.raises(LedgerUnavailableError):
        ledger.get("x")


def test_a_lock_that_is_never_released_is_given_up_and_later_recovered(path: Path) -> None:
    with opened(path, lock_timeout_s=0.05) as ledger:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LedgerUnavailableError, match="locked"):
                ledger.hold(request())
        assert ledger.hold(request()).state is State.HELD


def fill(ledger: SqliteLedger, spare_pages: int) -> None:
    """Leave the open ledger `spare_pages` pages to grow by, as a disk that is nearly full."""
    connection = ledger._database._connection  # pyright: ignore[reportPrivateUsage]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + spare_pages}")


def buy_until_refused(ledger: SqliteLedger) -> tuple[int, str]:
    """Return how many purchases were settled, and what the refusal said."""
    bought = 0
    try:
        while True:
            settled(ledger, request(url="https://api.example.com/" + "x" * 900))
            bought += 1
    except LedgerUnavailableError as refusal:
        return bought, str(refusal)


@pytest.mark.parametrize("spare_pages", range(4))
def test_a_full_disk_refuses_and_leaves_nothing_half_written(path: Path, spare_pages: int) -> None:
    """Each spare page moves the fault to another write of the same transactions."""
    with opened(path) as ledger:
        fill(ledger, spare_pages)
        bought, said = buy_until_refused(ledger)
        assert "disk is full" in said
        listed = ledger.list_purchases(PurchaseFilter(limit=10_000))
        unfinished = ledger.open_purchases()
        assert len(listed) == bought + len(unfinished)
        assert money(ledger) == (10_000 * len(unfinished), 10_000 * bought)
        assert ledger.check() == []
        fill(ledger, 1_000)
        assert ledger.hold(request()).state is State.HELD


def test_an_outcome_that_cannot_be_written_leaves_the_hold(path: Path) -> None:
    with opened(path) as ledger:
        purchase = signed(ledger, request())
        before = ledger.get(purchase.id)
        fill(ledger, 0)
        buy_until_refused(ledger)
        huge = "0x" + "1" * 100_000
        with pytest.raises(LedgerUnavailableError, match="disk is full"):
            ledger.settle(purchase.id, evidence=Evidence.VERIFIED, tx_hash=huge, now=NOON)
        assert ledger.get(purchase.id) == before
        assert ledger.signed_payment(purchase.id) == SIGNED
        fill(ledger, 1_000)
        done = ledger.settle(purchase.id, evidence=Evidence.VERIFIED, tx_hash="0x1", now=NOON)
        assert done.state is State.SETTLED
        assert ledger.check() == []


LIMITED = """
import resource, sys
sys.path[:0] = [{tests!r}, {root!r}]
from ledger_kit import request, settled
from wallet.ledger.base import LedgerUnavailableError
from wallet.ledger.sqlite import SqliteLedger
ledger = SqliteLedger({path!r})
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    while True:
        settled(ledger, request(worker=1, url="https://api.example.com/" + "x" * 900))
except LedgerUnavailableError as error:
    print(error)
"""


@posix
@pytest.mark.slow
def test_a_disk_that_stops_taking_bytes_refuses_and_the_books_still_balance(path: Path) -> None:
    with opened(path) as ledger:
        settled(ledger, request())
    script = LIMITED.format(
        tests=str(Path(__file__).parent),
        root=str(Path(__file__).parents[2]),
        path=str(path),
        limit=path.stat().st_size + 20_000,
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=50
    )
    assert "the disk" in done.stdout
    with opened(path) as ledger:
        assert ledger.check() == []
        assert len(ledger.list_purchases(PurchaseFilter(limit=10_000))) > 1
        assert ledger.hold(request(caps=(cap(None),))).state is State.HELD
