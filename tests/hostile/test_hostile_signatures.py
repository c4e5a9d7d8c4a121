"""What a seller signs is noted and kept as its word, and proves nothing more."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.hostile.seller import HostileSeller
from sandbox.run import Sandbox
from tests.desk import Desk, open_desk
from wallet.errors import ErrorKind, PurserError
from wallet.model import Evidence

pytestmark = pytest.mark.asyncio

MATCHES = "the seller's signed offer matches what was paid"


@pytest_asyncio.fixture
async def desk(tmp_path: Path, sandbox: Sandbox, hostile: HostileSeller) -> AsyncGenerator[Desk]:
    async with open_desk(
        tmp_path, sandbox, urls=(hostile.urls["seller"],), proof_wait_s=1
    ) as opened:
        yield opened


async def words(desk: Desk, purchase_id: str) -> tuple[str | None, str | None]:
    return await desk.parts.ledger.call(lambda ledger: ledger.signed_words(purchase_id))


async def test_a_signed_offer_and_receipt_are_noted_and_kept(
    desk: Desk, hostile: HostileSeller
) -> None:
    bought = await desk.buy(hostile.urls["seller"] + "/receipts/true")
    assert bought.purchase.notes == (
        f"{MATCHES}, signed by the payee",
        "the seller's receipt is signed by the payee",
    )
    assert await desk.get(bought.purchase.id) == bought.purchase
    offer, receipt = await words(desk, bought.purchase.id)
    assert offer is not None
    assert receipt is not None
    assert json.loads(offer)["payload"]["amount"] == "10000"
    assert json.loads(receipt)["payload"]["resourceUrl"] == bought.url
    assert await desk.check() == []


async def test_a_signed_receipt_raises_no_evidence(desk: Desk, hostile: HostileSeller) -> None:
    bought = await desk.buy(hostile.urls["seller"] + "/receipts/unsettled")
    assert "the seller's receipt is signed by the payee" in bought.purchase.notes
    assert bought.purchase.evidence is Evidence.CLAIMED


async def test_an_offer_that_denies_itself_is_refused_with_its_reason(
    desk: Desk, hostile: HostileSeller
) -> None:
    with pytest.raises(PurserError) as caught:
        await desk.buy(hostile.urls["seller"] + "/signed/cheaper")
    assert caught.value.kind is ErrorKind.NO_PAYABLE_OFFER
    assert caught.value.spent == "no"
    assert [one["reason"] for one in caught.value.offers] == [
        "the seller's own signed offer names other terms"
    ]
    assert desk.signatures == 0


async def test_a_receipt_for_another_purchase_is_paid_and_told(
    desk: Desk, hostile: HostileSeller
) -> None:
    bought = await desk.buy(hostile.urls["seller"] + "/receipts/of-another")
    told = bought.purchase.notes[-1]
    assert "names another payer" in told
    assert "is older than the purchase" in told
    assert bought.purchase.evidence is Evidence.VERIFIED


async def test_a_key_at_a_forbidden_place_is_not_fetched(
    desk: Desk, hostile: HostileSeller
) -> None:
    before = hostile.connections["forbidden"]
    bought = await desk.buy(hostile.urls["seller"] + "/signed/fetch")
    assert "that would need a fetch" in bought.purchase.notes[0]
    assert hostile.connections["forbidden"] == before
