"""Buying from a seller that speaks MPP by the official package, settled on a local chain."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mpp.errors import CredentialReplayedError, InternalPaymentError, VerificationFailedError

from sandbox.run import BUYER, SELLER, Sandbox
from tests.desk import Desk, open_desk
from tests.mpp_seller import L402, PAGE, Headers, MppSeller, mpp_seller, without
from tools.web.exchange import WebExchange
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebRequest
from wallet.model import Evidence, State
from wallet.quotes import Quote
from wallet.receipts import receipt

pytestmark = pytest.mark.asyncio

ONLY_MPP = without("payment-required")


@pytest.fixture(name="seller", scope="module")
def running_seller(sandbox: Sandbox) -> Iterator[MppSeller]:
    with mpp_seller(sandbox) as running:
        yield running


@pytest.fixture(autouse=True)
def _honest(seller: MppSeller) -> None:
    seller.change = lambda headers: headers
    seller.fail_with(None, settles=True)
    seller.payments.clear()
    seller.requests.clear()


async def fails(desk: Desk, url: str, **options: Any) -> PurserError:
    with pytest.raises(PurserError) as caught:
        await desk.buy(url, **options)
    return caught.value


async def quoted(desk: Desk, url: str) -> Quote:
    exchange = WebExchange(desk.client, WebRequest("GET", url), timeout_s=20)
    return await desk.payer.quote(exchange, max_price=None)


def credential(text: str) -> dict[str, Any]:
    coded = text.removeprefix("Payment ")
    return json.loads(base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)))


async def test_a_charge_is_paid_and_verified_on_the_chain(
    tmp_path: Path, sandbox: Sandbox, seller: MppSeller
):
    seller.change = ONLY_MPP
    before = sandbox.chain.balance_atomic(SELLER)
    async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
        bought = await desk.buy(seller.url + "/tides")
        shown = receipt(bought.purchase)
        again = await desk.buy(seller.url + "/tides")
        assert await desk.check() == []
    assert bought.body == PAGE
    assert sandbox.chain.balance_atomic(SELLER) - before == 10_000
    assert (shown["rail"], shown["scheme"], shown["evidence"]) == ("mpp", "charge", "verified")
    assert (shown["payer"], shown["pay_to"], shown["amount_usd"]) == (BUYER, SELLER, "0.01")
    assert sandbox.chain.receipt(shown["tx_hash"]) is not None
    assert (again.reused, again.body, desk.signatures) == (True, PAGE, 1)
    (sent,) = seller.payments
    assert credential(sent)["payload"]["nonce"] == shown["nonce"]


async def test_a_seller_that_filters_its_offers_is_told_what_could_be_paid(
    tmp_path: Path, sandbox: Sandbox, seller: MppSeller
):
    async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
        await desk.buy(seller.url + "/told")
    assert {one["accept-payment"] for one in seller.requests} == {"evm/charge, usdc/charge;q=0.9"}


async def test_where_x402_would_have_to_bind_its_nonce_to_the_route_mpp_is_paid(
    tmp_path: Path, sandbox: Sandbox, seller: MppSeller
):
    async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
        bought = await desk.buy(seller.url + "/both")
        assert (bought.purchase.rail, bought.purchase.evidence) == ("mpp", Evidence.VERIFIED)
        assert desk.signatures == 1


def _plain_x402(headers: Headers, amount: str | None = None) -> Headers:
    """Take the route binding out of the x402 offer, set its price, and add a Lightning invoice."""
    value = next(value for name, value in headers if name.lower() == "payment-required")
    asked = json.loads(base64.b64decode(value))
    asked.pop("extensions")
    if amount is not None:
        asked["accepts"][0]["amount"] = amount
    plain = base64.b64encode(json.dumps(asked).encode()).decode()
    kept = without("payment-required")(headers)
    return [*kept, ("PAYMENT-REQUIRED", plain), ("WWW-Authenticate", L402)]


async def test_a_mixed_402_is_paid_once_by_x402_at_the_same_price(tmp_path: Path, sandbox: Sandbox):
    with mpp_seller(sandbox, route_binding="resource") as seller:
        seller.change = _plain_x402
        before = sandbox.chain.balance_atomic(SELLER)
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            quote = await quoted(desk, seller.url + "/mixed")
            rows = [(one.rail, one.amount, one.allowed) for one in quote.offers]
            bought = await desk.buy(seller.url + "/mixed")
            assert desk.signatures == 1
    assert rows == [("x402", "0.01", True), ("mpp", "0.01", True), ("l402", "250000 sat", False)]
    assert (bought.purchase.rail, bought.purchase.evidence) == ("x402", Evidence.VERIFIED)
    assert sandbox.chain.balance_atomic(SELLER) - before == 10_000
    assert len(seller.payments) == 1


async def test_a_mixed_402_is_paid_once_by_mpp_where_that_is_cheaper(
    tmp_path: Path, sandbox: Sandbox, seller: MppSeller
):
    seller.change = lambda headers: _plain_x402(headers, amount="10001")
    async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
        bought = await desk.buy(seller.url + "/cheaper")
        assert (bought.purchase.rail, desk.signatures) == ("mpp", 1)
    assert len(seller.payments) == 1


async def test_the_other_header_leaves_the_caller_s_authorization_alone(
    tmp_path: Path, sandbox: Sandbox
):
    with mpp_seller(sandbox, requires_auth=True) as seller:
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            own = (("Authorization", "Bearer mine"),)
            bought = await desk.buy(seller.url + "/members", headers=own)
    assert bought.purchase.evidence is Evidence.VERIFIED
    assert [one["authorization"] for one in seller.requests] == ["Bearer mine"] * 2
    assert "payment-authorization" not in seller.requests[0]


async def test_a_challenge_that_binds_the_body_is_paid_with_that_body(
    tmp_path: Path, sandbox: Sandbox, seller: MppSeller
):
    async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
        bought = await desk.buy(seller.url + "/form", method="POST", body=b"ship=Ellery")
    assert bought.purchase.evidence is Evidence.VERIFIED
    assert "digest" in credential(seller.payments[0])["challenge"]


async def test_a_challenge_that_is_about_to_expire_is_not_paid(tmp_path: Path, sandbox: Sandbox):
    with mpp_seller(sandbox, expires_in_s=8) as seller:
        seller.change = ONLY_MPP
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            quote = await quoted(desk, seller.url + "/soon")
            error = await fails(desk, seller.url + "/soon")
            assert (error.kind, error.spent) == (ErrorKind.NO_PAYABLE_OFFER, "no")
            assert "expired, or is about to" in str(error.offers)
            assert (quote.chosen, desk.signatures) == (None, 0)
    assert seller.payments == []


async def test_a_charge_that_has_expired_leaves_the_offer_beside_it_payable(
    tmp_path: Path, sandbox: Sandbox
):
    with mpp_seller(sandbox, expires_in_s=8, route_binding="resource") as seller:
        seller.change = lambda headers: _plain_x402(headers, amount="10000")
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            bought = await desk.buy(seller.url + "/soon")
            assert (bought.purchase.rail, desk.signatures) == ("x402", 1)


async def test_a_fresh_challenge_after_paying_is_never_answered(
    tmp_path: Path, sandbox: Sandbox, seller: MppSeller
):
    seller.change = ONLY_MPP
    seller.fail_with(VerificationFailedError("no"), settles=False)
    async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
        error = await fails(desk, seller.url + "/again")
        (held,) = await desk.purchases()
        assert (error.kind, error.spent) == (ErrorKind.PAYMENT_REJECTED, "unknown")
        assert (held.state, desk.signatures) == (State.UNKNOWN, 1)
        assert "settlement refused: verification-failed" in str(held.notes)
        seller.fail_with(None, settles=True)
        bought = await desk.buy(seller.url + "/again")
        assert (bought.body, bought.purchase.evidence) == (PAGE, Evidence.VERIFIED)
        assert (bought.purchase.id, desk.signatures) == (held.id, 1)
    assert len(set(seller.payments)) == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [(CredentialReplayedError(), 403), (InternalPaymentError(), 500)],
    ids=["403", "500"],
)
@pytest.mark.parametrize("settles", [True, False], ids=["settled", "unsettled"])
async def test_a_refusal_without_a_challenge_proves_nothing(
    tmp_path: Path,
    sandbox: Sandbox,
    seller: MppSeller,
    error: CredentialReplayedError | InternalPaymentError,
    status: int,
    settles: bool,
):
    seller.change = ONLY_MPP
    seller.fail_with(error, settles=settles)
    async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
        url = f"{seller.url}/{status}/{settles}"
        if settles:
            bought = await desk.buy(url)
            assert (bought.http_status, bought.purchase.evidence) == (status, Evidence.VERIFIED)
        else:
            told = await fails(desk, url)
            assert (told.kind, told.spent) == (ErrorKind.OUTCOME_UNKNOWN, "unknown")
            (held,) = await desk.purchases()
            assert held.state is State.UNKNOWN
        assert desk.signatures == 1
        assert await desk.check() == []


async def test_a_challenge_that_was_paid_before_is_never_signed_again(
    tmp_path: Path, sandbox: Sandbox
):
    lasting = "2099-01-01T00:00:00Z"
    with mpp_seller(sandbox, unique=False, expires=lasting) as seller:
        seller.change = ONLY_MPP
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            await desk.buy(seller.url + "/same")
            error = await fails(desk, seller.url + "/same", pay_again=True)
            assert (error.kind, error.spent) == (ErrorKind.NO_PAYABLE_OFFER, "no")
            assert "was paid before" in error.detail
            assert desk.signatures == 1
            assert await desk.check() == []
