"""Tell hosts that a receipt has changed: `notifications/resources/updated`, in both eras.

Hosts of 2026-07-28 ask with `subscriptions/listen`, older ones with `resources/subscribe`. What
another process buys on the same ledger is not announced.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated
from mcp_types import EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams

if TYPE_CHECKING:
    from tools.context import Buyer
    from wallet.exchange import Exchange, WebRequest
    from wallet.money import Usd
    from wallet.presenting import Bought
    from wallet.quotes import Quote
    from wallet.status import WalletStatus

RECENT_URI = "receipts://recent"
HOSTS_MAX, URIS_MAX, URI_CHARS_MAX = 100, 1_000, 200


class ReceiptNews:
    """Collects which receipts have changed, and tells whoever asked to hear of them.

    Changes that come while hosts are being told are told together, so a burst of purchases does
    not become a flood of notifications.
    """

    def __init__(self) -> None:
        self.bus = InMemorySubscriptionBus()
        self._waiting: dict[str, None] = {}
        self._news = anyio.Event()
        self._hosts: dict[int, _Host] = {}

    def changed(self, *receipt_ids: str) -> None:
        """Note that these receipts are new or say something else now; without any, that one is."""
        self._waiting |= dict.fromkeys([RECENT_URI, *map(receipt_uri, receipt_ids)])
        self._news.set()

    def serve(self, server: Server[Any]) -> None:
        """Answer the subscriptions of hosts that begin with a handshake."""
        server.add_request_handler("resources/subscribe", SubscribeRequestParams, self._subscribe)
        server.add_request_handler(
            "resources/unsubscribe", UnsubscribeRequestParams, self._unsubscribe
        )

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep the task alive that tells the hosts."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._tell)
            yield
            group.cancel_scope.cancel()

    async def _tell(self) -> None:
        while True:
            await self._news.wait()
            self._news = anyio.Event()
            uris, self._waiting = self._waiting, {}
            for uri in uris:
                await self.bus.publish(ResourceUpdated(uri=uri))
                for host in [one for one in self._hosts.values() if uri in one.uris]:
                    await host.session.send_resource_updated(uri)

    async def _subscribe(
        self, ctx: ServerRequestContext[Any, Any], params: SubscribeRequestParams
    ) -> EmptyResult:
        """Remember the wish; one for anything but a receipt is granted and never fires."""
        host, uri = self._host(ctx.session), str(params.uri)
        known = uri == RECENT_URI or uri.startswith(receipt_uri(""))
        if known and len(uri) <= URI_CHARS_MAX and len(host.uris) < URIS_MAX:
            host.uris.add(uri)
        return EmptyResult()

    async def _unsubscribe(
        self, ctx: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams
    ) -> EmptyResult:
        self._host(ctx.session).uris.discard(str(params.uri))
        return EmptyResult()

    def _host(self, session: ServerSession) -> _Host:
        """Return the connection's own entry: what a handshake said is one object as long as it is.

        The oldest is dropped for a new one when there are too many.
        """
        key = id(session.client_params)
        if key not in self._hosts:
            if len(self._hosts) >= HOSTS_MAX:
                del self._hosts[next(iter(self._hosts))]
            self._hosts[key] = _Host(session)
        return self._hosts[key]


class _Host:
    """One connection that began with a handshake; it keeps the object alive that its key is of."""

    def __init__(self, session: ServerSession) -> None:
        self.session = session
        self.uris: set[str] = set()


class AnnouncingBuyer:
    """A buyer that says which purchase it has made or changed."""

    def __init__(self, buyer: Buyer, changed: Callable[..., None]) -> None:
        self._buyer = buyer
        self._changed = changed

    async def fetch(self, exchange: Exchange, *, max_price: Usd | None, pay_again: bool) -> Bought:
        """Fetch as the buyer does, and announce the purchase, also one that ended badly.

        Raises:
            PurserError: refused or failed; it says whether money moved.
        """
        from wallet.errors import PurserError

        try:
            bought = await self._buyer.fetch(exchange, max_price=max_price, pay_again=pay_again)
        except PurserError as error:
            if error.receipt_id is not None:
                self._changed(error.receipt_id)
            raise
        except BaseException:
            self._changed()  # cut short, it may have left a receipt all the same
            raise
        if not bought.reused:
            self._changed(bought.purchase.id)
        return bought

    async def within(self, requests: Sequence[WebRequest], limit: Usd) -> Buyer:
        """Return the same for one call of many purchases, which together cost `limit` at most.

        Raises:
            PurserError: LEDGER_UNAVAILABLE.
        """
        return AnnouncingBuyer(await self._buyer.within(requests, limit), self._changed)

    async def quote(self, exchange: Exchange, *, max_price: Usd | None) -> Quote:
        """Ask for the price; nothing changes.

        Raises:
            PurserError: the seller cannot be asked, or its 402 cannot be read.
        """
        return await self._buyer.quote(exchange, max_price=max_price)

    async def status(self) -> WalletStatus:
        """Return the limits and what is left of them.

        Raises:
            PurserError: LEDGER_UNAVAILABLE.
        """
        return await self._buyer.status()


def receipt_uri(receipt_id: str) -> str:
    """Return the URI under which a receipt is read."""
    return f"receipt://{receipt_id}"
