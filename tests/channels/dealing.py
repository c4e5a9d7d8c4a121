"""A wallet with channels and a seller that can be told to cheat, for the tests of this folder."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from channel_desk import channel_desk, day

from sandbox.run import Sandbox
from tests.desk import Desk
from tests.meddler import Meddler, PaidAnswer, Trick, meddler
from wallet.presenting import Bought


def honest(answer: PaidAnswer) -> PaidAnswer:
    """Hand on what the real seller answered."""
    return answer


def hang_up(_: PaidAnswer) -> None:
    """Answer nothing."""


@dataclass(frozen=True, slots=True)
class Dealing:
    """A wallet, and the seller it deals with: the sandbox's, behind a go-between."""

    desk: Desk
    seller: Meddler

    async def buy(self, number: int, **options: Any) -> Bought:
        """Buy a page of the seller's."""
        return await self.desk.buy(f"{self.seller.url}/batch/page/{number}", **options)

    def cheat(self, trick: Trick, *, withhold: bool = False) -> None:
        """Spoil the answers to payments; with `withhold`, no payment reaches the real seller."""
        self.seller.trick, self.seller.withhold = trick, withhold

    def behave(self) -> None:
        """Hand on each payment and its answer from now on."""
        self.cheat(honest)

    async def assert_books(self, held_micros: int, settled_micros: int) -> None:
        """The books balance, with this much held and settled today, in micro-USD."""
        assert await day(self.desk) == (held_micros, settled_micros)
        assert await self.desk.check() == []


@asynccontextmanager
async def dealing(
    home: Path,
    sandbox: Sandbox,
    trick: Trick = honest,
    *,
    challenge: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    withhold: bool = False,
    **options: Any,
) -> AsyncGenerator[Dealing]:
    """Open a wallet beside a go-between; see `meddler`, and `channel_desk` for the options."""
    async with (
        meddler(sandbox.seller_url, trick, challenge=challenge, withhold=withhold) as seller,
        channel_desk(home, sandbox, urls=(seller.url,), **options) as desk,
    ):
        yield Dealing(desk, seller)


def asking_again(challenge: dict[str, Any]) -> PaidAnswer:
    """Return the answer of a seller that was paid and asks to be paid."""
    raw = base64.b64encode(json.dumps(challenge).encode()).decode()
    return PaidAnswer(402, [("PAYMENT-REQUIRED", raw)], b"{}")


async def plain_challenge(sandbox: Sandbox) -> dict[str, Any]:
    """Return the challenge that the sandbox's seller makes for a page."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{sandbox.seller_url}/batch/page/9")
    return json.loads(base64.b64decode(answer.headers["payment-required"]))
