"""One JSON-RPC server of a chain: asked, believed on the right chain alone, named by host alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from wallet.chain_answers import read_quantity


class NoAnswerError(Exception):
    """One server gave no usable answer; the text is ours and reads on from the host's name."""


class Connection(Protocol):
    """A connection to one URL, kept open between questions; its errors may hold the URL."""

    async def open(self) -> None:
        """Prepare it, once, before the first question."""
        ...

    async def request(self, method: str, params: list[object]) -> object:
        """Return the decoded answer to one JSON-RPC call, or raise what aiohttp raises."""
        ...

    async def close(self) -> None:
        """Close it for good."""
        ...


class RpcServer:
    """One RPC URL, with a connection that is kept open between questions.

    Args:
        network_id: the chain that it is to be on.
        url: its URL, which may hold an API key and is never shown.
        ready: loads what `connect` needs, slowly.
        connect: makes a connection to the URL at once, where an event loop runs.
    """

    def __init__(
        self,
        network_id: str,
        url: str,
        ready: Callable[[], Awaitable[None]],
        connect: Callable[[], Connection],
    ) -> None:
        self.host = urlsplit(url).hostname or "an rpc_url without a host"
        self._chain_id = int(network_id.removeprefix("eip155:"))
        self._ready = ready
        self._connect = connect
        self._on_our_chain = False
        self._connection: Connection | None = None

    async def check_chain(self) -> None:
        """Ask for the chain id until it was once the right one (EIP-695).

        Raises:
            NoAnswerError: it gave none, or another one.
        """
        if self._on_our_chain:
            return
        found = read_quantity(await self.ask("eth_chainId"))
        if found != self._chain_id:
            raise NoAnswerError("is on another chain")
        self._on_our_chain = True

    async def ask(self, method: str, *params: object) -> Any:
        """Return the `result` of one JSON-RPC call.

        Raises:
            NoAnswerError: there is none.
        """
        connection = await self._connected()
        response, reason = await _post(connection, method, list(params))
        if reason == "dropped the connection":  # a kept connection that had gone stale
            response, reason = await _post(connection, method, list(params))
        if reason is not None:
            raise NoAnswerError(reason)
        if not isinstance(response, dict) or "result" not in response:
            raise NoAnswerError("answered with an error")
        return cast("dict[str, Any]", response)["result"]

    async def close(self) -> None:
        """Close the connection; a later question opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _connected(self) -> Connection:
        if self._connection is None:
            await self._ready()
            if self._connection is not None:  # another question was quicker
                return self._connection
            self._connection = self._connect()
            await self._connection.open()
        return self._connection


async def _post(
    connection: Connection, method: str, params: list[object]
) -> tuple[object, str | None]:
    """Return a decoded answer and None, or why there is none, in words without the URL."""
    from aiohttp import ClientConnectorError, ClientOSError, ServerDisconnectedError

    try:
        return await connection.request(method, params), None
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
