"""Ask the person when a call needs an approval: the one place where the way of asking is chosen.

In this order: a form of the host's, a page that the host opens, and otherwise the refusal with the
command for the person, with a note on the desktop. A question is asked once in a call. Its answer
counts in the ledger alone: only what waits there is answered, once, and a payment uses it up, so
that an answer that a host repeats pays nothing.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.abc
import anyio.to_thread
from mcp.shared.exceptions import MCPError

from server.desktop import Notes
from server.elicitation import (
    SCHEMA,
    Answer,
    answer_of,
    answer_to_retry,
    declares,
    form_question,
    is_modern,
    url_question,
)
from server.rendering import ERROR_META
from server.stderr_log import describe_exception

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context
    from mcp_types import CallToolResult, ElicitResult, InputRequiredResult

    from server.approval_terms import SpokenWords
    from server.pages.serving import Pages
    from server.settings_models import Approvals
    from wallet.approvals import Approval
    from wallet.parts import Parts

FORM_CHARS = 1_500
"""A question that is longer does not go into a form, where it might be cut; nor does one that shows
a part of what the model wrote."""

PAGE_WAIT_S = 50
"""So long a call waits for an answer on a page; many hosts give a call up after a minute."""

LOOK_EVERY_S = 0.3
SESSION_EXTRA_S = 1_800

_log = logging.getLogger(__name__)

Run = Callable[[], Awaitable["CallToolResult"]]


@dataclass(frozen=True, slots=True)
class _Question:
    """A request that waits, and how a host is to put it."""

    approval: Approval
    text: str
    fits_form: bool


class Asking:
    """Stands between a call and its tools, and asks where nothing but the user's word is missing.

    Args:
        settings: which routes may be used.
        page_wait_s: how long a call waits for an answer on a page.
    """

    def __init__(self, settings: Approvals, *, page_wait_s: float = PAGE_WAIT_S) -> None:
        self._settings = settings
        self._page_wait_s = page_wait_s
        self._parts: Parts | None = None
        self._group: anyio.abc.TaskGroup | None = None
        self._pages: Pages | None = None
        self._opening = anyio.Lock()
        self._spoken: SpokenWords | None = None
        self._notes = Notes()

    @asynccontextmanager
    async def running(self, parts: Parts) -> AsyncGenerator[None]:
        """Ask about the payments of this wallet; pages are served once one is needed."""
        # Slow to load, and not needed before `initialize` is answered; so are the imports below.
        from server.approval_terms import SpokenWords

        self._spoken = self._spoken or SpokenWords()
        async with anyio.create_task_group() as group:
            self._parts, self._group = parts, group
            try:
                yield
            finally:
                self._parts = self._group = self._pages = None
                group.cancel_scope.cancel()

    async def call(
        self, arguments: Mapping[str, Any], context: Context[Any, Any], run: Run
    ) -> CallToolResult | InputRequiredResult:
        """Run a tool, and ask if it needs an approval; with the approval it runs once more.

        Args:
            arguments: the tool's, to show what the model wrote.
            context: the request: what the host can ask, and its answer when it retries.
            run: calls the tool.
        """
        from wallet.ledger.base import LedgerUnavailableError

        if context.request_state is not None:
            with suppress(LedgerUnavailableError):  # the call itself meets it, and says so
                await self._take_answer(context)
            return await run()
        result = await run()
        try:
            question = await self._question(result, arguments)
            asked = None if question is None else await self._ask(question, context, run)
        except LedgerUnavailableError:
            return result
        return asked or result

    async def _question(
        self, result: CallToolResult, arguments: Mapping[str, Any]
    ) -> _Question | None:
        """Return what is to be asked after this result, if anything is."""
        from server.approval_terms import caps_of, question_text
        from wallet.approvals import ApprovalState, approval_row

        parts, words = self._parts, self._spoken
        error = cast("dict[str, Any]", (result.meta or {}).get(ERROR_META, {}))
        approval_id = cast("str | None", error.get("approval_id"))
        if parts is None or words is None or not result.is_error or approval_id is None:
            return None
        approval = await parts.ledger.call(lambda ledger: ledger.get_approval(approval_id))
        now = parts.now_s()
        if approval is None or approval.state_at(now) is not ApprovalState.PENDING:
            return None
        words.keep(approval, arguments)
        spoken = words.of(approval.id)
        if spoken is None:
            raise AssertionError("what was just kept is there")
        caps = await caps_of(parts, approval)
        text = question_text(approval_row(approval, now), caps, spoken)
        fits_form = len(text) <= FORM_CHARS and not spoken.is_cut
        return _Question(approval, text, fits_form)

    async def _ask(
        self, question: _Question, context: Context[Any, Any], run: Run
    ) -> CallToolResult | InputRequiredResult | None:
        """Ask by the first route that works; None when the person has to be told a command."""
        for route in ("form", "url"):
            if route not in self._settings.routes or not declares(context, route):
                continue
            if route == "form" and not question.fits_form:
                continue
            link = await self._link(question.approval) if route == "url" else ""
            if link is None:
                continue
            if is_modern(context):
                return self._end_with(question, route, link)
            answer = await self._ask_now(question, context, route, link)
            if answer is not None:
                await self._record(question.approval.id, answer)
                return await run()
        self._note(question.approval)
        return None

    def _end_with(self, question: _Question, route: str, link: str) -> InputRequiredResult:
        state = f"{route}:{question.approval.id}"
        if route == "form":
            return form_question(question.text, state)
        return url_question(_page_words(question.approval), link, state)

    async def _ask_now(
        self, question: _Question, context: Context[Any, Any], route: str, link: str
    ) -> Answer | None:
        """Ask in the middle of a call, until 2025-11-25; None when the host cannot after all."""
        approval, session = question.approval, context.session
        with anyio.move_on_after(max(0, approval.expires_at - self._now_s())):
            try:
                result: ElicitResult = await (
                    session.elicit_form(question.text, SCHEMA, context.request_id)
                    if route == "form"
                    else session.elicit_url(
                        _page_words(approval), link, approval.id, context.request_id
                    )
                )
            except MCPError:
                return None
            answer = answer_of(result, route)
            if answer is Answer.OPENED:
                await self._wait_for_page(approval.id)
                await session.send_elicit_complete(approval.id, context.request_id)
            return answer
        return Answer.NONE

    async def _take_answer(self, context: Context[Any, Any]) -> None:
        """Record what the retry of a modern call answers, or wait for the page it opened."""
        route, _, approval_id = (context.request_state or "").partition(":")
        if route not in ("form", "url"):
            return
        answer = answer_to_retry(context, route)
        if answer is Answer.OPENED:
            await self._wait_for_page(approval_id)
        else:
            await self._record(approval_id, answer)

    async def _record(self, approval_id: str, answer: Answer) -> None:
        """Write an answer into the ledger, unless it says nothing or the request is over."""
        from wallet.consent import record_answer
        from wallet.errors import PurserError

        if self._parts is None or answer not in (Answer.APPROVE, Answer.DENY):
            return
        try:
            await record_answer(self._parts, approval_id, approve=answer is Answer.APPROVE)
        except PurserError:
            return  # it has another answer already, or was used: the call itself says what it meets

    async def _wait_for_page(self, approval_id: str) -> None:
        """Return once the request is answered, by whatever route, or has been waited for enough."""
        from wallet.approvals import ApprovalState

        with anyio.move_on_after(self._page_wait_s):
            while self._parts is not None:
                found = await self._parts.ledger.call(
                    lambda ledger: ledger.get_approval(approval_id)
                )
                if found is None or found.state_at(self._now_s()) is not ApprovalState.PENDING:
                    return
                await anyio.sleep(LOOK_EVERY_S)

    async def _link(self, approval: Approval) -> str | None:
        """Return a link to the page of a request; None when no page can be served."""
        from server.pages.approval import approval_path

        try:
            pages = await self._serving()
        except OSError as error:
            _log.warning("the approval page is not served: %s", describe_exception(error))
            return None
        if pages is None:
            return None
        life_s = max(1, approval.expires_at - self._now_s())
        return pages.link(
            approval_path(approval.id), life_s=life_s, session_life_s=life_s + SESSION_EXTRA_S
        )

    async def _serving(self) -> Pages | None:
        async with self._opening:
            if self._pages is None and self._group is not None:
                self._pages = await self._group.start(self._serve)
            return self._pages

    async def _serve(self, *, task_status: anyio.abc.TaskStatus[Pages]) -> None:
        from server.pages.approval import approval_routes
        from server.pages.serving import serve_pages

        if self._parts is None or self._spoken is None:
            raise AssertionError("pages are served while there is a wallet")
        async with serve_pages(approval_routes(self._parts, self._spoken)) as pages:
            task_status.started(pages)
            await anyio.sleep_forever()

    def _note(self, approval: Approval) -> None:
        if self._settings.notify and self._group is not None:
            amount, host = str(approval.amount_usd), approval.terms.host
            show = partial(anyio.to_thread.run_sync, abandon_on_cancel=True)
            self._group.start_soon(show, self._notes.show, amount, host)

    def _now_s(self) -> int:
        return 0 if self._parts is None else self._parts.now_s()


def _page_words(approval: Approval) -> str:
    """Return the words beside a link; the page itself shows the terms."""
    from server.approval_terms import price_of
    from wallet.approvals import approval_row

    row = approval_row(approval, approval.created_at)
    return (
        f"Purser asks whether to pay {price_of(row)} to {row['host']}. "
        "Open its page on this machine to read the terms, and to approve or deny."
    )
