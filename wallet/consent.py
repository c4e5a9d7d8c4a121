"""Asking the user: open a request for approval, say what to do about it, and record the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from wallet.approvals import Approval, ApprovalRequest, ApprovalState, Asked, Terms
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebRequest
from wallet.ids import approval_id
from wallet.money import Usd
from wallet.parts import Parts
from wallet.quotes import Quote


async def ask(
    parts: Parts,
    request: WebRequest,
    terms: Terms,
    price: Usd,
    offers: Sequence[dict[str, Any]] = (),
) -> PurserError:
    """Write down that the user is asked for these terms, and return the refusal of the call.

    Nothing is signed or held. A request that stands already is not opened twice. `offers` are the
    reasons of each offer, for the refusal.

    Raises:
        LedgerUnavailableError: nobody can be asked.
    """
    wanted = ApprovalRequest(
        id=approval_id(parts.clock(), parts.entropy(10)),
        terms=terms,
        principal=parts.principal,
        method=request.method,
        url=request.url,
        amount_usd=price,
        now=parts.now_s(),
        life_s=parts.rules.approval_life_s,
    )
    asked = await parts.ledger.call(lambda ledger: ledger.ask_approval(wanted))
    kind, detail = _told(asked, parts.rules.approval_above)
    return PurserError(kind, detail, approval_id=asked.current.id, offers=list(offers))


def _told(asked: Asked, approval_above: Usd) -> tuple[ErrorKind, str]:
    """Say how the request came to stand as it does, and what the user can do."""
    before, current = asked.before, asked.current
    price = f"${current.amount_usd}"
    if current.state is ApprovalState.DENIED:
        until = f"It is not asked again before {_clock_time(current.expires_at)}."
        return ErrorKind.APPROVAL_DENIED, f"The user declined to pay for this call. {until}"
    if current.state is ApprovalState.APPROVED:
        detail = f"The user has just approved {price} for this call: make the same call again."
        return ErrorKind.APPROVAL_REQUIRED, detail
    command = (
        f"To allow {price}, the user runs `purser approve {current.id}` before "
        f"{_clock_time(current.expires_at)}; then make the same call again."
    )
    if before is not None and before.state is ApprovalState.APPROVED:
        changed = ", ".join(current.terms.changed_from(before.terms))
        detail = f"The user approved other terms for this call; since then changed: {changed}."
        return ErrorKind.TERMS_CHANGED, f"{detail} {command}"
    if before is not None and before.state is ApprovalState.EXPIRED:
        detail = "The earlier request for this call ran out unused, so a new one is open."
        return ErrorKind.APPROVAL_EXPIRED, f"{detail} {command}"
    detail = f"{price} is above ${approval_above}, so the user has to approve it."
    return ErrorKind.APPROVAL_REQUIRED, f"{detail} {command}"


def _clock_time(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%H:%M:%S UTC")


def with_approval(quote: Quote, approval: Approval | None, terms: Terms | None, now: int) -> Quote:
    """Say in a refused quote how a request for approval stands already; writes nothing.

    Args:
        quote: as policy decided it.
        approval: the newest request for the call.
        terms: those of the offer that would be asked for, or that is chosen.
        now: the unix second to judge by.
    """
    if approval is None or terms is None:
        return quote
    state, same = approval.state_at(now), approval.terms.sha256() == terms.sha256()
    if quote.chosen is not None:
        used = same and state is ApprovalState.APPROVED
        return replace(quote, approval=approval) if used else quote
    if approval.refuses_at(now):
        reason = "the user declined to pay for this call"
        kind = ErrorKind.APPROVAL_DENIED
        return replace(quote, refusal=kind, reason=reason, approval=approval)
    if state is ApprovalState.APPROVED and not same:
        changed = ", ".join(terms.changed_from(approval.terms))
        reason = f"the user approved other terms; since then changed: {changed}"
        kind = ErrorKind.TERMS_CHANGED
        return replace(quote, refusal=kind, reason=reason, approval=approval)
    if state is ApprovalState.PENDING and same:
        reason = f"{quote.reason}; the user is asked already"
        return replace(quote, reason=reason, approval=approval)
    return quote


async def record_answer(parts: Parts, of_approval: str, *, approve: bool) -> Approval:
    """Record what a person answered; the only way to an approval, and no tool calls it.

    Answering the same again changes nothing. A denial takes back an approval not used yet.

    Raises:
        PurserError: there is no such request, or it can no longer be answered so.
        LedgerUnavailableError: the answer could not be written.
    """
    now = parts.now_s()
    approval = await parts.ledger.call(
        lambda ledger: ledger.answer_approval(of_approval, approve=approve, now=now)
    )
    if approval is None:
        raise _no_such_request()
    wanted = ApprovalState.APPROVED if approve else ApprovalState.DENIED
    if approval.state is not wanted:
        raise cannot_answer(approval.state)
    return approval


def _no_such_request() -> PurserError:
    """Return the error for an id that this ledger does not know."""
    detail = "This ledger has no such request; `purser approvals --all` lists them."
    return PurserError(ErrorKind.INVALID_ARGUMENT, detail)


_ENDED = {
    ApprovalState.CONSUMED: (
        ErrorKind.INVALID_ARGUMENT,
        "This approval has been used; `purser approvals --all` shows for which payment.",
    ),
    ApprovalState.DENIED: (
        ErrorKind.APPROVAL_DENIED,
        "This request was denied. When its time is over, the same call asks anew.",
    ),
    ApprovalState.EXPIRED: (
        ErrorKind.APPROVAL_EXPIRED,
        "This request is over. The same call asks anew; `purser approvals` lists what is open.",
    ),
}


def cannot_answer(state: ApprovalState) -> PurserError:
    """Return the error for an answer to a request that is over."""
    kind, detail = _ENDED[state]
    return PurserError(kind, detail)
