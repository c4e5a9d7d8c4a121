"""Run one paid exchange from end to end, and never the same one twice."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from wallet.assets import find_asset
from wallet.checkout import (
    Order,
    content_type_of,
    keep_content,
    left_today,
    outcome_unknown,
    pay,
    repeat_window_s,
)
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import Exchange, WebResponse
from wallet.funds import Funds
from wallet.ids import purchase_id, purchase_key
from wallet.ledger.base import AlreadyBoughtError, Balance, Cap, Ledger, LedgerUnavailableError
from wallet.model import (
    OPEN_STATES,
    Challenge,
    Purchase,
    State,
    Transfer,
)
from wallet.money import Usd
from wallet.parts import Parts
from wallet.policy import CapStatus, Quote, cap_status, caps_for, decide, unpaid_quote
from wallet.purchases import DamagedPurchaseError
from wallet.rails.router import recognise
from wallet.reconcile import STALE_HOLD_S, reconcile_one

JOIN_WAIT_S = 30
JOIN_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Bought:
    """Content with the purchase it came from; `reused` when nothing was paid now.
    `left_today` is None when the ledger cannot be read any more.

    `body` is at most `max_body_bytes` long, and `truncated` tells whether it was cut there.
    """

    purchase: Purchase
    body: bytes
    content_type: str
    http_status: int
    url: str
    truncated: bool
    reused: bool
    left_today: Usd | None


@dataclass(frozen=True, slots=True)
class WalletStatus:
    """The wallet as a whole: `address` is None while the key cannot be reached.

    `hosts` has the host's name with its cap, for each host that was paid or is owed today.
    """

    address: str | None
    per_payment: Usd
    caps: tuple[CapStatus, ...]
    hosts: tuple[tuple[str, CapStatus], ...]
    open: tuple[Purchase, ...]


class Payer:
    """Buys one exchange at a time per logical call; every process that shares the ledger agrees."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._funds = Funds(parts.chain)
        self._turns: dict[str, tuple[anyio.Lock, int]] = {}

    async def fetch(self, exchange: Exchange, *, max_price: Usd | None, pay_again: bool) -> Bought:
        """Return the content of a request, paying for it at most once.

        Args:
            exchange: the conversation with the seller.
            max_price: the caller's own limit; it can only tighten the user's.
            pay_again: buy anew although the same request was bought within the repeat window.

        Raises:
            PurserError: with `spent` telling whether money moved.
        """
        key = purchase_key(self._parts.principal, exchange.request)
        try:
            async with self._turn(key):
                earlier = await self._earlier(key, pay_again)
                if earlier is not None:
                    return earlier
                try:
                    return await self._fetch_anew(exchange, key, max_price, pay_again)
                except AlreadyBoughtError as error:
                    earlier = await self._earlier(key, pay_again)
                    if earlier is None:
                        raise outcome_unknown(error.purchase) from None
                    return earlier
        except LedgerUnavailableError as error:
            raise PurserError(ErrorKind.LEDGER_UNAVAILABLE, str(error)) from None

    async def quote(self, exchange: Exchange, *, max_price: Usd | None) -> Quote:
        """Return what a request would cost and what would be done; signs and holds nothing.

        Raises:
            PurserError: the request could not be made, or its 402 cannot be read.
        """
        response = await exchange.ask()
        if response.status != 402:
            return unpaid_quote(response.url, response.status)
        challenge = recognise(self._parts.rails, response)
        try:
            payer = await self._parts.keys.address()
        except PurserError:
            payer = ""
        try:
            quote = await self._decide(challenge, response.url, payer, max_price)
        except LedgerUnavailableError as error:
            raise PurserError(ErrorKind.LEDGER_UNAVAILABLE, str(error)) from None
        return await self._with_funds(quote, challenge, payer)

    async def _with_funds(self, quote: Quote, challenge: Challenge, payer: str) -> Quote:
        """Withdraw a promise to pay that the wallet's balance cannot keep."""
        offer = next((one for one in challenge.offers if one.index == quote.chosen), None)
        asset = None if offer is None else find_asset(offer.network_id or "", offer.asset)
        if offer is None or asset is None or not payer:
            return quote
        missing = await self._funds.shortfall(asset, payer, offer.amount_atomic)
        if missing is None:
            return quote
        kind = ErrorKind.INSUFFICIENT_FUNDS
        return replace(quote, chosen=None, refusal=kind, reason=missing)

    async def status(self) -> WalletStatus:
        """Return every cap with what is settled, held and left, and every open purchase."""
        try:
            address = await self._parts.keys.address()
        except PurserError:
            address = None
        try:
            return await self._parts.ledger.call(lambda ledger: self._status(ledger, address))
        except LedgerUnavailableError as error:
            raise PurserError(ErrorKind.LEDGER_UNAVAILABLE, str(error)) from None

    def _status(self, ledger: Ledger, address: str | None) -> WalletStatus:
        rules, now = self._parts.rules, self._parts.now_s()
        general = [cap for cap in caps_for(rules, "") if cap.scope == "all"]
        balances = ledger.balances(tuple(general), now)
        hosts = [
            (balance.scope.removeprefix("host:"), cap_status(caps_for(rules, "")[-1], balance))
            for balance in ledger.day_balances(now)
            if balance.scope.startswith("host:")
        ]
        return WalletStatus(
            address,
            rules.per_payment,
            tuple(cap_status(cap, balance) for cap, balance in zip(general, balances, strict=True)),
            tuple(hosts),
            tuple(ledger.open_purchases()),
        )

    @asynccontextmanager
    async def _turn(self, key: str) -> AsyncGenerator[None]:
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

    async def _earlier(self, key: str, pay_again: bool) -> Bought | None:
        """Return what an identical call bought, None when it must be bought, or raise if open."""
        purchase = await self._parts.ledger.call(lambda ledger: ledger.latest(key))
        if purchase is None:
            return None
        if purchase.state in OPEN_STATES:
            purchase = await self._join(purchase)
            purchase = await reconcile_one(self._parts, purchase)
        if purchase.state is State.VOID:
            return None
        if purchase.state is State.SETTLED and not self._counts(purchase, pay_again):
            return None
        stored = await self._stored(purchase)
        if stored is not None and (purchase.state is State.SETTLED or stored.http_status < 300):
            return stored
        if purchase.state is State.SETTLED:
            detail = (
                "This was paid, but its content is not stored. Set pay_again=true to buy it anew."
            )
            raise PurserError(ErrorKind.UPSTREAM_ERROR, detail, "yes", purchase.id, retryable=False)
        raise outcome_unknown(purchase)

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

    async def _fetch_anew(
        self, exchange: Exchange, key: str, max_price: Usd | None, pay_again: bool
    ) -> Bought:
        response = await exchange.ask()
        if response.status != 402:
            return await self._free(exchange, key, response)
        order = await self._order(key, exchange.request.url, response, max_price, pay_again)
        if not exchange.can_still_pay():
            detail = "Too little time was left to wait for a settlement, so nothing was signed."
            raise PurserError(ErrorKind.TIMEOUT, detail)
        paid = await pay(self._parts, exchange, order)
        return _bought(paid.purchase, paid.response, paid.left_today)

    async def _order(
        self,
        key: str,
        asked_url: str,
        response: WebResponse,
        max_price: Usd | None,
        pay_again: bool,
    ) -> Order:
        """Freeze one offer into the exact transfer to sign, or refuse."""
        parts = self._parts
        challenge = recognise(parts.rails, response)
        rail = next(one for one in parts.rails if one.name == challenge.rail)
        payer = await parts.keys.unlock()
        quote = await self._decide(challenge, response.url, payer, max_price)
        if quote.chosen is None:
            raise refusal(quote)
        offer = next(one for one in challenge.offers if one.index == quote.chosen)
        quoted = next(one for one in quote.offers if one.index == quote.chosen)
        asset = find_asset(offer.network_id or "", offer.asset)
        if asset is None or quoted.amount_usd is None:
            raise AssertionError("policy allows only known assets with a price")
        await self._funds.require(asset, payer, offer.amount_atomic)
        transfer = Transfer(
            network_id=asset.network,
            asset=asset.address,
            payer=payer,
            pay_to=offer.pay_to,
            amount_atomic=offer.amount_atomic,
            valid_after=0,
            valid_before=parts.now_s() + min(parts.rules.validity_s, offer.max_timeout_s),
            nonce="0x" + parts.entropy(32).hex(),
        )
        host = host_of(response.url)
        return Order(
            key=key,
            host=host,
            redirected=host != host_of(asked_url),
            rail=rail,
            challenge=challenge,
            offer=offer,
            price=quoted.amount_usd,
            transfer=transfer,
            pay_again=pay_again,
        )

    async def _decide(
        self, challenge: Challenge, url: str, payer: str, max_price: Usd | None
    ) -> Quote:
        standing = await self._standing(host_of(url))
        return decide(challenge, url, self._parts.rules, payer, max_price, standing)

    async def _standing(self, host: str) -> list[tuple[Cap, Balance]]:
        caps, now = caps_for(self._parts.rules, host), self._parts.now_s()
        balances = await self._parts.ledger.call(lambda ledger: ledger.balances(caps, now))
        return list(zip(caps, balances, strict=True))

    async def _free(self, exchange: Exchange, key: str, response: WebResponse) -> Bought:
        """Keep a free answer, so that it can be read on like a bought one."""
        parts = self._parts
        new_id = purchase_id(parts.clock(), parts.entropy(10))
        await anyio.to_thread.run_sync(parts.store.ensure_room, len(response.body))
        delivery = await keep_content(parts, new_id, response)
        if delivery is None:
            detail = "The answer was free, but it could not be stored on disk."
            raise PurserError(ErrorKind.LEDGER_UNAVAILABLE, detail)
        purchase = await parts.ledger.call(
            lambda ledger: ledger.record_free(
                purchase_id=new_id,
                key=key,
                principal=parts.principal,
                method=exchange.request.method,
                url=exchange.request.url,
                host=host_of(response.url),
                now=parts.now_s(),
                delivery=delivery,
            )
        )
        left = await parts.ledger.call(lambda ledger: left_today(parts, ledger))
        return _bought(purchase, response, left)


def _bought(purchase: Purchase, response: WebResponse, left: Usd | None) -> Bought:
    return Bought(
        purchase=purchase,
        body=response.body,
        content_type=content_type_of(response),
        http_status=response.status,
        url=response.url,
        truncated=response.truncated,
        reused=False,
        left_today=left,
    )


def host_of(url: str) -> str:
    """Return the host that budgets are kept by: lower case, without port."""
    return (urlsplit(url).hostname or "").lower()


def refusal(quote: Quote) -> PurserError:
    """Turn a refused quote into its error, one bounded reason for each offer."""
    kind = quote.refusal or ErrorKind.NO_PAYABLE_OFFER
    offers = [
        {
            "index": one.index,
            "network": one.network,
            "asset": one.asset_symbol,
            "amount_usd": None if one.amount_usd is None else str(one.amount_usd),
            "code": None if one.refusal is None else one.refusal.value.code,
            "reason": one.reason,
        }
        for one in quote.offers[:20]
    ]
    reason = quote.reason[:1].upper() + quote.reason[1:]
    return PurserError(kind, f"{reason}.", offers=offers)
