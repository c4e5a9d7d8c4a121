"""One SQLite file opened for money: private, durable, one short transaction at a time."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from wallet.files import make_private_folder
from wallet.ledger.base import LedgerUnavailableError

OLDEST_SQLITE = (3, 37, 0)  # the first with STRICT tables
WAL_SAFE_SQLITE = (3, 51, 3)  # earlier ones can corrupt a WAL that two connections reset at once
LOCK_TIMEOUT_S = 5.0
SETTINGS = (
    "synchronous = FULL",
    "fullfsync = ON",
    "foreign_keys = ON",
    "trusted_schema = OFF",
    "secure_delete = ON",  # a payment that is no longer kept leaves the file too
)
RETRY_S = (0.0005, 0.0015)
HALVING_S = 0.010
SHORTEST_RETRY_S = 0.0001
BUSY_TIMEOUT_MS = 5_000

_REASONS = {
    sqlite3.SQLITE_BUSY: "another process keeps the ledger locked",
    sqlite3.SQLITE_LOCKED: "another process keeps the ledger locked",
    sqlite3.SQLITE_FULL: "the disk is full, so the ledger cannot be written",
    sqlite3.SQLITE_IOERR: "the disk failed while the ledger was read or written",
    sqlite3.SQLITE_CORRUPT: "the ledger file is damaged",
    sqlite3.SQLITE_NOTADB: "the ledger file is damaged or is not a ledger",
    sqlite3.SQLITE_READONLY: "the ledger file is read-only",
    sqlite3.SQLITE_READONLY_DBMOVED: "the ledger file was moved or deleted while in use",
    sqlite3.SQLITE_CANTOPEN: "the ledger file cannot be opened",
    sqlite3.SQLITE_PERM: "the ledger file cannot be opened",
    sqlite3.SQLITE_CONSTRAINT: "the ledger refused a row that breaks its rules",
}


def _reason(error: sqlite3.Error) -> str:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return _REASONS.get(code) or _REASONS.get(code & 0xFF) or "the ledger failed"


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def translated() -> Generator[None]:
    """Turn any failure of the store into LedgerUnavailableError with a short text of ours.

    Raises:
        LedgerUnavailableError: without its cause, which may carry stored values.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerUnavailableError(_reason(error)) from None
    except OSError as error:
        text = f"the ledger file cannot be opened ({error.strerror or 'file error'})"
        raise LedgerUnavailableError(text) from None
    except (OverflowError, UnicodeEncodeError):
        raise LedgerUnavailableError("a value does not fit in the ledger") from None


def make_private_file(path: Path) -> None:
    """Create `path` as 0600, its missing folder as 0700; tighten a file others could read.

    Raises:
        OSError: the file cannot be made, or made private.
    """
    make_private_folder(path.parent)
    try:
        # An existing file must not be opened here: closing it would drop the POSIX locks that
        # another connection of this process holds on it.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            path.chmod(0o600)


