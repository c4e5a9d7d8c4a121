"""An answer that is lost costs nothing twice: the next page finds out, and signs what is right."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from channel_desk import PRICE, channels_of, day, the_channel, vouchers
from dealing import dealing, hang_up

from sandbox.run import Sandbox
from tests.meddler import PaidAnswer
from tools.web.exchange import WebExchange
from wallet.channels.model import ChannelState
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import NeverSentError, WebRequest, WebResponse
from wallet.ledger.base import LedgerUnavailableError
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Delivery, State
from wallet.rails.x402.batch.answer import BUSY
from wallet.reconcile import STALE_HOLD_S, reconcile_all


def busy(_: PaidAnswer) -> PaidAnswer:
    body = base64.b64encode(json.dumps({"x402Version": 2, "error": BUSY, "accepts": []}).encode())
    return PaidAnswer(402, [("payment-required", body.decode())], b"")


def server_error(_: PaidAnswer) -> PaidAnswer:
    return PaidAnswer(500, [("content-type", "text/plain")], b"broken")


@pytest.mark.asyncio
async def test_a_page_whose_answer_was_lost_is_settled_by_the_next(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with dealing(tmp_path, sandbox) as deal:
        await deal.buy(1)
        deal.cheat(hang_up)
        with pytest.raises(PurserError) as lost:
            await deal.buy(2)
        assert lost.value.kind is ErrorKind.OUTCOME_UNKNOWN
        assert await day(deal.desk) == (99 * PRICE, PRICE)
        deal.behave()
        await deal.buy(3)
        states = {one.url[-1]: one.state for one in await deal.desk.purchases()}
        assert states == {"1": State.SETTLED, "2": State.SETTLED, "3": State.SETTLED}
        # Between the two, one voucher asked where the channel stands and promised nothing new.
        assert vouchers(deal.seller.payments) == [PRICE, 2 * PRICE, PRICE, 3 * PRICE]
        await deal.assert_books(97 * PRICE, 3 * PRICE)


@pytest.mark.asyncio
async def test_a_page_that_never_reached_the_seller_is_given_up_and_paid_once(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with dealing(tmp_path, sandbox) as deal:
        await deal.buy(1)
        deal.cheat(server_error, withhold=True)
        with pytest.raises(PurserError) as lost:
            await deal.buy(2)
        assert lost.value.spent == "unknown"
        deal.behave()
        bought = await deal.buy(2)
        assert bought.is_good
        assert vouchers(deal.seller.payments) == [PRICE, 2 * PRICE, PRICE, 2 * PRICE]
        states = sorted(one.state.value for one in await deal.desk.purchases())
        assert states == ["settled", "settled", "void"]
        assert await day(deal.desk) == (98 * PRICE, 2 * PRICE)
        channel = await the_channel(deal.desk)
        assert channel.charged_atomic == channel.signed_max_atomic == 2 * PRICE
        assert await deal.desk.check() == []


@pytest.mark.asyncio
async def test_the_same_page_again_after_a_lost_answer_says_that_it_was_paid(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with dealing(tmp_path, sandbox) as deal:
        await deal.buy(1)
        deal.cheat(hang_up)
        with pytest.raises(PurserError):
            await deal.buy(2)
        deal.behave()
        with pytest.raises(PurserError) as paid:
            await deal.buy(2)
        assert (paid.value.kind, paid.value.spent) == (ErrorKind.UPSTREAM_ERROR, "yes")
        assert await day(deal.desk) == (98 * PRICE, 2 * PRICE)
        assert (await deal.buy(2, pay_again=True)).is_good
        assert await day(deal.desk) == (97 * PRICE, 3 * PRICE)


@pytest.mark.asyncio
async def test_a_deposit_whose_answer_was_lost_is_found_on_the_chain(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with dealing(tmp_path, sandbox, hang_up) as deal:
        with pytest.raises(PurserError) as lost:
            await deal.buy(1)
        assert lost.value.kind is ErrorKind.OUTCOME_UNKNOWN
        assert await day(deal.desk) == (100 * PRICE, 0)
        deal.behave()
        await deal.buy(2)
        (channel,) = await channels_of(deal.desk)
        assert channel.state is ChannelState.OPEN
        await deal.assert_books(98 * PRICE, 2 * PRICE)


@pytest.mark.asyncio
async def test_a_deposit_that_was_never_made_stays_held_until_it_is_dead(
    tmp_path: Path, own_sandbox: Sandbox
) -> None:
    sandbox = own_sandbox
    async with dealing(tmp_path, sandbox, server_error, withhold=True) as deal:
        with pytest.raises(PurserError):
            await deal.buy(1)
        deal.behave()
        with pytest.raises(PurserError) as waiting:
            await deal.buy(2)
        assert waiting.value.kind is ErrorKind.OUTCOME_UNKNOWN
        assert await day(deal.desk) == (100 * PRICE, 0)
        assert len(deal.seller.payments) == 1
        sandbox.chain.advance_time(120 + 1800 + 5)
        deal.desk.clock.ahead_s = 120 + 1800 + 5
        await reconcile_all(deal.desk.parts)
        assert (await the_channel(deal.desk)).state is ChannelState.FAILED
        await deal.assert_books(0, 0)


class _FailsOnce(SqliteLedger):
    """A ledger whose disk refuses one write: that a page's outcome is not known."""

    failed = False

    def mark_unknown(self, purchase_id: str, note: str, delivery: Delivery | None = None) -> None:
        if not self.failed:
            self.failed = True
            raise LedgerUnavailableError("the disk is full")
        super().mark_unknown(purchase_id, note, delivery)


class _ReachedOnce(WebExchange):
    """A conversation in which no connection can be made once a payment was sent."""

    sent = 0

    async def pay(self, payment_headers: Mapping[str, str]) -> WebResponse:
        if self.sent:
            raise NeverSentError
        self.sent += 1
        return await super().pay(payment_headers)


@pytest.mark.asyncio
async def test_a_voucher_that_was_sent_once_is_never_taken_for_unsent(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    ledger = _FailsOnce(tmp_path / "ledger.sqlite3")
    async with dealing(tmp_path, sandbox, open_ledger=lambda: ledger) as deal:
        await deal.buy(1)
        deal.cheat(busy, withhold=True)
        request = WebRequest("GET", f"{deal.seller.url}/batch/page/2")
        exchange = _ReachedOnce(deal.desk.client, request, timeout_s=20)
        with pytest.raises(PurserError) as lost:
            await deal.desk.payer.fetch(exchange, max_price=None, pay_again=False)
        assert (lost.value.kind, lost.value.spent) == (ErrorKind.OUTCOME_UNKNOWN, "unknown")
        assert ledger.failed
        assert await day(deal.desk) == (99 * PRICE, PRICE)
        assert State.VOID not in {one.state for one in await deal.desk.purchases()}
        deal.behave()
        deal.desk.clock.ahead_s = STALE_HOLD_S
        assert (await deal.buy(2)).is_good
        assert vouchers(deal.seller.payments) == [PRICE, 2 * PRICE, PRICE, 2 * PRICE]
        assert await deal.desk.check() == []
