"""A whole wallet over a real ledger, store and chain, for tests that buy."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox.run import BUYER_KEY, NETWORK, Sandbox
from tools.web.dial import Resolver, resolve
from tools.web.exchange import WebExchange
from tools.web.guard import HostRules
from tools.web.http import WebClient
from wallet.chain import Chain
from wallet.checkout import Order
from wallet.exchange import WebRequest
from wallet.ledger.base import Ledger
from wallet.ledger.sqlite import SqliteLedger
from wallet.ledger.worker import LedgerWorker
from wallet.limits import Rules
from wallet.model import Purchase, Transfer
from wallet.money import Usd
from wallet.parts import Parts
from wallet.payer import Payer
from wallet.presenting import Bought
from wallet.purchases import PurchaseStore
from wallet.rails.mpp.rail import MppRail
from wallet.rails.x402.rail import X402Rail
from wallet.signing.key import UnlockedKey
from wallet.vault import Vault

RULES = Rules(
    per_payment=Usd.parse("1.00"),
    per_host_per_day=Usd.parse("2.00"),
    per_day=Usd.parse("5.00"),
    total=None,
    approval_above=Usd.parse("0.50"),
    payments_per_minute=1000,
    networks=(NETWORK,),
    schemes=("exact",),
    validity_s=120,
    repeat_window_s=600,
)


# Sellers on loopback speak plain http, and loading the trust roots takes longer than a purchase.
NO_ROOTS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class OpenKey:
    """A key that is already unlocked; by default the sandbox buyer's."""

    def __init__(self, key: str = BUYER_KEY) -> None:
        self._key = UnlockedKey(bytes.fromhex(key.removeprefix("0x")))

    def address(self) -> str:
        return self._key.address

    def unlock(self) -> UnlockedKey:
        return self._key


class WatchedVault(Vault):
    """A vault that notes what the ledger on disk held at the moment of each signature."""

    def __init__(self, path: Path, key: str, may_sign_in: bool = False) -> None:
        super().__init__(OpenKey(key), may_sign_in=may_sign_in)
        self._path = path
        self.seen_when_signing: list[Purchase | None] = []

    def sign(self, ledger: Ledger, purchase_id: str, checked: Transfer) -> str:
        reader = SqliteLedger(self._path)
        self.seen_when_signing.append(reader.get(purchase_id))
        reader.close()
        return super().sign(ledger, purchase_id, checked)


@dataclass
class Clock:
    """A clock that a test can set forward or back."""

    ahead_s: int = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_s * 1000


@dataclass
class Desk:
    """One process's wallet: buy with it, look into its books."""

    home: Path
    parts: Parts
    payer: Payer
    vault: WatchedVault
    client: WebClient
    clock: Clock
    orders: list[Order] = field(default_factory=list[Order])

    async def buy(
        self,
        url: str,
        *,
        method: str = "GET",
        body: bytes = b"",
        headers: tuple[tuple[str, str], ...] = (),
        max_price: str | None = None,
        pay_again: bool = False,
        timeout_s: float = 20,
    ) -> Bought:
        exchange = WebExchange(
            self.client,
            WebRequest(method, url, headers, body),
            timeout_s=timeout_s,
        )
        price = None if max_price is None else Usd.parse(max_price)
        return await self.payer.fetch(exchange, max_price=price, pay_again=pay_again)

    async def purchases(self) -> list[Purchase]:
        from wallet.ledger.base import PurchaseFilter

        wanted = PurchaseFilter(limit=200)
        return await self.parts.ledger.call(lambda ledger: ledger.list_purchases(wanted))

    async def get(self, purchase_id: str) -> Purchase:
        found = await self.parts.ledger.call(lambda ledger: ledger.get(purchase_id))
        assert found is not None
        return found

    async def check(self) -> list[str]:
        return await self.parts.ledger.call(lambda ledger: ledger.check())

    @property
    def signatures(self) -> int:
        return len(self.vault.seen_when_signing)


@asynccontextmanager
async def open_desk(
    home: Path,
    sandbox: Sandbox,
    *,
    urls: tuple[str, ...] = (),
    rpc_urls: tuple[str, ...] | None = None,
    rules: dict[str, Any] | None = None,
    open_ledger: Callable[[], Ledger] | None = None,
    proof_wait_s: int = 1,
    key: str = BUYER_KEY,
    resolver: Resolver = resolve,
) -> AsyncGenerator[Desk]:
    """Open a wallet in `home` that may buy from the sandbox and from the sellers at `urls`."""
    path = home / "ledger.sqlite3"
    local = tuple(urlsplit(url).netloc for url in (sandbox.seller_url, *urls))
    host_rules = HostRules(mode="open", allow=(), deny=(), private_ok=local)
    ledger = LedgerWorker(open_ledger or (lambda: SqliteLedger(path)))
    vault, clock = WatchedVault(path, key, bool((rules or {}).get("sign_in"))), Clock()
    chain = Chain({NETWORK: (sandbox.rpc_url,) if rpc_urls is None else rpc_urls}, timeout_s=2)
    parts = Parts(
        ledger=ledger,
        store=PurchaseStore(home / "purchases"),
        keys=vault,
        chain=chain,
        rails=(X402Rail(), MppRail()),
        rules=replace(RULES, **(rules or {})),
        principal="local",
        clock=clock,
        entropy=os.urandom,
        room_bytes=1_000_000,
        proof_wait_s=proof_wait_s,
    )
    client = WebClient(
        host_rules,
        user_agent="purser/test",
        max_body_bytes=2_000_000,
        verify=NO_ROOTS,
        resolver=resolver,
    )
    try:
        yield Desk(home, parts, Payer(parts), vault, client, clock)
    finally:
        await client.aclose()
        await chain.close()
        await ledger.aclose()
