"""Show a seller a signed payment, the first time or again, and record what became of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import anyio
import anyio.to_thread

from wallet.errors import ErrorKind, PurserError
from wallet.exchange import (
    Exchange,
    NeverSentError,
    TransportFailedError,
    WebResponse,
    is_good,
)
from wallet.ledger.base import Ledger, LedgerUnavailableError, StaleStateError
from wallet.limits import cap_status, caps_for
from wallet.model import (
    Delivery,
    Evidence,
    Purchase,
    SellerWord,
    SellerWords,
    State,
    Transfer,
)
from wallet.money import Usd
from wallet.outcome import ChainView, Claim, Sighting, Verdict, charge_of, judge, read_claim
from wallet.parts import Parts
from wallet.proof import await_proof
from wallet.purchases import DamagedPurchaseError, StorageFailedError
from wallet.rails.base import Rail
from wallet.receipts import iso_time

_ELSEWHERE = "elsewhere"
_CONTENT_TYPE = re.compile(
    r"(?:application|audio|font|image|message|model|multipart|text|video)/[a-z0-9.+-]{1,80}"
    r"(?:;\s*charset=\"?[a-z0-9.:-]{1,40}\"?)?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Bought:
    """Content with the purchase it came from; `reused` when nothing was signed now.
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

    @property
    def is_good(self) -> bool:
        """Tell whether this is what was asked for, and not an error page."""
        return is_good(self.http_status)


def bought(
    purchase: Purchase, response: WebResponse, left: Usd | None, *, reused: bool = False
) -> Bought:
    """Return an answer as what was bought."""
    return Bought(
        purchase=purchase,
        body=response.body,
        content_type=content_type_of(response),
        http_status=response.status,
        url=response.url,
        truncated=response.truncated,
        reused=reused,
        left_today=left,
    )


def left_today(parts: Parts, ledger: Ledger) -> Usd | None:
    """Return what is left of the day's cap; None when the ledger cannot be read any more."""
    cap = next(one for one in caps_for(parts.rules, "") if one.scope == "all")
    try:
        (balance,) = ledger.balances((cap,), parts.now_s())
    except LedgerUnavailableError:
        return None
    return cap_status(cap, balance).left


def content_type_of(response: WebResponse) -> str:
    """Return a content type that fits our pattern, or `application/octet-stream`."""
    match = _CONTENT_TYPE.match((response.header("content-type") or "").strip())
    return match.group(0).lower() if match else "application/octet-stream"


async def present(
    parts: Parts,
    exchange: Exchange,
    purchase: Purchase,
    headers: Mapping[str, str],
    *,
    notes: tuple[str, ...] = (),
    again: bool = False,
    offer: SellerWord | None = None,
) -> Bought:
    """Send the request with its payment, judge the answer, and record the outcome.

    Run it shielded from cancellation: the money may move, so the books must follow.

    Args:
        parts: the wallet.
        exchange: the conversation with the seller.
        purchase: the row that holds the money.
        headers: the payment, as stored.
        notes: what the receipt is to say beside the outcome.
        again: these bytes were, or may have been, sent before: a failure to send them now proves
            nothing, and only a good answer takes the place of what was stored.
        offer: what the seller signed about the offer that was paid, if anything.

    Raises:
        PurserError: the payment never left (`spent` no), or no good answer came of it.
    """
    try:
        response = await exchange.pay(headers)
    except NeverSentError:
        # Another call may have presented the same bytes meanwhile.
        if again or not await parts.ledger.call(lambda ledger: release_unsent(ledger, purchase.id)):
            stands = await _as_it_stands(parts, purchase)
            raise _no_content(stands, "could not be reached") from None
        detail = "No connection could be made for the paid request; the payment never left."
        raise PurserError(ErrorKind.UPSTREAM_ERROR, detail, receipt_id=purchase.id) from None
    except TransportFailedError:
        claim = Claim(False, None, ("the connection failed after the payment was sent",))
        # Where the time ran out, the caller waits no longer than one look takes.
        once = not exchange.can_still_pay()
        sighting = await await_proof(
            parts.chain, _terms(purchase), None, parts.proof_wait_s, once=once
        )
        verdict = _judge(claim, sighting, purchase)
        purchase, _ = await _record(parts, purchase, verdict, None, SellerWords(offer))
        raise _no_content(purchase, "broke off before any content came") from None
    claim = _claim(parts, purchase, response)
    kept = not again or is_good(response.status)
    delivery, sighting, receipt = await _keep_and_look(
        parts, purchase, response, claim, kept, again
    )
    verdict = _judge(claim, sighting, purchase)
    if kept and delivery is None:
        notes = (*notes, "the content could not be stored on disk")
    verdict = replace(verdict, notes=(*verdict.notes, *notes))
    words = SellerWords(offer, receipt)
    purchase, left = await _record(parts, purchase, verdict, delivery, words)
    if is_good(response.status) or (purchase.state is State.SETTLED and not again):
        return bought(purchase, response, left, reused=again)
    raise _unclear(purchase, response, claim, again)


