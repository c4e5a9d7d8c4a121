"""The chain as Purser reads it: real EVM answers are believed, anything less is never a number."""

from __future__ import annotations

import dataclasses
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from eth_account import Account
from eth_hash.auto import keccak

from sandbox.run import Sandbox
from wallet import chain_answers as chain_module
from wallet.assets import Asset, find_asset
from wallet.chain import Chain
from wallet.chain_answers import TransferProof
from wallet.model import Evidence, Purchase, State, Transfer
from wallet.money import Usd
from wallet.signing.key import UnlockedKey
from wallet.signing.transfers import Signer

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
    return Signer(BuyerKey(), lambda _: held).sign("id", transfer).signature


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
