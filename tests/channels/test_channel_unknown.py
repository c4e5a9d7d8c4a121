"""An answer that is lost costs nothing twice: the next page finds out, and signs what is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from channel_desk import PRICE, channel_desk, channels_of, day, the_channel, vouchers

from sandbox.run import Sandbox
from tests.meddler import PaidAnswer, meddler
from wallet.channels.model import ChannelState
from wallet.errors import ErrorKind, PurserError
from wallet.model import State


def honest(answer: PaidAnswer) -> PaidAnswer:
    return answer


def hang_up(_: PaidAnswer) -> None:
    return None


def server_error(_: PaidAnswer) -> PaidAnswer:
    return PaidAnswer(500, [("content-type", "text/plain")], b"broken")


@pytest.mark.asyncio
async def test_a_page_whose_answer_was_lost_is_settled_by_the_next(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with (
        meddler(sandbox.seller_url) as seller,
        channel_desk(tmp_path, sandbox, urls=(seller.url,)) as desk,
    ):
        await desk.buy(f"{seller.url}/batch/page/1")
        seller.trick = hang_up
        with pytest.raises(PurserError) as lost:
            await desk.buy(f"{seller.url}/batch/page/2")
        assert lost.value.kind is ErrorKind.OUTCOME_UNKNOWN
        assert await day(desk) == (99 * PRICE, PRICE)
        seller.trick = honest
        await desk.buy(f"{seller.url}/batch/page/3")
        states = {one.url[-1]: one.state for one in await desk.purchases()}
        assert states == {"1": State.SETTLED, "2": State.SETTLED, "3": State.SETTLED}
        # Between the two, one voucher asked where the channel stands and promised nothing new.
        assert vouchers(seller.payments) == [PRICE, 2 * PRICE, PRICE, 3 * PRICE]
        assert await day(desk) == (97 * PRICE, 3 * PRICE)
        assert await desk.check() == []


@pytest.mark.asyncio
async def test_a_page_that_never_reached_the_seller_is_given_up_and_paid_once(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with (
        meddler(sandbox.seller_url) as seller,
        channel_desk(tmp_path, sandbox, urls=(seller.url,)) as desk,
    ):
        await desk.buy(f"{seller.url}/batch/page/1")
        seller.trick, seller.withhold = server_error, True
        with pytest.raises(PurserError) as lost:
            await desk.buy(f"{seller.url}/batch/page/2")
        assert lost.value.spent == "unknown"
        seller.trick, seller.withhold = honest, False
        bought = await desk.buy(f"{seller.url}/batch/page/2")
        assert bought.is_good
        assert vouchers(seller.payments) == [PRICE, 2 * PRICE, PRICE, 2 * PRICE]
        states = sorted(one.state.value for one in await desk.purchases())
        assert states == ["settled", "settled", "void"]
        assert await day(desk) == (98 * PRICE, 2 * PRICE)
        channel = await the_channel(desk)
        assert channel.charged_atomic == channel.signed_max_atomic == 2 * PRICE
        assert await desk.check() == []


@pytest.mark.asyncio
async def test_the_same_page_again_after_a_lost_answer_says_that_it_was_paid(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with (
        meddler(sandbox.seller_url) as seller,
        channel_desk(tmp_path, sandbox, urls=(seller.url,)) as desk,
    ):
        await desk.buy(f"{seller.url}/batch/page/1")
        seller.trick = hang_up
        with pytest.raises(PurserError):
            await desk.buy(f"{seller.url}/batch/page/2")
        seller.trick = honest
        with pytest.raises(PurserError) as paid:
            await desk.buy(f"{seller.url}/batch/page/2")
        assert (paid.value.kind, paid.value.spent) == (ErrorKind.UPSTREAM_ERROR, "yes")
        assert await day(desk) == (98 * PRICE, 2 * PRICE)
        assert (await desk.buy(f"{seller.url}/batch/page/2", pay_again=True)).is_good
        assert await day(desk) == (97 * PRICE, 3 * PRICE)


@pytest.mark.asyncio
async def test_a_deposit_whose_answer_was_lost_is_found_on_the_chain(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with (
        meddler(sandbox.seller_url, hang_up) as seller,
        channel_desk(tmp_path, sandbox, urls=(seller.url,)) as desk,
    ):
        with pytest.raises(PurserError) as lost:
            await desk.buy(f"{seller.url}/batch/page/1")
        assert lost.value.kind is ErrorKind.OUTCOME_UNKNOWN
        assert await day(desk) == (100 * PRICE, 0)
        seller.trick = honest
        await desk.buy(f"{seller.url}/batch/page/2")
        (channel,) = await channels_of(desk)
        assert channel.state is ChannelState.OPEN
        assert await day(desk) == (98 * PRICE, 2 * PRICE)
        assert await desk.check() == []


@pytest.mark.asyncio
async def test_a_deposit_that_was_never_made_stays_held_until_it_is_dead(
    tmp_path: Path, own_sandbox: Sandbox
) -> None:
    sandbox = own_sandbox
    async with (
        meddler(sandbox.seller_url, server_error, withhold=True) as seller,
        channel_desk(tmp_path, sandbox, urls=(seller.url,)) as desk,
    ):
        with pytest.raises(PurserError):
            await desk.buy(f"{seller.url}/batch/page/1")
        seller.trick, seller.withhold = honest, False
        with pytest.raises(PurserError) as waiting:
            await desk.buy(f"{seller.url}/batch/page/2")
        assert waiting.value.kind is ErrorKind.OUTCOME_UNKNOWN
        assert await day(desk) == (100 * PRICE, 0)
        assert len(seller.payments) == 1
        sandbox.chain.advance_time(120 + 1800 + 5)
        desk.clock.ahead_s = 120 + 1800 + 5
        from wallet.reconcile import reconcile_all

        await reconcile_all(desk.parts)
        assert (await the_channel(desk)).state is ChannelState.FAILED
        assert await day(desk) == (0, 0)
        assert await desk.check() == []
