"""Buying above the threshold, from the official seller on a real chain: asked, answered, paid once.

The article costs one cent, and the threshold is set just below it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest

from sandbox.run import Sandbox
from tests.desk import Desk, OpenKey, open_desk
from tests.meddler import meddler
from tests.web.loopback import Seen, http, serve
from tools.web.exchange import WebExchange
from wallet.approvals import LIFE_S, ApprovalState
from wallet.consent import record_answer
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebRequest
from wallet.ledger.base import Ledger
from wallet.model import State, Transfer
from wallet.money import Usd
from wallet.payer import Payer
from wallet.quotes import Quote
from wallet.vault import Vault

pytestmark = pytest.mark.asyncio

ASKED = {"approval_above": Usd(9_999)}
ONE_USE = ASKED | {"repeat_window_s": 0}
NEW_PAYEE = "0x" + "34" * 20


async def refused(desk: Desk, url: str, **how: Any) -> PurserError:
    """Call, and return the refusal; nothing may have been signed for it."""
    before = desk.signatures
    with pytest.raises(PurserError) as error:
        await desk.buy(url, **how)
    assert error.value.spent == "no"
    assert desk.signatures == before
    return error.value


async def asked_for(desk: Desk, url: str, **how: Any) -> str:
    """Call, and return the id of the request for approval that the refusal names."""
    error = await refused(desk, url, **how)
    assert error.approval_id is not None
    return error.approval_id


async def approve(desk: Desk, url: str, **how: Any) -> str:
    """Call, approve what is asked, and return its id."""
    approval_id = await asked_for(desk, url, **how)
    await record_answer(desk.parts, approval_id, approve=True)
    return approval_id


async def state_of(desk: Desk, approval_id: str) -> ApprovalState:
    found = await desk.parts.ledger.call(lambda ledger: ledger.get_approval(approval_id))
    assert found is not None
    return found.state


async def requests(desk: Desk) -> int:
    """Return how many requests for approval the ledger has, in whatever state."""
    return len(await desk.parts.ledger.call(lambda ledger: ledger.list_approvals(answered=True)))


async def test_a_price_above_the_threshold_is_asked_for_once_and_signs_nothing(
    tmp_path: Path, sandbox: Sandbox
):
    url = sandbox.seller_url + "/article"
    async with open_desk(tmp_path, sandbox, rules=ASKED) as desk:
        error = await refused(desk, url)
        assert error.kind is ErrorKind.APPROVAL_REQUIRED
        assert f"`purser approve {error.approval_id}`" in error.detail
        assert error.offers[0]["code"] == "approval_required"
        assert await asked_for(desk, url) == error.approval_id
        assert await requests(desk) == 1
        assert await desk.purchases() == []
        (shown,) = (await desk.payer.status()).pending
        assert (shown.id, shown.url) == (error.approval_id, url)
        assert shown.terms.pay_to == sandbox.seller_address


async def test_after_approval_the_same_call_pays_and_the_books_name_it(
    tmp_path: Path, sandbox: Sandbox
):
    url = sandbox.seller_url + "/article"
    before = sandbox.chain.balance_atomic(sandbox.seller_address)
    async with open_desk(tmp_path, sandbox, rules=ASKED) as desk:
        approval_id = await approve(desk, url)
        bought = await desk.buy(url)
        assert (bought.purchase.state, bought.purchase.approval_id) == (State.SETTLED, approval_id)
        assert await state_of(desk, approval_id) is ApprovalState.CONSUMED
        assert (await desk.payer.status()).pending == ()
        assert (await desk.buy(url)).reused
        assert desk.signatures == 1
        assert sandbox.chain.balance_atomic(sandbox.seller_address) - before == 10_000
        assert await desk.check() == []


async def test_a_used_approval_pays_no_second_time_not_even_with_pay_again(
    tmp_path: Path, sandbox: Sandbox
):
    url = sandbox.seller_url + "/article"
    async with open_desk(tmp_path, sandbox, rules=ONE_USE) as desk:
        first = await approve(desk, url)
        await desk.buy(url)
        for again in (True, False):
            error = await refused(desk, url, pay_again=again)
            assert error.kind is ErrorKind.APPROVAL_REQUIRED
            assert error.approval_id != first
        assert desk.signatures == 1


async def test_twenty_calls_at_once_with_one_approval_sign_once(tmp_path: Path, sandbox: Sandbox):
    url = sandbox.seller_url + "/article"
    ends: list[str] = []
    async with open_desk(tmp_path, sandbox, rules=ONE_USE) as desk:
        other = Payer(desk.parts)
        await approve(desk, url)

        async def call(number: int) -> None:
            payer = (desk.payer, other)[number % 2]
            exchange = WebExchange(desk.client, WebRequest("GET", url))
            try:
                await payer.fetch(exchange, max_price=None, pay_again=False)
                ends.append("paid")
            except PurserError as error:
                ends.append(error.kind.value.code)

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(call, number)
        # A call that loses the race for the hold itself may be told that the first is still open.
        assert ends.count("paid") == desk.signatures == 1
        assert set(ends) <= {"paid", "approval_required", "outcome_unknown"}
        assert await requests(desk) <= 2
        assert await desk.check() == []


async def test_a_denial_is_told_without_asking_again_until_it_is_over(
    tmp_path: Path, sandbox: Sandbox
):
    url = sandbox.seller_url + "/article"
    async with open_desk(tmp_path, sandbox, rules=ASKED) as desk:
        first = await asked_for(desk, url)
        await record_answer(desk.parts, first, approve=False)
        for again in (False, True):
            error = await refused(desk, url, pay_again=again)
            assert (error.kind, error.approval_id) == (ErrorKind.APPROVAL_DENIED, first)
        assert await requests(desk) == 1
        desk.clock.ahead_s = LIFE_S
        error = await refused(desk, url)
        assert error.kind is ErrorKind.APPROVAL_REQUIRED
        assert error.approval_id != first


@pytest.mark.parametrize("answered", [False, True])
async def test_a_request_that_ran_out_says_so_once_and_opens_a_new_one(
    tmp_path: Path, sandbox: Sandbox, answered: bool
):
    url = sandbox.seller_url + "/article"
    async with open_desk(tmp_path, sandbox, rules=ASKED) as desk:
        first = await asked_for(desk, url)
        if answered:
            await record_answer(desk.parts, first, approve=True)
        desk.clock.ahead_s = LIFE_S
        error = await refused(desk, url)
        assert error.kind is ErrorKind.APPROVAL_EXPIRED
        assert error.approval_id != first
        again = await refused(desk, url)
        assert (again.kind, again.approval_id) == (ErrorKind.APPROVAL_REQUIRED, error.approval_id)
        desk.clock.ahead_s = 0
        assert await state_of(desk, first) is ApprovalState.EXPIRED
        await refused(desk, url)


async def test_an_approval_lifts_no_cap_and_waits_for_room(tmp_path: Path, sandbox: Sandbox):
    url = sandbox.seller_url + "/article"
    async with open_desk(tmp_path, sandbox, rules=ASKED) as desk:
        approval_id = await approve(desk, url)
        capped = replace(desk.parts, rules=replace(desk.parts.rules, per_day=Usd(9_999)))
        exchange = WebExchange(desk.client, WebRequest("GET", url))
        with pytest.raises(PurserError) as error:
            await Payer(capped).fetch(exchange, max_price=None, pay_again=False)
        assert error.value.kind is ErrorKind.OVER_DAY_BUDGET
        assert (await refused(desk, url, max_price="0.009999")).kind is ErrorKind.OVER_MAX_PRICE
        assert await state_of(desk, approval_id) is ApprovalState.APPROVED
        assert (await desk.buy(url)).purchase.approval_id == approval_id


async def test_nobody_is_asked_about_what_the_wallet_cannot_pay(tmp_path: Path, sandbox: Sandbox):
    key = "0x" + "7e" * 32
    async with open_desk(tmp_path, sandbox, rules=ASKED, key=key) as desk:
        error = await refused(desk, sandbox.seller_url + "/article")
        assert (error.kind, error.approval_id) == (ErrorKind.INSUFFICIENT_FUNDS, None)
        assert await requests(desk) == 0


async def test_an_approval_is_gone_although_its_payment_never_left(
    tmp_path: Path, sandbox: Sandbox
):
    async with open_desk(tmp_path, sandbox, rules=ASKED) as desk:
        url = sandbox.seller_url + "/article"
        approval_id = await approve(desk, url)

        class Locked(Vault):
            def sign(self, ledger: Ledger, purchase_id: str, checked: Transfer) -> str:
                raise PurserError(ErrorKind.WALLET_LOCKED, "The key is gone.")

        locked = Payer(replace(desk.parts, keys=Locked(OpenKey())))
        exchange = WebExchange(desk.client, WebRequest("GET", url))
        with pytest.raises(PurserError) as error:
            await locked.fetch(exchange, max_price=None, pay_again=False)
        assert error.value.kind is ErrorKind.WALLET_LOCKED
        assert [one.state for one in await desk.purchases()] == [State.VOID]
        assert await state_of(desk, approval_id) is ApprovalState.CONSUMED
        assert (await refused(desk, url)).kind is ErrorKind.APPROVAL_REQUIRED


async def quote(desk: Desk, url: str) -> Quote:
    exchange = WebExchange(desk.client, WebRequest("GET", url))
    return await desk.payer.quote(exchange, max_price=None)


async def test_a_quote_says_how_the_approval_stands_and_writes_nothing(
    tmp_path: Path, sandbox: Sandbox
):
    url = sandbox.seller_url + "/article"
    async with open_desk(tmp_path, sandbox, rules=ASKED) as desk:
        fresh = await quote(desk, url)
        assert (fresh.refusal, fresh.approval) == (ErrorKind.APPROVAL_REQUIRED, None)
        assert await requests(desk) == 0
        approval_id = await asked_for(desk, url)
        waiting = await quote(desk, url)
        assert waiting.refusal is ErrorKind.APPROVAL_REQUIRED
        assert waiting.approval is not None
        assert (waiting.approval.id, waiting.approval.state) == (
            approval_id,
            ApprovalState.PENDING,
        )
        await record_answer(desk.parts, approval_id, approve=True)
        ready = await quote(desk, url)
        assert (ready.chosen, ready.refusal) == (0, None)
        assert ready.approval is not None
        await record_answer(desk.parts, approval_id, approve=False)
        assert (await quote(desk, url)).refusal is ErrorKind.APPROVAL_DENIED
        assert await requests(desk) == 1


@dataclass
class Terms:
    """What the go-between changes in the seller's offer; nothing at first."""

    offer: dict[str, Any] = field(default_factory=dict[str, Any])

    def __call__(self, challenge: dict[str, Any]) -> dict[str, Any]:
        accepts = [one | self.offer for one in challenge["accepts"]]
        return challenge | {"accepts": accepts}


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"amount": "9999999"}, ErrorKind.OVER_PAYMENT_CAP, ""),
        ({"amount": "10001"}, ErrorKind.TERMS_CHANGED, "changed: the price. "),
        ({"payTo": NEW_PAYEE}, ErrorKind.TERMS_CHANGED, "changed: the payee. "),
        (
            {"network": "eip155:8453", "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"},
            ErrorKind.TERMS_CHANGED,
            "changed: the network, the token. ",
        ),
        ({"network": "eip155:8453"}, ErrorKind.UNKNOWN_ASSET, ""),
        ({"asset": "0x" + "12" * 20}, ErrorKind.UNKNOWN_ASSET, ""),
        ({"scheme": "hover"}, ErrorKind.SCHEME_NOT_ENABLED, ""),
    ],
)
async def test_an_approval_pays_no_other_offer(
    tmp_path: Path, sandbox: Sandbox, change: dict[str, str], kind: ErrorKind, words: str
):
    terms = Terms()
    rules = ASKED | {"networks": ("eip155:84532", "eip155:8453")}
    async with meddler(sandbox.seller_url, challenge=terms) as between:
        async with open_desk(tmp_path, sandbox, urls=(between.url,), rules=rules) as desk:
            url = between.url + "/article"
            approval_id = await approve(desk, url)
            terms.offer = change
            error = await refused(desk, url)
            assert error.kind is kind
            assert words in error.detail
            assert between.payments == []
            terms.offer = {}
            if kind is ErrorKind.TERMS_CHANGED:
                assert error.approval_id not in (None, approval_id)
                assert await state_of(desk, approval_id) is ApprovalState.EXPIRED
                again = await refused(desk, url)
                assert again.kind is ErrorKind.APPROVAL_REQUIRED
            else:
                assert (await desk.buy(url)).purchase.approval_id == approval_id


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (("GET", "/article", b""), ("GET", "/article?copy=2", b"")),
        (("GET", "/article?a=1", b""), ("GET", "/article?a=2", b"")),
        (("POST", "/api/summarise", b'{"text": "A."}'), ("POST", "/api/summarise", b'{"text":""}')),
    ],
)
async def test_an_approval_pays_no_other_call(
    tmp_path: Path, sandbox: Sandbox, first: tuple[str, str, bytes], other: tuple[str, str, bytes]
):
    async with open_desk(tmp_path, sandbox, rules=ASKED) as desk:
        method, path, body = first
        approval_id = await approve(desk, sandbox.seller_url + path, method=method, body=body)
        method, path, body = other
        error = await refused(desk, sandbox.seller_url + path, method=method, body=body)
        assert error.kind is ErrorKind.APPROVAL_REQUIRED
        assert error.approval_id != approval_id
        assert await state_of(desk, approval_id) is ApprovalState.APPROVED
        method, path, body = first
        bought = await desk.buy(sandbox.seller_url + path, method=method, body=body)
        assert bought.purchase.approval_id == approval_id


