"""Show a seller a page's voucher, and record what its answer says; a 402 is handed back."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from wallet.assets import find_asset
from wallet.channels.model import Channel
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import Exchange, NeverSentError, TransportFailedError, WebResponse
from wallet.ledger.base import Ledger, LedgerUnavailableError, StaleStateError
from wallet.model import Charge, Delivery, Evidence, Purchase, State
from wallet.money import Usd, usd_from_atomic
from wallet.parts import Parts
from wallet.presenting import (
    Bought,
    bought,
    keep_content,
    left_today,
    outcome_unknown,
    release_unsent,
)
from wallet.rails.x402.batch.answer import ChannelAnswer, disagreement, read_answer


@dataclass(frozen=True, slots=True)
class Refused:
    """A seller answered a page's payment with another 402; the page is UNKNOWN now."""

    page: Purchase
    response: WebResponse


@dataclass(frozen=True, slots=True)
class _Finding:
    """What an answer means for the books; `charge` is less than the price, `fault` ends it all."""

    settled: bool
    charge: Charge | None = None
    tx_hash: str | None = None
    notes: tuple[str, ...] = ()
    fault: str | None = None


async def present_page(
    parts: Parts,
    exchange: Exchange,
    page: Purchase,
    channel: Channel,
    headers: Mapping[str, str],
    *,
    again: bool = False,
) -> Bought | Refused:
    """Send a page's request with its payment, and record the outcome.

    Run it shielded from cancellation. `channel` is as it was when the page was lent.
    `again` tells that these bytes were sent before: a failure to send them now proves nothing.

    Raises:
        PurserError: the payment never left (`spent` no), or no answer came.
    """
    try:
        response = await exchange.pay(headers)
    except NeverSentError:
        # Only a first sending that failed proves that the seller has no voucher.
        if again or not await parts.ledger.call(lambda ledger: release_unsent(ledger, page.id)):
            raise outcome_unknown(page, "could not be reached") from None
        detail = "No connection could be made for the paid request; the payment never left."
        raise PurserError(ErrorKind.UPSTREAM_ERROR, detail, receipt_id=page.id) from None
    except TransportFailedError:
        why = "the connection failed after the payment was sent"
        await _mark(parts, page, why, None)
        raise outcome_unknown(page, "broke off before any content came") from None
    if response.status == 402:
        await _mark(parts, page, "the seller answered 402", None)
        return Refused(page, response)
    delivery = await keep_content(parts, page.id, response)
    finding = _find(page, channel, read_answer(response))
    if delivery is None:
        finding = replace(
            finding, notes=(*finding.notes, "the content could not be stored on disk")
        )
    recorded, left = await _record(parts, page, finding, delivery)
    if 200 <= response.status < 300:
        return bought(recorded, response, left)
    if recorded.state is State.SETTLED:
        detail = f"The payment of ${recorded.cost_usd} settled, but the server answered with"
        detail += f" HTTP {response.status}."
        raise PurserError(ErrorKind.UPSTREAM_ERROR, detail, "yes", page.id)
    raise outcome_unknown(recorded, f"answered {response.status}")


def _find(page: Purchase, channel: Channel, answer: ChannelAnswer | None) -> _Finding:
    if answer is None or not answer.success:
        return _Finding(settled=False, notes=("the answer does not say what was charged",))
    transfer = page.transfer
    if transfer is None:
        raise AssertionError("a page has a price")
    fault = disagreement(
        answer,
        network_id=transfer.network_id,
        channel_id=channel.id,
        price_atomic=transfer.amount_atomic,
        charged_before_atomic=channel.charged_atomic,
        deposited_atomic=channel.deposit.amount_atomic,
    )
    if fault is not None or answer.charged_atomic is None:
        note = f"the seller's answer breaks the channel's rules: {fault}"
        return _Finding(settled=False, notes=(note,), fault=fault)
    asset = find_asset(transfer.network_id, transfer.asset)
    if asset is None:
        raise AssertionError("policy allows only known assets")
    if answer.charged_atomic == transfer.amount_atomic:
        return _Finding(settled=True, tx_hash=answer.tx_hash)
    charge = Charge(answer.charged_atomic, usd_from_atomic(answer.charged_atomic, asset.decimals))
    return _Finding(settled=True, charge=charge, tx_hash=answer.tx_hash)


async def _mark(parts: Parts, page: Purchase, why: str, delivery: Delivery | None) -> None:
    """Write that a page's outcome is not known; a ledger that fails now is reconciled later."""
    with suppress(StaleStateError, LedgerUnavailableError):
        await parts.ledger.call(lambda ledger: ledger.mark_unknown(page.id, why, delivery))


async def _record(
    parts: Parts, page: Purchase, finding: _Finding, delivery: Delivery | None
) -> tuple[Purchase, Usd | None]:
    try:
        return await parts.ledger.call(partial(_write, parts, page, finding, delivery))
    except (LedgerUnavailableError, StaleStateError):
        late = "the ledger could not record the outcome; the next page finds it out"
        unrecorded = replace(
            page,
            state=State.UNKNOWN,
            evidence=Evidence.UNKNOWN,
            delivery=delivery,
            notes=(*page.notes, late),
        )
        return unrecorded, None


def _write(
    parts: Parts, page: Purchase, finding: _Finding, delivery: Delivery | None, ledger: Ledger
) -> tuple[Purchase, Usd | None]:
    note = "; ".join(finding.notes)
    if finding.fault is not None and page.channel_id is not None:
        ledger.channels.stop(page.channel_id, f"the seller's answer: {finding.fault}")
    if finding.settled:
        recorded = ledger.settle(
            page.id,
            evidence=Evidence.CLAIMED,
            tx_hash=finding.tx_hash,
            now=parts.now_s(),
            delivery=delivery,
            note=note or None,
            charge=finding.charge,
        )
    else:
        ledger.mark_unknown(page.id, note, delivery)
        recorded = ledger.get(page.id) or page
    return recorded, left_today(parts, ledger)
