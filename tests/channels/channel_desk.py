"""A wallet that may use channels, and the real seller's side of them."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from sandbox.run import Sandbox
from tests.desk import Desk, open_desk
from tests.meddler import PaidAnswer
from wallet.channels.model import Channel
from wallet.channels.rules import ChannelRules
from wallet.money import Usd

PRICE = 100  # $0.0001
FUNDS = 10_000_000
DAY_S = 86_400
SCHEMES = ("exact", "batch-settlement")


def limits(pages: int = 100, deposit: str = "1.00", **changes: Any) -> dict[str, Any]:
    """Return rules that allow channels; `pages` is how many a deposit is for."""
    channels = ChannelRules(Usd.parse(deposit), pages, DAY_S)
    generous = {"payments_per_minute": 100_000, "per_day": Usd.parse("500")}
    return {"schemes": SCHEMES, "channels": channels, **generous, **changes}


@asynccontextmanager
async def channel_desk(
    home: Path, sandbox: Sandbox, *, key: str | None = None, **options: Any
) -> AsyncGenerator[Desk]:
    """Open a wallet of a fresh account that may use channels."""
    if key is None:
        key, _ = sandbox.open_account(FUNDS)
    options.setdefault("rules", limits())
    async with open_desk(home, sandbox, key=key, **options) as desk:
        yield desk


def page_url(sandbox: Sandbox, number: int) -> str:
    """Return a page that is sold through channels."""
    return f"{sandbox.seller_url}/batch/page/{number}"


async def channels_of(desk: Desk, *, ended: bool = False) -> list[Channel]:
    """Return the desk's channels, newest first."""
    return await desk.parts.ledger.call(lambda ledger: ledger.channels.listed(ended=ended))


async def the_channel(desk: Desk) -> Channel:
    """Return the desk's only channel."""
    (channel,) = await channels_of(desk, ended=True)
    return channel


async def sellers_side(sandbox: Sandbox, action: str, channel: Channel | None = None) -> Any:
    """Let the seller `claim`, `settle` or `refund`."""
    query = {} if channel is None else {"channel": channel.id}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.post(f"{sandbox.seller_url}/batch/{action}", params=query)
        answer.raise_for_status()
        return answer.json()


async def day(desk: Desk) -> tuple[int, int]:
    """Return what is held and settled since the desk was opened, in micro-USD.

    Money counts on the day it was held; a clock that was set forward may be in the next one.
    """
    now = desk.parts.now_s()
    moments = {at // DAY_S: at for at in (now - desk.clock.ahead_s, now)}.values()
    found = await desk.parts.ledger.call(
        lambda ledger: [one for at in moments for one in ledger.day_balances(at)]
    )
    total = [one for one in found if one.scope == "all"]
    return sum(one.held.micros for one in total), sum(one.settled.micros for one in total)


def vouchers(payments: list[str]) -> list[int]:
    """Return the totals of the vouchers in payment headers, in order."""
    read = [json.loads(base64.b64decode(one))["payload"] for one in payments]
    return [int(one["voucher"]["maxClaimableAmount"]) for one in read]


def state_of(answer: PaidAnswer) -> dict[str, Any]:
    """Return the channel's state as a seller's answer names it."""
    return answer.settlement()["extra"]["channelState"]


def forge_state(answer: PaidAnswer, **changes: Any) -> PaidAnswer:
    """Change members of the channel's state in a seller's answer."""
    extra = answer.settlement()["extra"]
    answer.forge(extra={**extra, "channelState": {**extra["channelState"], **changes}})
    return answer
