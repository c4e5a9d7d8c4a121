"""A toolbox around a desk, and what the tests of many pages ask of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import anyio
import anyio.lowlevel

from tests.desk import Desk
from tools.context import Buyer, ManyLimits, Toolbox
from tools.many.batch import Batch
from tools.many.outcome import Outcome, Page
from tools.many.wanted import Wanted
from tools.web.exchange import WebExchange
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import Exchange, WebRequest, WebResponse
from wallet.ids import purchase_id, purchase_key
from wallet.ledger.base import Cap, HoldRequest, OverCapError
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Delivery, Evidence, State, Transfer
from wallet.money import Usd
from wallet.presenting import Bought


@dataclass
class DeskWeb:
    """The desk's client as tools see it."""

    desk: Desk

    def exchange(self, request: WebRequest, *, timeout_s: float | None = None) -> Exchange:
        return WebExchange(self.desk.client, request, timeout_s=timeout_s or 20)


def toolbox_of(desk: Desk, **limits: Any) -> Toolbox:
    """Return the tools' view of a desk; `limits` are those of `ManyLimits`."""
    return Toolbox(
        buyer=cast("Buyer", desk.payer),
        web=DeskWeb(desk),
        records=desk.parts.ledger,
        shelf=desk.parts.store,
        chain=cast("Any", None),
        finder=cast("Any", None),
        many=ManyLimits(**limits),
    )


async def fetch_all(
    toolbox: Toolbox,
    urls: Sequence[str],
    *,
    total: str | None = None,
    at_once: int = 4,
    time_s: int | None = None,
) -> Outcome:
    """Fetch URLs and return what came of each."""
    limit = None if total is None else Usd.parse(total)
    return await Batch(toolbox, Wanted(tuple(urls), limit, at_once, time_s)).run()


def codes(pages: Sequence[Page]) -> list[str]:
    """Return for each page its error's code, or how it came."""
    told: list[str] = []
    for page in pages:
        if page.error is not None:
            told.append(page.error.kind.value.code)
        elif page.purchase is not None:
            told.append("earlier" if page.reused else str(page.purchase.state))
        else:
            told.append("left" if page.same_as is None else f"as {page.same_as}")
    return told


@dataclass
class PricedExchange:
    """A seller without a network: names its price after `pauses` turns of the event loop."""

    request: WebRequest
    pauses: int

    async def ask(self) -> WebResponse:
        for _ in range(self.pauses):
            await anyio.lowlevel.checkpoint()
        return WebResponse(self.request.url, 402, (), b"")

    async def pay(self, payment_headers: Any) -> WebResponse:
        for _ in range(self.pauses):
            await anyio.lowlevel.checkpoint()
        return WebResponse(self.request.url, 200, (), b"")

    def start_over(self) -> None: ...

    def can_still_pay(self) -> bool:
        return True


@dataclass
class LedgerBuyer:
    """Buys from priced exchanges with nothing but a real ledger: ask, hold, pay, settle."""

    ledger: SqliteLedger
    prices: dict[str, int]
    pauses: dict[str, int] = field(default_factory=dict[str, int])
    caps: tuple[Cap, ...] = ()
    now: int = 1_795_262_400

    def exchange(self, request: WebRequest, *, timeout_s: float | None = None) -> Exchange:
        return PricedExchange(request, self.pauses.get(request.url, 0))

    async def within(self, requests: Sequence[WebRequest], limit: Usd) -> LedgerBuyer:
        scope = self.ledger.open_call_total("many", now=self.now, window_s=600)
        caps = (Cap(scope, "total", limit, ErrorKind.OVER_MAX_TOTAL),)
        return LedgerBuyer(self.ledger, self.prices, self.pauses, caps, self.now)

    async def fetch(self, exchange: Exchange, *, max_price: Usd | None, pay_again: bool) -> Bought:
        url = (await exchange.ask()).url
        await anyio.lowlevel.checkpoint()
        price = Usd(self.prices[url])
        try:
            held = self.ledger.hold(self._request(exchange.request, price))
        except OverCapError as error:
            raise PurserError(error.cap.kind, "It does not fit.") from None
        self.ledger.store_signed(held.id, "signed")
        await exchange.pay({})
        delivery = Delivery(200, "text/plain", 1, "0" * 64)
        settled = self.ledger.settle(
            held.id, evidence=Evidence.CLAIMED, tx_hash=None, now=self.now, delivery=delivery
        )
        assert settled.state is State.SETTLED
        return Bought(settled, b"x", "text/plain", 200, url, False, False, None)

    def toolbox(self, per_host: int = 16) -> Toolbox:
        return Toolbox(
            buyer=cast("Buyer", self),
            web=self,
            records=cast("Any", None),
            shelf=cast("Any", None),
            chain=cast("Any", None),
            finder=cast("Any", None),
            many=ManyLimits(per_host_concurrency=per_host),
        )

    def _request(self, request: WebRequest, price: Usd) -> HoldRequest:
        key = purchase_key("local", request)
        return HoldRequest(
            id=purchase_id(self.now * 1000, bytes.fromhex(key[:20])),
            key=key,
            principal="local",
            method="GET",
            url=request.url,
            headers="",
            host="many.example",
            pay_again=False,
            rail="x402",
            scheme="exact",
            transfer=Transfer(
                network_id="eip155:8453",
                asset="0x" + "a" * 40,
                payer="0x" + "b" * 40,
                pay_to="0x" + "c" * 40,
                amount_atomic=price.micros,
                valid_after=0,
                valid_before=self.now + 120,
                nonce="0x" + key,
            ),
            amount_usd=price,
            caps=self.caps,
            approval_above=Usd.parse("1000"),
            payments_per_minute=100_000,
            repeat_window_s=600,
            now=self.now,
        )
