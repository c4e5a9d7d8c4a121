"""The official x402 facilitator, settling on the sandbox's chain.

Verification, simulation and settlement are the pinned `x402` package's own; only its web3 instance
is replaced by one that reaches the chain in the process instead of over HTTP.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from web3 import Web3
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse
from x402 import x402Facilitator
from x402.mechanisms.evm.exact import (  # pyright: ignore[reportMissingTypeStubs]
    register_exact_evm_facilitator,
)
from x402.mechanisms.evm.signers import (  # pyright: ignore[reportMissingTypeStubs]
    FacilitatorWeb3Signer,
)
from x402.schemas.helpers import parse_payment_payload, parse_payment_requirements

from sandbox.evm import CHAIN_ID
from sandbox.rpc import JsonRpc

NETWORK = f"eip155:{CHAIN_ID}"
V1_NETWORK = "base-sepolia"  # what x402 v1 calls the same network


class _InProcessProvider(JSONBaseProvider):
    """A web3 provider whose requests are plain calls into `JsonRpc`."""

    def __init__(self, rpc: JsonRpc) -> None:
        super().__init__()
        self._rpc = rpc

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Answer one request; errors are JSON-RPC errors, as from a node."""
        answer = self._rpc.answer(method, list(params))
        return RPCResponse(jsonrpc="2.0", id=1, **answer)  # pyright: ignore[reportArgumentType]

    def is_connected(self, show_traceback: bool = False) -> bool:
        """Return True: the chain is in the process."""
        return True


def add_facilitator_routes(app: FastAPI, facilitator: x402Facilitator) -> None:
    """Serve `POST /facilitator/verify` and `/facilitator/settle` (x402 v2 section 7) in this app.

    Sellers in other processes use them, on the thread where all other settlements are queued.
    """

    async def verify(request: Request) -> JSONResponse:
        return _answer(await facilitator.verify(*_payment(await request.json())))

    async def settle(request: Request) -> JSONResponse:
        return _answer(await facilitator.settle(*_payment(await request.json())))

    app.post("/facilitator/verify")(verify)
    app.post("/facilitator/settle")(settle)


def _payment(body: dict[str, Any]) -> tuple[Any, Any]:
    payload = parse_payment_payload(body["paymentPayload"])
    return payload, parse_payment_requirements(payload.x402_version, body["paymentRequirements"])


def _answer(result: Any) -> JSONResponse:
    return JSONResponse(result.model_dump(mode="json", by_alias=True, exclude_none=True))


def build_signer(rpc: JsonRpc, key: str) -> FacilitatorWeb3Signer:
    """Return the official signer that pays its gas with `key`, on the chain behind `rpc`."""
    signer = FacilitatorWeb3Signer(key, "http://127.0.0.1:1")
    signer._w3 = Web3(_InProcessProvider(rpc), middleware=[])  # pyright: ignore[reportPrivateUsage]
    return signer


def build_facilitator(signer: FacilitatorWeb3Signer) -> x402Facilitator:
    """Return a facilitator for scheme `exact`: x402 v2 by EIP-3009 and Permit2, and v1."""
    facilitator = x402Facilitator()
    register_exact_evm_facilitator(facilitator, signer, [NETWORK])  # v1 names come along
    return facilitator
