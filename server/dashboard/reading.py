"""What the pages show, read from the ledger and the chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from server.reports.period import last_days
from server.reports.report import Report
from wallet.ledger.base import Ledger, PurchaseFilter
from wallet.model import Purchase

if TYPE_CHECKING:
    from server.wiring import Wired
    from tools.context import Holding
    from wallet.status import WalletStatus

DAYS = (7, 30, 90)
RECENT = 8
EXPORT_PAGE = 1_000
HOLDINGS_KEPT_S = 30


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that the first page shows; `now` is the unix second of reading."""

    now: int
    mark: str
    status: WalletStatus
    report: Report
    recent: tuple[Purchase, ...]


async def read_overview(wired: Wired, days: int) -> Overview:
    """Read the first page, with spending over so many days.

    Raises:
        PurserError, LedgerUnavailableError: the ledger cannot be read.
    """
    now = wired.parts.now_s()
    period = last_days(days, now)

    def read(ledger: Ledger) -> tuple[str, Report, list[Purchase]]:
        return (
            ledger.change_mark(),
            Report(period, ledger.spending(period.since, period.until)),
            ledger.list_purchases(PurchaseFilter(limit=RECENT)),
        )

    # The mark is read first: what changes meanwhile shows the page to be out of date.
    mark, report, recent = await wired.parts.ledger.call(read)
    status = await wired.toolbox.buyer.status()
    return Overview(now, mark, status, report, tuple(recent))


def every_purchase(
    ledger: Ledger, wanted: Callable[[str | None], PurchaseFilter]
) -> list[Purchase]:
    """Return all that a filter finds; `wanted` gives it for what lies before an id."""
    found: list[Purchase] = []
    while True:
        page = ledger.list_purchases(wanted(found[-1].id if found else None))
        found += page
        if len(page) < EXPORT_PAGE:
            return found


class KeptHoldings:
    """What the chains say the wallet holds, asked for at most every `HOLDINGS_KEPT_S`."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[tuple[Holding, ...] | None]],
        clock_s: Callable[[], float] = anyio.current_time,
    ) -> None:
        self._ask = ask
        self._clock_s = clock_s
        self._lock = anyio.Lock()
        self._asked_at_s: float | None = None
        self._found: tuple[Holding, ...] | None = None

    async def read(self) -> tuple[Holding, ...] | None:
        """Return a row for each network and token; None while the address is not known."""
        async with self._lock:
            asked = self._asked_at_s
            if asked is None or self._clock_s() - asked >= HOLDINGS_KEPT_S:
                self._found = await self._ask()
                self._asked_at_s = self._clock_s()
            return self._found
