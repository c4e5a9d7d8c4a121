"""What came of many URLs: one row for each, and what it cost together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from wallet.errors import PurserError
from wallet.exchange import is_good
from wallet.model import OPEN_STATES, Purchase, State
from wallet.money import Usd


class Stopped(StrEnum):
    """Why pages were left unasked."""

    TIME = "time"
    RATE = "rate"
    LIMITS = "limits"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Page:
    """What came of one URL: `number` counts from 1, in the caller's order.

    A page has a purchase, an error, or both; one with neither is `same_as` an earlier one, or was
    not asked for. `reused`: it was bought before, and nothing was spent now.
    """

    number: int
    url: str
    purchase: Purchase | None = None
    http_status: int | None = None
    reused: bool = False
    error: PurserError | None = None
    same_as: int | None = None

    def __post_init__(self) -> None:
        if self.error is not None:
            # Its frames hold the whole answer: a thousand of them would fill the memory.
            self.error.__traceback__ = self.error.__context__ = self.error.__cause__ = None

    @property
    def came(self) -> bool:
        """Tell whether what was asked for came."""
        return self.error is None and self.http_status is not None and is_good(self.http_status)

    @property
    def is_left(self) -> bool:
        """Tell whether nothing was found out about the page."""
        return self.purchase is None and self.error is None and self.same_as is None

    @property
    def spent(self) -> Usd:
        """Return what was settled for it now."""
        purchase = self.purchase
        if self.reused or purchase is None or purchase.state is not State.SETTLED:
            return Usd(0)
        return purchase.cost_usd or Usd(0)

    @property
    def unclear(self) -> Usd:
        """Return what is held for it because the outcome is not known."""
        purchase = self.purchase
        if purchase is None or purchase.state not in OPEN_STATES:
            return Usd(0)
        return purchase.amount_usd or Usd(0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Every page in the caller's order; `stopped` is None when all of them were asked for.

    `left_today` is what the last payment left of the day's budget, None when nothing was paid.
    """

    pages: tuple[Page, ...]
    stopped: Stopped | None
    left_today: Usd | None

    @property
    def spent(self) -> Usd:
        """Return what all pages cost now."""
        return total(page.spent for page in self.pages)

    @property
    def unclear(self) -> Usd:
        """Return what is held for pages whose outcome is not known."""
        return total(page.unclear for page in self.pages)


def total(amounts: Iterable[Usd]) -> Usd:
    """Return the sum of amounts."""
    return Usd(sum(one.micros for one in amounts))
