"""RPC servers that fail, lie or stall: no number comes of them, and their URLs stay hidden."""

from __future__ import annotations

import contextlib
import gc
import logging
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from rpc_stub import on_our_chain, result, rpc_server

from sandbox.run import Sandbox
from wallet.assets import Asset, find_asset
from wallet.chain import Chain, ChainUnreadableError
from wallet.chain_answers import TransferProof
from wallet.model import Transfer

NETWORK = "eip155:84532"
USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
PAYER = Sandbox.buyer_address
ABSENT = TransferProof(found=False, proven=False)


def usdc() -> Asset:
    asset = find_asset(NETWORK, USDC)
    assert asset is not None
    return asset


def new_transfer() -> Transfer:
    return Transfer(
        NETWORK, USDC, PAYER, Sandbox.seller_address, 10_000, 0, 4_000_000_000, "0x" + "ab" * 32
    )


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
