"""The official buyer settles every other scheme here, and the balances are exact."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from eth_utils.crypto import keccak
from official_buyer import DEPOSIT_ATOMIC, decoded, nonce_bit, official_buyer, permit2_allowance

from sandbox.chain import TRANSFER_TOPIC, LocalChain
from sandbox.evm import BATCH_ADDRESS, EXACT_PROXY_ADDRESS, UPTO_PROXY_ADDRESS, USDC_ADDRESS
from sandbox.run import Sandbox

PRICE_ATOMIC = 10_000
PAGE_ATOMIC = 100
BATCH = BATCH_ADDRESS.lower()
CLAIMED = "Claimed(bytes32,address,uint128,uint128)"


def permit(sandbox: Sandbox) -> dict[str, Any]:
    """Return the Permit2 authorization that the seller saw last."""
    return decoded(sandbox.seen_payment_headers[-1])["payload"]["permit2Authorization"]


def topic(signature: str) -> str:
    return "0x" + keccak(text=signature).hex()


def logs_of(chain: LocalChain, tx_hash: str) -> list[tuple[str, str]]:
    """Return contract and event of every log of a transaction that succeeded."""
    receipt = chain.receipt(tx_hash)
    assert receipt is not None
    assert receipt["status"] == "0x1"
    return [(log["address"], log["topics"][0]) for log in receipt["logs"]]


def page_url(sandbox: Sandbox) -> str:
    return sandbox.seller_url + "/batch/page/1"


@asynccontextmanager
async def clerk(sandbox: Sandbox) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield a client for the seller's own side of its channels."""
    async with httpx.AsyncClient(base_url=sandbox.seller_url) as client:
        yield client


@pytest.mark.asyncio
async def test_permit2_without_an_approval_is_refused_and_moves_nothing(sandbox: Sandbox) -> None:
    async with official_buyer(sandbox) as buyer:
        response = await buyer.http.get("/permit2/page")
    assert response.status_code == 402
    assert decoded(response.headers["payment-required"])["error"] == "permit2_allowance_required"
    assert sandbox.chain.balance_atomic(buyer.address) == 1_000_000
    assert nonce_bit(sandbox.chain, buyer.address, int(permit(sandbox)["nonce"])) == 0


@pytest.mark.asyncio
async def test_permit2_after_an_approval_moves_the_price_and_spends_the_nonce(
    sandbox: Sandbox,
) -> None:
    chain, seller = sandbox.chain, sandbox.seller_address
    before = chain.balance_atomic(seller)
    async with official_buyer(sandbox) as buyer:
        sandbox.approve_permit2(buyer.key, 25_000)
        response = await buyer.http.get("/permit2/page")
    assert response.status_code == 200
    assert chain.balance_atomic(buyer.address) == 1_000_000 - PRICE_ATOMIC
    assert chain.balance_atomic(seller) == before + PRICE_ATOMIC
    assert permit2_allowance(chain, buyer.address) == 25_000 - PRICE_ATOMIC
    assert nonce_bit(chain, buyer.address, int(permit(sandbox)["nonce"])) == 1
    assert logs_of(chain, decoded(response.headers["payment-response"])["transaction"]) == [
        (USDC_ADDRESS.lower(), TRANSFER_TOPIC),
        (EXACT_PROXY_ADDRESS.lower(), topic("Settled()")),
    ]


@pytest.mark.asyncio
async def test_a_signed_approval_lets_an_account_without_gas_pay_by_permit2(
    sandbox: Sandbox,
) -> None:
    chain = sandbox.chain
    async with official_buyer(sandbox) as buyer:
        response = await buyer.http.get("/permit2/gasless")
    assert response.status_code == 200
    assert chain.balance_wei(buyer.address) == 0
    assert chain.balance_atomic(buyer.address) == 1_000_000 - PRICE_ATOMIC
    assert permit2_allowance(chain, buyer.address) == 0
    assert logs_of(chain, decoded(response.headers["payment-response"])["transaction"]) == [
        (USDC_ADDRESS.lower(), topic("Approval(address,address,uint256)")),
        (USDC_ADDRESS.lower(), TRANSFER_TOPIC),
        (EXACT_PROXY_ADDRESS.lower(), topic("SettledWithPermit()")),
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("query", "status", "taken", "moved"),
    [
        ("", 200, "12345", 12_345),
        ("?take=50000", 200, "50000", 50_000),
        ("?take=0", 200, "0", 0),
        ("?take=50001", 402, None, 0),
    ],
)
async def test_upto_takes_what_the_seller_says_and_never_more_than_the_ceiling(
    sandbox: Sandbox, query: str, status: int, taken: str | None, moved: int
) -> None:
    chain = sandbox.chain
    async with official_buyer(sandbox) as buyer:
        sandbox.approve_permit2(buyer.key, 2**256 - 1)
        response = await buyer.http.get("/upto/page" + query)
    settlement = decoded(response.headers["payment-response"])
    assert (response.status_code, settlement.get("amount")) == (status, taken)
    assert permit(sandbox)["permitted"]["amount"] == "50000"
    assert chain.balance_atomic(buyer.address) == 1_000_000 - moved
    spent = nonce_bit(chain, buyer.address, int(permit(sandbox)["nonce"]))
    assert (spent, bool(settlement["transaction"])) == ((1, True) if moved else (0, False))
    if moved:
        logs = logs_of(chain, settlement["transaction"])
        assert logs[-1] == (UPTO_PROXY_ADDRESS.lower(), topic("Settled()"))


