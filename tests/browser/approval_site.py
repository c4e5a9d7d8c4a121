"""A ledger with one payment that waits, and its page, served as `purser serve` serves it."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from server.approval_terms import SpokenWords
from server.pages.approval import LIST_PATH, approval_path, approval_routes
from server.pages.serving import Pages, serve_pages
from server.settings import load_settings
from server.wiring import open_wired
from wallet.approvals import Approval, ApprovalRequest, ApprovalState, Terms
from wallet.assets import assets
from wallet.money import Usd
from wallet.parts import Parts

NETWORK = "eip155:8453"
PAYEE = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
URL = "https://api.example.com/reports/2026-11?format=full"
BODY = '{"question": "What did the <b>market</b> do this week?", "pages": 12}'


@dataclass
class ApprovalSite:
    """Pages over a real ledger; `ahead_s` moves the wallet's clock."""

    parts: Parts
    pages: Pages
    spoken: SpokenWords
    ahead_s: list[int] = field(default_factory=lambda: [0])

    async def ask(self, name: str = "ap_one", url: str = URL, method: str = "POST") -> Approval:
        """Write a request for seventy-five cents into the ledger."""
        token = next(one for one in assets().values() if one.network == NETWORK)
        terms = Terms(name, "api.example.com", "exact", NETWORK, token.address, PAYEE, 750_000)
        wanted = ApprovalRequest(
            name, terms, "local", method, url, Usd(750_000), self.parts.now_s()
        )
        asked = await self.parts.ledger.call(lambda ledger: ledger.ask_approval(wanted))
        self.spoken.keep(asked.current, {"url": url, "body": BODY if method == "POST" else None})
        return asked.current

    def link(self, name: str = "ap_one") -> str:
        """Return a link to the page of a request."""
        return self.pages.link(approval_path(name), life_s=600, session_life_s=1_200)

    def list_link(self) -> str:
        """Return a link to the list of what waits."""
        return self.pages.link(LIST_PATH, life_s=600, session_life_s=1_200)

    async def state(self, name: str = "ap_one") -> ApprovalState:
        """Return where a request stands in the ledger."""
        found = await self.parts.ledger.call(lambda ledger: ledger.get_approval(name))
        assert found is not None
        return found.state_at(self.parts.now_s())


@asynccontextmanager
async def approval_site(tmp_path: Path) -> AsyncGenerator[ApprovalSite]:
    """Open a wallet in an empty folder and serve the pages of its approvals."""
    environ: dict[str, Any] = {"PURSER_HOME": str(tmp_path)}
    ahead_s = [0]

    def clock() -> int:
        return time.time_ns() // 1_000_000 + ahead_s[0] * 1_000

    with patch.dict("os.environ", environ):
        async with open_wired(load_settings(tmp_path, environ)) as wired:
            parts, spoken = replace(wired.parts, clock=clock), SpokenWords()
            async with serve_pages(approval_routes(parts, spoken)) as pages:
                yield ApprovalSite(parts, pages, spoken, ahead_s)
