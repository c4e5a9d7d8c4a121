"""Calls at once, and two wallets on one ledger, share a channel: one voucher at a time."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio
import pytest
from channel_desk import FUNDS, PRICE, channel_desk, day, page_url, the_channel, vouchers

from sandbox.run import Sandbox
from tests.desk import Desk

PAGES = 12


async def buy(desk: Desk, url: str) -> None:
    assert (await desk.buy(url)).is_good


@pytest.mark.asyncio
async def test_calls_at_once_open_one_channel_and_sign_rising_totals(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    sandbox.seen_payment_headers.clear()
    async with channel_desk(tmp_path, sandbox) as desk:
        async with anyio.create_task_group() as group:
            for number in range(PAGES):
                group.start_soon(buy, desk, page_url(sandbox, number))
        totals = vouchers(sandbox.seen_payment_headers)
        assert totals == [PRICE * number for number in range(1, PAGES + 1)]
        assert (await the_channel(desk)).charged_atomic == PAGES * PRICE
        assert await desk.check() == []


@pytest.mark.slow
@pytest.mark.asyncio
async def test_two_wallets_on_one_ledger_take_turns_on_one_channel(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    key, payer = sandbox.open_account(FUNDS)
    sandbox.seen_payment_headers.clear()
    async with (
        channel_desk(tmp_path, sandbox, key=key) as one,
        channel_desk(tmp_path, sandbox, key=key) as other,
    ):
        async with anyio.create_task_group() as group:
            for number in range(PAGES):
                desk = (one, other)[number % 2]
                group.start_soon(partial(buy, desk, page_url(sandbox, number)))
        totals = vouchers(sandbox.seen_payment_headers)
        assert totals == [PRICE * number for number in range(1, PAGES + 1)]
        assert await day(one) == (100 * PRICE - PAGES * PRICE, PAGES * PRICE)
        assert sandbox.chain.balance_atomic(payer) == FUNDS - 100 * PRICE
        assert await one.check() == []
