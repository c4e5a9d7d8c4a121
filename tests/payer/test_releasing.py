"""A hold is freed by proof alone: what a lying, lagging or lonely RPC server cannot do."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import pytest

from sandbox.run import Sandbox
from tests.desk import Desk, open_desk
from tests.meddler import PaidAnswer, meddler
from wallet.assets import find_network
from wallet.errors import PurserError
from wallet.model import Evidence, Purchase, State
from wallet.reconcile import reconcile_all

pytestmark = pytest.mark.asyncio

FUTURE_S = 1_000_000
UNUSED = "0x" + "00" * 32


def hang_up(answer: PaidAnswer) -> None:
    """Close the connection without an answer."""


def lie(call: dict[str, Any]) -> Any:
    """Answer as a chain far in the future on which nothing was ever spent."""
    match call["method"]:
        case "eth_chainId":
            return "0x14a34"
        case "eth_getBlockByNumber":
            return {"number": "0x10", "timestamp": hex(2_000_000_000 + FUTURE_S)}
        case "eth_call":
            is_balance = call["params"][0]["data"].startswith("0x70a08231")
            return "0x" + f"{10**9:064x}" if is_balance else UNUSED
        case _:
            return None


@asynccontextmanager
async def lying_rpc() -> AsyncGenerator[str]:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            data = b""
            while not (b"\r\n\r\n" in data and data.rstrip().endswith(b"}")):
                data += await stream.receive()
            call = json.loads(data.partition(b"\r\n\r\n")[2])
            body = json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": lie(call)}).encode()
            head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            await stream.send(head.encode() + body)

    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        yield f"http://127.0.0.1:{port}"
        group.cancel_scope.cancel()


async def withheld(desk: Desk, url: str) -> Purchase:
    """Buy from a seller that keeps the payment to itself; return the open purchase."""
    with pytest.raises(PurserError):
        await desk.buy(url + "/article")
    (purchase,) = await desk.purchases()
    assert purchase.state is State.UNKNOWN
    return purchase


def safe_from_s(purchase: Purchase) -> int:
    """Return the seconds from now until an unused nonce would be proof."""
    assert purchase.transfer is not None
    network = find_network(purchase.transfer.network_id)
    assert network is not None
    return 120 + network.finality_margin_s + 5


async def test_one_server_that_dates_its_blocks_ahead_frees_nothing(
    tmp_path: Path, sandbox: Sandbox
):
    async with lying_rpc() as liar, meddler(sandbox.seller_url, hang_up, withhold=True) as seller:
        rpc_urls = (liar, sandbox.rpc_url)
        async with open_desk(
            tmp_path, sandbox, urls=(seller.url,), rpc_urls=rpc_urls, proof_wait_s=1
        ) as desk:
            purchase = await withheld(desk, seller.url)
            assert (await reconcile_all(desk.parts)).still_open == (purchase.id,)
            desk.clock.ahead_s = safe_from_s(purchase)
            assert (await reconcile_all(desk.parts)).still_open == (purchase.id,)
            for _ in range(2):
                with pytest.raises(PurserError):
                    await desk.buy(seller.url + "/article")
            assert desk.signatures == 1


async def test_a_lonely_liar_frees_nothing_while_the_local_clock_disagrees(
    tmp_path: Path, sandbox: Sandbox
):
    async with lying_rpc() as liar, meddler(sandbox.seller_url, hang_up, withhold=True) as seller:
        async with open_desk(
            tmp_path, sandbox, urls=(seller.url,), rpc_urls=(liar,), proof_wait_s=1
        ) as desk:
            purchase = await withheld(desk, seller.url)
            assert (await reconcile_all(desk.parts)).still_open == (purchase.id,)


async def test_where_two_servers_are_set_one_answer_is_not_enough(
    tmp_path: Path, own_sandbox: Sandbox
):
    dead = "http://127.0.0.1:9"
    async with meddler(own_sandbox.seller_url, hang_up, withhold=True) as seller:
        rpc_urls = (own_sandbox.rpc_url, dead)
        async with open_desk(
            tmp_path, own_sandbox, urls=(seller.url,), rpc_urls=rpc_urls, proof_wait_s=1
        ) as desk:
            purchase = await withheld(desk, seller.url)
            own_sandbox.chain.advance_time(safe_from_s(purchase))
            desk.clock.ahead_s = safe_from_s(purchase)
            assert (await reconcile_all(desk.parts)).still_open == (purchase.id,)
        async with open_desk(tmp_path, own_sandbox, urls=(seller.url,)) as desk:
            desk.clock.ahead_s = safe_from_s(purchase)
            assert (await reconcile_all(desk.parts)).voided == (purchase.id,)
            assert await desk.check() == []


def settlement_hash(sandbox: Sandbox, purchase: Purchase) -> str:
    """Return the hash of the only transaction whose event names the purchase's nonce."""
    assert purchase.transfer is not None
    nonce = purchase.transfer.nonce.lower()
    (found,) = {log["transactionHash"] for log in sandbox.chain.logs() if nonce in log["topics"]}
    return found


async def test_a_claimed_hash_that_is_not_ours_gives_way_to_the_one_the_chain_shows(
    tmp_path: Path, sandbox: Sandbox
):
    def invent(answer: PaidAnswer) -> PaidAnswer:
        answer.forge(transaction="0x" + "ab" * 32)
        return answer

    async with meddler(sandbox.seller_url, invent) as seller:
        dead = ("http://127.0.0.1:9",)
        async with open_desk(tmp_path, sandbox, urls=(seller.url,), rpc_urls=dead) as desk:
            bought = await desk.buy(seller.url + "/article")
            assert bought.purchase.evidence is Evidence.CLAIMED
            assert bought.purchase.tx_hash == "0x" + "ab" * 32
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            assert (await reconcile_all(desk.parts)).verified == (bought.purchase.id,)
            verified = await desk.get(bought.purchase.id)
            assert verified.evidence is Evidence.VERIFIED
            assert verified.tx_hash == settlement_hash(sandbox, verified)


async def test_a_forged_hash_on_a_real_settlement_gives_way_at_once(
    tmp_path: Path, sandbox: Sandbox
):
    def invent(answer: PaidAnswer) -> PaidAnswer:
        claim = answer.settlement() | {"transaction": "0x" + "cd" * 32}
        answer.drop("payment-response")
        raw = base64.b64encode(json.dumps(claim).encode()).decode()
        answer.headers.append(("PAYMENT-RESPONSE", raw))
        return answer

    async with meddler(sandbox.seller_url, invent) as seller:
        async with open_desk(tmp_path, sandbox, urls=(seller.url,)) as desk:
            bought = await desk.buy(seller.url + "/article")
            assert bought.purchase.evidence is Evidence.VERIFIED
            assert bought.purchase.tx_hash == settlement_hash(sandbox, bought.purchase)
