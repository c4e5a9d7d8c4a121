"""Fetch many URLs, several at a time, under one total: stop in time, and lose nothing paid for."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

import anyio

from tools.many.manners import Host, Hosts
from tools.many.outcome import Outcome, Page, Stopped
from tools.many.polite import PoliteExchange
from tools.many.turns import Turns
from tools.many.wanted import Wanted, numbered, request_of
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebRequest
from wallet.ledger.base import LedgerUnavailableError

if TYPE_CHECKING:
    from tools.context import Buyer, Toolbox
    from wallet.money import Usd
    from wallet.presenting import Bought

REFUSED_IN_A_ROW = 10
"""After so many refusals by a limit in a row the rest is not asked for: it would be refused too."""
_LIMITS = frozenset(
    {
        ErrorKind.OVER_MAX_TOTAL,
        ErrorKind.OVER_DAY_BUDGET,
        ErrorKind.OVER_TOTAL_BUDGET,
        ErrorKind.OVER_HOST_BUDGET,
        ErrorKind.OVER_PAYMENT_CAP,
        ErrorKind.APPROVAL_REQUIRED,
        ErrorKind.INSUFFICIENT_FUNDS,
    }
)
_HOST_FAILED = frozenset(
    {
        ErrorKind.TIMEOUT,
        ErrorKind.UPSTREAM_ERROR,
        ErrorKind.PAYMENT_REJECTED,
        ErrorKind.OUTCOME_UNKNOWN,
    }
)
_log = logging.getLogger(__name__)

Report = Callable[[int, int, str], Awaitable[None]]
"""Takes how many pages are done, of how many, and a few words on what was spent."""
Arrived = Callable[[Page, "Bought"], Awaitable[None]]
Pause = Callable[[], Awaitable[None]]
"""Returns when another payment may be allowed."""


async def _unseen(done: int, of: int, words: str) -> None:
    """Report to nobody."""


async def _unheeded(page: Page, bought: Bought) -> None:
    """Do nothing with what arrived: it is stored."""


class Batch:
    """One call's pages; run it once.

    Args:
        toolbox: what to fetch and pay with.
        wanted: what to fetch.
        report: told how far it is, each time further than before.
        arrived: given each answer as it comes.
        pause: waited for where the payments of a minute are used up, and then the page is asked
            for again; without it that ends the call.
    """

    def __init__(
        self,
        toolbox: Toolbox,
        wanted: Wanted,
        *,
        report: Report = _unseen,
        arrived: Arrived = _unheeded,
        pause: Pause | None = None,
    ) -> None:
        self._toolbox = toolbox
        self._wanted = wanted
        self._report = report
        self._arrived = arrived
        self._pause = pause
        self._pauses: set[anyio.CancelScope] = set()
        self._hosts = Hosts(toolbox.many.per_host_concurrency)
        self._turns = None if wanted.max_total is None else Turns()
        self._pages = numbered(wanted.urls)
        self._todo: Iterator[Page] = iter([one for one in self._pages if one.same_as is None])
        self._active: dict[int, tuple[anyio.CancelScope, PoliteExchange]] = {}
        self._stopped: Stopped | None = None
        self._left_today: Usd | None = None
        self._until = self._ends = math.inf
        self._done = self._told = 0
        self._news, self._ended = anyio.Event(), False

    async def run(self) -> Outcome:
        """Fetch every page and return what came of each, in the caller's order.

        Raises:
            PurserError: LEDGER_UNAVAILABLE, the total cannot be kept.
        """
        wanted = self._wanted
        if wanted.time_s is not None:
            self._ends = anyio.current_time() + wanted.time_s
            self._until = self._ends - wanted.time_s / 3
        buyer = self._toolbox.buyer
        if wanted.max_total is not None:
            requests = [self._as_sent(one.url) for one in self._pages]
            buyer = await buyer.within(requests, wanted.max_total)
        async with anyio.create_task_group() as telling:
            telling.start_soon(self._keep_telling)
            await self._fetch_all(buyer)
            # Not cancelled: a report that is on its way would be lost.
            self._ended = True
            self._news.set()
        return self.outcome()

    async def _fetch_all(self, buyer: Buyer) -> None:
        async with anyio.create_task_group() as beside:
            if not math.isinf(self._until):
                beside.start_soon(self._keep_time)
            async with anyio.create_task_group() as workers:
                for _ in range(min(self._wanted.concurrency, len(self._pages))):
                    workers.start_soon(self._work, buyer)
            beside.cancel_scope.cancel()

    def outcome(self) -> Outcome:
        """Return what came of each page so far."""
        return Outcome(tuple(self._pages), self._stopped, self._left_today)

    @property
    def under_way(self) -> int:
        """Return how many pages are being asked for or paid."""
        return len(self._active)

    @property
    def waiting(self) -> int:
        """Return how many pages wait until another payment may be made."""
        return len(self._pauses)

    def stop(self, why: Stopped) -> None:
        """Begin nothing more, and give up every page for which nothing was sent; it costs nothing.

        Payments under way are let finish.
        """
        self._stopped = self._stopped or why
        for scope, exchange in list(self._active.values()):
            if not exchange.paying:
                scope.cancel()
        for scope in self._pauses:
            scope.cancel()

    async def _work(self, buyer: Buyer) -> None:
        while self._stopped is None and (page := next(self._todo, None)) is not None:
            while self._stopped is None and await self._fetch(buyer, page):
                await self._wait()

    async def _wait(self) -> None:
        with anyio.CancelScope() as scope:
            self._pauses.add(scope)
            try:
                if self._pause is not None and self._stopped is None:
                    await self._pause()
            finally:
                self._pauses.discard(scope)

    async def _fetch(self, buyer: Buyer, page: Page) -> bool:
        """Fetch one page and record what came; tell whether it is to be asked for again."""
        exchange = self._exchange(page)
        if exchange is None:
            return False
        bought: Bought | None = None
        with anyio.CancelScope() as scope:
            self._active[page.number] = scope, exchange
            try:
                bought = await buyer.fetch(
                    exchange, max_price=self._wanted.max_price, pay_again=False
                )
                self._left_today = bought.left_today or self._left_today
                self._record(_as_page(page, bought), exchange.host)
            except PurserError as error:
                if self._pause is not None and error.kind is ErrorKind.RATE_LIMITED:
                    return True
                await self._failed(page, error, exchange.host)
            except Exception as failure:  # noqa: BLE001 -- one page must not end the others
                _log.error("a page of fetch_many failed: %s", type(failure).__name__)
                detail = "An unexpected failure; Purser's log on stderr names its kind."
                error = PurserError(ErrorKind.INTERNAL_ERROR, detail, "unknown")
                await self._failed(page, error, exchange.host)
            finally:
                del self._active[page.number]
                exchange.finish()
        if bought is not None:
            await self._arrived(self._pages[page.number - 1], bought)
        return False

    def _as_sent(self, url: str) -> WebRequest:
        """Return the request for a URL as it is sent: another spelling begins no other total."""
        request = request_of(url)
        try:
            return self._toolbox.web.exchange(request).request
        except PurserError:
            return request

    def _exchange(self, page: Page) -> PoliteExchange | None:
        """Prepare one page's exchange, or record why there can be none."""
        left_s = None if math.isinf(self._ends) else self._ends - anyio.current_time()
        try:
            inner = self._toolbox.web.exchange(request_of(page.url), timeout_s=left_s)
        except PurserError as error:
            self._record(Page(page.number, page.url, error=error))
            return None
        if self._turns is not None:
            self._turns.enter(page.number)
        return PoliteExchange(inner, self._hosts, page.number, self._turns, self._until)

    async def _failed(self, page: Page, error: PurserError, host: Host) -> None:
        """Record a failure with the purchase it left, and stop where the next would fail alike."""
        if error.kind is ErrorKind.TIMEOUT and anyio.current_time() >= self._until:
            return
        purchase = None
        with anyio.CancelScope(shield=True):
            try:
                if error.receipt_id is not None:
                    wanted = error.receipt_id
                    purchase = await self._toolbox.records.call(lambda ledger: ledger.get(wanted))
            except LedgerUnavailableError:
                _log.warning("the ledger cannot be read for a page of fetch_many")
        self._record(Page(page.number, page.url, purchase, error=error), host)

    def _record(self, page: Page, host: Host | None = None) -> None:
        self._pages[page.number - 1] = page
        self._done += 1
        kind = None if page.error is None else page.error.kind
        if host is not None and (kind is None or kind in _HOST_FAILED):
            host.note(failed=kind is not None or (page.http_status or 0) >= 500)
        if kind is ErrorKind.RATE_LIMITED:
            self.stop(Stopped.RATE)
        elif self._refused_around(page.number - 1) >= REFUSED_IN_A_ROW:
            self.stop(Stopped.LIMITS)
        self._news.set()

    def _refused_around(self, index: int) -> int:
        """Count the pages refused by a limit that stand in a row with this one, in list order."""
        before = itertools.takewhile(_is_over, reversed(self._pages[: index + 1]))
        after = itertools.takewhile(_is_over, self._pages[index + 1 :])
        return sum(1 for _ in (*before, *after))

    async def _keep_time(self) -> None:
        await anyio.sleep_until(self._until)
        self.stop(Stopped.TIME)

    async def _keep_telling(self) -> None:
        """Report each time something new is known; several pages at once make one report."""
        ended = False
        while not ended:
            await self._news.wait()
            self._news, ended = anyio.Event(), self._ended
            await self._tell()

    async def _tell(self) -> None:
        done, of = self._done, sum(page.same_as is None for page in self._pages)
        if done > self._told:
            self._told = done
            spent = self.outcome().spent
            await self._report(done, of, f"{done} of {of} pages, ${spent} spent")


def _is_over(page: Page) -> bool:
    return page.error is not None and page.error.kind in _LIMITS


def _as_page(page: Page, bought: Bought) -> Page:
    return Page(page.number, page.url, bought.purchase, bought.http_status, bought.reused)
