"""A wallet with three months behind it, its pages, and a clock that stands still."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from server.dashboard.site import dashboard_routes, watch_of
from server.pages.gate import Gate
from server.pages.guard import Guard
from server.pages.serving import Pages
from server.settings import load_settings
from server.wiring import Wired, open_wired
from tests.ledger.ledger_kit import DAY_S, cap, put_unknown, request, signed
from tests.pages.page_kit import ask
from tools.context import Holding
from wallet.approvals import ApprovalRequest, terms_of
from wallet.errors import ErrorKind
from wallet.ids import approval_id, purchase_id
from wallet.ledger.base import Cap, HoldRequest
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Delivery, Evidence, Purchase, State
from wallet.payer import Payer

NOW = 1_795_284_000  # 2026-11-21 18:00 UTC
USDC = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
ADDRESS = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"
ORIGIN = "http://127.0.0.1:8402"
CONFIG = """
[budget]
per_payment = "0.50"
per_host_per_day = "1.00"
per_day = "2.50"
total = "60.00"
approval_above = "0.25"
"""
SELLERS = (
    ("papers.example.edu", 100_000, 2),
    ("api.weather.example", 20_000, 8),
    ("img.example.net", 50_000, 3),
    ("news.example.org", 10_000, 7),
    ("data.example.com", 5_000, 6),
    ("maps.example.io", 2_000, 5),
    ("translate.example", 1_000, 6),
    ("feeds.example.co", 3_000, 2),
)
HOLDINGS = (
    Holding("eip155:8453", "USDC", "41.25", None),
    Holding("eip155:84532", "USDC", None, "no RPC server answers"),
)


class SomeKeys:
    """A key whose address is known, and that signs nothing."""

    async def address(self) -> str:
        return ADDRESS


class SomeChains:
    """Two chains, of which one cannot be read."""

    def __init__(self) -> None:
        self.asked = 0

    async def holdings(self, address: str) -> tuple[Holding, ...]:
        self.asked += 1
        return HOLDINGS


@dataclass
class Site:
    """The pages, and a browser's requests to them without a browser."""

    wired: Wired
    client: httpx.AsyncClient
    root: str

    async def get(self, path: str, status: int = 200) -> str:
        """Return a page's text."""
        answer = await self.client.get(self.root + path)
        assert answer.status_code == status
        return answer.text


def purchase(
    host: str, amount: int, at: int, *, url: str | None = None, key: str | None = None
) -> HoldRequest:
    """Return a hold at a time, in a token that the table knows."""
    caps: tuple[Cap, ...] = (
        cap(None),
        cap(None, window="total"),
        Cap(f"host:{host}", "day", None, ErrorKind.OVER_HOST_BUDGET),
    )
    made = request(
        key or random.randbytes(32).hex(),
        amount=amount,
        amount_atomic=amount,
        now=at,
        url=url or f"https://{host}/page/{at % 1000}?q=1",
        host=host,
        caps=caps,
        nonce="0x" + random.randbytes(32).hex(),
    )
    transfer = replace(made.transfer, asset=USDC)
    return replace(made, id=purchase_id(at * 1000, random.randbytes(10)), transfer=transfer)


def buy(ledger: SqliteLedger, wanted: HoldRequest, *, proven: bool = True) -> Purchase:
    """Hold, sign and settle."""
    made = signed(ledger, wanted)
    return ledger.settle(
        made.id,
        evidence=Evidence.VERIFIED if proven else Evidence.CLAIMED,
        tx_hash="0x" + random.randbytes(32).hex(),
        now=wanted.now + 2,
        delivery=Delivery(200, "text/html", random.randrange(900, 90_000), "ab" * 32),
    )


def lived(path: Path, count: int = 400) -> None:
    """Fill a ledger with so many purchases over 89 days, the same each time."""
    random.seed(11)
    ledger = SqliteLedger(path, clock=lambda: NOW)
    weights = [weight for _, _, weight in SELLERS]
    times = sorted(NOW - random.randrange(89 * DAY_S) for _ in range(count))
    for number, at in enumerate(times):
        host, amount, _ = random.choices(SELLERS, weights=weights)[0]
        wanted = purchase(host, amount * random.choice((2, 4, 6, 9)), at)
        if host == "translate.example":
            wanted = replace(wanted, url="mcp://translator/translate_text")
        if number % 40 == 7:
            dead = signed(ledger, wanted)
            ledger.void(dead.id, allowed_from=(State.SIGNED,), note="proven dead")
        else:
            buy(ledger, wanted, proven=number % 5 != 0)
    for number, (host, amount, _) in enumerate(SELLERS[1:7]):
        buy(ledger, purchase(host, amount * (6 - number), NOW - 3_000 + number * 400))
    buy(ledger, purchase("papers.example.edu", 500_000, NOW - 1_500))
    put_unknown(ledger, purchase("papers.example.edu", 60_000, NOW - 900))
    put_unknown(ledger, purchase("maps.example.io", 8_000, NOW - 60))
    ledger.close()


def ask_approval(ledger: SqliteLedger, amount: int, *, host: str = "reports.example.com") -> str:
    """Ask a person about a payment, two minutes ago; return the request's id."""
    wanted = purchase(host, amount, NOW)
    terms = terms_of(wanted.key, host, "exact", wanted.transfer, wanted.headers)
    asked = ledger.ask_approval(
        ApprovalRequest(
            id=approval_id(NOW * 1000, random.randbytes(10)),
            terms=terms,
            principal="local",
            method="POST",
            url=f"https://{host}/annual?year=2026",
            amount_usd=wanted.amount_usd,
            now=NOW - 120,
        )
    )
    return asked.current.id


@asynccontextmanager
async def wallet(home: Path) -> AsyncGenerator[Wired]:
    """Open the wallet of a folder, at `NOW` and with chains that answer at once."""
    settings = load_settings(home, {}, config_text=CONFIG)
    async with open_wired(settings) as wired:
        keys: Any = SomeKeys()
        parts = replace(wired.parts, keys=keys, clock=lambda: NOW * 1000)
        toolbox = replace(wired.toolbox, buyer=Payer(parts), chain=SomeChains())
        yield Wired(toolbox, parts, settings)


@asynccontextmanager
async def site(home: Path) -> AsyncGenerator[Site]:
    """Serve the pages to a client that has opened them."""
    async with wallet(home) as wired:
        pages = Pages(ORIGIN, Gate())
        guard = Guard(
            dashboard_routes(wired, watch_of(wired)), pages.gate, ORIGIN.removeprefix("http://")
        )
        async with ask(guard, ORIGIN) as client:
            opened = await client.get(pages.link("/", life_s=60, session_life_s=600))
            found = re.search(r"url=([^\"]+)/\"", opened.text)
            assert found is not None
            yield Site(wired, client, found[1])
