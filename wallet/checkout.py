"""One payment from chosen offer to recorded outcome: hold, sign, store, send, classify, record."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import anyio
import anyio.lowlevel
import anyio.to_thread

from wallet.errors import ErrorKind, PurserError
from wallet.exchange import Exchange, NeverSentError, TransportFailedError, WebResponse
from wallet.ids import payment_identifier, purchase_id
from wallet.ledger.base import (
    HoldRequest,
    Ledger,
    LedgerUnavailableError,
    OverCapError,
    RateLimitedError,
    StaleStateError,
)
from wallet.model import Challenge, Delivery, Evidence, Offer, Purchase, State, Transfer
from wallet.money import Usd
from wallet.outcome import ChainView, Claim, Verdict, judge, read_claim
from wallet.parts import Parts
from wallet.policy import cap_status, caps_for
from wallet.proof import await_proof
from wallet.purchases import DamagedPurchaseError, StorageFailedError
from wallet.rails.base import Rail

AGAIN_WINDOW_S = 60
"""A `pay_again` call that a host repeats within this time is the same call, not a new purchase."""

_CONTENT_TYPE = re.compile(
    r"(?:application|audio|font|image|message|model|multipart|text|video)/[a-z0-9.+-]{1,80}"
    r"(?:;\s*charset=\"?[a-z0-9.:-]{1,40}\"?)?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Order:
    """What policy chose: everything a hold needs; `host` is the one that answered 402.

    `redirected` tells that it is not the host that was asked. The address it led to is the
    seller's text and is kept nowhere.
    """

    key: str
    host: str
    redirected: bool
    rail: Rail
    challenge: Challenge
    offer: Offer
    price: Usd
    transfer: Transfer
    pay_again: bool


@dataclass(frozen=True, slots=True)
class Paid:
    """A finished payment: the ledger's row, the answer, and what is left today (None: unknown)."""

    purchase: Purchase
    response: WebResponse
    left_today: Usd | None


def left_today(parts: Parts, ledger: Ledger) -> Usd | None:
    """Return what is left of the day's cap; None when the ledger cannot be read any more."""
    cap = next(one for one in caps_for(parts.rules, "") if one.scope == "all")
    try:
        (balance,) = ledger.balances((cap,), parts.now_s())
    except LedgerUnavailableError:
        return None
    return cap_status(cap, balance).left


def repeat_window_s(parts: Parts, pay_again: bool) -> int:
    """Return how long an identical call counts as the same purchase, in seconds."""
    return AGAIN_WINDOW_S if pay_again else parts.rules.repeat_window_s


def content_type_of(response: WebResponse) -> str:
    """Return a content type that fits our pattern, or `application/octet-stream`."""
    match = _CONTENT_TYPE.match((response.header("content-type") or "").strip())
    return match.group(0).lower() if match else "application/octet-stream"


async def pay(parts: Parts, exchange: Exchange, order: Order) -> Paid:
    """Pay for one exchange and record what became of it.

    Up to the stored signature a cancellation undoes everything. From sending to the recorded
    outcome the section is shielded: the money may move, so the books must follow.

    Raises:
        AlreadyBoughtError: another process bought the same thing meanwhile.
        PurserError: refused before signing (`spent` no), or the outcome is not good.
    """
    held, headers = await _prepare(parts, exchange, order)
    with anyio.CancelScope(shield=True):
        return await _send(parts, exchange, order, held, headers)
    raise AssertionError("a shielded scope is not left early")


async def _prepare(
    parts: Parts, exchange: Exchange, order: Order
) -> tuple[Purchase, Mapping[str, str]]:
    """Hold, sign and store, each durable; return the hold and the payment's headers."""
    request = _hold_request(parts, exchange, order)
    try:
        prepared = await parts.ledger.call(lambda ledger: _commit(parts, ledger, order, request))
    except OverCapError as error:
        raise _over_cap(order.price, error) from None
    except RateLimitedError:
        detail = f"The limit is {parts.rules.payments_per_minute} payments per minute."
        raise PurserError(ErrorKind.RATE_LIMITED, detail) from None
    except StaleStateError:
        detail = "The hold was released before its signature was stored; nothing was sent."
        raise PurserError(ErrorKind.LEDGER_UNAVAILABLE, detail) from None
    try:
        await anyio.lowlevel.checkpoint()
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True):
            await parts.ledger.call(lambda ledger: _release_unsent(ledger, request.id))
        raise
    return prepared


def _commit(
    parts: Parts, ledger: Ledger, order: Order, request: HoldRequest
) -> tuple[Purchase, Mapping[str, str]]:
    """Run the three durable steps in the ledger's own thread, undoing the hold if one fails."""
    parts.store.ensure_room(parts.room_bytes)
    held = ledger.hold(request)
    try:
        signature = parts.keys.sign(ledger, request.id)
        headers = order.rail.payment_headers(
            order.challenge, order.offer, order.transfer, signature, payment_identifier(request.id)
        )
        ledger.store_signed(request.id, json.dumps(dict(headers)))
    except Exception:
        _release_unsent(ledger, request.id)
        raise
    return held, headers


def _release_unsent(ledger: Ledger, held_id: str) -> None:
    """Free a hold whose bytes never left; a ledger that cannot be written frees it later."""
    with suppress(StaleStateError, LedgerUnavailableError):
        ledger.void(held_id, allowed_from=(State.HELD, State.SIGNED), note="never sent")


