"""Pages are bought through a channel of the official contracts, and the books are exact."""

from __future__ import annotations

from pathlib import Path

import pytest
from channel_desk import (
    FUNDS,
    PRICE,
    channel_desk,
    day,
    limits,
    page_url,
    sellers_side,
    the_channel,
)

from sandbox.run import Sandbox
from wallet.channels.model import ChannelState
from wallet.model import Evidence, State


@pytest.mark.asyncio
async def test_the_first_page_makes_one_deposit_and_the_next_none(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with channel_desk(tmp_path, sandbox) as desk:
        payer = await desk.vault.address()
        for number in range(3):
            bought = await desk.buy(page_url(sandbox, number))
            assert bought.is_good
            assert bought.purchase.state is State.SETTLED
        channel = await the_channel(desk)
        assert channel.state is ChannelState.OPEN
        assert channel.evidence is Evidence.VERIFIED
        assert channel.charged_atomic == channel.signed_max_atomic == 3 * PRICE
        assert sandbox.chain.balance_atomic(payer) == FUNDS - 100 * PRICE
        assert await day(desk) == (97 * PRICE, 3 * PRICE)
        assert await desk.check() == []


@pytest.mark.asyncio
async def test_a_further_page_takes_one_request(tmp_path: Path, sandbox: Sandbox) -> None:
    async with channel_desk(tmp_path, sandbox) as desk:
        await desk.buy(page_url(sandbox, 1))
        seen = len(sandbox.seen_payment_headers)
        asked = 0

        ask = type(desk.client).send

        async def counting(*args: object, **kwargs: object) -> object:
            nonlocal asked
            asked += 1
            return await ask(*args, **kwargs)  # pyright: ignore

        desk.client.send = counting.__get__(desk.client)  # pyright: ignore
        await desk.buy(page_url(sandbox, 2))
        assert asked == 1
        assert len(sandbox.seen_payment_headers) == seen + 1


@pytest.mark.asyncio
async def test_claims_prove_pages_and_a_refund_frees_the_rest(
    tmp_path: Path, own_sandbox: Sandbox
) -> None:
    sandbox = own_sandbox
    async with channel_desk(tmp_path, sandbox, rules=limits(pages=20)) as desk:
        payer = await desk.vault.address()
        for number in range(5):
            await desk.buy(page_url(sandbox, number))
        await sellers_side(sandbox, "claim")
        from wallet.reconcile import reconcile_all

        await reconcile_all(desk.parts)
        assert {one.evidence for one in await desk.purchases()} == {Evidence.VERIFIED}
        assert await day(desk) == (15 * PRICE, 5 * PRICE)
        await sellers_side(sandbox, "refund", await the_channel(desk))
        await reconcile_all(desk.parts)
        assert (await the_channel(desk)).drained_at is not None
        assert await day(desk) == (15 * PRICE, 5 * PRICE)
        sandbox.chain.advance_time(1801)
        desk.clock.ahead_s = 1803
        await reconcile_all(desk.parts)
        channel = await the_channel(desk)
        assert channel.state is ChannelState.CLOSED
        assert channel.claimed_atomic == 5 * PRICE
        assert sandbox.chain.balance_atomic(payer) == FUNDS - 5 * PRICE
        assert await day(desk) == (0, 5 * PRICE)
        assert await desk.check() == []
