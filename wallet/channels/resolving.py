"""Find out what became of a page whose outcome is not known, and what the chain says of a channel.

A channel can ask without paying: a voucher for what the seller acknowledged already promises
nothing new, and an honest seller answers it with where the channel stands and a voucher of ours
to show for it. What the seller says only decides what the next voucher covers; the deposit stays
held whatever it says.
"""

from __future__ import annotations

import re
from contextlib import suppress
from enum import Enum, auto
from functools import partial

import anyio.lowlevel

from wallet.assets import find_network
from wallet.chain import ChainUnreadableError
from wallet.chain_answers import contract_call
from wallet.channels.model import LIVE_STATES, Channel, ChannelState, deposit_transfer
from wallet.exchange import WebResponse
from wallet.ledger.base import Ledger, StaleStateError
from wallet.model import Evidence, Purchase, State
from wallet.parts import Parts
from wallet.proof import is_dead
from wallet.rails.x402.batch.answer import read_correction
from wallet.rails.x402.batch.channel import SETTLEMENT, Voucher, voucher_digest
from wallet.signatures import recover_address

CHANNELS = "0x7a7ebd7b"
"""First four bytes of the Keccak-256 of `channels(bytes32)`, which returns two words."""

_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{128}(?:1[bB]|1[cC])", re.ASCII)

NOT_CHARGED = "the seller shows that it did not charge this; the deposit covers its voucher"


class Told(Enum):
    """What a seller's 402 says of a page whose outcome is not known."""

    PROVED = auto()
    NOTHING = auto()
    LIED = auto()


async def resolve_page(
    parts: Parts, channel: Channel, page: Purchase, response: WebResponse
) -> Told:
    """Record what a corrective 402 proves of an UNKNOWN page; tell what it was worth.

    The seller's total must be the one before the page or the one after it, with a voucher of ours
    that is no higher than any we signed. Anything else ends the channel: no honest seller says it.
    """
    found = read_correction(response, channel.id)
    if found is None:
        return Told.NOTHING
    shown = signed_by(Voucher(channel.config, found.signed_max_atomic), found.signature)
    known = found.signed_max_atomic <= channel.signed_max_atomic
    if shown == channel.config.payer and known:
        if found.charged_atomic == page.cumulative_atomic:
            await parts.ledger.call(partial(_settle, parts, page.id, Evidence.CLAIMED))
            return Told.PROVED
        if found.charged_atomic == channel.charged_atomic:
            await parts.ledger.call(lambda ledger: ledger.channels.supersede(page.id, NOT_CHARGED))
            return Told.PROVED
    why = "the seller claims a total that no voucher of ours bears out"
    await parts.ledger.call(lambda ledger: ledger.channels.stop(channel.id, why))
    return Told.LIED


async def reconcile_channel(parts: Parts, channel: Channel) -> Channel:
    """Ask the chain about one channel, and record what it proves.

    A deposit that was made opens it, one that can never be made ends it. Claims prove pages. When
    nothing is left to claim, for every server that answers and for longer than the chain could
    still take back, the rest is freed.
    """
    if channel.state not in LIVE_STATES:
        return channel
    with suppress(ChainUnreadableError, StaleStateError):
        await _ask_about_deposit(parts, channel)
    with suppress(ChainUnreadableError, StaleStateError):
        current = await _read(parts, channel.id) or channel
        if current.state in (ChannelState.OPEN, ChannelState.CLOSING):
            await _ask_about_claims(parts, current)
    return await _read(parts, channel.id) or channel


async def _read(parts: Parts, channel_id: str) -> Channel | None:
    return await parts.ledger.call(lambda ledger: ledger.channels.get(channel_id))


async def _ask_about_deposit(parts: Parts, channel: Channel) -> None:
    if channel.evidence is Evidence.VERIFIED:
        return
    transfer = deposit_transfer(channel.deposit)
    if await parts.chain.authorization_used(transfer):
        verified = Evidence.VERIFIED
        await parts.ledger.call(
            lambda ledger: ledger.channels.opened(channel.id, verified, channel.tx_hash)
        )
        return
    if not await is_dead(parts.chain, transfer, _margin_s(channel), parts.now_s()):
        return
    await parts.ledger.call(partial(_end_dead, parts, channel))


def _end_dead(parts: Parts, channel: Channel, ledger: Ledger) -> None:
    """End a channel whose deposit is proven dead; no voucher of it can ever be claimed."""
    if channel.state is not ChannelState.OPENING:
        ledger.channels.close(channel.id, 0, parts.now_s())
        return
    page = ledger.channels.open_page(channel.id)
    if page is not None:
        states = (State.HELD, State.SIGNED, State.UNKNOWN)
        ledger.void(page.id, allowed_from=states, note="the deposit expired unused")


async def _ask_about_claims(parts: Parts, channel: Channel) -> None:
    call = contract_call(SETTLEMENT, CHANNELS, channel.id)
    views = await parts.chain.contract_views(channel.config.network_id, call)
    if any(len(view.words) != 2 for view in views):
        raise ChainUnreadableError(channel.config.network_id, ["a channel has two numbers"])
    claimed = min(view.words[1] for view in views)
    await parts.ledger.call(lambda ledger: ledger.channels.prove(channel.id, claimed))
    # A deposit that is not in a block yet shows as nothing at all, which is no end.
    drained = all(view.words[0] == view.words[1] for view in views)
    if not drained or channel.evidence is not Evidence.VERIFIED:
        if channel.drained_at is not None:
            await parts.ledger.call(lambda ledger: ledger.channels.drained(channel.id, None))
        return
    seen_at = min(view.block_time for view in views)
    if channel.drained_at is None:
        await parts.ledger.call(lambda ledger: ledger.channels.drained(channel.id, seen_at))
        channel = await _read(parts, channel.id) or channel
    first = channel.drained_at
    if first is None or seen_at < first + _margin_s(channel):
        return
    if parts.now_s() < first + _margin_s(channel) or len({view.words for view in views}) > 1:
        return
    final = max(view.words[1] for view in views)
    await parts.ledger.call(lambda ledger: ledger.channels.close(channel.id, final, parts.now_s()))


async def reconcile_channels(parts: Parts) -> list[Channel]:
    """Ask the chain about every channel that has not ended; return them as they are then."""
    live = await parts.ledger.call(lambda ledger: ledger.channels.listed())
    after: list[Channel] = []
    for channel in live:
        after.append(await reconcile_channel(parts, channel))
        await anyio.lowlevel.checkpoint()
    return after


def _margin_s(channel: Channel) -> int:
    network = find_network(channel.config.network_id)
    return 0 if network is None else network.finality_margin_s


def _settle(parts: Parts, page_id: str, evidence: Evidence, ledger: Ledger) -> None:
    note = "the seller shows our voucher for it"
    ledger.settle(page_id, evidence=evidence, tx_hash=None, now=parts.now_s(), note=note)


def signed_by(voucher: Voucher, signature: str) -> str | None:
    """Return the EIP-55 address that signed a voucher, or None where the text is no signature."""
    if _SIGNATURE.fullmatch(signature) is None:
        return None
    try:
        digest = voucher_digest(voucher)
    except ValueError:
        return None
    return recover_address(digest, bytes.fromhex(signature[2:]))
