"""A payment of unknown outcome: the same bytes are shown again, and nothing new is ever signed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from sandbox.run import Sandbox
from tests.desk import Desk, open_desk
from tests.meddler import PaidAnswer, Trick, meddler
from tests.web.loopback import always, serve
from wallet import repeats
from wallet.errors import ErrorKind, PurserError
from wallet.ledger.base import Ledger
from wallet.model import Evidence, Purchase, State
from wallet.money import Usd
from wallet.reconcile import reconcile_all

pytestmark = pytest.mark.asyncio

Looked = tuple[Purchase, Mapping[str, str] | None]

DEAD_RPC = ("http://127.0.0.1:9",)


def honest(answer: PaidAnswer) -> PaidAnswer:
    return answer


def hang_up(answer: PaidAnswer) -> None:
    """Close the connection without an answer."""


def server_error(answer: PaidAnswer) -> PaidAnswer:
    return PaidAnswer(500, [("content-type", "text/plain")], b"the clerk fell asleep")


def fail_after_settling(answer: PaidAnswer) -> PaidAnswer:
    answer.status, answer.body = 500, b"the clerk fell asleep"
    return answer


def refuse(answer: PaidAnswer) -> PaidAnswer:
    return PaidAnswer(402, [("content-type", "application/json")], b"{}")


def late_content(answer: PaidAnswer) -> PaidAnswer:
    return PaidAnswer(200, [("content-type", "text/plain")], b"what was paid for")


def still_pending(answer: PaidAnswer) -> PaidAnswer:
    answer.forge(success=False, errorReason="settlement_pending")
    answer.status, answer.body = 402, b"{}"
    return answer


async def fails(desk: Desk, url: str, *, pay_again: bool = False) -> PurserError:
    with pytest.raises(PurserError) as ended:
        await desk.buy(url, pay_again=pay_again)
    return ended.value


@pytest.mark.parametrize("first", [hang_up, server_error, refuse])
@pytest.mark.parametrize("pay_again", [False, True])
async def test_a_seller_that_comes_to_its_senses_is_paid_with_the_same_bytes(
    tmp_path: Path, own_sandbox: Sandbox, first: Trick, pay_again: bool
):
    before = own_sandbox.chain.transfer_count()
    async with meddler(own_sandbox.seller_url, first, withhold=True) as seller:
        async with open_desk(tmp_path, own_sandbox, urls=(seller.url,)) as desk:
            ended = await fails(desk, seller.url + "/article")
            assert ended.spent == "unknown"
            seller.trick, seller.withhold = honest, False

            bought = await desk.buy(seller.url + "/article", pay_again=pay_again)
            assert b"<html" in bought.body.lower()
            assert bought.reused
            purchase = bought.purchase
            assert (purchase.state, purchase.evidence) == (State.SETTLED, Evidence.VERIFIED)
            assert "the same payment was presented again" in purchase.notes[-1]
            assert purchase.delivery is not None
            assert purchase.delivery.http_status == 200

            read_again = await desk.buy(seller.url + "/article")
            assert read_again.body == bought.body
            assert desk.signatures == 1
            assert len(seller.payments) == 2
            assert len(set(seller.payments)) == 1
            assert own_sandbox.chain.transfer_count() - before == 1
            assert await desk.check() == []


async def test_a_seller_that_still_refuses_leaves_the_payment_held_and_says_what_comes_next(
    tmp_path: Path, sandbox: Sandbox
):
    async with meddler(sandbox.seller_url, refuse, withhold=True) as seller:
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            assert (await fails(desk, seller.url + "/article")).kind is ErrorKind.PAYMENT_REJECTED
            ended = await fails(desk, seller.url + "/article")
            assert (ended.kind, ended.spent) == (ErrorKind.OUTCOME_UNKNOWN, "unknown")
            assert "The server answered 402." in ended.detail
            (purchase,) = await desk.purchases()
            assert purchase.state is State.UNKNOWN
            assert ended.receipt_id == purchase.id
            assert "The signature is good until 20" in ended.detail
            assert len(set(seller.payments)) == 1
            assert len(seller.payments) == 2
            assert desk.signatures == 1


async def test_a_seller_that_is_gone_the_second_time_does_not_free_the_hold(
    tmp_path: Path, sandbox: Sandbox
):
    async with meddler(sandbox.seller_url, hang_up) as seller:
        url = seller.url + "/article"
        async with open_desk(tmp_path, sandbox, urls=(seller.url,), rpc_urls=DEAD_RPC) as first:
            await fails(first, url)
            (purchase,) = await first.purchases()
    async with open_desk(tmp_path, sandbox, urls=(seller.url,), rpc_urls=DEAD_RPC) as second:
        ended = await fails(second, url)
        assert (ended.kind, ended.spent) == (ErrorKind.OUTCOME_UNKNOWN, "unknown")
        assert "could not be reached" in ended.detail
        assert (await second.get(purchase.id)).state is State.UNKNOWN
        assert second.signatures == 0


async def test_an_expired_payment_is_not_shown_to_anybody_again(tmp_path: Path, sandbox: Sandbox):
    async with meddler(sandbox.seller_url, hang_up, withhold=True) as seller:
        async with open_desk(tmp_path, sandbox, urls=(seller.url,), rpc_urls=DEAD_RPC) as desk:
            await fails(desk, seller.url + "/article")
            desk.clock.ahead_s = 121
            ended = await fails(desk, seller.url + "/article")
            assert ended.kind is ErrorKind.OUTCOME_UNKNOWN
            assert len(seller.payments) == 1
            assert desk.signatures == 1


async def test_content_that_comes_late_for_a_settled_payment_is_stored_and_read_for_nothing(
    tmp_path: Path, sandbox: Sandbox
):
    async with meddler(sandbox.seller_url, hang_up) as seller:
        url = seller.url + "/article"
        async with open_desk(tmp_path, sandbox, urls=(seller.url,), rpc_urls=DEAD_RPC) as blind:
            assert (await fails(blind, url)).kind is ErrorKind.OUTCOME_UNKNOWN
        seller.trick, seller.withhold = late_content, True
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            bought = await desk.buy(url)
            assert bought.body == b"what was paid for"
            purchase = await desk.get(bought.purchase.id)
            assert (purchase.state, purchase.evidence) == (State.SETTLED, Evidence.VERIFIED)
            assert purchase.delivery is not None
            stored = desk.parts.store.load(purchase.id)
            assert stored is not None
            assert stored.body == b"what was paid for"
            assert desk.signatures == 0


async def test_a_pending_settlement_is_looked_for_on_the_chain_and_not_called_a_refusal(
    tmp_path: Path, sandbox: Sandbox
):
    async with meddler(sandbox.seller_url, still_pending) as seller:
        url = seller.url + "/article"
        async with open_desk(tmp_path, sandbox, urls=(seller.url,), rpc_urls=DEAD_RPC) as blind:
            ended = await fails(blind, url)
            assert (ended.kind, ended.spent) == (ErrorKind.OUTCOME_UNKNOWN, "unknown")
            assert "still under way" in ended.detail
            (purchase,) = await blind.purchases()
            assert purchase.state is State.UNKNOWN
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            assert (await reconcile_all(desk.parts)).settled == (purchase.id,)
            settled = await desk.get(purchase.id)
            assert settled.evidence is Evidence.VERIFIED
            assert settled.tx_hash is not None
            assert settled.amount_usd == Usd(10_000)


async def test_after_a_redirect_to_another_host_the_payment_is_not_sent_to_the_asked_one(
    tmp_path: Path, sandbox: Sandbox
):
    async with meddler(sandbox.seller_url, hang_up, withhold=True) as seller:
        there = seller.url + "/article"
        async with serve(always(302, [("Location", there)])) as shortener:
            here = f"http://localhost:{shortener.port}"
            urls = (seller.url, here)
            async with open_desk(tmp_path, sandbox, urls=urls, rpc_urls=DEAD_RPC) as desk:
                await fails(desk, here + "/to")
                asked = len(shortener.seen)
                ended = await fails(desk, here + "/to")
                assert ended.kind is ErrorKind.OUTCOME_UNKNOWN
                assert len(seller.payments) == 1
                assert len(shortener.seen) == asked
                assert desk.signatures == 1


@pytest.mark.parametrize("first", [hang_up, server_error])
async def test_a_settled_payment_that_brought_nothing_is_shown_again_and_brings_its_content(
    tmp_path: Path, sandbox: Sandbox, first: Trick
):
    async with meddler(sandbox.seller_url, first) as seller:
        url = seller.url + "/article"
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            with suppress(PurserError):
                assert (await desk.buy(url)).http_status == 500
            (purchase,) = await desk.purchases()
            assert (purchase.state, purchase.evidence) == (State.SETTLED, Evidence.VERIFIED)

            seller.trick, seller.withhold = late_content, True
            bought = await desk.buy(url)
            assert (bought.http_status, bought.body) == (200, b"what was paid for")
            assert (await desk.buy(url)).body == bought.body
            assert len(seller.payments) == 2
            assert len(set(seller.payments)) == 1
            assert desk.signatures == 1
            gone = await desk.parts.ledger.call(lambda ledger: ledger.signed_payment(purchase.id))
            assert gone is None
            assert await desk.check() == []


async def test_content_that_comes_for_a_claimed_settlement_is_kept_though_nothing_proves_it(
    tmp_path: Path, sandbox: Sandbox
):
    async with meddler(sandbox.seller_url, fail_after_settling) as seller:
        url = seller.url + "/article"
        async with open_desk(tmp_path, sandbox, urls=(seller.url,), rpc_urls=DEAD_RPC) as desk:
            assert (await desk.buy(url)).http_status == 500
            seller.trick, seller.withhold = late_content, True
            bought = await desk.buy(url)
            purchase = await desk.get(bought.purchase.id)
            assert (purchase.state, purchase.evidence) == (State.SETTLED, Evidence.CLAIMED)
            assert purchase.delivery is not None
            assert purchase.delivery.bytes == len(b"what was paid for")
            assert (await desk.buy(url)).body == b"what was paid for"
            assert len(seller.payments) == 2


async def test_content_that_was_delivered_is_never_replaced_nor_asked_for_again(
    tmp_path: Path, sandbox: Sandbox
):
    async with meddler(sandbox.seller_url) as seller:
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            bought = await desk.buy(seller.url + "/article")
            seller.trick = server_error
            again = await desk.buy(seller.url + "/article")
            assert (again.body, again.http_status) == (bought.body, 200)
            assert len(seller.payments) == 1


async def test_another_error_page_does_not_take_the_place_of_the_first(
    tmp_path: Path, sandbox: Sandbox
):
    pages = iter((b"first", b"second"))

    def break_down(answer: PaidAnswer) -> PaidAnswer:
        answer.status, answer.body = 500, next(pages)
        return answer

    async with (
        meddler(sandbox.seller_url, break_down) as seller,
        open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk,
    ):
        paid = await desk.buy(seller.url + "/article")
        with suppress(PurserError):
            await desk.buy(seller.url + "/article")
        assert len(seller.payments) == 2
        stored = desk.parts.store.load(paid.purchase.id)
        assert stored is not None
        assert stored.body == b"first"


async def test_a_settled_payment_whose_seller_is_gone_is_still_told_as_spent(
    tmp_path: Path, sandbox: Sandbox
):
    async with meddler(sandbox.seller_url, hang_up) as seller:
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            assert (await fails(desk, seller.url + "/article")).spent == "yes"
    async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
        ended = await fails(desk, seller.url + "/article")
        assert (ended.kind, ended.spent) == (ErrorKind.UPSTREAM_ERROR, "yes")
        assert "settled, but the server could not be reached" in ended.detail


async def test_a_payment_proven_dead_while_the_call_looks_at_it_is_bought_anew(
    tmp_path: Path, own_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    async with meddler(own_sandbox.seller_url, refuse, withhold=True) as seller:
        async with open_desk(tmp_path, own_sandbox, urls=(seller.url,)) as desk:
            await fails(desk, seller.url + "/article")
            (first,) = await desk.purchases()
            seller.trick, seller.withhold = honest, False

            def freed_meanwhile(purchase: Purchase, ledger: Ledger) -> Looked:
                if ledger.get(purchase.id) == first:
                    ledger.void(purchase.id, allowed_from=(State.UNKNOWN,), note="proven dead")
                return look_again(purchase, ledger)

            look_again = repeats.payment_to_present
            monkeypatch.setattr(repeats, "payment_to_present", freed_meanwhile)
            bought = await desk.buy(seller.url + "/article")
            assert not bought.reused
            assert bought.purchase.id != first.id
            assert desk.signatures == 2
            assert await desk.check() == []