class Database:
    """A connection to the ledger file, migrated to the schema `scripts` describe.

    Safe to share between threads: a lock lets one transaction run at a time. `lock_timeout_s`
    bounds the wait for other processes.

    Raises:
        LedgerUnavailableError: the file cannot be opened or its schema is newer than ours.
    """

    def __init__(
        self,
        path: Path,
        scripts: Sequence[str],
        lock_timeout_s: float = LOCK_TIMEOUT_S,
    ) -> None:
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise LedgerUnavailableError("the ledger needs SQLite 3.37 or newer")
        self.path = path.absolute()
        self._lock = threading.Lock()
        self._lock_timeout_s = lock_timeout_s
        with translated():
            make_private_file(self.path)
            self._connection = self._connect()
            try:
                self._set_journal_mode()
                self._migrate(scripts)
            except BaseException:
                self._connection.close()
                raise

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode=rw",  # never creates: a ledger that vanished is an error
            uri=True,
            timeout=BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.row_factory = sqlite3.Row
        try:
            for setting in SETTINGS:
                connection.execute(f"PRAGMA {setting}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_journal_mode(self) -> None:
        """Choose a journal whose commits survive a power cut.

        TRUNCATE syncs the emptied rollback journal. The default, DELETE, leaves its unlink
        unsynced, so that a power cut can bring it back and undo a commit already acted upon.
        """
        wanted = "wal" if sqlite3.sqlite_version_info >= WAL_SAFE_SQLITE else "truncate"
        (mode,) = self._connection.execute("PRAGMA journal_mode").fetchone()
        if mode == wanted:
            return
        try:
            self._connection.execute(f"PRAGMA journal_mode = {wanted}")
        except sqlite3.OperationalError as error:
            # A rollback journal is always safe to stay with; a WAL under an old SQLite is not.
            if mode == "wal" or not _is_busy(error):
                raise

    def _migrate(self, scripts: Sequence[str]) -> None:
        """Bring the file to the newest schema in one transaction, after a copy of what it held."""
        while (version := self._version()) != len(scripts):
            if version > len(scripts):
                raise LedgerUnavailableError("a newer Purser wrote this ledger; update Purser")
            self._begin()
            try:
                if self._version() == version:
                    self._upgrade(version, scripts)
                self._connection.execute("COMMIT")
            except BaseException:
                self._rollback()
                raise

    def _version(self) -> int:
        return self._connection.execute("PRAGMA user_version").fetchone()[0]

    def _upgrade(self, version: int, scripts: Sequence[str]) -> None:
        if version > 0:
            self._copy(self.path.with_name(f"{self.path.name}.v{version}.bak"))
        elif self._connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise LedgerUnavailableError("the ledger file belongs to another program")
        statement = ""
        for line in "\n".join(scripts[version:]).splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                self._connection.execute(statement)
                statement = ""
        self._connection.execute(f"PRAGMA user_version = {len(scripts)}")

    def _copy(self, target: Path) -> None:
        """Copy what is committed, under our write lock, to a private file beside the ledger."""
        draft = target.with_name(f"{target.name}.tmp")
        draft.unlink(missing_ok=True)
        make_private_file(draft)
        # A second connection reads: SQLite refuses to copy from one that is writing.
        source, copy = self._connect(), sqlite3.connect(draft)
        try:
            source.backup(copy)
        finally:
            copy.close()
            source.close()
        draft.replace(target)

    def _begin(self) -> None:
        self._rollback()
        self._take("BEGIN IMMEDIATE")

    def _take(self, statement: str) -> None:
        """Run a statement that needs a lock, asking again until the deadline.

        SQLite's own busy handler backs off to 100 ms, so under load newcomers win and the
        longest waiter starves. Here a newcomer asks about every millisecond, and whoever has
        waited longer asks more often.
        """
        began = time.monotonic()
        self._connection.execute("PRAGMA busy_timeout = 0")
        try:
            while True:
                try:
                    self._connection.execute(statement).fetchone()
                    return
                except sqlite3.OperationalError as error:
                    waited_s = time.monotonic() - began
                    if not _is_busy(error) or waited_s >= self._lock_timeout_s:
                        raise
                pause_s = random.uniform(*RETRY_S) / (1 + waited_s / HALVING_S)  # noqa: S311
                time.sleep(max(pause_s, SHORTEST_RETRY_S))
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")

    def _rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    @contextmanager
    def write(self) -> Generator[sqlite3.Connection]:
        """Run the block as one durable transaction, or leave nothing of it behind.

        Raises:
            LedgerUnavailableError: it could not begin within the deadline, or not commit.
        """
        with self._lock, translated():
            try:
                self._begin()
                yield self._connection
                self._take("COMMIT")
            except BaseException:
                self._rollback()
                raise

    @contextmanager
    def read(self) -> Generator[sqlite3.Connection]:
        """Run the block's queries against one consistent view.

        Raises:
            LedgerUnavailableError: the file cannot be read.
        """
        with self._lock, translated():
            self._rollback()
            self._connection.execute("BEGIN")
            try:
                self._take("SELECT 1 FROM sqlite_master")
                yield self._connection
            finally:
                self._rollback()

    def close(self) -> None:
        """Close the connection; closing again does nothing."""
        with self._lock, translated():
            self._connection.close()
