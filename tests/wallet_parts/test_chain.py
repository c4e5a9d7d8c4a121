"""The chain as Purser reads it: real EVM answers are believed, anything less is never a number."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import json
import logging
import secrets
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from eth_account import Account
from eth_hash.auto import keccak

from sandbox.run import Sandbox
from wallet import chain as chain_module
from wallet.assets import Asset, find_asset
from wallet.chain import Chain, ChainUnreadableError, TransferProof
from wallet.model import Evidence, Purchase, State, Transfer
from wallet.money import Usd
from wallet.signer import Signer, UnlockedKey

NETWORK = "eip155:84532"
USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
PAYER = Sandbox.buyer_address
PAYEE = Sandbox.seller_address
GAS_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
GAS_ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
TRANSFER_CALL = (
    "transferWithAuthorization"
    "(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"
)
ABSENT = TransferProof(found=False, proven=False)
UNPROVEN = TransferProof(found=True, proven=False)
PROVEN = TransferProof(found=True, proven=True)


def usdc() -> Asset:
    asset = find_asset(NETWORK, USDC)
    assert asset is not None
    return asset


def new_transfer(amount_atomic: int = 10_000, valid_before: int = 4_000_000_000) -> Transfer:
    nonce = "0x" + secrets.token_hex(32)
    return Transfer(NETWORK, USDC, PAYER, PAYEE, amount_atomic, 0, valid_before, nonce)


class BuyerKey:
    def address(self) -> str:
        return PAYER

    def unlock(self) -> UnlockedKey:
        return UnlockedKey(bytes.fromhex(Sandbox.buyer_key[2:]))


def sign(transfer: Transfer) -> str:
    held = Purchase(
        id="id", key="", principal="", method="GET", url="", host="", state=State.HELD,
        evidence=Evidence.NONE, created_at=0, settled_at=None, pay_again=False, rail="x402",
        scheme="exact", transfer=transfer, amount_usd=Usd(0), tx_hash=None, delivery=None, notes=(),
    )  # fmt: skip
    return Signer(BuyerKey(), lambda _: held).sign("id").signature


def send(sandbox: Sandbox, data: bytes) -> str:
    """Mine a call of the token and return the transaction hash."""
    signed = Account.sign_transaction(  # pyright: ignore[reportUnknownMemberType]
        {
            "nonce": sandbox.chain.nonce(GAS_ADDRESS),
            "gasPrice": sandbox.chain.gas_price(),
            "gas": 300_000,
            "to": USDC,
            "value": 0,
            "data": data,
            "chainId": 84532,
        },
        GAS_KEY,
    )
    return sandbox.chain.send_raw(bytes(signed.raw_transaction))


def submit(sandbox: Sandbox, transfer: Transfer) -> str:
    signature = bytes.fromhex(sign(transfer)[2:])
    words = [
        bytes.fromhex(transfer.payer[2:]).rjust(32, b"\0"),
        bytes.fromhex(transfer.pay_to[2:]).rjust(32, b"\0"),
        *(
            number.to_bytes(32, "big")
            for number in (transfer.amount_atomic, transfer.valid_after, transfer.valid_before)
        ),
        bytes.fromhex(transfer.nonce[2:]),
        signature[64:].rjust(32, b"\0"),
        signature[:64],
    ]
    return send(sandbox, keccak(TRANSFER_CALL.encode())[:4] + b"".join(words))


@pytest_asyncio.fixture
async def chain(sandbox: Sandbox) -> AsyncIterator[Chain]:
    reader = Chain({NETWORK: [sandbox.rpc_url]})
    yield reader
    await reader.close()


def test_selectors_and_topics_are_the_hashes_of_their_signatures() -> None:
    def hashed(signature: str) -> str:
        return "0x" + keccak(signature.encode()).hex()

    assert hashed("balanceOf(address)")[:10] == chain_module.BALANCE_OF
    assert hashed("authorizationState(address,bytes32)")[:10] == chain_module.AUTHORIZATION_STATE
    assert hashed("Transfer(address,address,uint256)") == chain_module.TRANSFER_TOPIC
    assert hashed("AuthorizationUsed(address,bytes32)") == chain_module.AUTHORIZATION_USED_TOPIC


@pytest.mark.asyncio
async def test_a_settled_transfer_is_proven_used_and_gone_from_the_balance(
    sandbox: Sandbox, chain: Chain
) -> None:
    transfer = new_transfer()
    before = await chain.balance(usdc(), PAYER)
    assert before == sandbox.chain.balance_atomic(PAYER)
    assert not await chain.authorization_used(transfer)
    tx_hash = submit(sandbox, transfer)
    assert await chain.transfer_proof(transfer, tx_hash) == PROVEN
    assert await chain.authorization_used(transfer)
    assert await chain.balance(usdc(), PAYER) == before - transfer.amount_atomic


@pytest.mark.asyncio
async def test_a_transaction_proves_its_own_transfer_and_no_other(
    sandbox: Sandbox, chain: Chain
) -> None:
    transfer = new_transfer()
    tx_hash = submit(sandbox, transfer)
    for other in (
        dataclasses.replace(transfer, amount_atomic=transfer.amount_atomic + 1),
        dataclasses.replace(transfer, nonce="0x" + "11" * 32),
        dataclasses.replace(transfer, pay_to=GAS_ADDRESS),
        dataclasses.replace(transfer, payer=GAS_ADDRESS),
        dataclasses.replace(transfer, asset=PAYEE),
    ):
        assert await chain.transfer_proof(other, tx_hash) == UNPROVEN


@pytest.mark.asyncio
async def test_a_reverted_transaction_is_found_and_proves_nothing(
    sandbox: Sandbox, chain: Chain
) -> None:
    transfer = new_transfer(valid_before=1)
    tx_hash = submit(sandbox, transfer)
    assert await chain.transfer_proof(transfer, tx_hash) == UNPROVEN
    assert not await chain.authorization_used(transfer)


@pytest.mark.asyncio
@pytest.mark.parametrize("tx_hash", ["0x" + "00" * 32, "", "0x12", "0x" + "zz" * 32, "latest"])
async def test_a_hash_that_is_no_transaction_is_not_found(chain: Chain, tx_hash: str) -> None:
    assert await chain.transfer_proof(new_transfer(), tx_hash) == ABSENT


@pytest.mark.asyncio
async def test_the_view_of_an_authorization_carries_its_blocks_own_time(
    sandbox: Sandbox, chain: Chain
) -> None:
    transfer = new_transfer()
    view = await chain.authorization_view(transfer)
    header = sandbox.chain.header(hex(view.block_number))
    assert (view.used, view.block_time) == (False, header.timestamp)
    assert await chain.latest_block_time(NETWORK) >= view.block_time
    assert await chain.chain_id(NETWORK) == 84532


@pytest.mark.asyncio
async def test_code_at_an_account_is_noticed(chain: Chain) -> None:
    assert await chain.has_code(NETWORK, USDC)
    assert not await chain.has_code(NETWORK, PAYER)


# Servers that fail

Answer = Callable[[dict[str, Any], int], bytes | bool | None]
SECRET_PATH = "/v2/api-key-4f3a9c"


def result(value: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 0, "result": value}).encode()


def on_our_chain(then: bytes | None) -> Answer:
    return lambda call, _: result("0x14a34") if call["method"] == "eth_chainId" else then


@contextlib.asynccontextmanager
async def rpc_server(answer: Answer, status: str = "200 OK") -> AsyncGenerator[str]:
    """Serve JSON-RPC on loopback.

    `answer` takes the call and its number on this connection, and returns the body, None to never
    answer, or False to drop the connection.
    """
    handlers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        with (
            contextlib.suppress(asyncio.IncompleteReadError, ConnectionError),
            contextlib.closing(writer),
        ):
            number = 0
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
                body = answer(json.loads(await reader.readexactly(length)), number)
                if body is None:
                    await asyncio.Event().wait()
                if not isinstance(body, bytes):
                    return
                number += 1
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
                writer.write(body)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{SECRET_PATH}"
    finally:
        server.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


@contextlib.asynccontextmanager
async def reading(*urls: str, timeout_s: float = 5.0) -> AsyncGenerator[Chain]:
    reader = Chain({NETWORK: urls}, timeout_s=timeout_s)
    try:
        yield reader
    finally:
        await reader.close()


async def assert_nothing_is_believed(reader: Chain, reason: str) -> None:
    for question in (
        lambda: reader.balance(usdc(), PAYER),
        lambda: reader.authorization_used(new_transfer()),
        lambda: reader.transfer_proof(new_transfer(), "0x" + "11" * 32),
        lambda: reader.latest_block_time(NETWORK),
        lambda: reader.has_code(NETWORK, PAYER),
    ):
        with pytest.raises(ChainUnreadableError, match=reason) as caught:
            await question()
        assert "api-key" not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "then",
    [
        b"", b"not json", b"\xff\xfe", b"[]", b"null", b'"0x1"', b"[" * 5_000,
        b'{"jsonrpc":"2.0","id":0}', result("0x"), result(None), result(0), result({}), result([]),
        result("0x" + "f" * 65), result("-1"), result(True), result("0x1_0"), result({"number": 1}),
        result({"logs": None, "status": "0x1"}),
        b'{"jsonrpc":"2.0","id":0,"error":{"code":-32000,"message":"api-key is wrong"}}',
    ],
)  # fmt: skip
async def test_an_answer_that_is_not_one_is_never_a_number(then: bytes) -> None:
    async with rpc_server(on_our_chain(then)) as url, reading(url) as reader:
        for question in (
            lambda: reader.balance(usdc(), PAYER),
            lambda: reader.authorization_used(new_transfer()),
            lambda: reader.latest_block_time(NETWORK),
        ):
            with pytest.raises(
                ChainUnreadableError, match=r"^eip155:84532 cannot be read: 127"
            ) as e:
                await question()
            assert "api-key" not in str(e.value)


@pytest.mark.asyncio
async def test_an_empty_receipt_of_another_transaction_is_not_believed() -> None:
    receipt: dict[str, object] = {
        "transactionHash": "0x" + "22" * 32,
        "blockNumber": "0x1",
        "status": "0x1",
        "logs": [],
    }
    async with rpc_server(on_our_chain(result(receipt))) as url, reading(url) as reader:
        with pytest.raises(ChainUnreadableError):
            await reader.transfer_proof(new_transfer(), "0x" + "11" * 32)


@pytest.mark.asyncio
async def test_a_server_of_another_chain_is_not_believed() -> None:
    async with rpc_server(lambda _call, _: result("0x2105")) as url, reading(url) as reader:
        await assert_nothing_is_believed(reader, "127.0.0.1 is on another chain")
        with pytest.raises(ChainUnreadableError):
            await reader.chain_id(NETWORK)


@pytest.mark.asyncio
async def test_a_server_that_never_answers_is_given_up() -> None:
    async with (
        rpc_server(lambda _call, _: None) as url,
        reading(url, timeout_s=0.05) as reader,
    ):
        await assert_nothing_is_believed(reader, "127.0.0.1 did not answer in time")


@pytest.mark.asyncio
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Busy", "302 Found"])
async def test_an_error_status_is_no_answer(status: str) -> None:
    async with (
        rpc_server(lambda _call, _: b"try /v2/api-key-4f3a9c again", status) as url,
        reading(url) as reader,
    ):
        await assert_nothing_is_believed(reader, "127.0.0.1 (answered HTTP|is unreadable)")


@pytest.mark.asyncio
async def test_a_server_that_is_down_is_named_by_host_only() -> None:
    async with rpc_server(lambda _call, _: None) as url:
        pass
    async with reading(url) as reader:
        await assert_nothing_is_believed(reader, "127.0.0.1 cannot be reached")


@pytest.mark.asyncio
async def test_a_network_without_servers_cannot_be_read() -> None:
    async with reading() as reader:
        await assert_nothing_is_believed(reader, "no rpc_urls are set")


@pytest.mark.asyncio
async def test_the_next_server_is_asked_when_the_first_fails(sandbox: Sandbox) -> None:
    expected = sandbox.chain.balance_atomic(PAYER)
    async with (
        rpc_server(lambda _call, _: result("0x2105")) as other_chain,
        rpc_server(on_our_chain(result("0x"))) as broken,
        reading(other_chain, broken, sandbox.rpc_url) as reader,
    ):
        assert await reader.balance(usdc(), PAYER) == expected


@pytest.mark.asyncio
async def test_the_chain_id_is_asked_once_and_each_question_takes_one_call() -> None:
    calls: list[str] = []

    def answer(call: dict[str, Any], _: int) -> bytes:
        calls.append(call["method"])
        return result("0x14a34" if call["method"] == "eth_chainId" else "0x" + "0" * 63 + "7")

    async with rpc_server(answer) as url, reading(url) as reader:
        for _ in range(3):
            assert await reader.balance(usdc(), PAYER) == 7
    assert calls == ["eth_chainId", "eth_call", "eth_call", "eth_call"]


@pytest.mark.asyncio
async def test_a_proof_takes_one_call_once_the_server_is_known() -> None:
    calls: list[str] = []

    def answer(call: dict[str, Any], _: int) -> bytes:
        calls.append(call["method"])
        return result("0x14a34" if call["method"] == "eth_chainId" else None)

    async with rpc_server(answer) as url, reading(url) as reader:
        await reader.chain_id(NETWORK)
        calls.clear()
        assert await reader.transfer_proof(new_transfer(), "0x" + "11" * 32) == ABSENT
    assert calls == ["eth_getTransactionReceipt"]


@pytest.mark.asyncio
async def test_a_kept_connection_that_went_stale_is_opened_again() -> None:
    def answer(call: dict[str, Any], number: int) -> bytes | bool:
        if number == 1:
            return False
        return result("0x14a34" if call["method"] == "eth_chainId" else "0x" + "0" * 63 + "7")

    async with rpc_server(answer) as url, reading(url) as reader:
        assert await reader.balance(usdc(), PAYER) == 7


@pytest.mark.asyncio
async def test_a_server_that_has_not_the_block_it_named_is_not_believed() -> None:
    def answer(call: dict[str, Any], _: int) -> bytes:
        match call:
            case {"method": "eth_chainId"}:
                return result("0x14a34")
            case {"method": "eth_getBlockByNumber"}:
                return result({"number": "0x64", "timestamp": "0x77777777"})
            case {"params": [_, "0x64"]}:
                return b'{"jsonrpc":"2.0","id":0,"error":{"code":-32000,"message":"not found"}}'
            case _:
                return result("0x" + "0" * 64)

    async with rpc_server(answer) as url, reading(url) as reader:
        with pytest.raises(ChainUnreadableError, match="answered with an error"):
            await reader.authorization_used(new_transfer())


@pytest.mark.asyncio
async def test_no_url_reaches_a_log_a_repr_or_an_exception(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with rpc_server(on_our_chain(result("0x"))) as url, reading(url) as reader:
        with pytest.raises(ChainUnreadableError) as caught:
            await reader.balance(usdc(), PAYER)
        assert "api-key" not in repr(reader) + repr(caught.value) + repr(vars(caught.value))
    assert "api-key" not in caplog.text


@pytest.mark.asyncio
async def test_a_closed_chain_leaves_no_connection_and_can_be_asked_again(
    sandbox: Sandbox,
) -> None:
    reader = Chain({NETWORK: [sandbox.rpc_url]})
    await reader.chain_id(NETWORK)
    await reader.close()
    assert await reader.chain_id(NETWORK) == 84532
    await reader.close()
    del reader
    gc.collect()  # an unclosed session would warn here, and warnings are errors


LOAD_THEN_PARSE = """
import json, sys
before = sys.getrecursionlimit()
from wallet.chain import load_library
load_library()
assert sys.getrecursionlimit() == before
try:
    json.loads("[" * 100_000)
except RecursionError:
    print("refused")
"""


@pytest.mark.slow
def test_loading_web3_leaves_deep_json_a_refusal_and_not_a_crash() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOAD_THEN_PARSE],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == "refused\n"
