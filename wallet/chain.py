"""What the chain says: balances, used authorizations, proof of transfers; unknown is not zero."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio.to_thread

from wallet.assets import Asset, contracts
from wallet.chain_answers import (
    ALLOWANCE,
    BALANCE_OF,
    PERMIT_NONCES,
    TransferProof,
    contract_call,
    is_hash,
    read_bytes,
    read_quantity,
    read_word,
)
from wallet.chain_questions import (
    AuthorizationView,
    ContractView,
    find_settlement,
    latest_block,
    prove_transfer,
    view_authorization,
    view_contract,
)
from wallet.loading import recursion_limit_kept
from wallet.model import Transfer
from wallet.rpc_server import NoAnswerError, RpcServer
from wallet.token_facts import SELECTORS, TokenFacts, read_facts

if TYPE_CHECKING:
    from web3.types import RPCEndpoint

T = TypeVar("T")

LOG_SPANS_BLOCKS = (9_000, 900)
"""How far back to look for a settlement; public servers refuse wider questions than some limit."""


class ChainUnreadableError(Exception):
    """No RPC server gave an answer that can be believed; the text names hosts, never URLs."""

    def __init__(self, network_id: str, reasons: Sequence[str]) -> None:
        listed = "; ".join(reasons) or "no rpc_urls are set for it"
        super().__init__(f"{network_id} cannot be read: {listed}")
        self.network_id = network_id
        self.reasons = tuple(reasons)


class Chain:
    """Reads chains over JSON-RPC; each network's servers are tried in the order given.

    Any answer that is late, malformed, an error, or from another chain counts as none. Use one
    instance from one event loop, and close it.

    Args:
        rpc_urls_by_network: CAIP-2 id to RPC URLs; a URL may hold an API key and is never shown.
        timeout_s: longest time for one server to answer one question.
    """

    def __init__(
        self, rpc_urls_by_network: Mapping[str, Sequence[str]], *, timeout_s: float = 5.0
    ) -> None:
        self._servers = {
            network_id: [
                RpcServer(network_id, url, self.ready, partial(_Connection, url, timeout_s))
                for url in urls
            ]
            for network_id, urls in rpc_urls_by_network.items()
        }

    def __repr__(self) -> str:
        return f"Chain({', '.join(self._servers)})"

    async def ready(self) -> None:
        """Load the library, so that the time limit of a first question is not spent on that."""
        await anyio.to_thread.run_sync(load_library)

    async def close(self) -> None:
        """Close every connection."""
        for servers in self._servers.values():
            for server in servers:
                await server.close()

    async def chain_id(self, network_id: str) -> int:
        """Return the chain id that the first believable server reports.

        Raises:
            ChainUnreadableError: no server is on this chain.
        """

        async def read(server: RpcServer) -> int:
            return read_quantity(await server.ask("eth_chainId"))

        return await self._first(network_id, read)

    async def balance(self, asset: Asset, owner: str) -> int:
        """Return the owner's token balance in atomic units.

        Raises:
            ChainUnreadableError: it cannot be read; that is never a balance of zero.
        """
        call = contract_call(asset.address, BALANCE_OF, owner)
        return await self._number(asset.network, call)

    async def permit2_allowance(self, asset: Asset, owner: str) -> int:
        """Return how much of the token Permit2 may move for the owner, in atomic units (EIP-20).

        Raises:
            ChainUnreadableError: it cannot be read; that is never an allowance of zero.
        """
        call = contract_call(asset.address, ALLOWANCE, owner, contracts()["permit2"].address)
        return await self._number(asset.network, call)

    async def permit_nonce(self, asset: Asset, owner: str) -> int:
        """Return the nonce that the owner's next EIP-2612 permit of the token has to have.

        Raises:
            ChainUnreadableError: it cannot be read.
        """
        call = contract_call(asset.address, PERMIT_NONCES, owner)
        return await self._number(asset.network, call)

    async def has_code(self, network_id: str, address: str) -> bool:
        """Tell whether the account is a contract or delegates to one (EIP-7702).

        Raises:
            ChainUnreadableError: it cannot be read.
        """

        async def read(server: RpcServer) -> bool:
            return len(read_bytes(await server.ask("eth_getCode", address, "latest"))) > 0

        return await self._first(network_id, read)

    async def token_facts(self, asset: Asset) -> TokenFacts:
        """Return what the contract at the token's address says about itself.

        Raises:
            ChainUnreadableError: it cannot be read.
        """

        async def read(server: RpcServer) -> TokenFacts:
            if not read_bytes(await server.ask("eth_getCode", asset.address, "latest")):
                return TokenFacts(has_code=False)
            answers: dict[str, Any] = {}
            for selector in SELECTORS:
                with suppress(NoAnswerError):  # as a contract without that function answers
                    call = contract_call(asset.address, selector)
                    answers[selector] = await server.ask("eth_call", call, "latest")
            return read_facts(answers)

        return await self._first(asset.network, read)

    async def latest_block_time(self, network_id: str) -> int:
        """Return the newest block's unix time in seconds.

        Raises:
            ChainUnreadableError: it cannot be read.
        """
        return (await self._first(network_id, latest_block))[1]

    async def authorization_used(self, transfer: Transfer) -> bool:
        """Tell whether the transfer's nonce is used up at the newest block (EIP-3009, Permit2).

        Raises:
            ChainUnreadableError: it cannot be read; that is never "unused".
        """
        return (await self.authorization_view(transfer)).used

    async def authorization_view(self, transfer: Transfer) -> AuthorizationView:
        """Return whether the nonce is used up, and the time of the very block that says so.

        Both come from one server and one block: a server that lags behind its own newest block
        has no such block to answer from. That makes an unused nonce at a time beyond
        `valid_before` proof, which two separate questions are not.

        Raises:
            ChainUnreadableError: it cannot be read.
        """
        return await self._first(
            transfer.network_id, lambda server: view_authorization(server, transfer)
        )

    async def authorization_views(self, transfer: Transfer) -> list[AuthorizationView]:
        """Return the view of every server that gives one, for what a single one must not decide.

        Raises:
            ChainUnreadableError: fewer than two servers answered although as many are set.
        """
        return await self._every(
            transfer.network_id, lambda server: view_authorization(server, transfer)
        )

    async def contract_views(self, network_id: str, call: Mapping[str, str]) -> list[ContractView]:
        """Return what every server that answers shows of a contract, each at its newest block.

        Args:
            network_id: the chain.
            call: an `eth_call` object; its answer must be whole 32-byte words.

        Raises:
            ChainUnreadableError: fewer than two servers answered although as many are set.
        """
        return await self._every(network_id, lambda server: view_contract(server, call))

    async def agreed_charge(self, transfer: Transfer, tx_hash: str) -> int | None:
        """Return how much of its ceiling a transaction took, where every server says the same.

        Less than the ceiling frees the rest of a hold, so a single server must not decide.

        Raises:
            ChainUnreadableError: fewer than two servers answered although as many are set.
        """
        proofs = await self._every(
            transfer.network_id, lambda server: prove_transfer(server, transfer, tx_hash)
        )
        taken = {proof.taken_atomic if proof.proven else None for proof in proofs}
        return taken.pop() if len(taken) == 1 else None

    async def transfer_proof(self, transfer: Transfer, tx_hash: str) -> TransferProof:
        """Check a claimed transaction against the transfer, with one server.

        Args:
            transfer: what was signed.
            tx_hash: the seller's word; anything but 0x and 64 hex digits is not found.

        Raises:
            ChainUnreadableError: it cannot be read.
        """
        if not is_hash(tx_hash):
            return TransferProof(found=False, proven=False)

        return await self._first(
            transfer.network_id, lambda server: prove_transfer(server, transfer, tx_hash)
        )

    async def settlement_hash(self, transfer: Transfer) -> str | None:
        """Return the hash of the transaction that used the authorization, where it is found.

        None proves nothing: servers keep and show only so many blocks of logs.
        """
        for span_blocks in LOG_SPANS_BLOCKS:
            with suppress(ChainUnreadableError):
                return await self._first(
                    transfer.network_id,
                    lambda server, span=span_blocks: find_settlement(server, transfer, span),
                )
        return None

    async def _number(self, network_id: str, call: Mapping[str, str]) -> int:
        async def read(server: RpcServer) -> int:
            return read_word(await server.ask("eth_call", call, "latest"))

        return await self._first(network_id, read)

    async def _first(self, network_id: str, read: Callable[[RpcServer], Awaitable[T]]) -> T:
        reasons: list[str] = []
        for server in self._servers.get(network_id, ()):
            try:
                return await self._ask_one(server, read)
            except NoAnswerError as error:
                reasons.append(f"{server.host} {error}")
        raise ChainUnreadableError(network_id, reasons)

    async def _every(self, network_id: str, read: Callable[[RpcServer], Awaitable[T]]) -> list[T]:
        servers = self._servers.get(network_id, ())
        answers: list[T] = []
        reasons: list[str] = []
        for server in servers:
            try:
                answers.append(await self._ask_one(server, read))
            except NoAnswerError as error:
                reasons.append(f"{server.host} {error}")
        if len(answers) < min(2, max(1, len(servers))):
            raise ChainUnreadableError(network_id, reasons)
        return answers

    async def _ask_one(self, server: RpcServer, read: Callable[[RpcServer], Awaitable[T]]) -> T:
        try:
            await server.check_chain()
            return await read(server)
        except (ValueError, KeyError, TypeError):
            raise NoAnswerError("answered something else") from None


class _Connection:
    """One RPC server's connection, made by web3 and kept open between questions."""

    def __init__(self, url: str, timeout_s: float) -> None:
        from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
        from web3 import AsyncHTTPProvider

        # web3's own session closes the connection after every call.
        self._session = ClientSession(
            connector=TCPConnector(limit=8), cookie_jar=DummyCookieJar(), raise_for_status=True
        )
        self._provider = AsyncHTTPProvider(
            url,
            request_kwargs={
                "timeout": ClientTimeout(total=timeout_s),
                "allow_redirects": False,
            },
            exception_retry_configuration=None,
        )

    async def open(self) -> None:
        await self._provider.cache_async_session(self._session)

    async def request(self, method: str, params: list[object]) -> object:
        return await self._provider.make_request(cast("RPCEndpoint", method), params)

    async def close(self) -> None:
        await self._session.close()


def load_library() -> None:
    """Import web3, about a second of work; call it in a worker thread ahead of the first use."""
    with recursion_limit_kept():
        import web3

    # At debug level it logs whole URLs, and those may hold an API key.
    logging.getLogger(web3.__name__).setLevel(logging.WARNING)
