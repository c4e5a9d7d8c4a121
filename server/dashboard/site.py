"""The routes of the dashboard; all of them only read."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from server.dashboard import receipt_pages
from server.dashboard.live import Watch
from server.dashboard.overview import (
    BALANCES_PATH,
    CHANGES_PATH,
    balances_page,
    overview_page,
)
from server.dashboard.reading import (
    DAYS,
    EXPORT_PAGE,
    KeptHoldings,
    every_purchase,
    read_overview,
)
from server.pages.guard import visit_of
from server.pages.layout import problem
from wallet.errors import PurserError
from wallet.ledger.base import Ledger, LedgerUnavailableError
from wallet.model import Purchase

if TYPE_CHECKING:
    from server.pages.serving import Pages
    from server.wiring import Wired
    from tools.context import Holding

View = Callable[[Request], Awaitable[Response]]

DEFAULT_DAYS = 30


@asynccontextmanager
async def serve_dashboard(wired: Wired, *, port: int = 0) -> AsyncGenerator[Pages]:
    """Serve the dashboard of one open wallet until the block is left.

    Raises:
        OSError: the port is taken.
    """
    from server.pages.serving import serve_pages

    watch = watch_of(wired)
    async with serve_pages(dashboard_routes(wired, watch), port=port) as pages:
        try:
            yield pages
        finally:
            watch.close()


def watch_of(wired: Wired) -> Watch:
    """Return what tells pages of changes in a wallet's ledger."""
    return Watch(lambda: wired.parts.ledger.call(lambda ledger: ledger.change_mark()))


def dashboard_routes(wired: Wired, watch: Watch) -> list[Route]:
    """Return every page of the dashboard, over one open wallet."""
    holdings = KeptHoldings(lambda: _holdings(wired))
    site = _Site(wired, watch, holdings)
    pages: dict[str, View] = {
        "/": site.overview,
        CHANGES_PATH: site.changes,
        BALANCES_PATH: site.balances,
        "/receipts": site.receipts,
        "/receipts.csv": site.receipts_csv,
        "/receipts.json": site.receipts_json,
        "/receipts/{id}": site.receipt,
    }
    return [Route(path, _told(view), methods=["GET"]) for path, view in pages.items()]


async def _holdings(wired: Wired) -> tuple[Holding, ...] | None:
    try:
        address = await wired.parts.keys.address()
    except PurserError:
        return None
    return await wired.toolbox.chain.holdings(address)


def _told(view: View) -> View:
    """Show a ledger that cannot be read, or a search that makes no sense, as a page."""

    @functools.wraps(view)
    async def shown(request: Request) -> Response:
        try:
            return await view(request)
        except LedgerUnavailableError as error:
            return problem(503, "The ledger cannot be read", f"{error}.")
        except PurserError as error:
            return problem(503, error.kind.value.title, error.detail)

    return shown


class _Site:
    """The pages, each as a function of one request."""

    def __init__(self, wired: Wired, watch: Watch, holdings: KeptHoldings) -> None:
        self._wired = wired
        self._watch = watch
        self._kept = holdings

    async def overview(self, request: Request) -> Response:
        """Show limits, spending and what is open."""
        asked = request.query_params.get("days", "")
        days = next((one for one in DAYS if str(one) == asked), DEFAULT_DAYS)
        return overview_page(visit_of(request), await read_overview(self._wired, days))

    async def changes(self, request: Request) -> Response:
        """Tell a page when the ledger changes."""
        if self._watch.is_full:
            return problem(503, "Too many open pages", "Close one of them.")
        return StreamingResponse(self._watch.events(), media_type="text/event-stream")

    async def balances(self, request: Request) -> Response:
        """Show what the wallet holds on each chain."""
        return balances_page(visit_of(request), await self._kept.read())

    async def receipts(self, request: Request) -> Response:
        """Show receipts, as searched for."""
        try:
            search = receipt_pages.read_search(request.query_params)
        except (ValueError, OverflowError) as error:
            return problem(400, "This search makes no sense", f"{error}.")
        before = request.query_params.get("before") or None
        wanted = search.before(before, receipt_pages.PAGE_ROWS + 1)

        def read(ledger: Ledger) -> tuple[str, list[Purchase]]:
            return ledger.change_mark(), ledger.list_purchases(wanted)

        mark, found = await self._wired.parts.ledger.call(read)
        return receipt_pages.list_page(visit_of(request), search, found, before, mark)

    async def receipts_csv(self, request: Request) -> Response:
        """Give every receipt that was searched for, as CSV."""
        found = await self._all(request)
        if isinstance(found, Response):
            return found
        text = receipt_pages.as_csv(found)
        return Response(text, media_type="text/csv", headers=_attached("receipts.csv"))

    async def receipts_json(self, request: Request) -> Response:
        """Give every receipt that was searched for, as JSON."""
        found = await self._all(request)
        if isinstance(found, Response):
            return found
        data = receipt_pages.as_data(found)
        return JSONResponse(data, headers=_attached("receipts.json"))

    async def _all(self, request: Request) -> list[Purchase] | Response:
        try:
            search = receipt_pages.read_search(request.query_params)
        except (ValueError, OverflowError) as error:
            return problem(400, "This search makes no sense", f"{error}.")
        return await self._wired.parts.ledger.call(
            lambda ledger: every_purchase(ledger, lambda last: search.before(last, EXPORT_PAGE))
        )

    async def receipt(self, request: Request) -> Response:
        """Show one receipt."""
        wanted = str(request.path_params["id"])
        ledger = self._wired.parts.ledger
        purchase = await ledger.call(lambda one: one.get(wanted))
        if purchase is None:
            return receipt_pages.no_receipt()
        words = await ledger.call(lambda one: one.signed_words(wanted))
        visit, settings = visit_of(request), self._wired.settings
        return receipt_pages.receipt_page(visit, purchase, words, settings)


def _attached(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}
