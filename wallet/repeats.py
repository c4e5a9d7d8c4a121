"""What an identical call came to before: bought, still open, or nothing that counts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from wallet.errors import ErrorKind, PurserError
from wallet.exchange import Exchange
from wallet.ledger.base import Ledger, StaleStateError
from wallet.model import OPEN_STATES, Purchase, State
from wallet.parts import Parts
from wallet.presenting import Bought, left_today, outcome_unknown, present, to_present
from wallet.purchases import DamagedPurchaseError
from wallet.reconcile import STALE_HOLD_S, reconcile_one

AGAIN_WINDOW_S = 60
"""A `pay_again` call that a host repeats within this time is the same call, not a new purchase."""
JOIN_WAIT_S = 30
JOIN_POLL_S = 0.05


def repeat_window_s(parts: Parts, pay_again: bool) -> int:
    """Return how long an identical call counts as the same purchase, in seconds."""
    return AGAIN_WINDOW_S if pay_again else parts.rules.repeat_window_s


def host_of(url: str) -> str:
    """Return the host that budgets are kept by: lower case, without port."""
    return (urlsplit(url).hostname or "").lower()


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL, with the scheme's own port written out."""
    parts = urlsplit(url)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    return f"{parts.scheme}://{host_of(url)}:{port}"


class Repeats:
    """Answers a call that was made before, without a second signature."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._turns: dict[str, tuple[anyio.Lock, int]] = {}

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncGenerator[None]:
        """Let identical calls in this process wait for each other, so the second reuses."""
        lock, waiting = self._turns.get(key, (anyio.Lock(), 0))
        self._turns[key] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            _, waiting = self._turns[key]
            if waiting == 1:
                del self._turns[key]
            else:
                self._turns[key] = (lock, waiting - 1)

    async def earlier(self, exchange: Exchange, key: str, pay_again: bool) -> Bought | None:
        """Return what an identical call bought, or None when it must be bought.

        A payment of unknown outcome, or one that brought no good content, is presented again, the
        very bytes that were stored: that is safe, since one nonce settles once, and it is how
        content that was paid for still comes.

        Raises:
            PurserError: it is open still, or was paid and brought no content.
        """
        parts = self._parts
        purchase = await parts.ledger.call(lambda ledger: ledger.latest(key))
        if purchase is None:
            return None
        if purchase.state in OPEN_STATES:
            purchase = await reconcile_one(parts, await self._join(purchase))
        if purchase.state is State.VOID:
            return None
        if purchase.state is State.SETTLED and not self._counts(purchase, pay_again):
            return None
        stored = await self._stored(purchase)
        if stored is not None and stored.is_good:
            return stored
        if purchase.channel_id is not None and purchase.state in (State.SIGNED, State.UNKNOWN):
            # The channel itself finds out, and pays with the same voucher where it was not charged.
            return None
        if self._may_present(purchase):
            purchase, headers = await parts.ledger.call(partial(payment_to_present, purchase))
            if purchase.state is State.VOID:
                return None
            if headers is not None:
                return await self._present_again(exchange, purchase, headers, stored)
        return _as_stored(purchase, stored)

    def _counts(self, purchase: Purchase, pay_again: bool) -> bool:
        if pay_again and not purchase.pay_again:
            return False
        age_s = self._parts.now_s() - (purchase.settled_at or purchase.created_at)
        return age_s < repeat_window_s(self._parts, pay_again)

    async def _join(self, purchase: Purchase) -> Purchase:
        """Wait for another process that is buying the same thing right now."""
        parts, current = self._parts, purchase
        with anyio.move_on_after(JOIN_WAIT_S):
            while (
                current.state in (State.HELD, State.SIGNED)
                and parts.now_s() - current.created_at < STALE_HOLD_S
            ):
                await anyio.sleep(JOIN_POLL_S)
                current = await parts.ledger.call(lambda ledger: ledger.get(purchase.id)) or current
        return current

    def _may_present(self, purchase: Purchase) -> bool:
        """Tell whether the stored bytes may go out again: to where they went, while they are good.

        After a redirect to another host they may not: where it led is kept nowhere. One to another
        origin of the same host is marked in the stored bytes themselves.
        """
        if purchase.transfer is None or host_of(purchase.url) != purchase.host:
            return False
        if purchase.channel_id is not None:
            return False
        alive = self._parts.now_s() < purchase.transfer.valid_before
        return purchase.state is State.SETTLED or alive

    async def _present_again(
        self,
        exchange: Exchange,
        purchase: Purchase,
        headers: Mapping[str, str],
        stored: Bought | None,
    ) -> Bought:
        # This call may have been led elsewhere before it met the purchase of another process.
        exchange.start_over()
        try:
            with anyio.CancelScope(shield=True):
                note = ("the same payment was presented again",)
                return await present(
                    self._parts, exchange, purchase, headers, notes=note, again=True
                )
        except PurserError:
            if stored is not None and purchase.state is State.SETTLED:
                return stored
            raise
        raise AssertionError("a shielded scope is not left early")

    async def _stored(self, purchase: Purchase) -> Bought | None:
        try:
            stored = await anyio.to_thread.run_sync(self._parts.store.load, purchase.id)
        except DamagedPurchaseError:
            return None
        if stored is None:
            return None
        return Bought(
            purchase=purchase,
            body=stored.body,
            content_type=stored.delivery.content_type,
            http_status=stored.delivery.http_status,
            url=purchase.url,
            truncated=stored.truncated,
            reused=True,
            left_today=await self._parts.ledger.call(
                lambda ledger: left_today(self._parts, ledger)
            ),
        )


def payment_to_present(
    purchase: Purchase, ledger: Ledger
) -> tuple[Purchase, Mapping[str, str] | None]:
    """Return the row as it is now with its stored payment, which nobody can free as unsent then.

    Whoever signed it may still be trying to connect; only a SIGNED hold is freed when that fails.
    """
    payment = ledger.signed_payment(purchase.id)
    headers = None if payment is None else to_present(payment)
    if headers is not None and (ledger.get(purchase.id) or purchase).state is State.SIGNED:
        with suppress(StaleStateError):
            ledger.mark_unknown(purchase.id, "another call presents the same payment")
    return ledger.get(purchase.id) or purchase, headers


def _as_stored(purchase: Purchase, stored: Bought | None) -> Bought:
    """Return what there is of a purchase that cannot be presented again, or say how it stands."""
    if purchase.state is not State.SETTLED:
        raise outcome_unknown(purchase)
    if stored is not None:
        return stored
    detail = "This was paid, but its content is not stored. Set pay_again=true to buy it anew."
    raise PurserError(ErrorKind.UPSTREAM_ERROR, detail, "yes", purchase.id, retryable=False)
