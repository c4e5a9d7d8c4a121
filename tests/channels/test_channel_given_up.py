"""A voucher that its seller disowns can still be cashed, so nothing is signed beside it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from channel_desk import PRICE, channel_desk, day, the_channel, vouchers

from sandbox.run import Sandbox
from tests.meddler import Meddler, PaidAnswer, meddler
from wallet.errors import ErrorKind, PurserError
from wallet.model import State
from wallet.rails.x402.batch.answer import MISMATCH

Asked = dict[str, Any]


def in_exact(offer: Asked) -> None:
    offer |= {"scheme": "exact", "extra": {"name": "USDC", "version": "2"}}


def in_another_channel(offer: Asked) -> None:
    offer["extra"]["receiverAuthorizer"] = "0x" + "11" * 20


def header_of(asked: Asked) -> tuple[str, str]:
    return "PAYMENT-REQUIRED", base64.b64encode(json.dumps(asked).encode()).decode()


def disowning(seller: Meddler, asked: Asked) -> Callable[[PaidAnswer], PaidAnswer]:
    """Answer each voucher with where the channel stood before it, and our older voucher."""

    def answer(_: PaidAnswer) -> PaidAnswer:
        first, *_rest = (json.loads(base64.b64decode(one)) for one in seller.payments)
        voucher = first["payload"]["voucher"]
        (offer,) = asked["accepts"]
        offer["extra"] |= {
            "channelState": {
                "channelId": voucher["channelId"],
                "chargedCumulativeAmount": str(PRICE),
            },
            "voucherState": {
                "signedMaxClaimable": voucher["maxClaimableAmount"],
                "signature": voucher["signature"],
            },
        }
        return PaidAnswer(402, [header_of({**asked, "error": MISMATCH})], b"{}")

    return answer


@pytest.mark.asyncio
@pytest.mark.parametrize("wants", [in_exact, in_another_channel])
async def test_a_call_whose_voucher_was_given_up_gets_no_other_signature_later(
    tmp_path: Path, sandbox: Sandbox, wants: Callable[[Asked], None]
) -> None:
    heard: list[Asked] = []
    turned: list[bool] = []

    def change(asked: Asked) -> Asked:
        heard.append(json.loads(json.dumps(asked)))
        if turned:
            wants(asked["accepts"][0])
        return asked

    async with (
        meddler(sandbox.seller_url, challenge=change) as seller,
        channel_desk(tmp_path, sandbox, urls=(seller.url,)) as desk,
    ):
        await desk.buy(f"{seller.url}/batch/page/1")
        place = f"{seller.url}/batch/page/"
        await desk.parts.ledger.call(lambda ledger: ledger.channels.forget("GET", place))
        seller.trick, seller.withhold = disowning(seller, heard[0]), True
        with pytest.raises(PurserError):
            await desk.buy(f"{seller.url}/batch/page/2")
        signed = len(seller.payments)
        assert set(vouchers(seller.payments[1:])) == {2 * PRICE}
        turned.append(True)
        with pytest.raises(PurserError) as refused:
            await desk.buy(f"{seller.url}/batch/page/2")
        assert (refused.value.kind, refused.value.spent) == (ErrorKind.OUTCOME_UNKNOWN, "unknown")
        assert len(seller.payments) == signed
        assert await day(desk) == (99 * PRICE, PRICE)
        turned.clear()
        seller.trick, seller.withhold = lambda answer: answer, False
        bought = await desk.buy(f"{seller.url}/batch/page/2")
        assert bought.purchase.state is State.SETTLED
        assert (await the_channel(desk)).charged_atomic == 2 * PRICE
        assert await desk.check() == []
