"""The sandbox keeps its promises: real settlements by code that is not ours, and a clean stop."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
import tomllib
import warnings
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import httpx
import pytest

from sandbox.run import NETWORK, Sandbox, SandboxMissingError


@asynccontextmanager
async def official_client(sandbox: Sandbox) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield httpx with the official x402 buyer in front, holding the sandbox buyer's key."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from eth_account import Account
        from x402 import x402Client
        from x402.http.clients.httpx import x402AsyncTransport

        evm: Any = import_module("x402.mechanisms.evm.exact")  # without type information
    account: Any = Account
    buyer = x402Client()
    evm.register_exact_evm_client(buyer, account.from_key(sandbox.buyer_key))
    transport = x402AsyncTransport(buyer)
    async with httpx.AsyncClient(transport=transport, base_url=sandbox.seller_url) as client:
        yield client


def decoded(header: str) -> dict[str, Any]:
    return json.loads(base64.b64decode(header))


def rpc(sandbox: Sandbox, method: str, *params: Any) -> dict[str, Any]:
    request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}
    return httpx.post(sandbox.rpc_url, json=request).json()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("method", "path", "body", "price_atomic"),
    [
        ("GET", "/article", None, 10_000),
        ("GET", "/api/weather", None, 100),
        ("GET", "/image.png", None, 5_000),
        ("POST", "/api/summarise", {"text": "One. Two! Three?", "sentences": 2}, 20_000),
        ("GET", "/v1/article", None, 10_000),
    ],
)
async def test_the_official_client_pays_exactly_the_price(
    sandbox: Sandbox, method: str, path: str, body: dict[str, Any] | None, price_atomic: int
) -> None:
    chain = sandbox.chain
    buyer, seller = sandbox.buyer_address, sandbox.seller_address
    before = (chain.balance_atomic(buyer), chain.balance_atomic(seller), chain.transfer_count())
    async with official_client(sandbox) as client:
        response = await client.request(method, path, json=body)
    assert response.status_code == 200
    after = (chain.balance_atomic(buyer), chain.balance_atomic(seller), chain.transfer_count())
    assert after == (before[0] - price_atomic, before[1] + price_atomic, before[2] + 1)


@pytest.mark.asyncio
async def test_a_v2_receipt_names_a_transfer_that_the_rpc_endpoint_confirms(
    sandbox: Sandbox,
) -> None:
    async with official_client(sandbox) as client:
        response = await client.get("/api/weather")
    settlement = decoded(response.headers["payment-response"])
    payload = decoded(sandbox.seen_payment_headers[-1])
    nonce = payload["payload"]["authorization"]["nonce"]
    receipt = rpc(sandbox, "eth_getTransactionReceipt", settlement["transaction"])["result"]
    assert (settlement["success"], settlement["network"]) == (True, NETWORK)
    assert receipt["status"] == "0x1"
    assert [nonce in log["topics"] for log in receipt["logs"]] == [True, False]
    assert sandbox.chain.nonce_used(sandbox.buyer_address, nonce)
    query = {"fromBlock": "earliest", "topics": [None, None, nonce]}
    found = rpc(sandbox, "eth_getLogs", query)["result"]
    assert [log["transactionHash"] for log in found] == [settlement["transaction"]]


@pytest.mark.asyncio
async def test_the_v1_article_is_sold_in_version_1(sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(base_url=sandbox.seller_url) as plain:
        challenge = await plain.get("/v1/article")
    assert challenge.status_code == 402
    assert "payment-required" not in challenge.headers
    assert challenge.json()["x402Version"] == 1
    assert challenge.json()["accepts"][0]["network"] == "base-sepolia"
    async with official_client(sandbox) as client:
        response = await client.get("/v1/article")
    assert decoded(sandbox.seen_payment_headers[-1])["x402Version"] == 1
    settlement = decoded(response.headers["x-payment-response"])
    assert settlement["success"]
    assert sandbox.chain.receipt(settlement["transaction"]) is not None


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "header"), [("/api/weather", "payment-signature"), ("/v1/article", "x-payment")]
)
async def test_the_same_payment_sent_again_is_refused_and_moves_nothing(
    sandbox: Sandbox, path: str, header: str
) -> None:
    async with official_client(sandbox) as client:
        await client.get(path)
    transfers = sandbox.chain.transfer_count()
    payment = sandbox.seen_payment_headers[-1]
    async with httpx.AsyncClient(base_url=sandbox.seller_url) as plain:
        again = await plain.get(path, headers={header: payment})
    assert again.status_code == 402
    required = again.headers.get("payment-required")
    challenge = decoded(required) if required else again.json()
    assert challenge["error"] == "invalid_exact_evm_nonce_already_used"
    assert sandbox.chain.transfer_count() == transfers


@pytest.mark.asyncio
async def test_a_seller_that_fails_after_payment_takes_no_money(sandbox: Sandbox) -> None:
    transfers = sandbox.chain.transfer_count()
    async with official_client(sandbox) as client:
        response = await client.get("/fails")
    nonce = decoded(sandbox.seen_payment_headers[-1])["payload"]["authorization"]["nonce"]
    assert response.status_code == 500
    assert "payment-response" not in response.headers
    assert sandbox.chain.transfer_count() == transfers
    assert not sandbox.chain.nonce_used(sandbox.buyer_address, nonce)


def test_free_pages_are_free_and_unpaid_requests_carry_no_payment(sandbox: Sandbox) -> None:
    seen = len(sandbox.seen_payment_headers)
    assert httpx.get(sandbox.seller_url + "/free").status_code == 200
    index = httpx.get(sandbox.seller_url + "/").text
    assert "GET /article" in index
    assert "$25.00" in index
    dear = httpx.get(sandbox.seller_url + "/dear")
    assert decoded(dear.headers["payment-required"])["accepts"][0]["amount"] == "25000000"
    assert len(sandbox.seen_payment_headers) == seen


@pytest.mark.parametrize("payment", ["%%%", "bm90IGpzb24=", "e30="])
def test_garbage_instead_of_a_v1_payment_is_answered_with_the_challenge(
    sandbox: Sandbox, payment: str
) -> None:
    response = httpx.get(sandbox.seller_url + "/v1/article", headers={"X-PAYMENT": payment})
    assert response.status_code == 402
    assert response.json()["accepts"]


def test_web3_reads_the_chain_through_the_rpc_endpoint(sandbox: Sandbox) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from web3 import HTTPProvider, Web3
    from sandbox.evm import USDC_ADDRESS

    w3: Any = Web3(HTTPProvider(sandbox.rpc_url))
    block = w3.eth.get_block("latest")
    assert (w3.eth.chain_id, w3.net.version) == (84532, "84532")
    assert w3.eth.block_number >= block["number"]
    assert sandbox.chain.now() - block["timestamp"] <= 3
    assert w3.eth.get_balance(sandbox.buyer_address) == 0
    assert len(w3.eth.get_code(USDC_ADDRESS)) > 1_000
    data = "0x70a08231" + sandbox.buyer_address[2:].rjust(64, "0")  # balanceOf(address)
    called = w3.eth.call({"to": USDC_ADDRESS, "data": data})
    assert int.from_bytes(called, "big") == sandbox.chain.balance_atomic(sandbox.buyer_address)


TRANSFER_TOO_MUCH = "0xa9059cbb" + "11" * 32 + "00" * 31 + "01"


@pytest.mark.parametrize(
    ("method", "params", "code", "message"),
    [
        ("eth_nothing", [], -32601, "does not exist"),
        ("eth_getBalance", [], -32602, "invalid params"),
        ("eth_getBalance", ["0x12"], -32602, "20 bytes"),
        ("eth_getBalance", ["0x" + "11" * 20, "0xffffff"], -32000, "not found"),
        ("eth_sendRawTransaction", ["0x1234"], -32000, ""),
        (
            "eth_call",
            [{"to": "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "data": TRANSFER_TOO_MUCH}],
            3,
            "execution reverted",
        ),
    ],
)
def test_the_rpc_endpoint_answers_mistakes_with_json_rpc_errors(
    sandbox: Sandbox, method: str, params: list[Any], code: int, message: str
) -> None:
    answer = rpc(sandbox, method, *params)
    assert (answer["id"], answer["error"]["code"]) == (7, code)
    assert message in answer["error"]["message"]


@pytest.mark.parametrize(
    ("body", "code"), [(b"{", -32700), (b"[]", -32600), (b'{"method": 1}', -32600)]
)
def test_the_rpc_endpoint_refuses_what_is_not_a_request(
    sandbox: Sandbox, body: bytes, code: int
) -> None:
    assert httpx.post(sandbox.rpc_url, content=body).json()["error"]["code"] == code
    assert httpx.get(sandbox.rpc_url).status_code == 405


@pytest.mark.asyncio
async def test_a_burst_of_payments_does_not_push_chain_time_ahead(sandbox: Sandbox) -> None:
    async with official_client(sandbox) as client:
        for _ in range(8):
            assert (await client.get("/api/weather")).status_code == 200
    header = sandbox.chain.header()
    assert header.timestamp <= sandbox.chain.now()


@pytest.mark.asyncio
@pytest.mark.parametrize(("seconds", "status", "transfers"), [(0, 200, 1), (120, 402, 0)])
async def test_an_unspent_authorization_dies_when_chain_time_passes_its_end(
    seconds: int, status: int, transfers: int
) -> None:
    with Sandbox() as sandbox:
        async with official_client(sandbox) as client:
            await client.get("/fails")  # same price and payee as the article
        payment = {"payment-signature": sandbox.seen_payment_headers[-1]}
        sandbox.chain.advance_time(seconds)
        async with httpx.AsyncClient(base_url=sandbox.seller_url) as plain:
            response = await plain.get("/article", headers=payment)
        assert (response.status_code, sandbox.chain.transfer_count()) == (status, transfers)


def test_advancing_time_shows_in_the_latest_block() -> None:
    with Sandbox() as sandbox:
        before = rpc(sandbox, "eth_getBlockByNumber", "latest", False)["result"]["timestamp"]
        sandbox.chain.advance_time(3_600)
        after = rpc(sandbox, "eth_getBlockByNumber", "latest", False)["result"]["timestamp"]
    assert int(after, 16) - int(before, 16) >= 3_600


def test_a_stopped_sandbox_leaves_no_thread_and_frees_its_ports() -> None:
    threads = set(threading.enumerate())
    with Sandbox() as first:
        ports = {"seller_port": _port(first.seller_url), "rpc_port": _port(first.rpc_url)}
        assert httpx.get(first.seller_url + "/free").status_code == 200
    assert set(threading.enumerate()) == threads
    with pytest.raises(httpx.ConnectError):
        httpx.get(first.seller_url + "/free")
    again = Sandbox(**ports)
    with again:
        assert again.seller_url == first.seller_url
        assert again.chain.transfer_count() == 0
        assert httpx.get(again.seller_url + "/free").status_code == 200
    assert set(threading.enumerate()) == threads
    again.stop()


def test_a_taken_port_is_an_os_error_and_leaves_nothing(sandbox: Sandbox) -> None:
    threads = set(threading.enumerate())
    other = Sandbox(rpc_port=_port(sandbox.seller_url))
    with pytest.raises(OSError, match="in use"):
        other.start()
    assert set(threading.enumerate()) == threads
    with pytest.raises(OSError, match="in use"):
        other.start()


def test_a_running_sandbox_cannot_be_started_twice(sandbox: Sandbox) -> None:
    with pytest.raises(RuntimeError, match="already running"):
        sandbox.start()


@pytest.mark.asyncio
async def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    with Sandbox() as sandbox:
        async with official_client(sandbox) as client:
            await client.get("/article")
            await client.get("/fails")
        payment = {"payment-signature": sandbox.seen_payment_headers[0]}
        async with httpx.AsyncClient(base_url=sandbox.seller_url) as plain:
            await plain.get("/article", headers=payment)
    assert capfd.readouterr() == ("", "")


def test_the_config_text_says_what_the_settings_say(sandbox: Sandbox) -> None:
    assert tomllib.loads(sandbox.config_toml()) == sandbox.settings()
    assert sandbox.settings()["hosts"]["private_ok"] == [f"127.0.0.1:{_port(sandbox.seller_url)}"]


def test_a_missing_extra_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sandbox.sellers", None)
    with pytest.raises(SandboxMissingError, match=r"uv sync.*purser-mcp\[sandbox\]"):
        Sandbox().start()


def test_importing_the_sandbox_loads_none_of_its_packages() -> None:
    code = (
        "import sys, sandbox.run; "
        "print([m for m in ('eth', 'web3', 'x402', 'fastapi', 'uvicorn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
