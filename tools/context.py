"""What tools are given to work with; the wiring decides what stands behind each name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

    from tools.directories.entries import Query
    from wallet.exchange import Exchange, WebRequest
    from wallet.ledger.base import Ledger
    from wallet.money import Usd
    from wallet.presenting import Bought
    from wallet.purchases import Stored
    from wallet.quotes import Quote
    from wallet.status import WalletStatus

ResultT = TypeVar("ResultT")


class Buyer(Protocol):
    """Runs paid exchanges under the user's limits; `wallet.payer.Payer` is one."""

    async def fetch(self, exchange: Exchange, *, max_price: Usd | None, pay_again: bool) -> Bought:
        """Fetch, and pay when asked to and allowed to.

        Raises:
            PurserError: refused or failed; it says whether money moved.
        """
        ...

    async def within(self, requests: Sequence[WebRequest], limit: Usd) -> Buyer:
        """Return the same for one call of many purchases, which together cost `limit` at most.

        Raises:
            PurserError: LEDGER_UNAVAILABLE.
        """
        ...

    async def quote(self, exchange: Exchange, *, max_price: Usd | None) -> Quote:
        """Ask for the price and say what would be done; signs and holds nothing.

        Raises:
            PurserError: the seller cannot be asked, or its 402 cannot be read.
        """
        ...

    async def status(self) -> WalletStatus:
        """Return the limits, what is left of them, and what is open.

        Raises:
            PurserError: LEDGER_UNAVAILABLE.
        """
        ...


class Records(Protocol):
    """The ledger, on its own thread."""

    async def call(self, function: Callable[[Ledger], ResultT], /) -> ResultT:
        """Run a function on the ledger and return its result.

        Raises:
            LedgerUnavailableError: the ledger cannot be read.
        """
        ...


class Shelf(Protocol):
    """Stored content; blocks on the disk, so tools call it from a worker thread."""

    def load(self, purchase_id: str) -> Stored | None:
        """Return what was bought, or None when nothing is stored.

        Raises:
            DamagedPurchaseError: what is stored is not what was bought.
        """
        ...

    def locate(self, purchase_id: str) -> Path | None:
        """Return the file that holds what was bought, or None when nothing is stored."""
        ...


class Web(Protocol):
    """The guarded web."""

    def exchange(self, request: WebRequest, *, timeout_s: float | None = None) -> Exchange:
        """Prepare one exchange; nothing is sent yet.

        `timeout_s` shortens the user's own time limit.

        Raises:
            PurserError: the URL or a header cannot be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class Holding:
    """A token balance on one network: `amount` in whole tokens, or None and the `reason`."""

    network: str
    symbol: str
    amount: str | None
    reason: str | None


class Chain(Protocol):
    """A view of the chains; it may fail for one and work for another."""

    async def holdings(self, address: str) -> tuple[Holding, ...]:
        """Return one row per enabled network and token, with a reason where it cannot be read."""
        ...


class Finder(Protocol):
    """The configured directories; `tools.directories.finding.Directories` is one."""

    async def find(self, query: Query, *, refresh: bool = False) -> dict[str, Any]:
        """Return services that match, as plain data; `refresh` asks although a copy is fresh.

        Raises:
            PurserError: LEDGER_UNAVAILABLE.
        """
        ...

    async def listed(self, urls: Sequence[str]) -> dict[str, dict[str, str | None]]:
        """Return what directories said that these URLs cost, where that is remembered."""
        ...


@dataclass(frozen=True, slots=True)
class ManyLimits:
    """How a call of many pages goes about it, as the user set it.

    `time_s` is for one call of a host; `repeat_window_s` is how long a page that was bought comes
    back for nothing.
    """

    per_host_concurrency: int = 4
    time_s: int = 45
    repeat_window_s: int = 600


@dataclass(frozen=True, slots=True)
class Toolbox:
    """Everything a tool may use; nothing here loosens a limit."""

    buyer: Buyer
    web: Web
    records: Records
    shelf: Shelf
    chain: Chain
    finder: Finder
    many: ManyLimits = ManyLimits()
