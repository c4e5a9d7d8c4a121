"""How long a payment lives, when it is too late for one, and which call counts as the same."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.run import Sandbox
from tests.desk import open_desk
from tests.meddler import meddler
from tools.web.exchange import WebExchange
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebRequest
from wallet.model import Challenge, Method, Offer, Transfer
from wallet.rails.base import Draft
from wallet.rails.x402.rail import X402Rail

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]


@pytest.mark.parametrize(
    ("asked_s", "lives_s"), [(10, 10), (119, 119), (121, 120), (315_360_000, 120)]
)
async def test_a_payment_lives_as_long_as_the_seller_asks_and_never_longer_than_the_user_allows(
    tmp_path: Path, sandbox: Sandbox, asked_s: int, lives_s: int
):
    def ask_for(challenge: dict[str, Any]) -> dict[str, Any]:
        (offer,) = challenge["accepts"]
        return {**challenge, "accepts": [{**offer, "maxTimeoutSeconds": asked_s}]}

    seller = meddler(sandbox.seller_url, lambda _: None, challenge=ask_for, withhold=True)
    async with (
        seller as between,
        open_desk(tmp_path, sandbox, urls=(between.url,), proof_wait_s=0) as desk,
    ):
        before = int(time.time())
        with pytest.raises(PurserError):
            await desk.buy(between.url + "/article")
        after = int(time.time())
        (purchase,) = await desk.purchases()
        assert purchase.transfer is not None
        assert before + lives_s <= purchase.transfer.valid_before <= after + lives_s


@pytest.mark.parametrize(
    "change",
    [
        {"amount_atomic": 10_001},
        {"amount_atomic": 9_999},
        {"pay_to": "0x" + "ab" * 20},
        {"payer": "0x" + "ab" * 20},
        {"asset": "0x" + "ab" * 20},
        {"network_id": "eip155:8453"},
        {"method": Method.PERMIT2},
        {"valid_before": 0},
        {"valid_before": 2**40},
    ],
    ids=str,
)
async def test_a_rail_that_fixes_other_terms_than_were_checked_gets_no_signature(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
):
    honest = X402Rail.freeze

    def freeze(rail: X402Rail, challenge: Challenge, offer: Offer, draft: Draft) -> Transfer:
        return replace(honest(rail, challenge, offer, draft), **change)

    monkeypatch.setattr(X402Rail, "freeze", freeze)
    async with open_desk(tmp_path, sandbox) as desk:
        with pytest.raises(AssertionError, match="other terms"):
            await desk.buy(sandbox.seller_url + "/article")
        assert desk.signatures == 0
        assert await desk.purchases() == []


async def test_when_too_little_time_is_left_for_a_settlement_nothing_is_signed(
    tmp_path: Path, sandbox: Sandbox
):
    class Late(WebExchange):
        def can_still_pay(self) -> bool:
            return False

    async with open_desk(tmp_path, sandbox) as desk:
        exchange = Late(desk.client, WebRequest("GET", sandbox.seller_url + "/article"))
        with pytest.raises(PurserError) as refused:
            await desk.payer.fetch(exchange, max_price=None, pay_again=False)
        assert (refused.value.kind, refused.value.spent) == (ErrorKind.TIMEOUT, "no")
        assert desk.signatures == 0
        assert await desk.purchases() == []


async def test_the_same_call_with_another_header_is_the_same_purchase(
    tmp_path: Path, sandbox: Sandbox
):
    async with open_desk(tmp_path, sandbox) as desk:
        url = sandbox.seller_url + "/api/weather"
        first = await desk.buy(url, headers=(("X-Attempt", "1"),))
        second = await desk.buy(url, headers=(("X-Attempt", "2"),))
        assert (second.reused, second.purchase.id) == (True, first.purchase.id)
        assert desk.signatures == 1
