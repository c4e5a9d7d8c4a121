"""A stub in place of the wallet and the web, for tests of the protocol plumbing alone.

It holds no money and opens no connection. What is paid, and what is not, is tested elsewhere
against a real seller, facilitator and chain.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from mcp.server.mcpserver import MCPServer

from server.app import build_server
from server.warmup import Warmup
from tools.context import Holding, Toolbox
from tools.directories.entries import Query
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import Exchange, WebRequest
from wallet.ledger.base import Ledger, PurchaseFilter
from wallet.limits import CapStatus
from wallet.model import Delivery, Evidence, Purchase, State, Transfer
from wallet.money import Usd
from wallet.presenting import Bought
from wallet.purchases import Stored
from wallet.quotes import Quote, unpaid_quote
from wallet.status import WalletStatus

ERAS = ("legacy", "2026-07-28")
PAID_ID = "01993a7e-0000-7000-8000-000000000001"
WALLET = "0x1111111111111111111111111111111111111111"
SELLER = "0x2222222222222222222222222222222222222222"
USDC = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"

ResultT = TypeVar("ResultT")

PAID = Purchase(
    id=PAID_ID,
    key="k",
    principal="local",
    method="GET",
    url="https://seller.example/page",
    host="seller.example",
    state=State.SETTLED,
    evidence=Evidence.CLAIMED,
    created_at=1_795_000_000,
    settled_at=1_795_000_002,
    pay_again=False,
    rail="x402",
    scheme="exact",
    transfer=Transfer(
        "eip155:8453", USDC, WALLET, SELLER, 10_000, 0, 1_795_000_120, "0x" + "ab" * 32
    ),
    amount_usd=Usd.parse("0.01"),
    tx_hash="0x" + "cd" * 32,
    delivery=Delivery(200, "text/plain", 5, "0" * 64),
    notes=(),
)


def bought(body: bytes = b"hello", content_type: str = "text/plain", **changes: Any) -> Bought:
    """Return a settled purchase of one cent; `changes` are fields of Bought."""
    made = Bought(
        purchase=PAID,
        body=body,
        content_type=content_type,
        http_status=200,
        url=PAID.url,
        truncated=False,
        reused=False,
        left_today=Usd.parse("4.99"),
    )
    return replace(made, **changes)


@dataclass
class StubExchange:
    """Only remembers the request."""

    request: WebRequest


@dataclass
class StubBuyer:
    """Answers from a table by URL; a value that is an exception is raised."""

    answers: dict[str, Bought | Exception] = field(default_factory=dict[str, "Bought | Exception"])
    quotes: dict[str, Quote | Exception] = field(default_factory=dict[str, "Quote | Exception"])
    fetched: list[tuple[WebRequest, Usd | None, bool]] = field(
        default_factory=list[tuple[WebRequest, "Usd | None", bool]]
    )
    limits: list[Usd] = field(default_factory=list[Usd])
    address: str | None = WALLET

    async def fetch(self, exchange: Exchange, *, max_price: Usd | None, pay_again: bool) -> Bought:
        self.fetched.append((exchange.request, max_price, pay_again))
        answer = self.answers.get(exchange.request.url, bought())
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def within(self, requests: Sequence[WebRequest], limit: Usd) -> StubBuyer:
        self.limits.append(limit)
        return self

    async def quote(self, exchange: Exchange, *, max_price: Usd | None) -> Quote:
        assert max_price is None
        answer = self.quotes.get(exchange.request.url, unpaid_quote(exchange.request.url, 200))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def status(self) -> WalletStatus:
        one_dollar = Usd.parse("1.00")
        caps = (
            CapStatus("per_day", Usd.parse("5.00"), one_dollar, Usd(0), Usd.parse("4.00")),
            CapStatus("total", None, one_dollar, Usd(0), None),
        )
        waiting = replace(PAID, state=State.UNKNOWN, evidence=Evidence.UNKNOWN)
        host = CapStatus("per_host_per_day", Usd.parse("2.00"), one_dollar, Usd(0), one_dollar)
        return WalletStatus(
            address=self.address,
            per_payment=one_dollar,
            caps=caps,
            hosts=(("api.example.com", host),),
            open=(waiting,),
            pending=(),
            channels=(),
        )


class StubWeb:
    """Refuses one scheme, as the guard does, and otherwise opens nothing."""

    def exchange(self, request: WebRequest, *, timeout_s: float | None = None) -> Exchange:
        if not request.url.startswith("https://"):
            raise PurserError(ErrorKind.INSECURE_URL, "The URL does not start with https.")
        return cast("Exchange", StubExchange(request))


@dataclass
class StubRecords:
    """A list in place of a ledger, newest first."""

    purchases: list[Purchase] = field(default_factory=lambda: [PAID])

    async def call(self, job: Callable[[Ledger], ResultT]) -> ResultT:
        return job(cast("Ledger", self))

    def get(self, purchase_id: str) -> Purchase | None:
        return next((one for one in self.purchases if one.id == purchase_id), None)

    def list_purchases(self, wanted: PurchaseFilter) -> list[Purchase]:
        found = self.purchases
        if wanted.before_id is not None:
            found = [one for one in found if one.id < wanted.before_id]
        if wanted.states:
            found = [one for one in found if one.state in wanted.states]
        if wanted.host is not None:
            found = [one for one in found if one.host == wanted.host]
        if wanted.since is not None:
            found = [one for one in found if one.created_at >= wanted.since]
        return found[: wanted.limit]


@dataclass
class StubShelf:
    """Bodies by purchase id."""

    stored: dict[str, Stored] = field(default_factory=dict[str, Stored])

    def load(self, purchase_id: str) -> Stored | None:
        return self.stored.get(purchase_id)

    def locate(self, purchase_id: str) -> Path | None:
        return Path("/purser/purchases") / purchase_id / "body"


class StubChain:
    """One network that answers and one that does not."""

    async def holdings(self, address: str) -> tuple[Holding, ...]:
        assert address == WALLET
        return (
            Holding("eip155:8453", "USDC", "12.5", None),
            Holding("eip155:84532", "USDC", None, "the chain cannot be read"),
        )


@dataclass
class StubFinder:
    """Answers searches with what a test put here, and remembers listed prices."""

    found: dict[str, Any] = field(default_factory=lambda: {"services": [], "notes": []})
    prices: dict[str, dict[str, str | None]] = field(
        default_factory=dict[str, "dict[str, str | None]"]
    )
    asked: list[Query] = field(default_factory=list[Query])

    async def find(self, query: Query, *, refresh: bool = False) -> dict[str, Any]:
        assert not refresh
        self.asked.append(query)
        return self.found

    async def listed(self, urls: Sequence[str]) -> dict[str, dict[str, str | None]]:
        return {url: self.prices[url] for url in urls if url in self.prices}


@dataclass
class Stub:
    """The stub's parts, for a test to fill and look into."""

    buyer: StubBuyer = field(default_factory=StubBuyer)
    records: StubRecords = field(default_factory=StubRecords)
    shelf: StubShelf = field(default_factory=StubShelf)
    finder: StubFinder = field(default_factory=StubFinder)

    def server(self, warmup: Warmup | None = None) -> MCPServer[None]:
        """Return the real server over this stub, importing nothing in the background."""
        return build_server(self.open, warmup=warmup or Warmup(()))

    def open(self) -> AbstractAsyncContextManager[Toolbox]:
        """Open the toolbox of this stub."""
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncGenerator[Toolbox]:
        yield Toolbox(
            buyer=self.buyer,
            web=StubWeb(),
            records=self.records,
            shelf=self.shelf,
            chain=StubChain(),
            finder=self.finder,
        )
