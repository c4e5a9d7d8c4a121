"""One payment from chosen offer to stored signature: hold, sign, store; then it is presented."""

from __future__ import annotations

from dataclasses import dataclass, replace

import anyio
import anyio.to_thread

from wallet.approvals import header_terms, terms_of
from wallet.consent import ask
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import Exchange
from wallet.holding import Prepared, hold_and_sign
from wallet.ids import payment_identifier
from wallet.ledger.base import (
    ApprovalMissingError,
    HoldRequest,
    Ledger,
    NonceUsedError,
    OverCapError,
)
from wallet.limits import caps_for
from wallet.model import Challenge, Offer, SellerWord, Transfer
from wallet.money import Usd
from wallet.parts import Parts
from wallet.presenting import Bought, as_stored, present, release_unsent
from wallet.rails.base import Rail
from wallet.rails.x402.gas_permit import carrying_permit
from wallet.repeats import repeat_window_s


@dataclass(frozen=True, slots=True)
class Order:
    """What policy chose: everything a hold needs; `host` is the one that answered 402.

    `id` is the purchase's. `word` is what the seller signed about the offer, if anything.

    `redirected` tells that it did so at another origin than the one that was asked. The address
    it led to is the seller's text and is kept nowhere.

    `permit_nonce` is that of a permit for Permit2 to sign along, None when none is needed.
    """

    id: str
    key: str
    host: str
    redirected: bool
    rail: Rail
    challenge: Challenge
    offer: Offer
    price: Usd
    transfer: Transfer
    pay_again: bool
    permit_nonce: int | None = None
    word: SellerWord | None = None


async def with_word(order: Order, url: str, now_s: int) -> Order:
    """Add what the seller signed about the offer, checked where curve work holds nobody up.

    `url` is where the 402 came from.
    """
    word = await anyio.to_thread.run_sync(
        order.rail.signed_offer, order.challenge, order.offer, url, now_s
    )
    return replace(order, word=word)


async def pay(parts: Parts, exchange: Exchange, order: Order) -> Bought:
    """Pay for one exchange and record what became of it.

    Up to the stored signature a cancellation undoes everything. From sending to the recorded
    outcome the section is shielded: the money may move, so the books must follow.

    Raises:
        AlreadyBoughtError: another process bought the same thing meanwhile.
        PurserError: refused before signing (`spent` no), or the outcome is not good.
    """
    held, headers = await _prepare(parts, exchange, order)
    notes = _notes(order)
    with anyio.CancelScope(shield=True):
        return await present(parts, exchange, held, headers, notes=notes, offer=order.word)
    raise AssertionError("a shielded scope is not left early")


def _notes(order: Order) -> tuple[str, ...]:
    redirected = (f"redirected to {order.host}",) if order.redirected else ()
    permit = ("a permit for Permit2, of this amount, went along",)
    return redirected if order.permit_nonce is None else (*redirected, *permit)


async def _prepare(parts: Parts, exchange: Exchange, order: Order) -> Prepared:
    """Hold, sign and store, each durable; return the hold and the payment's headers."""
    request = _hold_request(parts, exchange, order)
    try:
        return await hold_and_sign(parts, lambda ledger: _commit(parts, ledger, order, request))
    except OverCapError as error:
        raise over_cap(order.price, error) from None
    except ApprovalMissingError:
        headers = header_terms(exchange.request)
        terms = terms_of(order.key, order.host, order.offer.scheme, order.transfer, headers)
        raise await ask(parts, exchange.request, terms, order.price) from None
    except NonceUsedError:
        detail = "The seller's challenge was paid before, and pays for nothing a second time."
        raise PurserError(ErrorKind.NO_PAYABLE_OFFER, detail) from None


def _commit(parts: Parts, ledger: Ledger, order: Order, request: HoldRequest) -> Prepared:
    """Run the three durable steps in the ledger's own thread, undoing the hold if one fails."""
    parts.store.ensure_room(parts.room_bytes)
    held = ledger.hold(request)
    try:
        signature = parts.keys.sign(ledger, request.id, order.transfer)
        challenge = _challenge(parts, ledger, order)
        headers = order.rail.payment_headers(
            challenge, order.offer, order.transfer, signature, payment_identifier(request.id)
        )
        ledger.store_signed(request.id, as_stored(headers, elsewhere=order.redirected))
    except Exception:
        release_unsent(ledger, request.id)
        raise
    return held, headers


def _challenge(parts: Parts, ledger: Ledger, order: Order) -> Challenge:
    """Return what the payment answers, with a permit for Permit2 where one has to go along."""
    if order.permit_nonce is None:
        return order.challenge
    permit = parts.keys.sign_permit(ledger, order.id, order.transfer, order.permit_nonce)
    return carrying_permit(order.challenge, order.transfer, order.permit_nonce, permit)


def _hold_request(parts: Parts, exchange: Exchange, order: Order) -> HoldRequest:
    return HoldRequest(
        id=order.id,
        key=order.key,
        principal=parts.principal,
        method=exchange.request.method,
        url=exchange.request.url,
        headers=header_terms(exchange.request),
        host=order.host,
        pay_again=order.pay_again,
        rail=order.rail.name,
        scheme=order.offer.scheme,
        transfer=order.transfer,
        amount_usd=order.price,
        caps=caps_for(parts.rules, order.host),
        approval_above=parts.rules.approval_above,
        payments_per_minute=parts.rules.payments_per_minute,
        repeat_window_s=repeat_window_s(parts, order.pay_again),
        now=parts.now_s(),
    )


def over_cap(price: Usd, error: OverCapError) -> PurserError:
    """Return the error of a hold that a cap refused."""
    cap, balance = error.cap, error.balance
    if cap.limit is None:
        return PurserError(cap.kind, f"${price} is more than the ledger can count.")
    left = cap.limit.minus_floor_zero(balance.held + balance.settled)
    return PurserError(cap.kind, f"The price is ${price} and ${left} of ${cap.limit} is left.")
