"""Call the sandbox's contracts by the ABIs and EIP-712 types of the official package."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

from eth_utils.crypto import keccak

from sandbox.chain import CallRevertedError, LocalChain, address_of
from sandbox.evm import (
    BATCH_ADDRESS,
    CHAIN_ID,
    DEPOSIT_COLLECTOR_ADDRESS,
    EXACT_PROXY_ADDRESS,
    PERMIT2_ADDRESS,
    UPTO_PROXY_ADDRESS,
    USDC_ADDRESS,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from eth_abi.abi import encode
    from eth_account import Account
    from eth_account.messages import encode_typed_data
    from web3 import Web3

    _evm: Any = import_module("x402.mechanisms.evm.constants")
    _batch: Any = import_module("x402.mechanisms.evm.batch_settlement.constants")
    _batch_abi: Any = import_module("x402.mechanisms.evm.batch_settlement.abi")

PAYER_KEY, PAYEE_KEY, FACILITATOR_KEY = (f"0x{n:064x}" for n in (0xA1, 0xB2, 0xC3))
PAYER, PAYEE, FACILITATOR = map(address_of, (PAYER_KEY, PAYEE_KEY, FACILITATOR_KEY))
ZERO = "0x" + "00" * 20
DELAY_S = 900

ABIS: dict[tuple[str, str], Any] = {
    (EXACT_PROXY_ADDRESS, "settle"): _evm.X402_EXACT_PERMIT2_PROXY_ABI,
    (EXACT_PROXY_ADDRESS, "settleWithPermit"): (
        _evm.X402_EXACT_PERMIT2_PROXY_SETTLE_WITH_PERMIT_ABI
    ),
    (UPTO_PROXY_ADDRESS, "settle"): _evm.X402_UPTO_PERMIT2_PROXY_ABI,
    (UPTO_PROXY_ADDRESS, "settleWithPermit"): _evm.X402_UPTO_PERMIT2_PROXY_SETTLE_WITH_PERMIT_ABI,
}


class Contracts:
    """A chain with money for the payer and gas for everybody; each call is one transaction."""

    def __init__(self) -> None:
        self.chain = LocalChain([PAYER, PAYEE, FACILITATOR])
        self.chain.mint(FACILITATOR_KEY, PAYER, 1_000_000)

    def read(self, function: str, *arguments: Any) -> list[int]:
        """Return the words that a view of the batch contract answers."""
        answer = self.chain.call(BATCH_ADDRESS, call_data(BATCH_ADDRESS, function, *arguments))
        return [int.from_bytes(answer[at : at + 32], "big") for at in range(0, len(answer), 32)]

    def send(self, key: str, address: str, data: bytes) -> list[str]:
        """Mine the call and return the first topic of each log; it must succeed."""
        receipt = self.chain.receipt(self.chain.transact(key, address, data))
        assert receipt is not None
        assert receipt["status"] == "0x1"
        return [log["topics"][0] for log in receipt["logs"]]

    def error(self, sender: str, address: str, data: bytes) -> str:
        """Return what the call reverts with: four bytes of hex, or the text of `Error(string)`."""
        try:
            self.chain.call(address, data, sender)
        except CallRevertedError as error:
            output = error.output
            if output[:4] == selector("Error(string)"):
                return output[68 : 68 + int.from_bytes(output[36:68], "big")].decode()
            return output[:4].hex()
        return "nothing"


def call_data(address: str, function: str, *arguments: Any) -> bytes:
    """Return the call data of a contract's `function`, by the official package's ABI."""
    abi = ABIS.get((address, function), _batch_abi.BATCH_SETTLEMENT_ABI)
    contract: Any = Web3().eth.contract(address=Web3.to_checksum_address(address), abi=abi)
    return bytes.fromhex(contract.encode_abi(function, args=arguments)[2:])


def selector(signature: str) -> bytes:
    return keccak(text=signature)[:4]


def topic(signature: str) -> str:
    return "0x" + keccak(text=signature).hex()


def signed(key: str, domain: dict[str, Any], types: Any, message: dict[str, Any]) -> bytes:
    """Return a 65-byte EIP-712 signature."""
    account: Any = Account
    return bytes(account.sign_message(encode_typed_data(domain, types, message), key).signature)


def permit2_signature(permit: Any, witness: Any, spender: str, key: str = PAYER_KEY) -> bytes:
    """Sign a permit of ((token, amount), nonce, deadline) for the exact or the upto proxy."""
    ((token, amount), nonce, deadline) = permit
    names = ("to", "facilitator", "validAfter") if len(witness) == 3 else ("to", "validAfter")
    types = _evm.UPTO_PERMIT2_WITNESS_TYPES if len(witness) == 3 else _evm.PERMIT2_WITNESS_TYPES
    message = {
        "permitted": {"token": token, "amount": amount},
        "spender": spender,
        "nonce": nonce,
        "deadline": deadline,
        "witness": dict(zip(names, witness, strict=True)),
    }
    domain = {"name": "Permit2", "chainId": CHAIN_ID, "verifyingContract": PERMIT2_ADDRESS}
    return signed(key, domain, types, message)


def batch_signature(types: str, message: dict[str, Any], key: str) -> bytes:
    """Sign a VOUCHER, REFUND or CLAIM_BATCH of the batch contract's domain."""
    domain = {
        "name": "x402 Batch Settlement",
        "version": "1",
        "chainId": CHAIN_ID,
        "verifyingContract": BATCH_ADDRESS,
    }
    return signed(key, domain, getattr(_batch, f"{types}_TYPES"), message)


def channel_config(**changes: Any) -> tuple[Any, ...]:
    """Return the config of the payer's channel to the payee, as the contract takes it."""
    config: dict[str, Any] = {
        "payer": PAYER,
        "payerAuthorizer": PAYER,
        "receiver": PAYEE,
        "receiverAuthorizer": PAYEE,
        "token": USDC_ADDRESS,
        "withdrawDelay": DELAY_S,
        "salt": bytes(32),
    }
    return tuple({**config, **changes}.values())


def official_channel_id(config: tuple[Any, ...]) -> str:
    """Return the id that the official package gives to a channel of this config."""
    types: Any = import_module("x402.mechanisms.evm.batch_settlement.types")
    utils: Any = import_module("x402.mechanisms.evm.batch_settlement.utils")
    named = types.ChannelConfig(*config[:6], salt="0x" + config[6].hex())
    return utils.compute_channel_id(named, f"eip155:{CHAIN_ID}")


def collector_data(channel_id: bytes, amount: int, salt: int, valid_before: int) -> bytes:
    """Sign a deposit by ERC-3009 and return what the collector takes."""
    domain = {
        "name": "USDC",
        "version": "2",
        "chainId": CHAIN_ID,
        "verifyingContract": USDC_ADDRESS,
    }
    message = {
        "from": PAYER,
        "to": DEPOSIT_COLLECTOR_ADDRESS,
        "value": amount,
        "validAfter": 0,
        "validBefore": valid_before,
        "nonce": keccak(channel_id + salt.to_bytes(32, "big")),
    }
    signature = signed(PAYER_KEY, domain, _batch.RECEIVE_AUTHORIZATION_TYPES, message)
    return encode(("uint256", "uint256", "uint256", "bytes"), (0, valid_before, salt, signature))
