"""What the user's limits say of offers that somebody else reports; no seller is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from wallet.channels.offered import plans
from wallet.errors import ErrorKind, PurserError
from wallet.ledger.base import LedgerUnavailableError, PurchaseFilter
from wallet.limits import caps_for
from wallet.model import Bill, State
from wallet.money import Usd
from wallet.parts import Parts
from wallet.policy import decide
from wallet.quotes import Quote
from wallet.repeats import host_of, origin_of

LOOKED_BACK = 1_000
"""So many settled purchases are counted, the newest ones."""


@dataclass(frozen=True, slots=True)
class Dealings:
    """How often the user's own settled purchases paid a host, and a payee in lower case."""

    by_host: Mapping[str, int] = field(default_factory=dict[str, int])
    by_payee: Mapping[str, int] = field(default_factory=dict[str, int])


class Appraiser:
    """Applies the policy that a purchase would meet; signs, holds and asks nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def judge(self, url: str, bill: Bill, *, max_price: Usd | None) -> Quote:
        """Return what would be done if `url` asked for exactly this.

        Whether the wallet holds enough is not looked at: that would ask the chain for every row.

        Raises:
            PurserError: LEDGER_UNAVAILABLE.
        """
        parts = self._parts
        try:
            payer = await parts.keys.address()
        except PurserError:
            payer = ""
        caps, now, origin = caps_for(parts.rules, host_of(url)), parts.now_s(), origin_of(url)
        try:
            balances, live = await parts.ledger.call(
                lambda ledger: (
                    ledger.balances(caps, now),
                    ledger.channels.of_origin(parts.principal, origin),
                )
            )
        except LedgerUnavailableError as error:
            raise PurserError(ErrorKind.LEDGER_UNAVAILABLE, str(error)) from None
        standing = list(zip(caps, balances, strict=True))
        through = plans(bill, parts.rules, standing, live)
        return decide(bill, url, parts.rules, payer, max_price, standing, through=through)

    async def dealings(self) -> Dealings:
        """Return whom the user has paid before, over the last 1,000 settled purchases.

        Raises:
            PurserError: LEDGER_UNAVAILABLE.
        """
        wanted = PurchaseFilter(states=(State.SETTLED,), limit=LOOKED_BACK)
        try:
            found = await self._parts.ledger.call(lambda ledger: ledger.list_purchases(wanted))
        except LedgerUnavailableError as error:
            raise PurserError(ErrorKind.LEDGER_UNAVAILABLE, str(error)) from None
        payees = (one.transfer.pay_to.lower() for one in found if one.transfer is not None)
        return Dealings(Counter(one.host for one in found), Counter(payees))
