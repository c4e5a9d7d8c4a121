"""A seller that cheats gets no more than its vouchers, and the channel ends."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from channel_desk import (
    PRICE,
    channel_desk,
    channels_of,
    day,
    forge_state,
    limits,
    the_channel,
    vouchers,
)
from dealing import asking_again, dealing, plain_challenge

from sandbox.run import SELLER, Sandbox
from tests.meddler import PaidAnswer
from wallet.channels.model import ChannelState
from wallet.errors import ErrorKind, PurserError
from wallet.model import State


def overcharge(answer: PaidAnswer) -> PaidAnswer:
    answer.forge(extra={**answer.settlement()["extra"], "chargedAmount": str(PRICE + 1)})
    return answer


def inflate(answer: PaidAnswer) -> PaidAnswer:
    return forge_state(answer, chargedCumulativeAmount=str(50 * PRICE))


def another_balance(answer: PaidAnswer) -> PaidAnswer:
    return forge_state(answer, balance=str(10**9))


@pytest.mark.asyncio
@pytest.mark.parametrize("trick", [overcharge, inflate, another_balance])
async def test_a_seller_whose_answer_breaks_the_rules_gets_no_further_voucher(
    tmp_path: Path, sandbox: Sandbox, trick: Callable[[PaidAnswer], PaidAnswer]
) -> None:
    async with dealing(tmp_path, sandbox) as deal:
        await deal.buy(1)
        deal.cheat(trick)
        bought = await deal.buy(2)
        assert bought.purchase.state is State.UNKNOWN
        channel = await the_channel(deal.desk)
        assert channel.state is ChannelState.CLOSING
        assert channel.charged_atomic == PRICE
        assert channel.signed_max_atomic == 2 * PRICE
        deal.behave()
        with pytest.raises(PurserError) as refused:
            await deal.buy(3)
        assert refused.value.spent == "no"
        assert vouchers(deal.seller.payments) == [PRICE, 2 * PRICE]
        await deal.assert_books(99 * PRICE, PRICE)


def corrective(signed: str, charged: str, signature: str, channel: str) -> PaidAnswer:
    """Return a 402 that claims a total, for the offer that the sandbox makes."""
    state = {"channelId": channel, "chargedCumulativeAmount": charged, "balance": "10000"}
    voucher = {"signedMaxClaimable": signed, "signature": signature}
    challenge = {
        "x402Version": 2,
        "error": "invalid_batch_settlement_evm_cumulative_amount_mismatch",
        "accepts": [
            {
                "scheme": "batch-settlement",
                "network": "eip155:84532",
                "amount": str(PRICE),
                "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
                "payTo": SELLER,
                "maxTimeoutSeconds": 60,
                "extra": {"channelState": state, "voucherState": voucher},
            }
        ],
    }
    return asking_again(challenge)


def own_voucher(payments: list[str]) -> str:
    """Return the signature of the newest voucher that the seller has seen."""
    payload = json.loads(base64.b64decode(payments[-1]))["payload"]
    return payload["voucher"]["signature"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("signed", "charged", "forged"),
    [
        (2 * PRICE, 2 * PRICE, True),
        (50 * PRICE, 50 * PRICE, False),
        (2 * PRICE, 0, False),
    ],
)
async def test_a_total_that_no_voucher_of_ours_bears_out_ends_the_channel(
    tmp_path: Path, sandbox: Sandbox, signed: int, charged: int, forged: bool
) -> None:
    async with dealing(tmp_path, sandbox) as deal:
        await deal.buy(1)
        channel = await the_channel(deal.desk)

        def lie(_: PaidAnswer) -> PaidAnswer:
            signature = "0x" + "11" * 64 + "1b" if forged else own_voucher(deal.seller.payments)
            return corrective(str(signed), str(charged), signature, channel.id)

        deal.cheat(lie, withhold=True)
        with pytest.raises(PurserError) as lied:
            await deal.buy(2)
        assert lied.value.kind is ErrorKind.OUTCOME_UNKNOWN
        assert "a total that no voucher of this wallet bears out" in str(lied.value)
        assert "signs nothing more" in str(lied.value)
        ended = await the_channel(deal.desk)
        assert ended.state is ChannelState.CLOSING
        assert ended.charged_atomic == PRICE
        assert max(vouchers(deal.seller.payments)) == 2 * PRICE
        await deal.assert_books(99 * PRICE, PRICE)


@pytest.mark.asyncio
async def test_a_seller_that_answers_402_for_ever_gets_one_total(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with dealing(tmp_path, sandbox) as deal:
        await deal.buy(1)
        asked = await plain_challenge(sandbox)

        def again(_: PaidAnswer) -> PaidAnswer:
            return asking_again(asked)

        deal.cheat(again, withhold=True)
        with pytest.raises(PurserError) as ended:
            await deal.buy(2)
        assert (ended.value.kind, ended.value.spent) == (ErrorKind.OUTCOME_UNKNOWN, "unknown")
        totals = vouchers(deal.seller.payments)
        # The last one asked where the channel stands, and promised nothing new.
        assert totals == [PRICE, 2 * PRICE, PRICE]
        assert await day(deal.desk) == (99 * PRICE, PRICE)
        deal.behave()
        assert (await deal.buy(3)).is_good
        await deal.assert_books(98 * PRICE, 2 * PRICE)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ({"minDeposit": "1000001"}, ErrorKind.OVER_PAYMENT_CAP),
        ({"minDeposit": str(10**30)}, ErrorKind.OVER_PAYMENT_CAP),
        ({"withdrawDelay": 86_401}, ErrorKind.NO_PAYABLE_OFFER),
        ({"withdrawDelay": 1}, ErrorKind.NO_PAYABLE_OFFER),
        ({"receiverAuthorizer": "0x" + "0" * 40}, ErrorKind.NO_PAYABLE_OFFER),
        ({"assetTransferMethod": "permit2"}, ErrorKind.SCHEME_NOT_ENABLED),
    ],
)
async def test_a_channel_on_other_terms_than_allowed_is_not_opened(
    tmp_path: Path, sandbox: Sandbox, extra: dict[str, Any], code: ErrorKind
) -> None:
    def change(challenge: dict[str, Any]) -> dict[str, Any]:
        for offer in challenge["accepts"]:
            offer["extra"] |= extra
        return challenge

    async with dealing(tmp_path, sandbox, challenge=change) as deal:
        with pytest.raises(PurserError) as refused:
            await deal.buy(1)
        assert refused.value.kind is code
        assert deal.seller.payments == []
        assert await channels_of(deal.desk, ended=True) == []


@pytest.mark.asyncio
async def test_a_price_that_rises_is_paid_only_after_it_was_asked_for(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with channel_desk(tmp_path, sandbox, rules=limits()) as desk:
        await desk.buy(f"{sandbox.seller_url}/batch/page/1")
        with pytest.raises(PurserError) as refused:
            await desk.buy(f"{sandbox.seller_url}/batch/page/2", max_price="0.00009")
        assert refused.value.kind is ErrorKind.OVER_MAX_PRICE
        assert (await the_channel(desk)).signed_max_atomic == PRICE


@pytest.mark.asyncio
@pytest.mark.parametrize("wants", ["exact", "another channel"])
async def test_a_seller_that_has_a_voucher_for_a_page_gets_no_other_signature_for_it(
    tmp_path: Path, sandbox: Sandbox, wants: str
) -> None:
    async with dealing(tmp_path, sandbox) as deal:
        await deal.buy(1)
        asked = await plain_challenge(sandbox)
        (offer,) = asked["accepts"]
        if wants == "exact":
            offer |= {"scheme": "exact", "extra": {"name": "USDC", "version": "2"}}
        else:
            offer["extra"]["receiverAuthorizer"] = "0x" + "11" * 20

        def otherwise(_: PaidAnswer) -> PaidAnswer:
            return asking_again(asked)

        deal.cheat(otherwise, withhold=True)
        with pytest.raises(PurserError) as ended:
            await deal.buy(2)
        assert (ended.value.kind, ended.value.spent) == (ErrorKind.PAYMENT_REJECTED, "unknown")
        assert "another way" in ended.value.detail
        assert vouchers(deal.seller.payments[1:]) == [2 * PRICE]
        await deal.assert_books(99 * PRICE, PRICE)
