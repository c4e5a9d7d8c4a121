"""The official x402 buyer with every scheme it has, to try the sandbox's sellers with."""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import httpx

from sandbox.chain import LocalChain, calldata
from sandbox.evm import PERMIT2_ADDRESS, USDC_ADDRESS
from sandbox.run import Sandbox

DEPOSIT_ATOMIC = 2_000
"""What the buyer puts into a channel: twenty pages."""


@dataclass
class OfficialBuyer:
    """One account, the official client that pays from it, and what the client knows of channels."""

    key: str
    address: str
    http: httpx.AsyncClient
    channels: Any


@asynccontextmanager
async def official_buyer(
    sandbox: Sandbox, funds_atomic: int = 1_000_000
) -> AsyncGenerator[OfficialBuyer]:
    """Yield a buyer with a fresh account that holds `funds_atomic` USDC and no gas money."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from eth_account import Account
        from x402 import x402Client
        from x402.http.clients.httpx import x402AsyncTransport

        evm = "x402.mechanisms.evm"
        exact: Any = import_module(f"{evm}.exact")  # without type information, like the others
        upto: Any = import_module(f"{evm}.upto")
        batch: Any = import_module(f"{evm}.batch_settlement.client.scheme")
        config: Any = import_module(f"{evm}.batch_settlement.client.config")
        signers: Any = import_module(f"{evm}.signers")
    key, address = sandbox.open_account(funds_atomic)
    account: Any = Account
    signer = signers.EthAccountSignerWithRPC(account.from_key(key), sandbox.rpc_url)
    client = x402Client()
    exact.register_exact_evm_client(client, signer)
    client.register("eip155:*", upto.UptoEvmClientScheme(signer))
    channels = batch.BatchSettlementEvmScheme(
        signer, config.BatchSettlementEvmSchemeOptions(deposit_strategy=_deposit)
    )
    client.register("eip155:*", channels)
    transport = x402AsyncTransport(client)
    async with httpx.AsyncClient(transport=transport, base_url=sandbox.seller_url) as http:
        yield OfficialBuyer(key, address, http, channels)


def _deposit(_: object) -> int:
    return DEPOSIT_ATOMIC


def decoded(header: str) -> dict[str, Any]:
    """Return the JSON object of an x402 header."""
    return json.loads(base64.b64decode(header))


def nonce_bit(chain: LocalChain, payer: str, nonce: int) -> int:
    """Return the nonce's bit in Permit2's bitmap of `payer`."""
    data = calldata("nonceBitmap(address,uint256)", payer, nonce >> 8)
    return int.from_bytes(chain.call(PERMIT2_ADDRESS, data), "big") >> (nonce & 0xFF) & 1


def permit2_allowance(chain: LocalChain, owner: str) -> int:
    """Return how much USDC Permit2 may move for `owner`, in atomic units."""
    data = calldata("allowance(address,address)", owner, PERMIT2_ADDRESS)
    return int.from_bytes(chain.call(USDC_ADDRESS, data), "big")
