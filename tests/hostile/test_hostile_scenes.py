"""Each scene of the hostile seller ends as the catalogue says, in the wallet and on the chain."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sandbox.hostile.catalogue import SCENES
from sandbox.hostile.scene import Ending, Scene
from sandbox.hostile.seller import HostileSeller
from sandbox.hostile.wording import CANARY
from sandbox.run import Sandbox
from tests.desk import Desk, open_desk
from tests.hostile.signatures import only_signature
from tools.web.exchange import WebExchange
from wallet.errors import PurserError
from wallet.exchange import WebRequest
from wallet.money import Usd

pytestmark = pytest.mark.asyncio

DEAD_RPC = ("http://127.0.0.1:9",)
IMPATIENT_S = 2


def as_case(scene: Scene) -> Any:
    """Return a test case; the buyer waits for seconds where the seller lets it."""
    return pytest.param(scene, id=scene.path, marks=[pytest.mark.slow] if scene.impatient else [])


SIGHTED = [as_case(one) for one in SCENES]
BLIND = [as_case(one) for one in SCENES if one.blind is not None]


async def end_of(desk: Desk, url: str, scene: Scene, max_price: str | None) -> tuple[Any, str]:
    """Buy, and return the code of the error, or None, and whether money moved."""
    timeout_s = IMPATIENT_S if scene.impatient else 20
    try:
        bought = await desk.buy(url, max_price=max_price, timeout_s=timeout_s)
    except PurserError as error:
        said = json.dumps([error.detail, error.meta()])
        assert said.count(CANARY) == 0
        return error.kind.value.code, error.spent
    told = {"settled": "yes", "free": "no"}
    return None, told.get(bought.purchase.state.value, "unknown")


async def play(
    scene: Scene, ending: Ending, desk: Desk, sandbox: Sandbox, hostile: HostileSeller
) -> None:
    url, already = hostile.url(scene), len(hostile.paid(scene.path))
    before, shunned = sandbox.chain.transfer_count(), hostile.connections["forbidden"]
    max_price = await quoted_price(desk, url) if scene.quoted else None

    assert await end_of(desk, url, scene, max_price) == (ending.code, ending.spent)
    if not scene.impatient:
        await end_of(desk, url, scene, max_price)  # a model that calls again changes nothing

    payments = hostile.paid(scene.path)[already:]
    payment = only_signature(payments)
    signed_atomic = 0 if payment is None else int(payment.authorization["value"])
    assert signed_atomic == ending.signed_atomic
    assert {one.place for one in payments} <= {scene.paid_at}
    assert desk.signatures == (0 if payment is None else 1)
    moved = sandbox.chain.transfer_count() - before
    assert moved == (0 if ending.moved_atomic == 0 else 1)
    assert hostile.connections["forbidden"] == shunned

    rows = Counter((row.state.value, row.evidence.value) for row in await desk.purchases())
    if ending.state is None:
        assert rows == {}
    else:
        assert set(rows) == {(ending.state, ending.evidence)}
    if payment is not None:
        (row,) = await desk.purchases()
        assert row.transfer is not None
        assert (row.transfer.nonce, row.transfer.amount_atomic) == (payment.nonce, signed_atomic)
        assert CANARY not in repr(row.notes)
    assert await desk.check() == []


async def quoted_price(desk: Desk, url: str) -> str:
    exchange = WebExchange(desk.client, WebRequest("GET", url))
    quote = await desk.payer.quote(exchange, max_price=None)
    assert quote.offers[0].amount_usd is not None
    return str(quote.offers[0].amount_usd)


@pytest.mark.parametrize("scene", SIGHTED)
async def test_a_scene_ends_as_the_catalogue_says(
    tmp_path: Path, sandbox: Sandbox, hostile: HostileSeller, scene: Scene
):
    urls = (hostile.urls["seller"], hostile.urls["elsewhere"])
    async with open_desk(tmp_path, sandbox, urls=urls, proof_wait_s=1) as desk:
        await play(scene, scene.expected, desk, sandbox, hostile)


@pytest.mark.parametrize("scene", BLIND)
async def test_a_scene_ends_as_the_catalogue_says_for_a_buyer_that_cannot_see_the_chain(
    tmp_path: Path, sandbox: Sandbox, hostile: HostileSeller, scene: Scene
):
    urls = (hostile.urls["seller"], hostile.urls["elsewhere"])
    assert scene.blind is not None
    async with open_desk(tmp_path, sandbox, urls=urls, rpc_urls=DEAD_RPC, proof_wait_s=1) as desk:
        await play(scene, scene.blind, desk, sandbox, hostile)
        status = await desk.payer.status()
        (day,) = (cap for cap in status.caps if cap.name == "per_day")
        assert day.held.micros + day.settled.micros == Usd(scene.blind.signed_atomic).micros