@pytest.mark.asyncio
async def test_a_channel_takes_one_deposit_ten_vouchers_one_claim_and_a_refund(
    own_sandbox: Sandbox,
) -> None:
    sandbox = own_sandbox  # the seller claims for every channel it has
    chain, seller = sandbox.chain, sandbox.seller_address
    transfers, earned = chain.transfer_count(), chain.balance_atomic(seller)
    escrow = chain.balance_atomic(BATCH_ADDRESS)
    async with official_buyer(sandbox) as buyer, clerk(sandbox) as seller_side:
        opened = await buyer.http.get("/batch/page/0")
        assert decoded(opened.headers["payment-response"])["amount"] == str(DEPOSIT_ATOMIC)
        assert chain.balance_atomic(buyer.address) == 1_000_000 - DEPOSIT_ATOMIC
        for page in range(1, 11):
            settlement = decoded(
                (await buyer.http.get(f"/batch/page/{page}")).headers["payment-response"]
            )
            assert (settlement["transaction"], settlement["extra"]["chargedAmount"]) == ("", "100")
        assert chain.transfer_count() == transfers + 2  # to the collector, and on to the contract
        [claim] = (await seller_side.post("/batch/claim")).json()
        await seller_side.post("/batch/settle")
        refund = await asyncio.to_thread(
            buyer.channels.refund, f"{sandbox.seller_url}/batch/page/1"
        )
    spent = 11 * PAGE_ATOMIC
    assert logs_of(chain, claim["transaction"]) == [(BATCH, topic(CLAIMED))]
    assert logs_of(chain, refund.transaction) == [
        (BATCH, topic("Refunded(bytes32,address,uint128)")),
        (USDC_ADDRESS.lower(), TRANSFER_TOPIC),
    ]
    assert chain.balance_atomic(buyer.address) == 1_000_000 - spent
    assert chain.balance_atomic(seller) == earned + spent
    assert chain.balance_atomic(BATCH_ADDRESS) == escrow


@pytest.mark.asyncio
async def test_a_refund_claims_what_is_owed_in_the_same_transaction(sandbox: Sandbox) -> None:
    chain = sandbox.chain
    async with official_buyer(sandbox) as buyer:
        await buyer.http.get("/batch/page/1")
        await buyer.http.get("/batch/page/2")
        refund = await asyncio.to_thread(
            buyer.channels.refund, f"{sandbox.seller_url}/batch/page/1"
        )
    assert logs_of(chain, refund.transaction)[0] == (BATCH, topic(CLAIMED))
    assert chain.balance_atomic(buyer.address) == 1_000_000 - 2 * PAGE_ATOMIC
    async with clerk(sandbox) as seller_side:
        await seller_side.post("/batch/settle")  # leaves nothing behind for other tests


@pytest.mark.asyncio
async def test_a_page_that_does_not_exist_charges_the_channel_nothing(sandbox: Sandbox) -> None:
    async with official_buyer(sandbox) as buyer, clerk(sandbox) as seller_side:
        opened = await buyer.http.get("/batch/page/1")
        state = decoded(opened.headers["payment-response"])["extra"]["channelState"]
        assert (await buyer.http.get("/batch/page/missing")).status_code == 422
        known = {c["channelId"]: c for c in (await seller_side.get("/batch/channels")).json()}
        assert known[state["channelId"]]["charged"] == str(PAGE_ATOMIC)
        refunds = await seller_side.post("/batch/refund", params={"channel": state["channelId"]})
        assert [refund["channelId"] for refund in refunds.json()] == [state["channelId"]]
        await seller_side.post("/batch/settle")
    assert sandbox.chain.balance_atomic(buyer.address) == 1_000_000 - PAGE_ATOMIC
