"""Buy pages through channels: one at a time for each seller, and at best with one request each."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio

from wallet.channels.model import Channel, ChannelState
from wallet.channels.offered import plans
from wallet.channels.order import (
    ChannelOrder,
    TurnedDown,
    further_page,
    hold_request,
    new_channel,
    opening_page,
    reached_headers,
)
from wallet.channels.plan import Opening, Plan, Through, Unfit
from wallet.channels.presenting import Refused, present_page
from wallet.channels.resolving import Told, reconcile_channel, resolve_page
from wallet.channels.shortcuts import Shortcuts
from wallet.checkout import over_cap
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import Exchange, NeverSentError, TransportFailedError
from wallet.funds import Funds
from wallet.holding import hold_and_sign
from wallet.ledger.base import (
    ApprovalMissingError,
    Ledger,
    OverCapError,
)
from wallet.ledger.channel_base import ChannelBusyError, ChannelMovedError
from wallet.limits import caps_for
from wallet.model import Bill, Purchase, State
from wallet.parts import Parts
from wallet.presenting import Bought, outcome_unknown
from wallet.rails.x402.batch.answer import BUSY, MISMATCH, read_error
from wallet.reconcile import STALE_HOLD_S, reconcile_one

ROUNDS = 3
"""So often a call tries again after it put a channel right."""
WAIT_S = 30
"""So long a call waits for other processes that pay through the same channel."""
POLL_S = 0.05
BUSY_TRIES = 8
BUSY_PAUSE_S = 0.25

Turn = Callable[[str], AbstractAsyncContextManager[None]]


class Till:
    """Pays pages out of channels.

    Args:
        parts: the wallet.
        funds: refuses a deposit that the wallet does not hold.
        turn: lets those who name the same thing in this process wait for each other.
    """

    def __init__(self, parts: Parts, funds: Funds, turn: Turn) -> None:
        self._parts = parts
        self._funds = funds
        self._turn = turn
        self.shortcuts = Shortcuts(parts)

    async def buy(self, exchange: Exchange, order: ChannelOrder) -> Bought | TurnedDown:
        """Buy one page, or return the 402 with which its seller wants something else.

        Raises:
            AlreadyBoughtError: another process bought the same page meanwhile.
            PurserError: refused before signing (`spent` no), or the outcome is not good.
        """
        async with self._at(order.origin):
            rounds, until = ROUNDS, anyio.current_time() + WAIT_S
            while rounds and anyio.current_time() < until:
                try:
                    outcome = await self._round(exchange, order)
                except (ChannelBusyError, ChannelMovedError):
                    await anyio.sleep(POLL_S)  # another process was faster
                    continue
                if outcome is not None:
                    return outcome
                rounds -= 1
        detail = "The channel with this seller kept changing; nothing more was signed."
        raise PurserError(ErrorKind.OUTCOME_UNKNOWN, detail, "no")

    async def first(
        self, exchange: Exchange, order: ChannelOrder, channel: Channel
    ) -> Bought | TurnedDown | None:
        """Pay with the very first request, where what a page costs is remembered.

        Returns the 402 of a seller that wants something else, and None where nothing was sent, or
        where the plain request has to be made after all.
        """
        async with self._at(order.origin):
            current, page = await self._parts.ledger.call(
                lambda ledger: (
                    ledger.channels.get(channel.id) or channel,
                    ledger.channels.open_page(channel.id),
                )
            )
            if page is not None or current.state is not ChannelState.OPEN:
                return None
            if current.left_atomic < order.offer.amount_atomic or current.drained_at is not None:
                return None
            try:
                return await self._pay(exchange, order, current)
            except (ChannelBusyError, ChannelMovedError):
                return None
            except PurserError as error:
                if error.kind is ErrorKind.OUTCOME_UNKNOWN:
                    # Whatever stands there does not sell as remembered: ask before the next one.
                    await self.shortcuts.forget(exchange.request)
                raise

    @asynccontextmanager
    async def _at(self, origin: str) -> AsyncGenerator[None]:
        async with self._turn(f"channel {origin}"):
            yield

    async def _round(self, exchange: Exchange, order: ChannelOrder) -> Bought | TurnedDown | None:
        """Try once; None when the channel was put right and is to be tried again."""
        step = await self._plan(order)
        if order.only is not None:
            step = _the_same(step, order.only)
        if isinstance(step, Unfit):
            reason = step.reason[:1].upper() + step.reason[1:]
            raise PurserError(step.kind, f"{reason}.")
        if isinstance(step, Opening):
            return await self._open(exchange, order, step)
        page = await self._wait(step.channel)
        if page is not None:
            await self.resolve(exchange, order, await self._fresh(step.channel), page)
            return None
        return await self._pay(exchange, order, step.channel)

    async def _plan(self, order: ChannelOrder) -> Plan:
        parts = self._parts
        caps, now = caps_for(parts.rules, order.host), parts.now_s()
        balances, live = await parts.ledger.call(
            lambda ledger: (
                ledger.balances(caps, now),
                ledger.channels.of_origin(parts.principal, order.origin),
            )
        )
        standing = list(zip(caps, balances, strict=True))
        return plans(Bill((order.challenge,)), parts.rules, standing, live)[order.offer.index]

    async def _open(
        self, exchange: Exchange, order: ChannelOrder, step: Opening
    ) -> Bought | TurnedDown:
        parts = self._parts
        await self._funds.require(order.asset, order.payer, step.deposit_atomic)
        channel = new_channel(parts, order, step)
        request = hold_request(parts, exchange, order, channel.config)
        try:
            held, headers = await hold_and_sign(parts, opening_page(parts, order, request, channel))
        except OverCapError as error:
            raise over_cap(step.deposit_usd, error) from None
        except ApprovalMissingError:
            raise _above_approval() from None
        with anyio.CancelScope(shield=True):
            outcome = await present_page(parts, exchange, held, channel, headers)
            if isinstance(outcome, Bought):
                with anyio.move_on_after(parts.proof_wait_s):
                    await reconcile_channel(parts, await self._fresh(channel))
                await self.shortcuts.remember(exchange.request, order, channel)
                return outcome
        # The deposit may still be made until its authorization runs out.
        detail = (
            f"The server answered 402 to a deposit of ${step.deposit_usd}, which stays held until"
            " the chain shows that it was made or never can be."
        )
        raise PurserError(ErrorKind.PAYMENT_REJECTED, detail, "unknown", held.id)

    async def _pay(
        self, exchange: Exchange, order: ChannelOrder, channel: Channel
    ) -> Bought | TurnedDown | None:
        parts = self._parts
        request = hold_request(parts, exchange, order, channel.config)
        try:
            held, headers = await hold_and_sign(parts, further_page(parts, order, request, channel))
        except OverCapError as error:
            raise over_cap(order.price, error) from None
        except ApprovalMissingError:
            raise _above_approval() from None
        with anyio.CancelScope(shield=True):
            for tries in range(BUSY_TRIES):
                outcome = await present_page(
                    parts, exchange, held, channel, headers, again=tries > 0
                )
                if isinstance(outcome, Bought):
                    await self.shortcuts.remember(exchange.request, order, channel)
                    return outcome
                if read_error(outcome.response) != BUSY:
                    return await self._refused(channel, outcome)
                await anyio.sleep(BUSY_PAUSE_S)
            raise outcome_unknown(held, "is busy with another request of the same channel")

    async def _refused(self, channel: Channel, refused: Refused) -> TurnedDown | None:
        """Make of a 402 what it says: put the channel right, or let the offer be judged anew."""
        parts, page = self._parts, refused.page
        if read_error(refused.response) == MISMATCH:
            current = await self._fresh(channel)
            _require_proof(page, await resolve_page(parts, current, page, refused.response))
            return None
        with anyio.move_on_after(parts.proof_wait_s):
            await reconcile_channel(parts, await self._fresh(channel))
        # The page stays open: whoever is to be paid next has to say first where the channel stands.
        return TurnedDown(refused.response, channel.id)

    async def _wait(self, channel: Channel) -> Purchase | None:
        """Wait for another process that pays through this channel right now."""
        parts = self._parts
        page = await self._page(channel)
        with anyio.move_on_after(WAIT_S):
            while (
                page is not None
                and page.state in (State.HELD, State.SIGNED)
                and parts.now_s() - page.created_at < STALE_HOLD_S
            ):
                await anyio.sleep(POLL_S)
                page = await self._page(channel)
        return page

    async def resolve(
        self, exchange: Exchange, order: ChannelOrder, channel: Channel, page: Purchase
    ) -> None:
        """Find out what became of an earlier page, so that the next voucher covers the right sum.

        Raises:
            PurserError: OUTCOME_UNKNOWN, about the earlier page.
        """
        parts = self._parts
        if page.state is State.HELD:
            await reconcile_one(parts, page)
            return
        if page.state is State.SIGNED:
            await parts.ledger.call(lambda ledger: _gave_up(ledger, page.id))
        channel = await reconcile_channel(parts, channel)
        if channel.state not in (ChannelState.OPENING, ChannelState.OPEN):
            return
        if channel.state is ChannelState.OPENING:
            detail = (
                f"A deposit of ${channel.deposited_usd} was signed to open a channel with this"
                " seller, and the chain does not show it yet. It stays held until the chain shows"
                " that it was made or, some time after its authorization runs out, never can be."
            )
            raise PurserError(ErrorKind.OUTCOME_UNKNOWN, detail, "unknown", page.id)
        headers = await parts.ledger.call(
            lambda ledger: reached_headers(parts, ledger, order, channel)
        )
        try:
            response = await exchange.pay(headers)
        except (NeverSentError, TransportFailedError):
            raise outcome_unknown(page, "could not be asked where the channel stands") from None
        _require_proof(page, await resolve_page(parts, channel, page, response))

    async def _fresh(self, channel: Channel) -> Channel:
        found = await self._parts.ledger.call(lambda ledger: ledger.channels.get(channel.id))
        return found or channel

    async def _page(self, channel: Channel) -> Purchase | None:
        return await self._parts.ledger.call(lambda ledger: ledger.channels.open_page(channel.id))


def _the_same(step: Plan, channel_id: str) -> Plan:
    if isinstance(step, Unfit) or (isinstance(step, Through) and step.channel.id == channel_id):
        return step
    raise other_way_refused()


def other_way_refused() -> PurserError:
    """Return the error of a seller that has a voucher for a call and wants it paid another way."""
    detail = (
        "The server has a voucher for this call, answered 402, and wants to be paid in another"
        " way. Nothing more was signed; the channel's deposit covers the voucher."
    )
    return PurserError(ErrorKind.PAYMENT_REJECTED, detail, "unknown")


def _require_proof(page: Purchase, told: Told) -> None:
    if told is Told.LIED:
        what = "claims a total that no voucher of this wallet bears out"
        raise outcome_unknown(page, what, ended=True)
    if told is Told.NOTHING:
        raise outcome_unknown(page, "does not say where the channel stands")


def _above_approval() -> PurserError:
    detail = "The price is above what goes without your approval."
    return PurserError(ErrorKind.OVER_PAYMENT_CAP, detail)


def _gave_up(ledger: Ledger, page_id: str) -> None:
    ledger.mark_unknown(page_id, "whoever was paying this page did not finish")
