"""Questions about one payment, each asked of one server, by how that payment moves the money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from wallet.chain_answers import (
    AUTHORIZATION_STATE,
    TransferProof,
    contract_call,
    read_proof,
    read_quantity,
    read_used_hash,
    read_word,
    read_words,
    used_filter,
)
from wallet.model import Method, Transfer
from wallet.permit2_answers import (
    nonce_call,
    read_candidates,
    read_nonce_used,
    read_permit2_proof,
    transfer_filter,
)

CANDIDATES = 20
"""How many of the payer's latest transfers to a payee are looked into for the one that is meant."""


class Server(Protocol):
    """Whoever answers JSON-RPC calls; any error of the answer is a ValueError or its own."""

    async def ask(self, method: str, *params: object) -> Any:
        """Return the `result` of one call."""
        ...


@dataclass(frozen=True, slots=True)
class AuthorizationView:
    """Whether an authorization was used (or cancelled), as of one block.

    `block_time` is that block's unix time in seconds.
    """

    used: bool
    block_number: int
    block_time: int


@dataclass(frozen=True, slots=True)
class ContractView:
    """What a contract's function returned, word by word, as of one block.

    `block_time` is that block's unix time in seconds.
    """

    words: tuple[int, ...]
    block_number: int
    block_time: int


async def latest_block(server: Server) -> tuple[int, int]:
    """Return the newest block's number and unix time in seconds.

    Raises:
        ValueError, KeyError, TypeError: the answer is not a block.
    """
    block = await server.ask("eth_getBlockByNumber", "latest", False)
    return read_quantity(block["number"]), read_quantity(block["timestamp"])


async def view_contract(server: Server, call: Mapping[str, str]) -> ContractView:
    """Return what a contract's function returns in the server's newest block.

    Raises:
        ValueError, KeyError, TypeError: the answer is none, or not made of whole words.
    """
    number, time = await latest_block(server)
    words = read_words(await server.ask("eth_call", dict(call), hex(number)))
    return ContractView(words, number, time)


async def view_authorization(server: Server, transfer: Transfer) -> AuthorizationView:
    """Return whether the transfer's nonce is used in the server's newest block.

    Raises:
        ValueError, KeyError, TypeError: the answer is none, or this method has no nonce.
    """
    number, time = await latest_block(server)
    if _by_permit2(transfer):
        bitmap = await server.ask("eth_call", nonce_call(transfer), hex(number))
        return AuthorizationView(read_nonce_used(transfer, bitmap), number, time)
    call = contract_call(transfer.asset, AUTHORIZATION_STATE, transfer.payer, transfer.nonce)
    used = read_word(await server.ask("eth_call", call, hex(number)))
    if used > 1:
        raise ValueError("not a boolean")
    return AuthorizationView(used == 1, number, time)


async def prove_transfer(server: Server, transfer: Transfer, tx_hash: str) -> TransferProof:
    """Compare the named transaction with the transfer.

    Raises:
        ValueError, KeyError, TypeError: the answer is not about this transaction.
    """
    by_permit2 = _by_permit2(transfer)
    receipt = await server.ask("eth_getTransactionReceipt", tx_hash)
    if not by_permit2:
        return read_proof(transfer, tx_hash, receipt)
    if receipt is None:
        return TransferProof(found=False, proven=False)
    transaction = await server.ask("eth_getTransactionByHash", tx_hash)
    return read_permit2_proof(transfer, tx_hash, receipt, transaction)


async def find_settlement(server: Server, transfer: Transfer, span_blocks: int) -> str | None:
    """Return the hash of the transaction that used the nonce, within the newest blocks.

    Raises:
        ValueError, KeyError, TypeError: the answers are not logs or receipts.
    """
    by_permit2 = _by_permit2(transfer)
    last, _ = await latest_block(server)
    first = max(0, last - span_blocks)
    if not by_permit2:
        logs = await server.ask("eth_getLogs", used_filter(transfer, first, last))
        return read_used_hash(transfer, logs)
    logs = await server.ask("eth_getLogs", transfer_filter(transfer, first, last))
    for tx_hash in read_candidates(transfer, logs, CANDIDATES):
        if (await prove_transfer(server, transfer, tx_hash)).proven:
            return tx_hash
    return None


def _by_permit2(transfer: Transfer) -> bool:
    if transfer.method is Method.VOUCHER:
        raise ValueError("a voucher has no nonce on the chain")
    return transfer.method is not Method.EIP3009
