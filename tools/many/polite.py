"""One page's exchange among many: polite to its host, in its turn, and within the call's time."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import anyio

from tools.many.manners import Host, Hosts
from tools.many.turns import Turns
from wallet.exchange import Exchange, WebRequest, WebResponse

ASKS = 3
LONGEST_WAIT_S = 20
"""So long a page waits for a host that asks for it; an exchange has a time limit of its own."""


class PoliteExchange:
    """Implements `wallet.exchange.Exchange` around another one.

    `paying` tells that a payment may be on its way, so that the page has to be let finish.

    Args:
        inner: talks to the host.
        hosts: their slots, and what they asked for.
        number: the page's.
        turns: where pages wait for the ones before them; None lets them go as they come.
        until: when nothing more is asked or signed, on the event loop's clock.
    """

    def __init__(
        self, inner: Exchange, hosts: Hosts, number: int, turns: Turns | None, until: float
    ) -> None:
        self.paying = False
        self._host = self._first = hosts.of(inner.request.url)
        self._inner = inner
        self._hosts = hosts
        self._number = number
        self._turns = turns
        self._until = until
        self._slots: anyio.CapacityLimiter | None = None

    @property
    def request(self) -> WebRequest:
        """Return the request that was asked for."""
        return self._inner.request

    @property
    def host(self) -> Host:
        """Return who answers for how the page ends: who was asked, or paid.

        Nobody does for where a redirect led to: else a seller could have another one given up, by
        leading to what fails there.
        """
        named = self._host is self._first
        return self._host if named or self.paying else self._hosts.nobody

    async def ask(self) -> WebResponse:
        """Ask for the price, again where the host says when; then wait for the page's turn.

        Raises:
            PurserError: as the inner exchange, or the host is not to be asked now.
        """
        response, asked = await self._ask_once(), 1
        while self._host.heed(response) and asked < ASKS:
            response, asked = await self._ask_once(), asked + 1
        if response.status == 402:
            if self._turns is not None:
                await self._turns.take(self._number)
            if self._has_to_wait():
                # Whoever waits for its own host lets the pages of others go first.
                self._decided()
            # Before anything is signed: a signed payment must not wait in a queue, nor meet a host
            # that has meanwhile asked to be left alone or taken money for nothing.
            await self._take_slot()
            await self._host.ready(self._patience())
        return response

    def _has_to_wait(self) -> bool:
        needs_slot = self._slots is None and self._host.slots.available_tokens < 1
        return needs_slot or self._host.asked_to_wait

    def _patience(self) -> float:
        return min(self._until, anyio.current_time() + LONGEST_WAIT_S)

    async def _ask_once(self) -> WebResponse:
        await self._host.ready(self._patience())
        self._host = self._first
        await self._take_slot()
        await self._host.ready(self._patience())
        response = await self._inner.ask()
        self._host = self._hosts.of(response.url)
        # Kept for the payment: prices that were asked for and queue for one would grow too old.
        if response.status != 402 or self._host is not self._first:
            self._give_slot()
        return response

    def start_over(self) -> None:
        """Forget where redirects led."""
        self._inner.start_over()

    def can_still_pay(self) -> bool:
        """Tell whether enough is left of the exchange's time, and any of the call's."""
        return self._inner.can_still_pay() and anyio.current_time() < self._until

    async def pay(self, payment_headers: Mapping[str, str]) -> WebResponse:
        """Send the payment; by now it is held, so that the next page can be decided about.

        Raises:
            NeverSentError, TransportFailedError: as the inner exchange.
        """
        self.paying = True
        self._decided()
        self._take_free_slot()
        try:
            response = await self._inner.pay(payment_headers)
        finally:
            self._give_slot()
        self._host.heed(response)
        return response

    def finish(self) -> None:
        """Give back what the page held of its host, and its turn."""
        self._give_slot()
        self._decided()

    def _decided(self) -> None:
        if self._turns is not None:
            self._turns.decided(self._number)

    async def _take_slot(self) -> None:
        if self._slots is None:
            slots = self._host.slots
            await slots.acquire_on_behalf_of(self)
            self._slots = slots

    def _take_free_slot(self) -> None:
        """Take a slot if there is one: what is signed goes out at once, whoever is before it.

        A voucher has to: those who hold the slots may be waiting for its channel.
        """
        if self._slots is None:
            with suppress(anyio.WouldBlock):
                self._host.slots.acquire_on_behalf_of_nowait(self)
                self._slots = self._host.slots

    def _give_slot(self) -> None:
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.release_on_behalf_of(self)