OSLO = (("X-Ship-To", "Oslo"), ("X-Copies", "1"))


@pytest.mark.parametrize("other", [(("X-Ship-To", "Rome"), ("X-Copies", "1")), OSLO[:1], ()])
async def test_an_approval_pays_with_no_other_headers(
    tmp_path: Path, sandbox: Sandbox, other: tuple[tuple[str, str], ...]
):
    url = sandbox.seller_url + "/article"
    async with open_desk(tmp_path, sandbox, rules=ASKED) as desk:
        first = await asked_for(desk, url, headers=OSLO)
        error = await refused(desk, url, headers=other)
        assert error.kind is ErrorKind.APPROVAL_REQUIRED
        assert error.approval_id != first
        again = await approve(desk, url, headers=OSLO)
        error = await refused(desk, url, headers=other)
        assert error.kind is ErrorKind.TERMS_CHANGED
        assert "changed: the request's own headers." in error.detail
        assert error.approval_id not in (None, first, again)
        assert desk.signatures == 0


async def test_an_approval_pays_with_its_headers_in_another_order_and_case(
    tmp_path: Path, sandbox: Sandbox
):
    url = sandbox.seller_url + "/article"
    async with open_desk(tmp_path, sandbox, rules=ASKED) as desk:
        approval_id = await approve(desk, url, headers=OSLO)
        turned = tuple((name.lower(), value) for name, value in reversed(OSLO))
        bought = await desk.buy(url, headers=turned)
        assert bought.purchase.approval_id == approval_id
        assert await desk.check() == []
        kept = [one for one in desk.home.glob("ledger.sqlite3*") if b"Oslo" in one.read_bytes()]
        assert kept == []


async def test_an_approval_pays_no_other_host_behind_the_same_url(tmp_path: Path, sandbox: Sandbox):
    """The same page of the same seller, reached under another name after a redirect."""
    port = urlsplit(sandbox.seller_url).port
    to = [f"http://localhost:{port}/article"]

    async def redirect(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(http(302, [("Location", to[0])]))

    async with serve(redirect) as shortener:
        urls = (shortener.url(), to[0])
        async with open_desk(tmp_path, sandbox, urls=urls, rules=ASKED) as desk:
            await approve(desk, shortener.url("/to"))
            to[0] = sandbox.seller_url + "/article"
            error = await refused(desk, shortener.url("/to"))
            assert error.kind is ErrorKind.TERMS_CHANGED
            assert "changed: the host that asks for the money. " in error.detail
