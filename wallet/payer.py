"""Run one paid exchange from end to end, and never the same one twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import anyio.to_thread

from wallet.allowances import Allowances
from wallet.approvals import header_terms, terms_of
from wallet.assets import find_asset
from wallet.call_total import with_call_total
from wallet.channels.buying import Till, other_way_refused
from wallet.channels.order import ChannelOrder, TurnedDown
from wallet.channels.shortcuts import remembered_offer, remembered_order
from wallet.checkout import Order, pay, with_word
from wallet.choosing import choose, decide_now, frozen, new_draft
from wallet.consent import ask
from wallet.errors import ErrorKind, PurserError, as_sentence
from wallet.exchange import Exchange, WebRequest, WebResponse
from wallet.funds import Funds
from wallet.ids import purchase_id, purchase_key
from wallet.ledger.base import AlreadyBoughtError, LedgerUnavailableError
from wallet.model import Bill
from wallet.money import Usd
from wallet.parts import Parts
from wallet.presenting import Bought, bought, keep_content, left_today, outcome_unknown
from wallet.quotes import Quote, refusal, unpaid_quote
from wallet.rails.router import recognise
from wallet.rails.x402.batch.channel import SCHEME as BATCH
from wallet.repeats import Repeats, host_of, origin_of
from wallet.sign_in import signed_in
from wallet.status import WalletStatus, read_status

ATTEMPTS = 3
"""So often a call looks again at what another process, buying the same meanwhile, came to."""


class Payer:
    """Buys one exchange at a time per logical call; every process that shares the ledger agrees.

    Args:
        parts: what it works with.
        beside: another payer of the same wallet, whose turns this one takes part in.
    """

    def __init__(self, parts: Parts, *, beside: Payer | None = None) -> None:
        self._parts = parts
        self._funds = Funds(parts.chain) if beside is None else beside._funds
        self._allowances = Allowances(parts.chain, parts.rules.schemes)
        self._repeats = Repeats(parts) if beside is None else beside._repeats
        self._till = Till(parts, self._funds, self._repeats.turn)

    async def within(self, requests: Sequence[WebRequest], limit: Usd) -> Payer:
        """Return this wallet for one call of many purchases, which together cost `limit` at most.

        Raises:
            PurserError: LEDGER_UNAVAILABLE.
        """
        try:
            parts = await with_call_total(self._parts, requests, limit)
        except LedgerUnavailableError as error:
            raise PurserError(ErrorKind.LEDGER_UNAVAILABLE, str(error)) from None
        return Payer(parts, beside=self)

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
            async with self._repeats.turn(key):
                for left in reversed(range(ATTEMPTS)):
                    earlier = await self._repeats.earlier(exchange, key, pay_again)
                    if earlier is not None:
                        return earlier
                    try:
                        return await self._fetch_anew(exchange, key, max_price, pay_again)
                    except AlreadyBoughtError as error:
                        if not left:
                            raise outcome_unknown(error.purchase) from None
                raise AssertionError("the last attempt returns or raises")
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
        bill = recognise(self._parts.rails, response)
        try:
            payer = await self._parts.keys.address()
        except PurserError:
            payer = ""
        draft = new_draft(self._parts, exchange.request, payer)[1]
        try:
            key = purchase_key(self._parts.principal, exchange.request)
            bill, quote = await choose(self._parts, bill, key, response.url, draft, max_price)
        except LedgerUnavailableError as error:
            raise PurserError(ErrorKind.LEDGER_UNAVAILABLE, str(error)) from None
        return await self._with_funds(quote, bill, payer)

    async def _with_funds(self, quote: Quote, bill: Bill, payer: str) -> Quote:
        """Withdraw a promise to pay that the wallet's balance cannot keep."""
        offer = next((one for one in bill.offers if one.index == quote.chosen), None)
        asset = None if offer is None else find_asset(offer.network_id or "", offer.asset)
        if offer is None or asset is None or not payer:
            return quote
        needed = next(one.needs_atomic for one in quote.offers if one.index == offer.index)
        missing = await self._funds.shortfall(asset, payer, needed) if needed else None
        kind = ErrorKind.INSUFFICIENT_FUNDS
        if missing is None:
            kind = ErrorKind.ALLOWANCE_REQUIRED
            challenge = bill.challenge_of(offer)
            missing = (await self._allowances.look(challenge, offer, asset, payer)).missing
        if missing is None:
            return quote
        return replace(quote, chosen=None, refusal=kind, reason=missing)

    async def status(self) -> WalletStatus:
        """Return every limit with what is left of it, and what is open.

        Raises:
            PurserError: LEDGER_UNAVAILABLE.
        """
        try:
            address = await self._parts.keys.address()
        except PurserError:
            address = None
        try:
            return await self._parts.ledger.call(
                lambda ledger: read_status(ledger, self._parts.rules, self._parts.now_s(), address)
            )
        except LedgerUnavailableError as error:
            raise PurserError(ErrorKind.LEDGER_UNAVAILABLE, str(error)) from None

    async def _fetch_anew(
        self, exchange: Exchange, key: str, max_price: Usd | None, pay_again: bool
    ) -> Bought:
        first = await self._with_first_request(exchange, key, max_price, pay_again)
        if isinstance(first, Bought):
            return first
        turned = first
        response = await exchange.ask() if turned is None else turned.response
        if turned is None and not pay_again:
            response = await signed_in(self._parts, exchange, response) or response
        for _ in range(ATTEMPTS):
            if response.status != 402:
                return await self._free(exchange, key, response)
            order = await self._order(key, exchange.request, response, max_price, pay_again)
            if not exchange.can_still_pay():
                detail = "Too little time was left to wait for a settlement, so nothing was signed."
                raise PurserError(ErrorKind.TIMEOUT, detail)
            if isinstance(order, Order):
                if turned is not None:
                    raise other_way_refused()
                order = await with_word(order, response.url, self._parts.now_s())
                return await pay(self._parts, exchange, order)
            only = None if turned is None else turned.channel_id
            outcome = await self._till.buy(exchange, replace(order, only=only))
            if isinstance(outcome, Bought):
                return outcome
            turned, response = outcome, outcome.response
        detail = (
            "The server answers 402 to every voucher. None was charged as far as it says; the"
            " channel's deposit stays held."
        )
        raise PurserError(ErrorKind.PAYMENT_REJECTED, detail, "unknown")

    async def _with_first_request(
        self, exchange: Exchange, key: str, max_price: Usd | None, pay_again: bool
    ) -> Bought | TurnedDown | None:
        """Pay by voucher before asking, where a channel is open and the price is remembered.

        The remembered offer passes the same policy as one that was just made. Returns a 402 that
        comes instead, and None where nothing is remembered that may be paid.
        """
        parts, request = self._parts, exchange.request
        if BATCH not in parts.rules.schemes:
            return None
        place = await self._till.shortcuts.recall(request)
        challenge = None if place is None else remembered_offer(place)
        if place is None or challenge is None:
            return None
        payer = await parts.keys.unlock()
        bill = Bill((challenge,))
        quote = await decide_now(parts, bill, key, request, request.url, payer, max_price)
        order = remembered_order(place, challenge, key, request, pay_again=pay_again)
        if quote.chosen is None or order is None or order.payer != payer:
            return None
        return await self._till.first(exchange, order, place.channel)

    async def _order(
        self,
        key: str,
        request: WebRequest,
        response: WebResponse,
        max_price: Usd | None,
        pay_again: bool,
    ) -> Order | ChannelOrder:
        """Freeze one offer into the exact transfer to sign, or refuse."""
        parts = self._parts
        bill = recognise(parts.rails, response)
        payer = await parts.keys.unlock()
        order_id, draft = new_draft(parts, request, payer)
        bill, quote = await choose(parts, bill, key, response.url, draft, max_price)
        wanted = quote.askable if quote.chosen is None else quote.chosen
        if wanted is None:
            raise refusal(quote)
        offer = next(one for one in bill.offers if one.index == wanted)
        challenge = bill.challenge_of(offer)
        rail = next(one for one in parts.rails if one.name == challenge.rail)
        quoted = next(one for one in quote.offers if one.index == wanted)
        asset = find_asset(offer.network_id or "", offer.asset)
        if asset is None or quoted.amount_usd is None:
            raise AssertionError("policy allows only known assets with a price")
        host = host_of(response.url)
        redirected = origin_of(response.url) != origin_of(request.url)
        if offer.scheme == BATCH:
            return ChannelOrder(
                key=key,
                origin=origin_of(response.url),
                host=host,
                redirected=redirected,
                challenge=challenge,
                offer=offer,
                asset=asset,
                price=quoted.amount_usd,
                payer=payer,
                pay_again=pay_again,
            )
        await self._funds.require(asset, payer, offer.amount_atomic)
        allowance = await self._allowances.look(challenge, offer, asset, payer)
        if allowance.missing is not None:
            raise PurserError(ErrorKind.ALLOWANCE_REQUIRED, as_sentence(allowance.missing))
        transfer = frozen(rail, challenge, offer, draft)
        if quote.chosen is None:
            terms = terms_of(key, host, offer.scheme, transfer, header_terms(request))
            raise await ask(parts, request, terms, quoted.amount_usd, refusal(quote).offers)
        return Order(
            id=order_id,
            key=key,
            host=host,
            redirected=redirected,
            rail=rail,
            challenge=challenge,
            offer=offer,
            price=quoted.amount_usd,
            transfer=transfer,
            pay_again=pay_again,
            permit_nonce=allowance.permit_nonce,
        )

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
        return bought(purchase, response, left)
