"""What reconciling makes of holds without stored bytes, and of claims the chain does not show."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox.run import BUYER, NETWORK, SELLER, Sandbox
from tests.desk import Desk, open_desk
from wallet.ledger.base import HoldRequest
from wallet.limits import caps_for
from wallet.model import Evidence, Purchase, State, Transfer
from wallet.money import Usd
from wallet.reconcile import STALE_HOLD_S, reconcile_all, reconcile_one

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]
ID = "01890a5d-ac96-774b-bcce-b302099a8057"


async def hold(desk: Desk) -> Purchase:
    """Hold a cent, as another process would that died before it signed."""
    now = desk.parts.now_s()
    transfer = Transfer(
        network_id=NETWORK,
        asset="0x036CbD53842c5426634e7929541eC2318f3dCF7e",
        payer=BUYER,
        pay_to=SELLER,
        amount_atomic=10_000,
        valid_after=0,
        valid_before=now + 120,
        nonce="0x" + os.urandom(32).hex(),
    )
    request = HoldRequest(
        id=ID,
        key="k",
        principal="local",
        method="GET",
        url="https://api.example.com/x",
        headers="",
        host="api.example.com",
        pay_again=False,
        rail="x402",
        scheme="exact",
        transfer=transfer,
        amount_usd=Usd(10_000),
        caps=caps_for(desk.parts.rules, "api.example.com"),
        approval_above=desk.parts.rules.approval_above,
        payments_per_minute=30,
        repeat_window_s=600,
        now=now,
    )
    return await desk.parts.ledger.call(lambda ledger: ledger.hold(request))


async def test_a_young_hold_may_be_another_process_at_work(tmp_path: Path, sandbox: Sandbox):
    async with open_desk(tmp_path, sandbox) as desk:
        held = await hold(desk)
        assert (await reconcile_all(desk.parts)).still_open == (held.id,)
        desk.clock.ahead_s = STALE_HOLD_S - 5
        assert (await reconcile_all(desk.parts)).still_open == (held.id,)
        desk.clock.ahead_s = STALE_HOLD_S + 1
        assert (await reconcile_all(desk.parts)).voided == (held.id,)
        assert await desk.check() == []


async def test_a_hold_whose_bytes_were_stored_meanwhile_is_not_freed_as_never_sent(
    tmp_path: Path, sandbox: Sandbox
):
    async with open_desk(tmp_path, sandbox) as desk:
        seen = await hold(desk)
        await desk.parts.ledger.call(lambda ledger: ledger.store_signed(seen.id, "{}"))
        desk.clock.ahead_s = STALE_HOLD_S + 1
        assert (await reconcile_one(desk.parts, seen)).state is State.SIGNED
        assert (await desk.get(seen.id)).state is State.SIGNED


async def test_a_claim_that_the_chain_does_not_show_stays_a_claim(tmp_path: Path, sandbox: Sandbox):
    async with open_desk(tmp_path, sandbox) as desk:
        held = await hold(desk)
        await desk.parts.ledger.call(lambda ledger: ledger.store_signed(held.id, "{}"))
        await desk.parts.ledger.call(
            lambda ledger: ledger.settle(
                held.id, evidence=Evidence.CLAIMED, tx_hash="0x" + "ab" * 32, now=held.created_at
            )
        )
        assert (await reconcile_all(desk.parts)).verified == ()
        assert (await desk.get(held.id)).evidence is Evidence.CLAIMED
