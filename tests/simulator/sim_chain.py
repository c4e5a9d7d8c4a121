"""A chain that makes a block every two seconds, and RPC servers that lag, fail or lie about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from wallet.chain import Chain
from wallet.chain_answers import (
    AUTHORIZATION_STATE,
    AUTHORIZATION_USED_TOPIC,
    BALANCE_OF,
    TRANSFER_TOPIC,
    padded,
)

NETWORK = "eip155:84532"
USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
BLOCK_S = 2
RPC_TIMEOUT_S = 5
AHEAD_S = 100_000
"""How far ahead of the chain a lying server dates its blocks."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """The terms on the wire: who pays whom how much, until when (EIP-3009)."""

    payer: str
    payee: str
    amount_atomic: int
    valid_before: int
    nonce: str

    @property
    def tx_hash(self) -> str:
        """Return the hash of the transaction that would carry it."""
        return "0x" + sha256(self.nonce.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Included:
    """A transfer in a block."""

    authorization: Authorization
    block_s: int


class Blockchain:
    """What is true: blocks by their unix time, transfers by nonce; never reorganised."""

    def __init__(self, now_s: Callable[[], int], wealth: int) -> None:
        self.now_s = now_s
        self.wealth = wealth
        self.included: dict[str, Included] = {}
        self._stalls: list[tuple[int, int]] = []

    def stall(self, for_s: int) -> None:
        """Make no block until `for_s` seconds from now."""
        self._stalls.append((self.now_s(), self.now_s() + for_s))

    def head_s(self, at_s: int) -> int:
        """Return the time of the newest block at a time."""
        block_s = at_s - at_s % BLOCK_S
        while stall := self._stall_around(block_s):
            block_s = stall[0] - stall[0] % BLOCK_S
        return block_s

    def submit(self, authorization: Authorization, from_s: int) -> Included | None:
        """Put a transfer into the first block after `from_s`, or refuse it as the token would."""
        block_s = from_s + BLOCK_S - from_s % BLOCK_S
        while stall := self._stall_around(block_s):
            block_s = stall[1] + BLOCK_S - stall[1] % BLOCK_S
        spent = sum(one.authorization.amount_atomic for one in self.included.values())
        if (
            block_s >= authorization.valid_before  # EIP-3009: strictly before
            or authorization.nonce in self.included
            or spent + authorization.amount_atomic > self.wealth
        ):
            return None
        self.included[authorization.nonce] = Included(authorization, block_s)
        return self.included[authorization.nonce]

    def settled(self, nonce: str, head_s: int) -> Included | None:
        """Return the transfer as a node whose newest block is `head_s` sees it."""
        found = self.included.get(nonce)
        return found if found is not None and found.block_s <= head_s else None

    def may_settle(self, authorization: Authorization) -> bool:
        """Tell whether the transfer has settled, is on its way, or can still be submitted."""
        return authorization.nonce in self.included or self.now_s() < authorization.valid_before

    def _stall_around(self, block_s: int) -> tuple[int, int] | None:
        return next((one for one in self._stalls if one[0] < block_s <= one[1]), None)


class RpcServer:
    """One JSON-RPC server in one mode; stands where `wallet.chain` keeps its connections."""

    def __init__(self, number: int, truth: Blockchain, delay_s: Callable[[], float]) -> None:
        self.host = f"rpc{number}.example"
        self.mode = "ok"
        self.lag_s = 0
        self._truth = truth
        self._delay_s = delay_s

    async def check_chain(self) -> None:
        """Every server here is on the right chain."""

    async def close(self) -> None:
        """There is no connection."""

    async def ask(self, method: str, *params: Any) -> Any:
        """Answer one question; ValueError is what an unusable answer becomes."""
        if self.mode == "hang":
            await asyncio.sleep(RPC_TIMEOUT_S)
        await asyncio.sleep(self._delay_s())
        if self.mode in ("down", "hang"):
            raise ValueError(self.mode)
        head_s = self._truth.head_s(self._truth.now_s() - self.lag_s)
        match method, params:
            case "eth_getBlockByNumber", ("latest", _):
                ahead_s = AHEAD_S if self.mode == "lie_unused" else 0
                return {"number": hex(head_s + ahead_s), "timestamp": hex(head_s + ahead_s)}
            case "eth_call", ({"data": str(data)}, block):
                return f"0x{self._call(data, head_s, block):064x}"
            case "eth_getTransactionReceipt", (str(tx_hash),):
                return self._receipt(tx_hash, head_s)
            case "eth_getLogs", ({"topics": [_, _, str(nonce)]},):
                return self._used_events(nonce, head_s)
            case _:
                raise ValueError(method)

    def _call(self, data: str, head_s: int, block: str) -> int:
        if data.startswith(BALANCE_OF):
            spent = [one for one in self._truth.included.values() if one.block_s <= head_s]
            left = self._truth.wealth - sum(one.authorization.amount_atomic for one in spent)
            return 0 if self.mode == "lie_poor" else left
        if not data.startswith(AUTHORIZATION_STATE):
            raise ValueError(data)
        if self.mode in ("lie_unused", "lie_used"):
            return int(self.mode == "lie_used")
        at_s = head_s if block == "latest" else int(block, 16)
        if at_s > head_s:
            raise ValueError("no such block yet")
        return int(self._truth.settled("0x" + data[-64:], at_s) is not None)

    def _receipt(self, tx_hash: str, head_s: int) -> dict[str, Any] | None:
        carried = (one.authorization for one in self._truth.included.values())
        found = next((one for one in carried if one.tx_hash == tx_hash), None)
        included = found and self._truth.settled(found.nonce, head_s)
        if found is None or included is None or self.mode == "lie_unused":
            return None
        topics = [TRANSFER_TOPIC, padded(found.payer), padded(found.payee)]
        moved = {"topics": topics, "data": f"0x{found.amount_atomic:064x}"}
        return {
            "transactionHash": tx_hash,
            "blockNumber": hex(included.block_s),
            "status": "0x1",
            "logs": [{"address": USDC} | moved, *self._used_events(found.nonce, head_s)],
        }

    def _used_events(self, nonce: str, head_s: int) -> list[dict[str, Any]]:
        included = self._truth.settled(nonce, head_s)
        if included is None or self.mode == "lie_unused":
            return []
        one = included.authorization
        topics = [AUTHORIZATION_USED_TOPIC, padded(one.payer), one.nonce]
        return [{"address": USDC, "topics": topics, "data": "0x", "transactionHash": one.tx_hash}]


def chain_over(servers: list[RpcServer]) -> Chain:
    """Return the wallet's own chain reader, asking these servers instead of HTTP."""
    chain = Chain({NETWORK: [f"https://{server.host}" for server in servers]})
    vars(chain)["_servers"] = {NETWORK: servers}
    return chain
