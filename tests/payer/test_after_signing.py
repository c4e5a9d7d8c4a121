"""After a signature: settled, proven dead, or unknown; and never a second signature."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from sandbox.run import Sandbox
from tests.desk import Desk, open_desk
from tests.meddler import PaidAnswer, Trick, meddler
from tools.web.exchange import WebExchange
from wallet.assets import find_network
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import NeverSentError, TransportFailedError, WebRequest
from wallet.model import Evidence, State
from wallet.money import Usd
from wallet.reconcile import reconcile_all

pytestmark = pytest.mark.asyncio

DEAD_RPC = ("http://127.0.0.1:9",)


def hang_up(answer: PaidAnswer) -> None:
    """Close the connection without an answer."""


def server_error(answer: PaidAnswer) -> PaidAnswer:
    return PaidAnswer(500, [("content-type", "text/plain")], b"the clerk fell asleep")


def ask_again(answer: PaidAnswer) -> PaidAnswer:
    return PaidAnswer(402, [("content-type", "application/json")], b"{}")


def say_it_failed(answer: PaidAnswer) -> PaidAnswer:
    answer.forge(success=False, transaction="", errorReason="unexpected_settle_error")
    answer.status, answer.body = 402, b"{}"
    return answer


def no_settlement_response(answer: PaidAnswer) -> PaidAnswer:
    answer.drop("payment-response")
    return answer


SPOILED: list[tuple[str, Trick]] = [
    ("hang_up", hang_up),
    ("server_error", server_error),
    ("ask_again", ask_again),
    ("say_it_failed", say_it_failed),
]


async def reserved(desk: Desk) -> tuple[Usd, Usd]:
    status = await desk.payer.status()
    day = next(cap for cap in status.caps if cap.name == "per_day")
    return day.held, day.settled


@pytest.mark.parametrize(("name", "trick"), SPOILED)
async def test_a_spoiled_answer_to_a_settled_payment_is_found_on_the_chain(
    tmp_path: Path, sandbox: Sandbox, name: str, trick: Trick
):
    async with meddler(sandbox.seller_url, trick) as seller:
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            before = sandbox.chain.balance_atomic(sandbox.seller_address)
            spent: list[str] = []
            for _ in range(3):
                try:
                    await desk.buy(seller.url + "/article")
                except PurserError as error:
                    spent.append(error.spent)
            assert set(spent) <= {"yes"}
            (purchase,) = await desk.purchases()
            assert (purchase.state, purchase.evidence) == (State.SETTLED, Evidence.VERIFIED)
            assert await reserved(desk) == (Usd(0), Usd(10_000))
            assert desk.signatures == 1
            assert len(set(seller.payments)) == 1
            assert sandbox.chain.balance_atomic(sandbox.seller_address) - before == 10_000


@pytest.mark.parametrize(("name", "trick"), SPOILED)
async def test_without_a_chain_a_spoiled_answer_stays_held_and_is_never_signed_again(
    tmp_path: Path, sandbox: Sandbox, name: str, trick: Trick
):
    async with meddler(sandbox.seller_url, trick) as seller:
        async with open_desk(tmp_path, sandbox, urls=(seller.url,), rpc_urls=DEAD_RPC) as desk:
            codes: list[ErrorKind] = []
            for pay_again in (False, True, False):
                with pytest.raises(PurserError) as ended:
                    await desk.buy(seller.url + "/article", pay_again=pay_again)
                assert ended.value.spent == "unknown"
                codes.append(ended.value.kind)
            assert codes[1:] == [ErrorKind.OUTCOME_UNKNOWN] * 2
            assert await reserved(desk) == (Usd(10_000), Usd(0))
            assert desk.signatures == 1
            desk.clock.ahead_s = 7 * 86_400
            await reconcile_all(desk.parts)
            (purchase,) = await desk.purchases()
            assert purchase.state is State.UNKNOWN
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as recovered:
            done = await reconcile_all(recovered.parts)
            assert done.settled == (purchase.id,)
            assert (await recovered.get(purchase.id)).evidence is Evidence.VERIFIED


@pytest.mark.slow
async def test_a_payment_the_seller_sat_on_is_freed_only_when_the_chain_proves_it_dead(
    tmp_path: Path, own_sandbox: Sandbox
):
    sandbox = own_sandbox
    async with meddler(sandbox.seller_url, hang_up, withhold=True) as seller:
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            with pytest.raises(PurserError) as ended:
                await desk.buy(seller.url + "/article")
            assert ended.value.kind is ErrorKind.OUTCOME_UNKNOWN
            (purchase,) = await desk.purchases()
            assert purchase.transfer is not None

            desk.clock.ahead_s = 7 * 86_400
            assert (await reconcile_all(desk.parts)).still_open == (purchase.id,)
            assert await reserved(desk) == (Usd(0), Usd(0))  # another UTC day by this clock
            desk.clock.ahead_s = 0
            assert (await desk.get(purchase.id)).state is State.UNKNOWN

            network = find_network(purchase.transfer.network_id)
            assert network is not None
            dead_in_s = 120 + network.finality_margin_s + 5
            sandbox.chain.advance_time(dead_in_s)
            assert (await reconcile_all(desk.parts)).still_open == (purchase.id,)
            desk.clock.ahead_s = dead_in_s
            assert (await reconcile_all(desk.parts)).voided == (purchase.id,)
            desk.clock.ahead_s = 0
            assert await desk.check() == []
            with pytest.raises(PurserError):
                await desk.buy(seller.url + "/article")
            assert desk.signatures == 2


async def test_content_without_a_settlement_response_is_delivered_and_checked_on_the_chain(
    tmp_path: Path, sandbox: Sandbox
):
    async with meddler(sandbox.seller_url, no_settlement_response) as seller:
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            bought = await desk.buy(seller.url + "/article")
            assert bought.purchase.evidence is Evidence.VERIFIED
            assert b"<html" in bought.body.lower()


async def test_content_of_unknown_outcome_is_still_delivered_and_read_again_for_nothing(
    tmp_path: Path, sandbox: Sandbox
):
    async with meddler(sandbox.seller_url, no_settlement_response) as seller:
        async with open_desk(tmp_path, sandbox, urls=(seller.url,), rpc_urls=DEAD_RPC) as desk:
            first = await desk.buy(seller.url + "/article")
            again = await desk.buy(seller.url + "/article")
            assert first.purchase.state is again.purchase.state is State.UNKNOWN
            assert again.reused
            assert again.body == first.body
            assert desk.signatures == 1


async def test_a_claim_the_chain_cannot_confirm_yet_is_only_claimed(
    tmp_path: Path, sandbox: Sandbox
):
    async with open_desk(tmp_path, sandbox, rpc_urls=DEAD_RPC) as desk:
        bought = await desk.buy(sandbox.seller_url + "/article")
        assert (bought.purchase.state, bought.purchase.evidence) == (
            State.SETTLED,
            Evidence.CLAIMED,
        )


def lies() -> list[tuple[str, dict[str, Any]]]:
    return [
        ("another payer", {"payer": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"}),
        ("another network", {"network": "eip155:8453"}),
        ("another amount", {"amount": "1"}),
        ("an invented hash", {"transaction": "0x" + "ab" * 32}),
    ]


@pytest.mark.parametrize(("name", "change"), lies())
async def test_a_forged_settlement_response_never_shows_as_verified_while_withheld(
    tmp_path: Path, sandbox: Sandbox, name: str, change: dict[str, Any]
):
    async with open_desk(tmp_path / "honest", sandbox) as honest:
        real = await honest.buy(f"{sandbox.seller_url}/article?for={name.replace(' ', '-')}")
        assert real.purchase.transfer is not None
        claim = {
            "success": True,
            "transaction": real.purchase.tx_hash,
            "network": "eip155:84532",
            "payer": real.purchase.transfer.payer,
        }

    def forged(answer: PaidAnswer) -> PaidAnswer:
        raw = base64.b64encode(json.dumps(claim | change).encode()).decode()
        headers = [("PAYMENT-RESPONSE", raw), ("content-type", "text/plain")]
        return PaidAnswer(200, headers, b"trust me")

    async with meddler(sandbox.seller_url, forged, withhold=True) as seller:
        async with open_desk(tmp_path, sandbox, urls=(seller.url,), proof_wait_s=1) as desk:
            bought = await desk.buy(seller.url + "/article")
            assert bought.purchase.evidence is not Evidence.VERIFIED
            held, settled = await reserved(desk)
            assert held + settled == Usd(10_000)


async def test_a_real_hash_of_another_payment_leaves_the_outcome_unknown(
    tmp_path: Path, sandbox: Sandbox
):
    async with open_desk(tmp_path / "honest", sandbox) as honest:
        real = await honest.buy(sandbox.seller_url + "/article?honest")
        assert real.purchase.transfer is not None
        claim = {
            "success": True,
            "transaction": real.purchase.tx_hash,
            "network": "eip155:84532",
            "payer": real.purchase.transfer.payer,
        }

    def forged(answer: PaidAnswer) -> PaidAnswer:
        raw = base64.b64encode(json.dumps(claim).encode()).decode()
        return PaidAnswer(200, [("PAYMENT-RESPONSE", raw)], b"trust me")

    async with meddler(sandbox.seller_url, forged, withhold=True) as seller:
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            bought = await desk.buy(seller.url + "/article")
            assert bought.purchase.state is State.UNKNOWN
            assert await reserved(desk) == (Usd(10_000), Usd(0))


async def test_a_server_that_is_gone_for_the_paid_request_frees_the_hold_at_once(
    tmp_path: Path, sandbox: Sandbox
):
    async with open_desk(tmp_path, sandbox) as desk:
        exchange = _Unreachable(desk, sandbox.seller_url + "/article")
        with pytest.raises(PurserError) as ended:
            await desk.payer.fetch(exchange, max_price=None, pay_again=False)
        assert (ended.value.kind, ended.value.spent) == (ErrorKind.UPSTREAM_ERROR, "no")
        (purchase,) = await desk.purchases()
        assert purchase.state is State.VOID
        assert await reserved(desk) == (Usd(0), Usd(0))


class _Unreachable:
    """An exchange whose seller goes away between the 402 and the paid request."""

    def __init__(self, desk: Desk, url: str) -> None:
        self._real = WebExchange(desk.client, WebRequest("GET", url))
        self.request = self._real.request

    async def ask(self) -> Any:
        return await self._real.ask()

    def start_over(self) -> None:
        self._real.start_over()

    def can_still_pay(self) -> bool:
        return True

    async def pay(self, payment_headers: Any) -> Any:
        raise NeverSentError("no connection could be made")


async def test_when_the_time_ran_out_the_chain_is_asked_once_and_the_caller_waits_no_longer(
    tmp_path: Path, sandbox: Sandbox
):
    async with open_desk(tmp_path, sandbox, proof_wait_s=3600) as desk:
        exchange = _TooSlow(desk, sandbox.seller_url + "/article")
        with pytest.raises(PurserError) as ended:
            await desk.payer.fetch(exchange, max_price=None, pay_again=False)
        assert (ended.value.kind, ended.value.spent) == (ErrorKind.OUTCOME_UNKNOWN, "unknown")
        assert await reserved(desk) == (Usd(10_000), Usd(0))


class _TooSlow(_Unreachable):
    """An exchange whose deadline passes while the payment is answered."""

    in_time = True

    def can_still_pay(self) -> bool:
        return self.in_time

    async def pay(self, payment_headers: Any) -> Any:
        self.in_time = False
        raise TransportFailedError("no whole answer in time")


async def test_a_cancelled_call_is_recorded_and_a_repeat_reads_what_it_bought(
    tmp_path: Path, sandbox: Sandbox
):
    paying = anyio.Event()

    async def on_paid() -> None:
        paying.set()

    async with meddler(sandbox.seller_url, before_paid=on_paid) as seller:
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            async with anyio.create_task_group() as group:
                group.start_soon(desk.buy, seller.url + "/article")
                with anyio.fail_after(10):
                    await paying.wait()
                group.cancel_scope.cancel()
            (purchase,) = await desk.purchases()
            assert (purchase.state, purchase.evidence) == (State.SETTLED, Evidence.VERIFIED)
            again = await desk.buy(seller.url + "/article")
            assert again.reused
            assert b"<html" in again.body.lower()
            assert desk.signatures == 1


async def test_an_answer_that_breaks_off_keeps_its_settlement_and_what_came_of_it(
    tmp_path: Path, sandbox: Sandbox
):
    async with meddler(sandbox.seller_url, break_off) as seller:
        async with open_desk(tmp_path, sandbox, urls=(seller.url,), rpc_urls=DEAD_RPC) as desk:
            bought = await desk.buy(seller.url + "/article")
            assert (bought.purchase.state, bought.purchase.evidence) == (
                State.SETTLED,
                Evidence.CLAIMED,
            )
            assert bought.truncated
            assert len(bought.body) == 100


def break_off(answer: PaidAnswer) -> PaidAnswer:
    answer.body = answer.body[:100]
    answer.promised_bytes = 5000
    return answer