def as_stored(headers: Mapping[str, str], *, elsewhere: bool) -> str:
    """Return a payment as the ledger keeps it.

    `elsewhere` marks one for another origin than the one that was asked: it is kept as evidence
    and never presented again, since where it went is kept nowhere.
    """
    return json.dumps({_ELSEWHERE: dict(headers)} if elsewhere else dict(headers))


def to_present(stored: str) -> Mapping[str, str] | None:
    """Return the headers of a stored payment, or None when it was for another origin."""
    headers: dict[str, Any] = json.loads(stored)
    return None if _ELSEWHERE in headers else headers


def release_unsent(ledger: Ledger, held_id: str) -> bool:
    """Free a hold whose bytes never left, and tell whether it is free.

    A hold that another call has taken over stays; one that cannot be written now is freed later.
    """
    with suppress(StaleStateError, LedgerUnavailableError):
        ledger.void(held_id, allowed_from=(State.HELD, State.SIGNED), note="never sent")
        return True
    return False


def _terms(purchase: Purchase) -> Transfer:
    if purchase.transfer is None:
        raise AssertionError("a signed purchase has a transfer")
    return purchase.transfer


def _judge(claim: Claim, sighting: Sighting, purchase: Purchase) -> Verdict:
    return judge(claim, sighting, is_ceiling=_terms(purchase).is_ceiling)


def _rail(parts: Parts, purchase: Purchase) -> Rail:
    return next(one for one in parts.rails if one.name == purchase.rail)


def _claim(parts: Parts, purchase: Purchase, response: WebResponse) -> Claim:
    rail = _rail(parts, purchase)
    settlement = rail.read_settlement(response)
    disagreements = () if settlement is None else rail.disagreements(settlement, _terms(purchase))
    return read_claim(response, settlement, disagreements)


async def _keep_and_look(
    parts: Parts,
    purchase: Purchase,
    response: WebResponse,
    claim: Claim,
    kept: bool,
    again: bool,
) -> tuple[Delivery | None, Sighting, SellerWord | None]:
    """Store the content, ask the chain and check what the seller signed, all side by side."""
    delivery: Delivery | None = None
    receipt: SellerWord | None = None
    sighting = Sighting(ChainView.UNREADABLE)

    async def keep() -> None:
        nonlocal delivery
        delivery = await keep_content(parts, purchase.id, response, replaces=again)

    async def check() -> None:
        nonlocal receipt
        signed_receipt = _rail(parts, purchase).signed_receipt
        receipt = await anyio.to_thread.run_sync(signed_receipt, response, purchase, parts.now_s())

    async with anyio.create_task_group() as group:
        if kept:
            group.start_soon(keep)
        group.start_soon(check)
        sighting = await await_proof(
            parts.chain,
            _terms(purchase),
            claim.tx_hash,
            parts.proof_wait_s,
            once=not (claim.settled or claim.pending),
        )
    return delivery, sighting, receipt


