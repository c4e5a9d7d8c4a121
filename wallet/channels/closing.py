"""Get back what a channel has left: ask its seller for a refund, or say how to withdraw without it.

Nothing is freed here. The channel signs no further page from the first step on, and the chain
decides what came back.
"""

from __future__ import annotations

from dataclasses import dataclass

from wallet.assets import find_asset
from wallet.channels.buying import Till
from wallet.channels.model import LIVE_STATES, Channel, ChannelState
from wallet.channels.order import ChannelOrder
from wallet.channels.resolving import reconcile_channel
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import Exchange, NeverSentError, TransportFailedError, WebResponse
from wallet.model import Challenge, Offer
from wallet.money import Usd
from wallet.parts import Parts
from wallet.rails.router import recognise
from wallet.rails.x402.batch.answer import read_answer
from wallet.rails.x402.batch.channel import SETTLEMENT
from wallet.rails.x402.batch.payload import payment_headers, refund_payload
from wallet.rails.x402.batch.terms import UnreadableTermsError, fits, read_terms
from wallet.rails.x402.batch.withdraw import finalize_data, initiate_data
from wallet.rails.x402.challenge import envelope_of
from wallet.repeats import origin_of

REFUND_ASKED = "a refund was asked for"
WITHDRAWING = "it is to be withdrawn"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The two transactions that bring the rest back without the seller, from the payer's account.

    `first` starts the delay, `second` ends it `delay_s` seconds later; both are call data for
    `contract`, as 0x and hex digits.
    """

    contract: str
    payer: str
    amount_atomic: int
    delay_s: int
    first: str
    second: str


async def ask_refund(parts: Parts, till: Till, exchange: Exchange, channel: Channel) -> Channel:
    """Ask a seller to send back what it did not charge, and return the channel as it is then.

    Args:
        parts: the wallet.
        till: finds out what became of a page that is still open.
        exchange: a request for a page that was bought through this channel.
        channel: the channel; one that has ended is returned as it is.

    Raises:
        PurserError: the seller cannot be asked, or does not do it. The channel is closing then:
            ask again, or withdraw.
    """
    channel = await reconcile_channel(parts, channel)
    if channel.state not in LIVE_STATES or channel.drained_at is not None:
        return channel
    if channel.state is ChannelState.OPENING:
        detail = "The chain does not show the channel's deposit yet; ask again when it does."
        raise PurserError(ErrorKind.OUTCOME_UNKNOWN, detail)
    challenge, offer = await _offer(parts, exchange, channel)
    page = await parts.ledger.call(lambda ledger: ledger.channels.open_page(channel.id))
    if page is not None and channel.state is ChannelState.OPEN:
        order = _order(channel, challenge, offer)
        await till.resolve(exchange, order, channel, page)
    await parts.ledger.call(lambda ledger: ledger.channels.stop(channel.id, REFUND_ASKED))
    voucher, signature = await parts.ledger.call(
        lambda ledger: parts.keys.sign_reached(ledger, channel.id)
    )
    payload = refund_payload(voucher, signature)
    resource = envelope_of(challenge).resource
    try:
        response = await exchange.pay(payment_headers(payload, offer.raw, resource, {}))
    except (NeverSentError, TransportFailedError):
        raise _not_done("could not be reached") from None
    answer = read_answer(response)
    if response.status == 402 or answer is None or not answer.success:
        raise _not_done(f"answered HTTP {response.status}")
    return await reconcile_channel(parts, await _fresh(parts, channel))


async def withdrawal(parts: Parts, channel: Channel) -> Withdrawal:
    """Stop a channel and return the two transactions that withdraw what is left of it.

    The seller may still claim what vouchers promised until the second one is made.

    Raises:
        PurserError: the channel has ended, or its deposit is not made.
    """
    channel = await reconcile_channel(parts, channel)
    if channel.state not in (ChannelState.OPEN, ChannelState.CLOSING):
        detail = f"The channel is {channel.state}; there is nothing to withdraw."
        raise PurserError(ErrorKind.INVALID_ARGUMENT, detail)
    await parts.ledger.call(lambda ledger: ledger.channels.stop(channel.id, WITHDRAWING))
    amount = channel.deposit.amount_atomic - channel.charged_atomic
    if amount == 0:
        detail = "The whole deposit was spent; there is nothing to withdraw."
        raise PurserError(ErrorKind.INVALID_ARGUMENT, detail)
    return Withdrawal(
        contract=SETTLEMENT,
        payer=channel.config.payer,
        amount_atomic=amount,
        delay_s=channel.config.withdraw_delay_s,
        first=initiate_data(channel.config, amount),
        second=finalize_data(channel.config),
    )


async def _offer(parts: Parts, exchange: Exchange, channel: Channel) -> tuple[Challenge, Offer]:
    """Ask for the page unpaid and return the offer that this channel belongs to."""
    response: WebResponse = await exchange.ask()
    if response.status != 402 or origin_of(response.url) != channel.origin:
        raise _not_done("does not ask for payment there any more")
    bill = recognise(parts.rails, response)
    for offer in bill.offers:
        try:
            if fits(channel.config, offer, read_terms(offer)):
                return bill.challenge_of(offer), offer
        except UnreadableTermsError:
            continue
    raise _not_done("does not offer this channel any more")


def _order(channel: Channel, challenge: Challenge, offer: Offer) -> ChannelOrder:
    asset = find_asset(channel.config.network_id, channel.config.token)
    if asset is None:
        raise AssertionError("channels are made of known tokens")
    return ChannelOrder(
        key="",
        origin=channel.origin,
        host=channel.host,
        redirected=False,
        challenge=challenge,
        offer=offer,
        asset=asset,
        price=Usd(0),
        payer=channel.config.payer,
        pay_again=False,
    )


def _not_done(what: str) -> PurserError:
    detail = f"The seller {what}, so the refund is not made. Ask again, or withdraw the rest."
    return PurserError(ErrorKind.UPSTREAM_ERROR, detail)


async def _fresh(parts: Parts, channel: Channel) -> Channel:
    return await parts.ledger.call(lambda ledger: ledger.channels.get(channel.id)) or channel
