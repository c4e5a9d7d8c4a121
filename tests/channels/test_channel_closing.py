"""What a channel has left comes back, by its seller or without it, as the chain says."""

from __future__ import annotations

from pathlib import Path

import httpx
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
from tests.desk import Desk
from tests.meddler import PaidAnswer, meddler
from tools.web.exchange import WebExchange
from wallet.channels.buying import Till
from wallet.channels.closing import ask_refund, withdrawal
from wallet.channels.model import Channel, ChannelState
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebRequest
from wallet.funds import Funds
from wallet.model import Evidence
from wallet.money import Usd
from wallet.reconcile import reconcile_all
from wallet.repeats import Repeats

MARGIN_S = 1800


async def refund(desk: Desk, url: str) -> Channel:
    """Ask for a refund as the command does."""
    parts = desk.parts
    till = Till(parts, Funds(parts.chain), Repeats(parts).turn)
    exchange = WebExchange(desk.client, WebRequest("GET", url), timeout_s=20)
    return await ask_refund(parts, till, exchange, await the_channel(desk))


async def wait_out(desk: Desk, sandbox: Sandbox, seconds: int) -> None:
    """Let chain and wallet come to a time at which an end is final."""
    sandbox.chain.advance_time(seconds)
    desk.clock.ahead_s += seconds + 2
    await reconcile_all(desk.parts)


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_hundred_pages_a_claim_and_a_refund_leave_exact_books(
    tmp_path: Path, own_sandbox: Sandbox
) -> None:
    sandbox = own_sandbox
    async with channel_desk(tmp_path, sandbox, rules=limits(pages=120)) as desk:
        payer = await desk.vault.address()
        for number in range(101):
            assert (await desk.buy(page_url(sandbox, number))).is_good
        assert sandbox.chain.balance_atomic(payer) == FUNDS - 120 * PRICE
        (claim,) = await sellers_side(sandbox, "claim")
        assert claim["vouchers"] == 1
        closing = await refund(desk, page_url(sandbox, 0))
        assert closing.state is ChannelState.CLOSING
        assert closing.drained_at is not None
        assert sandbox.chain.balance_atomic(payer) == FUNDS - 101 * PRICE
        assert await day(desk) == (19 * PRICE, 101 * PRICE)
        await wait_out(desk, sandbox, MARGIN_S)
        closed = await the_channel(desk)
        assert (closed.state, closed.claimed_atomic) == (ChannelState.CLOSED, 101 * PRICE)
        assert await day(desk) == (0, 101 * PRICE)
        assert {one.evidence for one in await desk.purchases()} == {Evidence.VERIFIED}
        assert await desk.check() == []


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_seller_that_refuses_a_refund_gets_no_page_and_keeps_nothing_for_ever(
    tmp_path: Path, own_sandbox: Sandbox
) -> None:
    sandbox = own_sandbox

    def refuse(_: PaidAnswer) -> PaidAnswer:
        return PaidAnswer(402, [("content-type", "text/plain")], b"no")

    key, payer = sandbox.open_account(FUNDS)
    async with (
        meddler(sandbox.seller_url) as seller,
        channel_desk(tmp_path, sandbox, key=key, urls=(seller.url,)) as desk,
    ):
        url = f"{seller.url}/batch/page/1"
        await desk.buy(url)
        seller.trick, seller.withhold = refuse, True
        with pytest.raises(PurserError):
            await refund(desk, url)
        assert (await the_channel(desk)).state is ChannelState.CLOSING
        with pytest.raises(PurserError) as refused:
            await desk.buy(f"{seller.url}/batch/page/2")
        assert refused.value.spent == "no"
        steps = await withdrawal(desk.parts, await the_channel(desk))
        assert steps.amount_atomic == 99 * PRICE
        sandbox.give_gas(key)
        sandbox.chain.transact(key, steps.contract, bytes.fromhex(steps.first[2:]))
        await reconcile_all(desk.parts)
        assert await day(desk) == (99 * PRICE, PRICE)
        sandbox.chain.advance_time(steps.delay_s)
        desk.clock.ahead_s += steps.delay_s
        sandbox.chain.transact(key, steps.contract, bytes.fromhex(steps.second[2:]))
        assert sandbox.chain.balance_atomic(payer) == FUNDS - PRICE
        await wait_out(desk, sandbox, 0)
        # The seller can still claim its one page, which is not what is free.
        assert await day(desk) == (99 * PRICE, PRICE)
        await sellers_side(sandbox, "claim")
        await wait_out(desk, sandbox, 0)
        await wait_out(desk, sandbox, MARGIN_S)
        assert (await the_channel(desk)).state is ChannelState.CLOSED
        assert await day(desk) == (0, PRICE)
        assert await desk.check() == []


@pytest.mark.asyncio
async def test_a_price_check_says_that_a_channel_is_open(tmp_path: Path, sandbox: Sandbox) -> None:
    async with channel_desk(tmp_path, sandbox) as desk:
        exchange = WebExchange(desk.client, WebRequest("GET", page_url(sandbox, 5)), timeout_s=20)
        quote = await desk.payer.quote(exchange, max_price=None)
        assert quote.chosen is not None
        assert "with a deposit of $0.01" in quote.reason
        await desk.buy(page_url(sandbox, 1))
        quote = await desk.payer.quote(exchange, max_price=None)
        assert "out of a channel that is open" in quote.reason
        (offer,) = quote.offers
        assert (offer.amount_usd, offer.needs_atomic) == (Usd(PRICE), 0)


@pytest.mark.asyncio
async def test_a_channel_the_seller_refunded_by_itself_gives_way_to_a_new_one(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with channel_desk(tmp_path, sandbox) as desk:
        await desk.buy(page_url(sandbox, 1))
        await sellers_side(sandbox, "refund", await the_channel(desk))
        with pytest.raises(PurserError) as turned_down:
            await desk.buy(page_url(sandbox, 2))
        assert turned_down.value.kind is ErrorKind.PAYMENT_REJECTED
        assert (await desk.buy(page_url(sandbox, 3))).is_good
        old, new = sorted(
            await desk.parts.ledger.call(lambda ledger: ledger.channels.listed()),
            key=lambda one: one.drained_at is None,
        )
        assert old.drained_at is not None
        assert new.charged_atomic == PRICE
        assert await day(desk) == (99 * PRICE + 99 * PRICE, 2 * PRICE)
        assert await desk.check() == []


@pytest.mark.asyncio
async def test_the_seller_s_books_agree(tmp_path: Path, sandbox: Sandbox) -> None:
    async with channel_desk(tmp_path, sandbox) as desk:
        for number in range(3):
            await desk.buy(page_url(sandbox, number))
        channel = await the_channel(desk)
        async with httpx.AsyncClient(trust_env=False) as client:
            known = (await client.get(f"{sandbox.seller_url}/batch/channels")).json()
        (theirs,) = (one for one in known if one["channelId"] == channel.id)
        assert int(theirs["charged"]) == channel.charged_atomic == 3 * PRICE
        assert int(theirs["signed"]) == channel.signed_max_atomic
        assert int(theirs["balance"]) == channel.deposit.amount_atomic
