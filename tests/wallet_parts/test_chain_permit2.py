"""Permit2 payments as Purser reads them: by the bitmap, and by what a transaction called."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from eth_hash.auto import keccak
from rpc_stub import Answer, result, rpc_server

from sandbox.chain import calldata
from sandbox.evm import EXACT_PROXY_ADDRESS, PERMIT2_ADDRESS, UPTO_PROXY_ADDRESS
from sandbox.rpc import JsonRpc
from sandbox.run import NETWORK, Sandbox
from tests.sandbox.contract_kit import call_data, permit2_signature
from wallet import permit2_answers
from wallet.assets import Asset, find_asset
from wallet.chain import Chain, ChainUnreadableError
from wallet.chain_answers import ALLOWANCE, PERMIT_NONCES, TransferProof
from wallet.model import Method, Transfer
from wallet.outcome import ChainView, Sighting
from wallet.proof import await_proof, is_dead, look

USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
UNPROVEN = TransferProof(found=True, proven=False)
PERMITS = (Method.PERMIT2, Method.UPTO)
PROXY = {Method.PERMIT2: EXACT_PROXY_ADDRESS, Method.UPTO: UPTO_PROXY_ADDRESS}
WORTHLESS_PERMIT = (1, bytes(32), bytes(32), 27)  # but for its amount


def usdc() -> Asset:
    asset = find_asset(NETWORK, USDC)
    assert asset is not None
    return asset


@dataclass
class Payer:
    """An account that let Permit2 move its money, and a facilitator that settles for it."""

    sandbox: Sandbox
    key: str
    address: str
    facilitator_key: str
    facilitator: str

    def transfer(self, method: Method, amount_atomic: int = 10_000, **changes: Any) -> Transfer:
        facilitator = self.facilitator if method is Method.UPTO else None
        nonce = "0x" + secrets.token_hex(32)
        fields = (NETWORK, USDC, self.address, Sandbox.seller_address, amount_atomic, 0, 4 * 10**9)
        return replace(Transfer(*fields, nonce, method, facilitator), **changes)

    def settle(self, transfer: Transfer, taken: int | None = None, gasless: bool = False) -> str:
        """Mine the settlement and return its hash; `taken` is for a ceiling."""
        permit = (
            (transfer.asset, transfer.amount_atomic),
            int(transfer.nonce, 16),
            transfer.valid_before,
        )
        upto = transfer.facilitator is not None
        witness = (transfer.pay_to, *([transfer.facilitator] if upto else []), transfer.valid_after)
        proxy = PROXY[transfer.method]
        signature = permit2_signature(permit, witness, proxy, self.key)
        arguments: list[Any] = [
            permit,
            *([taken] if upto else []),
            self.address,
            witness,
            signature,
        ]
        if gasless:  # a permit that the token refuses does not matter where an approval stands
            arguments.insert(0, (transfer.amount_atomic, *WORTHLESS_PERMIT))
        data = call_data(proxy, "settleWithPermit" if gasless else "settle", *arguments)
        return self.sandbox.chain.transact(self.facilitator_key, proxy, data)


@pytest.fixture(scope="module")
def payer(sandbox: Sandbox) -> Payer:
    key, address = sandbox.open_account(1_000_000)
    sandbox.approve_permit2(key, 900_000)
    facilitator_key, facilitator = sandbox.open_account(0)
    for _ in range(2):
        sandbox.give_gas(facilitator_key)
    return Payer(sandbox, key, address, facilitator_key, facilitator)


@contextlib.asynccontextmanager
async def reading(*urls: str) -> AsyncGenerator[Chain]:
    reader = Chain({NETWORK: urls})
    try:
        yield reader
    finally:
        await reader.close()


def lying(sandbox: Sandbox, lie: Callable[[str, Any], Any]) -> Answer:
    """Answer as the sandbox's chain does, but for what `lie` makes of a method's result."""
    truth = JsonRpc(sandbox.chain)

    def answer(call: dict[str, Any], _: int) -> bytes:
        told = truth.answer(call["method"], call["params"])
        if "result" not in told:
            return json.dumps({"jsonrpc": "2.0", "id": 0, **told}).encode()
        return result(lie(call["method"], json.loads(json.dumps(told["result"]))))

    return answer


def test_selectors_are_the_hashes_of_their_functions() -> None:
    permit, exact, upto = (
        "((address,uint256),uint256,uint256)",
        "(address,uint256)",
        "(address,address,uint256)",
    )
    gasless = "(uint256,uint256,bytes32,bytes32,uint8)"
    signatures = {
        permit2_answers.NONCE_BITMAP[2:]: "nonceBitmap(address,uint256)",
        ALLOWANCE[2:]: "allowance(address,address)",
        PERMIT_NONCES[2:]: "nonces(address)",
        permit2_answers.SETTLE[Method.PERMIT2]: f"settle({permit},address,{exact},bytes)",
        permit2_answers.SETTLE[Method.UPTO]: f"settle({permit},uint256,address,{upto},bytes)",
        permit2_answers.SETTLE_WITH_PERMIT[Method.PERMIT2]: (
            f"settleWithPermit({gasless},{permit},address,{exact},bytes)"
        ),
        permit2_answers.SETTLE_WITH_PERMIT[Method.UPTO]: (
            f"settleWithPermit({gasless},{permit},uint256,address,{upto},bytes)"
        ),
    }
    assert {keccak(text.encode())[:4].hex() for text in signatures.values()} == set(signatures)


@pytest.mark.asyncio
@pytest.mark.parametrize("gasless", [False, True])
@pytest.mark.parametrize(("method", "taken"), [(Method.PERMIT2, None), (Method.UPTO, 1_234)])
async def test_a_settlement_is_proven_with_what_it_took(
    payer: Payer, method: Method, taken: int | None, gasless: bool
) -> None:
    transfer = payer.transfer(method)
    async with reading(payer.sandbox.rpc_url) as chain:
        assert not await chain.authorization_used(transfer)
        assert await look(chain, transfer, None) == Sighting(ChainView.UNUSED)
        tx_hash = payer.settle(transfer, taken, gasless)
        assert await chain.authorization_used(transfer)
        assert await chain.transfer_proof(transfer, tx_hash) == TransferProof(True, True, taken)
        sighting = Sighting(ChainView.PROVEN, tx_hash, taken)
        assert await look(chain, transfer, tx_hash) == sighting
        # Under no hash, or a wrong one, it is found among the payer's transfers.
        payer.settle(payer.transfer(method), taken)
        assert await look(chain, transfer, None) == sighting
        assert await look(chain, transfer, "0x" + "11" * 32) == sighting


@pytest.mark.asyncio
async def test_the_neighbours_of_a_used_nonce_are_unused(payer: Payer) -> None:
    transfer = payer.transfer(Method.PERMIT2, nonce="0x" + secrets.token_hex(31) + "80")
    payer.settle(transfer)
    near = [int(transfer.nonce, 16) + step for step in (-1, 1, 0x7F, 0x80, -0x80)]
    others = [replace(transfer, nonce=f"0x{nonce:064x}") for nonce in near]
    async with reading(payer.sandbox.rpc_url) as chain:
        assert [await chain.authorization_used(one) for one in (transfer, *others)] == [
            True, *[False] * 5,
        ]  # fmt: skip


@pytest.mark.asyncio
@pytest.mark.parametrize("method", PERMITS)
async def test_a_transaction_proves_its_own_payment_and_no_other(
    payer: Payer, method: Method
) -> None:
    transfer = payer.transfer(method)
    tx_hash = payer.settle(transfer, 5_000)
    other = Method.UPTO if method is Method.PERMIT2 else Method.PERMIT2
    changes: list[dict[str, Any]] = [
        {"nonce": "0x" + "11" * 32},
        {"amount_atomic": 10_001},
        {"pay_to": payer.facilitator},
        {"payer": Sandbox.buyer_address},
        {"asset": PERMIT2_ADDRESS},
        {"valid_before": 4 * 10**9 + 1},
        {"valid_after": 1},
        {"method": other, "facilitator": payer.facilitator},
        {"method": Method.EIP3009, "facilitator": None},
    ]
    if method is Method.UPTO:
        changes.append({"facilitator": payer.address})
    async with reading(payer.sandbox.rpc_url) as chain:
        for change in changes:
            found = await chain.transfer_proof(replace(transfer, **change), tx_hash)
            assert found == UNPROVEN, change
        twin = payer.transfer(method)  # the same price to the same payee, still unspent
        assert await look(chain, twin, tx_hash) == Sighting(ChainView.OTHER_TRANSFER)


@pytest.mark.asyncio
@pytest.mark.parametrize("method", PERMITS)
async def test_a_settlement_that_reverted_proves_nothing(payer: Payer, method: Method) -> None:
    expired = payer.transfer(method, valid_before=1)
    tx_hash = payer.settle(expired, 1)
    async with reading(payer.sandbox.rpc_url) as chain:
        assert await chain.transfer_proof(expired, tx_hash) == UNPROVEN
        assert await chain.settlement_hash(expired) is None
        assert await is_dead(chain, expired, 0, payer.sandbox.chain.now())
        assert not await is_dead(chain, replace(expired, valid_before=4 * 10**9), 0, 5 * 10**9)


@pytest.mark.asyncio
async def test_a_nonce_that_its_owner_spoilt_counts_as_spent(payer: Payer) -> None:
    transfer = payer.transfer(Method.PERMIT2)
    number = int(transfer.nonce, 16)
    spoil = calldata("invalidateUnorderedNonces(uint256,uint256)", number >> 8, 1 << (number & 255))
    payer.sandbox.chain.transact(payer.key, PERMIT2_ADDRESS, spoil)
    async with reading(payer.sandbox.rpc_url) as chain:
        assert await look(chain, transfer, None) == Sighting(ChainView.USED)


def _say_unused(method: str, told: Any) -> Any:
    return "0x" + "00" * 32 if method == "eth_call" else told


def _say_another_call(method: str, told: Any) -> Any:
    if method == "eth_getTransactionByHash":
        told["to"] = USDC
    return told


def _say_no_money_moved(method: str, told: Any) -> Any:
    if method == "eth_getTransactionReceipt":
        told["logs"] = told["logs"][1:]
    return told


def _say_another_hash(method: str, told: Any) -> Any:
    if method == "eth_getTransactionByHash":
        told["hash"] = "0x" + "22" * 32
    return told


def _cut_the_call(method: str, told: Any) -> Any:
    if method == "eth_getTransactionByHash":
        told["input"] = told["input"][: 2 + 8 + 64 * 5]
    return told


@pytest.mark.asyncio
@pytest.mark.parametrize("method", PERMITS)
@pytest.mark.parametrize("lie", [_say_another_call, _say_no_money_moved, _cut_the_call])
async def test_what_does_not_add_up_is_not_proven(
    payer: Payer, method: Method, lie: Callable[[str, Any], Any]
) -> None:
    transfer = payer.transfer(method)
    tx_hash = payer.settle(transfer, 10)
    async with rpc_server(lying(payer.sandbox, lie)) as url, reading(url) as chain:
        assert await chain.transfer_proof(transfer, tx_hash) == UNPROVEN
        assert await look(chain, transfer, tx_hash) == Sighting(ChainView.USED)


@pytest.mark.asyncio
async def test_another_transaction_than_the_one_asked_for_is_not_believed(payer: Payer) -> None:
    transfer = payer.transfer(Method.PERMIT2)
    tx_hash = payer.settle(transfer)
    answer = lying(payer.sandbox, _say_another_hash)
    async with rpc_server(answer) as url, reading(url) as chain:
        with pytest.raises(ChainUnreadableError):
            await chain.transfer_proof(transfer, tx_hash)
        assert await look(chain, transfer, tx_hash) == Sighting(ChainView.UNREADABLE)


@pytest.mark.asyncio
async def test_one_server_that_says_unused_frees_nothing(payer: Payer) -> None:
    spent = payer.transfer(Method.UPTO, valid_before=payer.sandbox.chain.now() + 100)
    payer.settle(spent, 10)
    late = replace(spent, valid_before=1)  # the same nonce, long past its deadline
    answer = lying(payer.sandbox, _say_unused)
    async with (
        rpc_server(answer) as liar,
        reading(liar, payer.sandbox.rpc_url) as both,
        reading(liar) as alone,
    ):
        now_s = payer.sandbox.chain.now()
        assert await is_dead(alone, late, 0, now_s)
        assert not await is_dead(both, late, 0, now_s)


def _say_less_was_taken(method: str, told: Any) -> Any:
    """Tell of a settlement that took one atomic unit, without a contradiction."""
    one = f"{1:064x}"
    if method == "eth_getTransactionByHash":
        told["input"] = told["input"][: 2 + 8 + 64 * 4] + one + told["input"][2 + 8 + 64 * 5 :]
    if method == "eth_getTransactionReceipt":
        told["logs"][0]["data"] = "0x" + one
    return told


@pytest.mark.asyncio
async def test_one_server_that_says_less_was_taken_frees_nothing(payer: Payer) -> None:
    transfer = payer.transfer(Method.UPTO)
    tx_hash = payer.settle(transfer, 9_000)
    answer = lying(payer.sandbox, _say_less_was_taken)
    honest = payer.sandbox.rpc_url
    async with rpc_server(answer) as liar, reading(liar, honest) as both:
        assert await both.transfer_proof(transfer, tx_hash) == TransferProof(True, True, 1)
        assert await both.agreed_charge(transfer, tx_hash) is None
        assert await look(both, transfer, tx_hash) == Sighting(ChainView.PROVEN, tx_hash, None)
        waited = await await_proof(both, transfer, tx_hash, 0.3)
        assert waited == Sighting(ChainView.PROVEN, tx_hash, None)
    async with reading(honest, honest) as two:
        assert await await_proof(two, transfer, tx_hash, 5) == Sighting(
            ChainView.PROVEN, tx_hash, 9_000
        )


@pytest.mark.asyncio
async def test_a_charge_needs_two_answers_where_two_servers_are_set(payer: Payer) -> None:
    transfer = payer.transfer(Method.UPTO)
    tx_hash = payer.settle(transfer, 9_000)
    async with rpc_server(lambda _call, _: b"") as down:
        async with reading(down, payer.sandbox.rpc_url) as chain:
            with pytest.raises(ChainUnreadableError):
                await chain.agreed_charge(transfer, tx_hash)
            assert await look(chain, transfer, tx_hash) == Sighting(ChainView.PROVEN, tx_hash, None)


@pytest.mark.asyncio
async def test_a_voucher_has_nothing_on_the_chain_to_be_read(payer: Payer) -> None:
    voucher = payer.transfer(Method.VOUCHER)
    async with reading(payer.sandbox.rpc_url) as chain:
        for tx_hash in (None, "0x" + "11" * 32):
            assert await look(chain, voucher, tx_hash) == Sighting(ChainView.UNREADABLE)
        with pytest.raises(ChainUnreadableError):
            await is_dead(chain, voucher, 0, 5 * 10**9)


@pytest.mark.asyncio
async def test_allowance_and_permit_nonce_are_read_from_the_token(payer: Payer) -> None:
    key, address = payer.sandbox.open_account(1_000)
    async with reading(payer.sandbox.rpc_url) as chain:
        assert await chain.permit2_allowance(usdc(), address) == 0
        payer.sandbox.approve_permit2(key, 77)
        assert await chain.permit2_allowance(usdc(), address) == 77
        assert await chain.permit_nonce(usdc(), address) == 0
    async with reading() as nothing:
        with pytest.raises(ChainUnreadableError):
            await nothing.permit2_allowance(usdc(), address)
