"""What may happen to a purchase after its hold, as pure functions from one row to the next."""

from __future__ import annotations

from dataclasses import replace

from wallet.exchange import is_good
from wallet.ledger.base import StaleStateError
from wallet.model import OPEN_STATES, Charge, Delivery, Evidence, Purchase, State

NOTE_CHARS = 300
NOTES_KEPT = 20

_RANK = {Evidence.NONE: 0, Evidence.UNKNOWN: 0, Evidence.CLAIMED: 1, Evidence.VERIFIED: 2}


def with_note(purchase: Purchase, note: str | None) -> Purchase:
    """Add a note of at most 300 characters, keeping the newest 20; saying it twice adds nothing."""
    if not note or purchase.notes[-1:] == (note[:NOTE_CHARS],):
        return purchase
    return replace(purchase, notes=(*purchase.notes, note[:NOTE_CHARS])[-NOTES_KEPT:])


def is_delivered(purchase: Purchase) -> bool:
    """Tell whether good content came of a purchase: stored, and not an error page."""
    return purchase.delivery is not None and is_good(purchase.delivery.http_status)


def made_unknown(purchase: Purchase, note: str, delivery: Delivery | None) -> Purchase:
    """Return the purchase as UNKNOWN; its hold stays.

    Raises:
        StaleStateError: it is neither SIGNED nor UNKNOWN.
    """
    if purchase.state not in (State.SIGNED, State.UNKNOWN):
        raise StaleStateError("only a signed purchase can become unknown")
    changed = replace(purchase, state=State.UNKNOWN, delivery=delivery or purchase.delivery)
    return with_note(changed, note)


def settled(
    purchase: Purchase,
    *,
    evidence: Evidence,
    tx_hash: str | None,
    now: int,
    delivery: Delivery | None,
    note: str | None,
    charge: Charge | None = None,
) -> Purchase:
    """Return the purchase as SETTLED; one that already is only gains what it lacked.

    `charge` is what was taken where that may be less than was held; a first settlement fixes it.

    Raises:
        StaleStateError: it is neither SIGNED, UNKNOWN nor SETTLED.
        ValueError: the charge is above what was held, or what was held is no ceiling.
    """
    if purchase.state is State.SETTLED:
        kept = None if is_delivered(purchase) else delivery
        return annotated(purchase, evidence=evidence, tx_hash=tx_hash, delivery=kept, note=note)
    if purchase.state not in (State.SIGNED, State.UNKNOWN):
        raise StaleStateError("only a signed purchase can settle")
    held = purchase.transfer
    if charge is not None and (held is None or not held.is_ceiling):
        raise ValueError("only a ceiling can be charged less")
    if charge is not None and held is not None and not 0 <= charge.atomic <= held.amount_atomic:
        raise ValueError("a settlement takes at most what was held")
    changed = replace(purchase, state=State.SETTLED, settled_at=now, charge=charge)
    return _learnt(changed, evidence, tx_hash, delivery, note)


def voided(purchase: Purchase, allowed_from: tuple[State, ...], note: str) -> Purchase:
    """Return the purchase as VOID, from an open state in `allowed_from` only.

    Raises:
        StaleStateError: it is in any other state.
    """
    if purchase.state not in allowed_from or purchase.state not in OPEN_STATES:
        raise StaleStateError("the purchase is not in a state that may be freed")
    return with_note(replace(purchase, state=State.VOID, evidence=Evidence.NONE), note)


def annotated(
    purchase: Purchase,
    *,
    evidence: Evidence | None,
    tx_hash: str | None,
    delivery: Delivery | None,
    note: str | None,
) -> Purchase:
    """Add what was learnt later about a SETTLED or UNKNOWN purchase; its state stays.

    Raises:
        StaleStateError: it is in any other state.
    """
    if purchase.state not in (State.SETTLED, State.UNKNOWN):
        raise StaleStateError("only a settled or unknown purchase can be annotated")
    return _learnt(purchase, evidence, tx_hash, delivery, note)


def _learnt(
    purchase: Purchase,
    evidence: Evidence | None,
    tx_hash: str | None,
    delivery: Delivery | None,
    note: str | None,
) -> Purchase:
    """Evidence only rises, and takes its hash along: a verified row never holds a claimed one.

    Verified without a hash means that the chain shows the payment, but not under the hash that
    was claimed; that hash is dropped. A hash proven later still fills the gap.
    """
    rises = evidence is not None and _RANK[evidence] > _RANK[purchase.evidence]
    proven = evidence is Evidence.VERIFIED
    if not (proven and rises):
        may_fill = proven or purchase.evidence is not Evidence.VERIFIED
        tx_hash = purchase.tx_hash or (tx_hash if may_fill else None)
    changed = replace(
        purchase,
        evidence=evidence if evidence is not None and rises else purchase.evidence,
        tx_hash=tx_hash,
        delivery=delivery or purchase.delivery,
    )
    return with_note(changed, note)
