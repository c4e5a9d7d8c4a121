"""Approvals inside one database transaction: asked once, answered once, used once, in time."""

from __future__ import annotations

import sqlite3

from wallet.approvals import (
    CLOCK_SLACK_S,
    LIVE_STATES,
    PENDING_MAX,
    UNUSED_KEPT,
    Approval,
    ApprovalRequest,
    ApprovalState,
    Asked,
    Terms,
    terms_of,
)
from wallet.ledger import statements as sql
from wallet.ledger.base import ApprovalMissingError, HoldRequest, LedgerUnavailableError
from wallet.money import Usd


def approval_from_row(row: sqlite3.Row) -> Approval:
    """Read a whole row of `approvals`.

    Raises:
        LedgerUnavailableError: the row holds something no ledger writes.
    """
    try:
        return Approval(
            id=row["id"],
            terms=Terms(
                key=row["key"],
                host=row["host"],
                scheme=row["scheme"],
                network_id=row["network_id"],
                asset=row["asset"],
                pay_to=row["pay_to"],
                amount_atomic=int(row["amount_atomic"]),
                headers=row["headers"],
            ),
            principal=row["principal"],
            method=row["method"],
            url=row["url"],
            amount_usd=Usd(row["amount_usd_micros"]),
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            state=ApprovalState(row["state"]),
            answered_at=row["answered_at"],
            purchase_id=row["purchase_id"],
        )
    except (ValueError, TypeError):
        raise LedgerUnavailableError("the ledger file is damaged") from None


def get(connection: sqlite3.Connection, approval_id: str) -> Approval | None:
    """Return one request."""
    row = connection.execute(sql.GET_APPROVAL, (approval_id,)).fetchone()
    return None if row is None else approval_from_row(row)


def latest(connection: sqlite3.Connection, key: str) -> Approval | None:
    """Return the newest request for a purchase key."""
    row = connection.execute(sql.LATEST_APPROVAL, (key,)).fetchone()
    return None if row is None else approval_from_row(row)


def end_what_ran_out(connection: sqlite3.Connection, now: int) -> None:
    """Write down as expired what has run out, so that no later clock can revive it.

    The newest second that approvals have seen is kept. A clock that was set back a little does
    not make a request last longer; one that was set back further ends them all, and counting goes
    on from there.
    """
    row = connection.execute(sql.APPROVAL_CLOCK).fetchone()
    seen = now if row is None else row[0]
    if now < seen - CLOCK_SLACK_S:
        connection.execute(sql.EXPIRE_ALL)
        seen = now
    seen = max(seen, now)
    connection.execute(sql.EXPIRE_DUE, (seen,))
    connection.execute(sql.SET_APPROVAL_CLOCK, (str(seen),))


def ask(connection: sqlite3.Connection, request: ApprovalRequest) -> Asked:
    """Open a request, unless the same terms are asked already or the call was just denied."""
    end_what_ran_out(connection, request.now)
    before, terms_sha256 = latest(connection, request.terms.key), request.terms.sha256()
    if before is not None:
        same = before.state in LIVE_STATES and before.terms.sha256() == terms_sha256
        if same or before.refuses_at(request.now):
            return Asked(before, before)
        connection.execute(sql.EXPIRE_ONE, (before.id,))
    connection.execute(sql.EXPIRE_OLDEST, (request.principal, PENDING_MAX - 1))
    connection.execute(sql.FORGET_UNUSED, {"now": request.now, "kept": UNUSED_KEPT})
    terms = request.terms
    connection.execute(
        sql.ADD_APPROVAL,
        {
            "id": request.id,
            "key": terms.key,
            "principal": request.principal,
            "method": request.method,
            "url": request.url,
            "host": terms.host,
            "scheme": terms.scheme,
            "network_id": terms.network_id,
            "asset": terms.asset,
            "pay_to": terms.pay_to,
            "amount_atomic": str(terms.amount_atomic),
            "amount_usd_micros": request.amount_usd.micros,
            "headers": terms.headers,
            "terms_sha256": terms_sha256,
            "created_at": request.now,
            "expires_at": request.now + request.life_s,
        },
    )
    opened = get(connection, request.id)
    if opened is None:
        raise AssertionError("a row that was just added is there")
    return Asked(before, opened)


def answer(
    connection: sqlite3.Connection, approval_id: str, *, approve: bool, now: int
) -> Approval | None:
    """Record a person's answer where one is still wanted, and return the request as it is then.

    A denial also takes back an approval that was not used. Nothing else changes an answer.
    """
    end_what_ran_out(connection, now)
    state = ApprovalState.APPROVED if approve else ApprovalState.DENIED
    values = {"id": approval_id, "state": state.value, "now": now}
    connection.execute(sql.ANSWER_APPROVAL, values)
    return get(connection, approval_id)


def find_approved(connection: sqlite3.Connection, request: HoldRequest) -> str | None:
    """Return the id of the approval this hold needs, or None when it needs none.

    The terms are those of the transfer that will be signed.

    Raises:
        ApprovalMissingError: it needs one, and there is none with exactly these terms.
    """
    if request.amount_usd <= request.approval_above:
        return None
    end_what_ran_out(connection, request.now)
    values = (request.key, _hash_of(request))
    row = connection.execute(sql.FIND_APPROVED, values).fetchone()
    if row is None:
        raise ApprovalMissingError
    return row[0]


def consume(connection: sqlite3.Connection, approval_id: str, request: HoldRequest) -> None:
    """Use an approval up for a purchase that is written already, by compare-and-set.

    Raises:
        ApprovalMissingError: it is not there to be used any more.
    """
    values = {
        "id": approval_id,
        "purchase_id": request.id,
        "terms_sha256": _hash_of(request),
    }
    if connection.execute(sql.CONSUME_APPROVAL, values).rowcount != 1:
        raise ApprovalMissingError


def _hash_of(request: HoldRequest) -> str:
    terms = terms_of(request.key, request.host, request.scheme, request.transfer, request.headers)
    return terms.sha256()
