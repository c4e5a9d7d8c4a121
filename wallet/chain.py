"""What the chain says: balances, used authorizations, proof of transfers; unknown is not zero."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from wallet.assets import Asset
from wallet.chain_answers import (
    AUTHORIZATION_STATE,
    BALANCE_OF,
    TransferProof,
    contract_call,
    is_hash,
    read_bytes,
    read_proof,
    read_quantity,
    read_used_hash,
    read_word,
    used_filter,
)
from wallet.loading import recursion_limit_kept
from wallet.model import Transfer
from wallet.token_facts import SELECTORS, TokenFacts, read_facts

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from web3 import AsyncHTTPProvider
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


@dataclass(frozen=True, slots=True)
class AuthorizationView:
    """Whether an authorization was used (or cancelled), as of one block.

    `block_time` is that block's unix time in seconds.
    """

    used: bool
    block_number: int
    block_time: int


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
            network_id: [_Server(network_id, url, timeout_s) for url in urls]
            for network_id, urls in rpc_urls_by_network.items()
        }

    def __repr__(self) -> str:
        return f"Chain({', '.join(self._servers)})"

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

        async def read(server: _Server) -> int:
            return read_quantity(await server.ask("eth_chainId"))

        return await self._first(network_id, read)

    async def balance(self, asset: Asset, owner: str) -> int:
        """Return the owner's token balance in atomic units.

        Raises:
            ChainUnreadableError: it cannot be read; that is never a balance of zero.
        """
        call = contract_call(asset.address, BALANCE_OF, owner)

        async def read(server: _Server) -> int:
            return read_word(await server.ask("eth_call", call, "latest"))

        return await self._first(asset.network, read)

    async def has_code(self, network_id: str, address: str) -> bool:
        """Tell whether the account is a contract or delegates to one (EIP-7702).

        Raises:
            ChainUnreadableError: it cannot be read.
        """

        async def read(server: _Server) -> bool:
            return len(read_bytes(await server.ask("eth_getCode", address, "latest"))) > 0

        return await self._first(network_id, read)

    async def token_facts(self, asset: Asset) -> TokenFacts:
        """Return what the contract at the token's address says about itself.

        Raises:
            ChainUnreadableError: it cannot be read.
        """

        async def read(server: _Server) -> TokenFacts:
            if not read_bytes(await server.ask("eth_getCode", asset.address, "latest")):
                return TokenFacts(has_code=False)
            answers: dict[str, Any] = {}
            for selector in SELECTORS:
                with suppress(_NoAnswerError):  # as a contract without that function answers
                    call = contract_call(asset.address, selector)
                    answers[selector] = await server.ask("eth_call", call, "latest")
            return read_facts(answers)

        return await self._first(asset.network, read)

    async def latest_block_time(self, network_id: str) -> int:
        """Return the newest block's unix time in seconds.

        Raises:
            ChainUnreadableError: it cannot be read.
        """
        return (await self._first(network_id, _latest_block))[1]

    async def authorization_used(self, transfer: Transfer) -> bool:
        """Tell whether the transfer's nonce is used up at the newest block (EIP-3009).

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
        read = _authorization_reader(transfer)
        return await self._first(transfer.network_id, read)

    async def authorization_views(self, transfer: Transfer) -> list[AuthorizationView]:
        """Return the view of every server that gives one, for what a single one must not decide.

        Raises:
            ChainUnreadableError: fewer than two servers answered although as many are set.
        """
        read = _authorization_reader(transfer)
        servers = self._servers.get(transfer.network_id, ())
        views: list[AuthorizationView] = []
        reasons: list[str] = []
        for server in servers:
            try:
                views.append(await self._ask_one(server, read))
            except _NoAnswerError as error:
                reasons.append(f"{server.host} {error}")
        if len(views) < min(2, max(1, len(servers))):
            raise ChainUnreadableError(transfer.network_id, reasons)
        return views

    async def transfer_proof(self, transfer: Transfer, tx_hash: str) -> TransferProof:
        """Check a claimed transaction against the transfer, in one question to one server.

        Args:
            transfer: what was signed.
            tx_hash: the seller's word; anything but 0x and 64 hex digits is not found.

        Raises:
            ChainUnreadableError: it cannot be read.
        """
        if not is_hash(tx_hash):
            return TransferProof(found=False, proven=False)

        async def read(server: _Server) -> TransferProof:
            receipt = await server.ask("eth_getTransactionReceipt", tx_hash)
            return read_proof(transfer, tx_hash, receipt)

        return await self._first(transfer.network_id, read)

    async def settlement_hash(self, transfer: Transfer) -> str | None:
        """Return the hash of the transaction that used the authorization, where its event is found.

        None proves nothing: servers keep and show only so many blocks of logs.
        """
        for span_blocks in LOG_SPANS_BLOCKS:
            with suppress(ChainUnreadableError):
                read = _settlement_reader(transfer, span_blocks)
                return await self._first(transfer.network_id, read)
        return None

    async def _first(self, network_id: str, read: Callable[[_Server], Awaitable[T]]) -> T:
        reasons: list[str] = []
        for server in self._servers.get(network_id, ()):
            try:
                return await self._ask_one(server, read)
            except _NoAnswerError as error:
                reasons.append(f"{server.host} {error}")
        raise ChainUnreadableError(network_id, reasons)

    async def _ask_one(self, server: _Server, read: Callable[[_Server], Awaitable[T]]) -> T:
        try:
            await server.check_chain()
            return await read(server)
        except (ValueError, KeyError, TypeError):
            raise _NoAnswerError("answered something else") from None


