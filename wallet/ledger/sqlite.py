"""The ledger in one SQLite file, shared by any number of tasks and processes of one machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

from wallet.approvals import Approval, ApprovalRequest, Asked
from wallet.channels.model import Channel
from wallet.ledger import approving, changes, channel_moves, moves, spent, words_kept
from wallet.ledger import statements as sql
from wallet.ledger.audit import audit
from wallet.ledger.base import Balance, Cap, HoldRequest, PurchaseFilter, StaleStateError
from wallet.ledger.channel_book import ChannelBook
from wallet.ledger.database import LOCK_TIMEOUT_S, Database
from wallet.ledger.reserve import (
    balance,
    balances_of,
    budget_key,
    open_call_total,
    present_day,
    refuse_burst,
    refuse_repeat,
    refuse_used_nonce,
    reserve,
)
from wallet.ledger.rows import (
    free_purchase,
    held_purchase,
    purchase_from_row,
)
from wallet.model import Charge, Delivery, Evidence, Purchase, SellerWords, State
from wallet.spending import Spending


@cache
def schema_scripts() -> tuple[str, ...]:
    """Return the numbered migrations in order; the schema version is how many there are."""
    folder = files("wallet.ledger").joinpath("schema")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    return tuple(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


def _lower(text: str) -> str:
    """Lower ASCII letters alone, as SQLite does."""
    return text.encode("utf-8", "replace").lower().decode()


def _unix_now() -> int:
    return int(time.time())


class SqliteLedger:
    """The Ledger in the file at `path`, created private and migrated when needed.

    `clock` (unix seconds) dates the entries of methods that take no `now`; `lock_timeout_s` bounds
    the wait for other processes.

    Raises:
        LedgerUnavailableError: the file cannot be opened, or a newer Purser wrote it.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        clock: Callable[[], int] = _unix_now,
        lock_timeout_s: float = LOCK_TIMEOUT_S,
    ) -> None:
        self._clock = clock
        self._database = Database(Path(path), schema_scripts(), lock_timeout_s)
        self._channels = ChannelBook(self._database, clock)

    @property
    def channels(self) -> ChannelBook:
        """Return the payment channels of this ledger."""
        return self._channels

    def hold(self, request: HoldRequest) -> Purchase:
        """Reserve the amount in every cap and write the purchase as HELD, or write nothing.

        A price above `approval_above` uses up its approval in the same transaction.

        Raises:
            OverCapError, RateLimitedError, AlreadyBoughtError, ApprovalMissingError,
            NonceUsedError, LedgerUnavailableError.
        """
        with self._database.write() as connection:
            refuse_repeat(connection, request)
            refuse_burst(connection, request)
            refuse_used_nonce(connection, request)
            lines = reserve(connection, request)
            approval_id = approving.find_approved(connection, request)
            purchase = held_purchase(request, approval_id)
            moves.add(connection, purchase, "hold", request.now)
            connection.executemany(sql.ADD_LINE, [(request.id, *line) for line in lines])
            if approval_id is not None:
                approving.consume(connection, approval_id, request)
        return purchase

    def store_signed(self, purchase_id: str, payment: str) -> None:
        """Keep the signed payment and move HELD -> SIGNED.

        Raises:
            StaleStateError: the hold is gone; the signature must be thrown away.
            LedgerUnavailableError: nothing was written; the same holds.
        """
        with self._database.write() as connection:
            if connection.execute(sql.SIGN, (payment, purchase_id)).rowcount != 1:
                raise StaleStateError("the purchase is no longer held")
            moves.enter(connection, purchase_id, "sign", self._clock())

    def signed_payment(self, purchase_id: str) -> str | None:
        """Return the signed payment of an open purchase, or of one that brought no content yet."""
        with self._database.read() as connection:
            row = connection.execute(sql.GET_SIGNED, (purchase_id,)).fetchone()
        return None if row is None else row[0]

    def mark_unknown(self, purchase_id: str, note: str, delivery: Delivery | None = None) -> None:
        """Move SIGNED -> UNKNOWN (or add a note to UNKNOWN); the hold stays.

        Raises:
            StaleStateError: the purchase is in any other state.
        """
        with self._database.write() as connection:
            old = moves.require(connection, purchase_id)
            new = changes.made_unknown(old, note, delivery)
            moves.move(connection, old, new, "unknown", self._clock(), note)

    def settle(
        self,
        purchase_id: str,
        *,
        evidence: Evidence,
        tx_hash: str | None,
        now: int,
        delivery: Delivery | None = None,
        note: str | None = None,
        charge: Charge | None = None,
    ) -> Purchase:
        """Move SIGNED | UNKNOWN -> SETTLED and the money from held to settled.

        With a `charge` only that much is settled, and the rest of the hold is freed. Settling
        again moves nothing: it fills what is missing and may raise the evidence.

        Raises:
            StaleStateError: the purchase was never signed, or was freed.
        """
        with self._database.write() as connection:
            old = moves.require(connection, purchase_id)
            new = changes.settled(
                old,
                evidence=evidence,
                tx_hash=tx_hash,
                now=now,
                delivery=delivery,
                note=note,
                charge=charge,
            )
            moves.settle(connection, old, new, now, note)
            if old.channel_id is not None and old.state is not State.SETTLED:
                channel_moves.page_settled(connection, new, now)
        return new

    def void(self, purchase_id: str, *, allowed_from: tuple[State, ...], note: str) -> Purchase:
        """Free the hold, from one of `allowed_from` only; the caller holds the proof.

        Raises:
            StaleStateError: the purchase has moved on.
        """
        with self._database.write() as connection:
            old = moves.require(connection, purchase_id)
            new = changes.voided(old, allowed_from, note)
            moves.move(connection, old, new, "void", self._clock(), note)
            moves.release(connection, old, 0)
            if old.channel_id is not None:
                channel_moves.page_voided(connection, new, self._clock())
        return new

    def annotate(
        self,
        purchase_id: str,
        *,
        evidence: Evidence | None = None,
        tx_hash: str | None = None,
        delivery: Delivery | None = None,
        note: str | None = None,
    ) -> Purchase:
        """Add what was learnt later about a SETTLED or UNKNOWN purchase; never moves money.

        Raises:
            StaleStateError: the purchase is in any other state.
        """
        with self._database.write() as connection:
            old = moves.require(connection, purchase_id)
            new = changes.annotated(
                old, evidence=evidence, tx_hash=tx_hash, delivery=delivery, note=note
            )
            moves.move(connection, old, new, "note", self._clock(), note)
            if changes.is_delivered(new):
                connection.execute(sql.DROP_PAYMENT, (purchase_id,))
        return new

    def keep_words(self, purchase_id: str, words: SellerWords) -> Purchase:
        """Keep what the seller signed, the first of each kind, and note what it came to.

        Raises:
            StaleStateError: the purchase is neither SETTLED nor UNKNOWN.
        """
        with self._database.write() as connection:
            return words_kept.keep(connection, purchase_id, words, self._clock())

    def signed_words(self, purchase_id: str) -> tuple[str | None, str | None]:
        """Return the offer and the receipt that the seller signed, as JSON texts."""
        with self._database.read() as connection:
            return words_kept.get(connection, purchase_id)

    def record_free(
        self,
        *,
        purchase_id: str,
        key: str,
        principal: str,
        method: str,
        url: str,
        host: str,
        now: int,
        delivery: Delivery,
    ) -> Purchase:
        """Write a fetch that cost nothing, so that it can be read on."""
        purchase = free_purchase(purchase_id, key, principal, method, url, host, now, delivery)
        with self._database.write() as connection:
            moves.add(connection, purchase, "free", now)
        return purchase

    def get(self, purchase_id: str) -> Purchase | None:
        """Return one purchase."""
        with self._database.read() as connection:
            row = connection.execute(sql.GET, (purchase_id,)).fetchone()
        return None if row is None else purchase_from_row(row)

    def latest(self, key: str) -> Purchase | None:
        """Return the newest paid purchase with this key that is not VOID."""
        with self._database.read() as connection:
            row = connection.execute(sql.LATEST, (key,)).fetchone()
        return None if row is None else purchase_from_row(row)

    def open_purchases(self) -> list[Purchase]:
        """Return every HELD, SIGNED or UNKNOWN purchase, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(sql.LIST_OPEN).fetchall()
        return [purchase_from_row(row) for row in rows]

    def list_purchases(self, wanted: PurchaseFilter) -> list[Purchase]:
        """Return purchases, newest first."""
        states = " ".join(state.value for state in wanted.states)
        values = {
            "host": wanted.host,
            "states": f" {states} " if states else "",
            "since": wanted.since,
            "until": wanted.until,
            "text": None if wanted.text is None else _lower(wanted.text),
            "before_id": wanted.before_id,
            "limit": max(wanted.limit, 0),
        }
        with self._database.read() as connection:
            rows = connection.execute(sql.LIST, values).fetchall()
        return [purchase_from_row(row) for row in rows]

    def spending(self, since: int, until: int) -> Spending:
        """Return what was bought from one unix second until before another, summed up."""
        with self._database.read() as connection:
            return spent.read(connection, since, until)

    def channels_touched(self, since: int, until: int) -> list[tuple[Channel, int]]:
        """Return channels opened or ended in a time, with the atomic units their pages cost."""
        with self._database.read() as connection:
            return spent.channels_touched(connection, since, until)

    def change_mark(self) -> str:
        """Return a text that is another one once anything was committed, by any process."""
        with self._database.read() as connection:
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            return f"{version}.{connection.total_changes}"

    def balances(self, caps: tuple[Cap, ...], now: int) -> list[Balance]:
        """Return the balance of each cap in its present window, zero where none exists yet."""
        with self._database.read() as connection:
            day = present_day(connection, now)
            return [balance(connection, budget_key(cap, day)) for cap in caps]

    def day_balances(self, now: int) -> list[Balance]:
        """Return every budget that was used in the present UTC day."""
        with self._database.read() as connection:
            return balances_of(connection, present_day(connection, now))

    def ask_approval(self, request: ApprovalRequest) -> Asked:
        """Open a request for a person's approval, or return the one that stands already."""
        with self._database.write() as connection:
            return approving.ask(connection, request)

    def answer_approval(self, approval_id: str, *, approve: bool, now: int) -> Approval | None:
        """Record a person's answer to a pending request and return it; None when there is none."""
        with self._database.write() as connection:
            return approving.answer(connection, approval_id, approve=approve, now=now)

    def get_approval(self, approval_id: str) -> Approval | None:
        """Return one request."""
        with self._database.read() as connection:
            return approving.get(connection, approval_id)

    def latest_approval(self, key: str) -> Approval | None:
        """Return the newest request for a purchase key."""
        with self._database.read() as connection:
            return approving.latest(connection, key)

    def list_approvals(self, *, answered: bool = False, limit: int = 100) -> list[Approval]:
        """Return pending requests, and those in every other state with `answered`, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(sql.LIST_APPROVALS, (answered, max(limit, 0))).fetchall()
        return [approving.approval_from_row(row) for row in rows]

    def open_call_total(self, call_key: str, *, now: int, window_s: int) -> str:
        """Return the scope of a call's own total, opened now unless the same call did lately."""
        with self._database.write() as connection:
            return open_call_total(connection, call_key, now, window_s)

    def check(self) -> list[str]:
        """Return what is wrong: integrity, and balances against the fold of entries."""
        with self._database.read() as connection:
            return audit(connection)

    def close(self) -> None:
        """Release the file; closing again does nothing."""
        self._database.close()