def _hold_request(parts: Parts, exchange: Exchange, order: Order) -> HoldRequest:
    return HoldRequest(
        id=purchase_id(parts.clock(), parts.entropy(10)),
        key=order.key,
        principal=parts.principal,
        method=exchange.request.method,
        url=exchange.request.url,
        host=order.host,
        pay_again=order.pay_again,
        rail=order.rail.name,
        scheme=order.offer.scheme,
        transfer=order.transfer,
        amount_usd=order.price,
        caps=caps_for(parts.rules, order.host),
        payments_per_minute=parts.rules.payments_per_minute,
        repeat_window_s=repeat_window_s(parts, order.pay_again),
        now=parts.now_s(),
    )


def _over_cap(price: Usd, error: OverCapError) -> PurserError:
    cap, balance = error.cap, error.balance
    if cap.limit is None:
        return PurserError(cap.kind, f"${price} is more than the ledger can count.")
    left = cap.limit.minus_floor_zero(balance.held + balance.settled)
    return PurserError(cap.kind, f"The price is ${price} and ${left} of ${cap.limit} is left.")


async def _send(
    parts: Parts, exchange: Exchange, order: Order, held: Purchase, headers: Mapping[str, str]
) -> Paid:
    try:
        response = await exchange.pay(headers)
    except NeverSentError:
        await parts.ledger.call(lambda ledger: _release_unsent(ledger, held.id))
        detail = "No connection could be made for the paid request; the payment never left."
        raise PurserError(ErrorKind.UPSTREAM_ERROR, detail, receipt_id=held.id) from None
    except TransportFailedError:
        claim = Claim(False, None, ("the connection failed after the payment was sent",))
        view = await await_proof(parts.chain, order.transfer, None, parts.proof_wait_s)
        purchase, _ = await _record(parts, held, judge(claim, view), None)
        raise _no_content(purchase) from None
    settlement = order.rail.read_settlement(response)
    disagreements = (
        () if settlement is None else order.rail.disagreements(settlement, order.transfer)
    )
    claim = read_claim(response, settlement, disagreements)
    delivery, view = await _keep_and_look(parts, order, held, response, claim)
    verdict = judge(claim, view)
    notes = [f"redirected to {order.host}"] if order.redirected else []
    if delivery is None:
        notes.append("the content could not be stored on disk")
    verdict = replace(verdict, notes=(*verdict.notes, *notes))
    purchase, left = await _record(parts, held, verdict, delivery)
    if purchase.state is State.SETTLED or 200 <= response.status < 300:
        return Paid(purchase, response, left)
    raise _unclear(purchase, response)


async def _keep_and_look(
    parts: Parts, order: Order, held: Purchase, response: WebResponse, claim: Claim
) -> tuple[Delivery | None, ChainView]:
    """Store the content and ask the chain, side by side: neither waits for the other."""
    delivery: Delivery | None = None
    view = ChainView.UNREADABLE

    async def keep() -> None:
        nonlocal delivery
        delivery = await keep_content(parts, held.id, response)

    async with anyio.create_task_group() as group:
        group.start_soon(keep)
        view = await await_proof(
            parts.chain, order.transfer, claim.tx_hash, parts.proof_wait_s, once=not claim.settled
        )
    return delivery, view


async def keep_content(parts: Parts, purchase_id: str, response: WebResponse) -> Delivery | None:
    """Store a body durably; None when the disk refuses, so that the caller can still return it."""

    def save() -> Delivery | None:
        try:
            return parts.store.save(
                purchase_id,
                response.body,
                http_status=response.status,
                content_type=content_type_of(response),
                truncated=response.truncated,
            )
        except (StorageFailedError, DamagedPurchaseError):
            return None

    return await anyio.to_thread.run_sync(save)


async def _record(
    parts: Parts, held: Purchase, verdict: Verdict, delivery: Delivery | None
) -> tuple[Purchase, Usd | None]:
    """Write the outcome; when the ledger fails now, the row stays SIGNED until reconciled."""
    note = "; ".join(verdict.notes)

    def write(ledger: Ledger) -> tuple[Purchase, Usd | None]:
        try:
            if verdict.state is State.SETTLED:
                purchase = ledger.settle(
                    held.id,
                    evidence=verdict.evidence,
                    tx_hash=verdict.tx_hash,
                    now=parts.now_s(),
                    delivery=delivery,
                    note=note or None,
                )
            else:
                ledger.mark_unknown(held.id, note, delivery)
                purchase = ledger.get(held.id) or held
        except StaleStateError:
            # Reconciling was faster; the row knows what the chain says.
            purchase = ledger.get(held.id) or held
        return purchase, left_today(parts, ledger)

    try:
        return await parts.ledger.call(write)
    except LedgerUnavailableError:
        late = "the ledger could not record the outcome; it will be reconciled with the chain"
        unrecorded = replace(
            held,
            state=State.UNKNOWN,
            evidence=Evidence.UNKNOWN,
            delivery=delivery,
            notes=(*held.notes, *verdict.notes, late),
        )
        return unrecorded, None


def _no_content(purchase: Purchase) -> PurserError:
    if purchase.state is State.SETTLED:
        detail = "The chain shows the payment, but the connection failed before any content came."
        return PurserError(ErrorKind.UPSTREAM_ERROR, detail, "yes", purchase.id, retryable=False)
    return outcome_unknown(purchase)


def _unclear(purchase: Purchase, response: WebResponse) -> PurserError:
    if response.status == 402:
        detail = (
            f"The server answered 402 again after the payment of ${purchase.amount_usd} was sent."
        )
        return PurserError(ErrorKind.PAYMENT_REJECTED, detail, "unknown", purchase.id)
    return outcome_unknown(purchase)


def outcome_unknown(purchase: Purchase) -> PurserError:
    """Return the error for a purchase that is open: held, never signed again."""
    detail = (
        f"A payment of ${purchase.amount_usd} was signed and stays held until the chain shows "
        "that it settled or can no longer settle."
    )
    return PurserError(ErrorKind.OUTCOME_UNKNOWN, detail, "unknown", purchase.id)