async def keep_content(
    parts: Parts, purchase_id: str, response: WebResponse, *, replaces: bool = False
) -> Delivery | None:
    """Store a body durably; None when the disk refuses, so that the caller can still return it."""

    def save() -> Delivery | None:
        try:
            return parts.store.save(
                purchase_id,
                response.body,
                http_status=response.status,
                content_type=content_type_of(response),
                truncated=response.truncated,
                replace=replaces,
            )
        except (StorageFailedError, DamagedPurchaseError):
            return None

    return await anyio.to_thread.run_sync(save)


async def _as_it_stands(parts: Parts, purchase: Purchase) -> Purchase:
    """Read a purchase anew; as it was known, when the ledger cannot be read now."""
    with suppress(LedgerUnavailableError):
        return await parts.ledger.call(lambda ledger: ledger.get(purchase.id)) or purchase
    return purchase


async def _record(
    parts: Parts, held: Purchase, verdict: Verdict, delivery: Delivery | None, words: SellerWords
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
                    charge=charge_of(_terms(held), verdict.charged_atomic),
                )
            else:
                ledger.mark_unknown(held.id, note, delivery)
                purchase = ledger.get(held.id) or held
        except StaleStateError:
            # Reconciling was faster; the row knows what the chain says, and lacks the content.
            purchase = ledger.get(held.id) or held
            if purchase.state is State.SETTLED and delivery is not None:
                purchase = ledger.settle(
                    held.id,
                    evidence=purchase.evidence,
                    tx_hash=None,
                    now=parts.now_s(),
                    delivery=delivery,
                    note=note or None,
                )
        if words.notes:
            # What the seller signed is worth no wrong word on how the purchase stands.
            with suppress(LedgerUnavailableError, StaleStateError):
                purchase = ledger.keep_words(held.id, words)
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


def _no_content(purchase: Purchase, what: str) -> PurserError:
    """Return the error of an answer that is none; `what` reads on from "the server"."""
    if purchase.state is State.SETTLED:
        detail = (
            f"The payment of ${purchase.cost_usd} settled, but the server {what}. The same call"
            " shows it the same payment again and costs nothing; pay_again=true would buy anew."
        )
        return PurserError(ErrorKind.UPSTREAM_ERROR, detail, "yes", purchase.id)
    return outcome_unknown(purchase, what)


def _unclear(purchase: Purchase, response: WebResponse, claim: Claim, again: bool) -> PurserError:
    if claim.pending:
        return _no_content(purchase, "says that the settlement is still under way")
    if response.status == 402 and purchase.state is not State.SETTLED and not again:
        detail = (
            f"The server answered 402 again after the payment of ${purchase.amount_usd} was sent."
        )
        return PurserError(ErrorKind.PAYMENT_REJECTED, detail, "unknown", purchase.id)
    return _no_content(purchase, f"answered {response.status}")


def outcome_unknown(purchase: Purchase, what: str = "", *, ended: bool = False) -> PurserError:
    """Return the error for a purchase that is open: held, never signed again.

    Args:
        purchase: the open purchase.
        what: what the server did just now, reading on from "the server".
        ended: the channel that it was paid through signs nothing more.
    """
    detail = f"A payment of ${purchase.amount_usd} was signed and its outcome is not known."
    if what:
        detail += f" The server {what}."
    if purchase.channel_id is not None:
        detail += " It went through a payment channel, whose deposit covers it and stays held;"
        if ended:
            detail += " the channel signs nothing more, and `purser channel` brings back its rest."
        else:
            detail += " the next page from the same seller finds out what became of it."
    elif purchase.transfer is not None:
        until = iso_time(purchase.transfer.valid_before)
        detail += (
            f" The signature is good until {until}; the amount stays held until the chain shows"
            " that it settled or, some time after that, that it never can."
        )
    return PurserError(ErrorKind.OUTCOME_UNKNOWN, detail, "unknown", purchase.id)