class _NoAnswerError(Exception):
    """One server gave no usable answer; the text is ours and reads on from the host's name."""


class _Server:
    """One RPC URL, with a connection that is kept open between questions."""

    def __init__(self, network_id: str, url: str, timeout_s: float) -> None:
        self.host = urlsplit(url).hostname or "an rpc_url without a host"
        self._chain_id = int(network_id.removeprefix("eip155:"))
        self._url = url
        self._timeout_s = timeout_s
        self._on_our_chain = False
        self._provider: AsyncHTTPProvider | None = None
        self._session: ClientSession | None = None

    async def check_chain(self) -> None:
        """Ask for the chain id until it was once the right one (EIP-695)."""
        if self._on_our_chain:
            return
        found = read_quantity(await self.ask("eth_chainId"))
        if found != self._chain_id:
            raise _NoAnswerError("is on another chain")
        self._on_our_chain = True

    async def ask(self, method: str, *params: object) -> Any:
        """Return the `result` of one JSON-RPC call, or raise _NoAnswerError."""
        provider = await self._connected()
        response, reason = await self._post(provider, method, params)
        if reason == "dropped the connection":  # a kept connection that had gone stale
            response, reason = await self._post(provider, method, params)
        if reason is not None:
            raise _NoAnswerError(reason)
        if not isinstance(response, dict) or "result" not in response:
            raise _NoAnswerError("answered with an error")
        return cast("dict[str, Any]", response)["result"]

    async def close(self) -> None:
        """Close the connection; a later question opens a new one."""
        session, self._session, self._provider = self._session, None, None
        if session is not None:
            await session.close()

    async def _post(
        self, provider: AsyncHTTPProvider, method: str, params: Sequence[object]
    ) -> tuple[object, str | None]:
        """Return a decoded answer and None, or why there is none, in words without the URL."""
        from aiohttp import ClientConnectorError, ClientOSError, ServerDisconnectedError

        try:
            return await provider.make_request(cast("RPCEndpoint", method), list(params)), None
        except TimeoutError:
            return None, "did not answer in time"
        except ClientConnectorError:
            return None, "cannot be reached"
        except (ServerDisconnectedError, ClientOSError):
            return None, "dropped the connection"
        except Exception as error:  # noqa: BLE001 - the caller raises a typed error instead
            # Only the status is used: the text may hold the URL.
            status = getattr(error, "status", None)
            return None, f"answered HTTP {status}" if isinstance(status, int) else "is unreadable"

    async def _connected(self) -> AsyncHTTPProvider:
        if self._provider is None:
            await asyncio.to_thread(load_library)
            from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
            from web3 import AsyncHTTPProvider

            if self._provider is not None:
                return self._provider
            # web3's own session closes the connection after every call.
            session = ClientSession(
                connector=TCPConnector(limit=8),
                cookie_jar=DummyCookieJar(),
                raise_for_status=True,
            )
            timeout = ClientTimeout(total=self._timeout_s)
            provider = AsyncHTTPProvider(
                self._url,
                request_kwargs={"timeout": timeout, "allow_redirects": False},
                exception_retry_configuration=None,
            )
            self._session, self._provider = session, provider
            await provider.cache_async_session(session)
        return self._provider


def load_library() -> None:
    """Import web3, about a second of work; call it in a worker thread ahead of the first use."""
    with recursion_limit_kept():
        import web3

    # At debug level it logs whole URLs, and those may hold an API key.
    logging.getLogger(web3.__name__).setLevel(logging.WARNING)


def _authorization_reader(
    transfer: Transfer,
) -> Callable[[_Server], Awaitable[AuthorizationView]]:
    call = contract_call(transfer.asset, AUTHORIZATION_STATE, transfer.payer, transfer.nonce)

    async def read(server: _Server) -> AuthorizationView:
        number, time = await _latest_block(server)
        used = read_word(await server.ask("eth_call", call, hex(number)))
        if used > 1:
            raise ValueError("not a boolean")
        return AuthorizationView(used == 1, number, time)

    return read


def _settlement_reader(
    transfer: Transfer, span_blocks: int
) -> Callable[[_Server], Awaitable[str | None]]:
    async def read(server: _Server) -> str | None:
        last, _ = await _latest_block(server)
        wanted = used_filter(transfer, max(0, last - span_blocks), last)
        return read_used_hash(transfer, await server.ask("eth_getLogs", wanted))

    return read


async def _latest_block(server: _Server) -> tuple[int, int]:
    block = await server.ask("eth_getBlockByNumber", "latest", False)
    return read_quantity(block["number"]), read_quantity(block["timestamp"])
