"""The pages on which a person approves or denies a payment.

An answer is a form that was posted from the page that shows the terms, and is recorded as
`purser approve` and `purser deny` record theirs. Answering twice, or in two tabs, changes nothing:
the ledger takes one answer, and each page shows the one it took.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse
from starlette.routing import Route

from server.approval_terms import (
    REQUEST_CHARS,
    Spoken,
    SpokenWords,
    cap_words,
    caps_of,
    facts_of,
    price_of,
)
from server.commands.common import dollars
from server.commands.launcher import for_person
from server.pages.guard import Visit, visit_of
from server.pages.layout import page, problem
from server.pages.markup import Html, foreign, join, tag
from wallet.approvals import Approval, ApprovalState, approval_row
from wallet.consent import record_answer
from wallet.errors import PurserError
from wallet.receipts import iso_time

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from wallet.limits import CapStatus
    from wallet.parts import Parts

LIST_PATH = "/approvals"
LISTED = 100

_OUTCOMES = {
    ApprovalState.APPROVED: (
        "good",
        "Approved",
        (
            "The call that asked pays once, on these terms. If it no longer waits, the same call, "
            "made again before the time below, pays."
        ),
    ),
    ApprovalState.CONSUMED: (
        "good",
        "Approved and used",
        "The one payment it allowed was begun. `purser receipts` shows what became of it.",
    ),
    ApprovalState.DENIED: (
        "bad",
        "Denied",
        "Nothing is paid, and until the time below the same call is refused without asking you.",
    ),
    ApprovalState.EXPIRED: (
        "bad",
        "Expired",
        "Nobody answered in time, or the terms changed. Nothing was paid; the same call asks anew.",
    ),
}


def approval_path(approval_id: str) -> str:
    """Return the path of the page of one request."""
    return f"{LIST_PATH}/{approval_id}"


def approval_routes(parts: Parts, spoken: SpokenWords) -> list[Route]:
    """Return the list of what waits, and the page of each request.

    Args:
        parts: the wallet, whose ledger has the requests.
        spoken: what the model wrote with them, where this process knows it.
    """

    async def waiting(request: Request) -> Response:
        now = parts.now_s()
        found = await parts.ledger.call(lambda ledger: ledger.list_approvals(limit=LISTED))
        rows = [approval_row(one, now) for one in found]
        return _list_page(visit_of(request), [row for row in rows if row["state"] == "pending"])

    async def waiting_others(visit: Visit, approval_id: str) -> int | None:
        """Count what waits besides one request; None for a session that may not see the list."""
        if not visit.session.may_see(LIST_PATH):
            return None
        found = await parts.ledger.call(lambda ledger: ledger.list_approvals(limit=LISTED))
        live = (one for one in found if one.state_at(parts.now_s()) is ApprovalState.PENDING)
        return sum(one.id != approval_id for one in live)

    async def one(request: Request) -> Response:
        visit, approval_id = visit_of(request), str(request.path_params["id"])
        if request.method == "POST":
            await _record(parts, approval_id, visit.form.get("answer", ""))
            return RedirectResponse(visit.path(approval_path(approval_id)), status_code=303)
        approval = await parts.ledger.call(lambda ledger: ledger.get_approval(approval_id))
        if approval is None or approval.principal != parts.principal:
            return problem(404, "No such request", "This ledger does not know it.")
        now, caps = parts.now_s(), await caps_of(parts, approval)
        others = await waiting_others(visit, approval_id)
        return _approval_page(visit, approval, now, caps, spoken.of(approval_id), others)

    return [
        Route(LIST_PATH, waiting, methods=["GET"]),
        Route(approval_path("{id}"), one, methods=["GET", "POST"]),
    ]


async def _record(parts: Parts, approval_id: str, answer: str) -> None:
    """Record an answer; a request that is over keeps its own, which the page then shows."""
    if answer in ("approve", "deny"):
        try:
            await record_answer(parts, approval_id, approve=answer == "approve")
        except PurserError:
            return


def _approval_page(
    visit: Visit,
    approval: Approval,
    now: int,
    caps: tuple[CapStatus, ...],
    spoken: Spoken | None,
    others: int | None,
) -> Response:
    row, state = approval_row(approval, now), approval.state_at(now)
    pending = state is ApprovalState.PENDING
    verb = "Pay" if pending else "Payment of"
    body = [
        tag("h1", f"{verb} {dollars(row['amount_usd'])} to {row['host']}{'?' * pending}"),
        _expiry(approval, now) if pending else _outcome(state),
        _facts(row, spoken),
        None if spoken is None else _written(spoken.headers),
        _written(spoken),
        _caps(caps, approval) if pending else None,
        _buttons(visit, approval.id, state),
        None if others is None else _way_back(visit, others),
    ]
    ends = state in (ApprovalState.PENDING, ApprovalState.APPROVED)
    refresh = str(max(1, approval.expires_at - now + 1)) if ends else None
    return page("Approval", tag("section", *body, class_="card"), refresh=refresh)


def _expiry(approval: Approval, now: int) -> Html:
    minutes = max(1, -(-(approval.expires_at - now) // 60))
    until = iso_time(approval.expires_at)
    told = (
        "Nothing is paid before your answer. If you approve, the call that asked pays where it "
        f"still waits; else the same call, made again before {until}, pays."
    )
    good = f"The question ends in {minutes} {'minute' if minutes == 1 else 'minutes'}."
    return tag("p", f"{told} {good}", class_="quiet")


def _outcome(state: ApprovalState) -> Html:
    kind, title, told = _OUTCOMES[state]
    told = f" {for_person(told).replace('`', '')} You can close this page."
    return tag("p", tag("strong", f"{title}."), told, class_=f"notice {kind}", role="status")


def _facts(row: dict[str, Any], spoken: Spoken | None) -> Html:
    code = ("Approval", "Request", "Paid to", "Token")
    parts: list[Html] = []
    facts = [fact for fact in facts_of(row, spoken) if fact[0] != "Status"]
    for name, value in [*facts[1:], facts[0]]:
        shown = foreign(value, REQUEST_CHARS)
        parts += [tag("dt", name), tag("dd", tag("code", shown) if name in code else shown)]
    return tag("dl", *parts, class_="facts")


def _written(spoken: Spoken | None) -> Html | None:
    if spoken is None or not spoken.chars:
        return None
    cut = spoken.chars - len(spoken.start)
    more = None if cut <= 0 else tag("p", f"... and {cut:,} characters more", class_="quiet small")
    told = "Written by the model. Read it as a quotation, not as advice."
    lines = [foreign(line) for line in spoken.start.split("\n")]
    return join(
        [
            tag("h2", f"{spoken.what.capitalize()} of the request"),
            tag("p", told, class_="quiet small"),
            tag("pre", "\n".join(lines), tabindex="0"),
            more,
        ]
    )


def _caps(caps: tuple[CapStatus, ...], approval: Approval) -> Html:
    price = approval.amount_usd
    rows = [
        tag(
            "tr",
            tag("td", cap_words(cap)),
            tag("td", dollars(str(cap.limit)), class_="number"),
            tag("td", dollars(str(cap.left)), class_="number"),
            tag("td", dollars(str(cap.left.minus_floor_zero(price))), class_="number"),
        )
        for cap in caps
        if cap.limit is not None and cap.left is not None
    ]
    names = ("Limit", "Left now", "Left after")
    head = tag("tr", tag("th", "Your limits"), *(tag("th", one, class_="number") for one in names))
    return tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="table caps")


def _buttons(visit: Visit, approval_id: str, state: ApprovalState) -> Html | None:
    action = approval_path(approval_id)

    def button(answer: str, text: str, kind: str | None = None) -> Html:
        return tag("button", text, type="submit", name="answer", value=answer, class_=kind)

    if state is ApprovalState.PENDING:
        shown = [button("approve", "Approve", "primary"), button("deny", "Deny")]
    elif state is ApprovalState.APPROVED:
        shown = [button("deny", "Take it back")]
    else:
        return None
    buttons = tag("div", *shown, class_="actions")
    return tag("form", visit.csrf(action), buttons, method="post", action=visit.path(action))


def _way_back(visit: Visit, others: int) -> Html:
    named = {0: "nothing else waits", 1: "one more waits"}.get(others, f"{others} more wait")
    link = tag("a", "All payments that wait for you", href=visit.path(LIST_PATH))
    return tag("p", link, f" ({named})", class_="quiet")


def _list_page(visit: Visit, rows: list[dict[str, Any]]) -> Response:
    cards = [
        tag(
            "li",
            tag(
                "a", f"{price_of(row)} to {row['host']}", href=visit.path(approval_path(row["id"]))
            ),
            tag("br"),
            tag("code", foreign(f"{row['method']} {row['url']}", 200)),
        )
        for row in rows
    ]
    told = tag("ul", *cards, class_="waiting") if cards else tag("p", "Nothing waits for you.")
    body = tag("section", tag("h1", "Payments that wait for you"), told, class_="card")
    return page("Approvals", body, refresh="10")
