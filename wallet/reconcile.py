"""Bring open purchases to an end by proof: settled, or dead; never by a guess or by time alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import anyio.to_thread

from wallet.assets import find_network
from wallet.chain import ChainUnreadableError
from wallet.channels.resolving import reconcile_channels
from wallet.ledger.base import Ledger, PurchaseFilter, StaleStateError
from wallet.model import OPEN_STATES, Delivery, Evidence, Purchase, State, Transfer
from wallet.outcome import SPENT_VIEWS, Sighting, charge_of
from wallet.parts import Parts
from wallet.proof import is_dead, look
from wallet.purchases import DamagedPurchaseError

CLAIMS_LOOKED_AT = 50
STALE_HOLD_S = 60
"""A hold this old without stored bytes was never sent: storing them needs the row to be HELD."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a round of reconciling did, in purchase ids; `verified` were claimed before."""

    settled: tuple[str, ...]
    verified: tuple[str, ...]
    voided: tuple[str, ...]
    still_open: tuple[str, ...]


async def reconcile_one(parts: Parts, purchase: Purchase) -> Purchase:
    """Ask the chain about one open purchase and record what it proves.

    Without a readable chain, or before expiry with the nonce unused, the purchase stays open.
    """
    if purchase.state not in OPEN_STATES or purchase.transfer is None:
        return purchase
    try:
        if purchase.state is State.HELD:
            return await _release_stale(parts, purchase)
        if purchase.channel_id is not None:
            return purchase  # its channel decides
        return await _ask_chain(parts, purchase)
    except StaleStateError:
        return await parts.ledger.call(lambda ledger: ledger.get(purchase.id)) or purchase


async def _release_stale(parts: Parts, purchase: Purchase) -> Purchase:
    if parts.now_s() - purchase.created_at < STALE_HOLD_S:
        return purchase
    note = "never sent: no signature was stored"
    return await parts.ledger.call(
        lambda ledger: ledger.void(purchase.id, allowed_from=(State.HELD,), note=note)
    )


async def _ask_chain(parts: Parts, purchase: Purchase) -> Purchase:
    transfer = purchase.transfer
    if transfer is None:
        raise AssertionError("a signed purchase has a transfer")
    sighting = await look(parts.chain, transfer, purchase.tx_hash)
    network = find_network(transfer.network_id)
    margin_s = 0 if network is None else network.finality_margin_s
    if sighting.view in SPENT_VIEWS:
        over = parts.now_s() > transfer.valid_before + margin_s
        if transfer.is_ceiling and sighting.charged_atomic is None and not over:
            return purchase
        return await _settle(parts, purchase, transfer, sighting)
    try:
        if not await is_dead(parts.chain, transfer, margin_s, parts.now_s()):
            return purchase
    except ChainUnreadableError:
        return purchase
    note = "expired unused: the chain is past validBefore and the nonce was never spent"
    return await parts.ledger.call(
        lambda ledger: ledger.void(
            purchase.id, allowed_from=(State.SIGNED, State.UNKNOWN), note=note
        )
    )


async def _settle(
    parts: Parts, purchase: Purchase, transfer: Transfer, sighting: Sighting
) -> Purchase:
    """Book what the chain shows; the whole ceiling where it does not show how much was taken."""
    delivery = await _stored_delivery(parts, purchase.id)
    charge = charge_of(transfer, sighting.charged_atomic)
    unseen = transfer.is_ceiling and charge is None
    return await parts.ledger.call(
        lambda ledger: ledger.settle(
            purchase.id,
            evidence=Evidence.VERIFIED,
            tx_hash=sighting.tx_hash,
            now=parts.now_s(),
            delivery=delivery,
            note="the chain shows it spent, not how much; the whole ceiling is booked"
            if unseen
            else "settlement read from the chain",
            charge=charge,
        )
    )


async def _stored_delivery(parts: Parts, purchase_id: str) -> Delivery | None:
    """Return the description of content that came although its outcome was never recorded."""
    try:
        stored = await anyio.to_thread.run_sync(parts.store.load, purchase_id)
    except DamagedPurchaseError:
        return None
    return None if stored is None else stored.delivery


async def reconcile_all(parts: Parts) -> Reconciled:
    """Reconcile every channel and every open purchase once, oldest first."""
    settled: list[str] = []
    voided: list[str] = []
    still_open: list[str] = []
    await reconcile_channels(parts)
    for purchase in await parts.ledger.call(lambda ledger: ledger.open_purchases()):
        after = await reconcile_one(parts, purchase)
        if after.state is State.SETTLED:
            settled.append(after.id)
        elif after.state is State.VOID:
            voided.append(after.id)
        else:
            still_open.append(after.id)
    verified = await _verify_claims(parts)
    return Reconciled(tuple(settled), verified, tuple(voided), tuple(still_open))


async def _verify_claims(parts: Parts) -> tuple[str, ...]:
    """Look for the latest settlements that rest on the seller's word alone."""
    latest = PurchaseFilter(states=(State.SETTLED,), limit=CLAIMS_LOOKED_AT)
    found = await parts.ledger.call(lambda ledger: ledger.list_purchases(latest))
    verified: list[str] = []
    for purchase in found:
        transfer = purchase.transfer
        by_channel = purchase.channel_id is not None
        if purchase.evidence is not Evidence.CLAIMED or transfer is None or by_channel:
            continue
        sighting = await look(parts.chain, transfer, purchase.tx_hash)
        if sighting.view in SPENT_VIEWS:
            await parts.ledger.call(partial(_verify, purchase.id, sighting.tx_hash))
            verified.append(purchase.id)
    return tuple(verified)


def _verify(purchase_id: str, tx_hash: str | None, ledger: Ledger) -> Purchase:
    return ledger.annotate(purchase_id, evidence=Evidence.VERIFIED, tx_hash=tx_hash)
