"""Buying through Permit2 from the official seller on a real chain: approved, gasless, and upto."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.evm import USDC_ADDRESS
from sandbox.run import NETWORK, Sandbox
from tests.desk import Desk, open_desk
from tests.web.loopback import always, serve
from tools.web.exchange import WebExchange
from wallet.assets import find_asset
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebRequest
from wallet.model import Evidence, Method, State
from wallet.money import Usd

pytestmark = pytest.mark.asyncio

PRICE_ATOMIC = 10_000
EVERY = {"schemes": ("exact", "permit2", "upto")}


async def _allowance(desk: Desk, address: str) -> int:
    asset = find_asset(NETWORK, USDC_ADDRESS)
    assert asset is not None
    return await desk.parts.chain.permit2_allowance(asset, address)


def _sent(sandbox: Sandbox) -> dict[str, Any]:
    return json.loads(base64.b64decode(sandbox.seen_payment_headers[-1]))


async def test_an_approved_permit2_page_is_paid_and_read_from_the_chain(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    key, address = sandbox.open_account(1_000_000)
    sandbox.approve_permit2(key, 25_000)
    async with open_desk(tmp_path, sandbox, rules=EVERY, key=key) as desk:
        bought = await desk.buy(sandbox.seller_url + "/permit2/page")
        transfer = bought.purchase.transfer
        assert transfer is not None
        assert (bought.purchase.scheme, transfer.method) == ("exact", Method.PERMIT2)
        assert bought.purchase.state is State.SETTLED
        assert bought.purchase.evidence is Evidence.VERIFIED
        assert bought.purchase.notes == ()
        assert sandbox.chain.balance_atomic(address) == 1_000_000 - PRICE_ATOMIC
        assert await _allowance(desk, address) == 25_000 - PRICE_ATOMIC
        assert await desk.check() == []


async def test_what_permit2_may_not_take_is_found_out_before_anything_is_signed(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    key, _ = sandbox.open_account(1_000_000)
    sandbox.approve_permit2(key, PRICE_ATOMIC - 1)
    url = sandbox.seller_url + "/permit2/page"
    async with open_desk(tmp_path, sandbox, rules=EVERY, key=key) as desk:
        with pytest.raises(PurserError) as caught:
            await desk.buy(url)
        assert caught.value.kind is ErrorKind.ALLOWANCE_REQUIRED
        assert caught.value.spent == "no"
        assert caught.value.detail == (
            "The price is 0.01 USDC and Permit2 may take 0.009999 from this wallet; approve "
            "0x000000000022D473030F116dDEE9F6B43aC78BA3 for USDC from the wallet first."
        )
        assert (desk.signatures, await desk.purchases()) == (0, [])
        exchange = WebExchange(desk.client, WebRequest("GET", url), timeout_s=20)
        quote = await desk.payer.quote(exchange, max_price=None)
        assert (quote.chosen, quote.refusal) == (None, ErrorKind.ALLOWANCE_REQUIRED)


@pytest.mark.parametrize("path", ["/permit2/page", "/permit2/gasless", "/upto/page"])
async def test_an_allowance_that_cannot_be_read_is_no_reason_to_sign(
    tmp_path: Path, sandbox: Sandbox, path: str
) -> None:
    key, _ = sandbox.open_account(1_000_000)
    dead = ("http://127.0.0.1:9",)
    async with open_desk(tmp_path, sandbox, rules=EVERY, key=key, rpc_urls=dead) as desk:
        with pytest.raises(PurserError) as caught:
            await desk.buy(sandbox.seller_url + path)
        assert (caught.value.kind, caught.value.spent) == (ErrorKind.ALLOWANCE_REQUIRED, "no")
        assert caught.value.detail.startswith("No RPC server says")
        assert (desk.signatures, await desk.purchases()) == (0, [])


async def test_a_gasless_page_is_paid_with_a_permit_for_exactly_its_price(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    key, address = sandbox.open_account(1_000_000)
    async with open_desk(tmp_path, sandbox, rules=EVERY, key=key) as desk:
        bought = await desk.buy(sandbox.seller_url + "/permit2/gasless")
        assert bought.purchase.evidence is Evidence.VERIFIED
        assert bought.purchase.notes == ("a permit for Permit2, of this amount, went along",)
        transfer, info = bought.purchase.transfer, _sent(sandbox)["extensions"]
        permit = info["eip2612GasSponsoring"]["info"]
        assert transfer is not None
        assert (permit["amount"], permit["deadline"]) == ("10000", str(transfer.valid_before))
        assert sandbox.chain.balance_atomic(address) == 1_000_000 - PRICE_ATOMIC
        assert await _allowance(desk, address) == 0
        assert await desk.check() == []


async def test_no_permit_is_signed_where_the_allowance_is_enough(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    key, address = sandbox.open_account(1_000_000)
    sandbox.approve_permit2(key, PRICE_ATOMIC)
    async with open_desk(tmp_path, sandbox, rules=EVERY, key=key) as desk:
        bought = await desk.buy(sandbox.seller_url + "/permit2/gasless")
        assert bought.purchase.evidence is Evidence.VERIFIED
        assert "signature" not in _sent(sandbox)["extensions"]["eip2612GasSponsoring"]["info"]
        assert await _allowance(desk, address) == 0


async def test_of_a_ceiling_only_what_was_taken_is_booked(tmp_path: Path, sandbox: Sandbox) -> None:
    key, address = sandbox.open_account(1_000_000)
    sandbox.approve_permit2(key, 50_000)
    async with open_desk(tmp_path, sandbox, rules=EVERY, key=key) as desk:
        bought = await desk.buy(sandbox.seller_url + "/upto/page?take=12345")
        (held,) = desk.vault.seen_when_signing
        assert held is not None
        assert held.amount_usd == Usd.parse("0.05")
        assert bought.purchase.state is State.SETTLED
        assert bought.purchase.evidence is Evidence.VERIFIED
        assert bought.purchase.cost_usd == Usd.parse("0.012345")
        assert sandbox.chain.balance_atomic(address) == 1_000_000 - 12_345
        assert await desk.check() == []


@pytest.mark.parametrize(
    ("page", "schemes"),
    [("/permit2/page", ("exact", "upto")), ("/upto/page", ("exact", "permit2"))],
)
async def test_a_scheme_that_the_user_did_not_name_is_refused(
    page: str, schemes: tuple[str, ...], tmp_path: Path, sandbox: Sandbox
) -> None:
    async with open_desk(tmp_path, sandbox, rules={"schemes": schemes}) as desk:
        with pytest.raises(PurserError) as caught:
            await desk.buy(sandbox.seller_url + page)
        assert caught.value.kind is ErrorKind.SCHEME_NOT_ENABLED
        assert desk.signatures == 0


async def test_upto_alone_never_lets_a_permit_be_signed(tmp_path: Path, sandbox: Sandbox) -> None:
    key, _ = sandbox.open_account(1_000_000)
    extra = {"facilitatorAddress": sandbox.seller_address, "assetTransferMethod": "permit2"}
    offer = {
        "scheme": "upto",
        "network": NETWORK,
        "asset": USDC_ADDRESS,
        "amount": "10000",
        "payTo": sandbox.seller_address,
        "maxTimeoutSeconds": 60,
        "extra": extra,
    }
    challenge = {
        "x402Version": 2,
        "accepts": [offer],
        "extensions": {"eip2612GasSponsoring": {"info": {"version": "1"}, "schema": {}}},
    }
    header = base64.b64encode(json.dumps(challenge).encode()).decode()
    async with serve(always(402, [("PAYMENT-REQUIRED", header)], b"{}")) as seller:
        kinds: list[ErrorKind] = []
        for schemes in (("upto",), ("upto", "permit2")):
            home = tmp_path / schemes[-1]
            home.mkdir()
            rules = {"schemes": schemes}
            urls = (seller.url(),)
            async with open_desk(home, sandbox, urls=urls, rules=rules, key=key) as desk:
                with pytest.raises(PurserError) as caught:
                    await desk.buy(seller.url())
                kinds.append(caught.value.kind)
                assert desk.signatures == len(kinds) - 1
        assert kinds == [ErrorKind.ALLOWANCE_REQUIRED, ErrorKind.PAYMENT_REJECTED]
