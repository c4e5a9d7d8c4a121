"""A voucher that its seller disowns can still be cashed, so nothing is signed beside it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from channel_desk import PRICE, day, the_channel, vouchers
from dealing import asking_again, dealing

from sandbox.run import Sandbox
from tests.meddler import Meddler, PaidAnswer
from wallet.errors import ErrorKind, PurserError
from wallet.model import State
from wallet.rails.x402.batch.answer import MISMATCH

Asked = dict[str, Any]


def in_exact(offer: Asked) -> None:
    offer |= {"scheme": "exact", "extra": {"name": "USDC", "version": "2"}}


def in_another_channel(offer: Asked) -> None:
    offer["extra"]["receiverAuthorizer"] = "0x" + "11" * 20


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
        return asking_again({**asked, "error": MISMATCH})

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

    async with dealing(tmp_path, sandbox, challenge=change) as deal:
        await deal.buy(1)
        place = f"{deal.seller.url}/batch/page/"
        await deal.desk.parts.ledger.call(lambda ledger: ledger.channels.forget("GET", place))
        deal.cheat(disowning(deal.seller, heard[0]), withhold=True)
        with pytest.raises(PurserError):
            await deal.buy(2)
        signed = len(deal.seller.payments)
        assert set(vouchers(deal.seller.payments[1:])) == {2 * PRICE}
        turned.append(True)
        with pytest.raises(PurserError) as refused:
            await deal.buy(2)
        assert (refused.value.kind, refused.value.spent) == (ErrorKind.OUTCOME_UNKNOWN, "unknown")
        assert len(deal.seller.payments) == signed
        assert await day(deal.desk) == (99 * PRICE, PRICE)
        turned.clear()
        deal.behave()
        bought = await deal.buy(2)
        assert bought.purchase.state is State.SETTLED
        assert (await the_channel(deal.desk)).charged_atomic == 2 * PRICE
        assert await deal.desk.check() == []
