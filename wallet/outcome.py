"""What an answer to a paid request proves; a table from claim and chain to the ledger's state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from wallet.exchange import WebResponse
from wallet.model import Evidence, Settlement, State

PENDING = "settlement_pending"
"""The error reason of a transfer that was broadcast but is not confirmed; it is not final."""


class ChainView(Enum):
    """What the chain says of one authorization."""

    PROVEN = auto()
    """The named transfer spent our nonce with our terms."""
    USED = auto()
    """The nonce is spent, but not by the transfer the seller named."""
    OTHER_TRANSFER = auto()
    """The named transfer exists and is not ours; the nonce is unspent."""
    UNUSED = auto()
    """The nonce is unspent as far as the chain shows now."""
    UNREADABLE = auto()
    """No RPC gave an answer that can be believed."""


SPENT_VIEWS = (ChainView.PROVEN, ChainView.USED)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One look at the chain; `tx_hash` is the settlement's, and only set with PROVEN."""

    view: ChainView
    tx_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A seller's word on a paid request: `settled` only when nothing in it contradicts the hold.

    `pending`: the seller says that the transfer was broadcast and is not in a block yet.
    """

    settled: bool
    tx_hash: str | None
    notes: tuple[str, ...]
    pending: bool = False


def read_claim(
    response: WebResponse, settlement: Settlement | None, disagreements: Sequence[str]
) -> Claim:
    """Reduce an answer to a claim in our own words.

    Args:
        response: the answer to the paid request.
        settlement: its settlement response, when one could be read.
        disagreements: where that differs from what was signed.
    """
    status = f"the server answered {response.status}"
    if settlement is None:
        return Claim(False, None, (f"{status} without a settlement response",))
    if settlement.error_reason == PENDING and settlement.tx_hash is not None:
        note = "the server says that the settlement is not in a block yet"
        return Claim(False, settlement.tx_hash, (note,), pending=True)
    if not settlement.success:
        reason = settlement.error_reason or "no reason given"
        return Claim(False, settlement.tx_hash, (f"{status}; settlement refused: {reason}",))
    if disagreements:
        notes = tuple(f"settlement response disagrees: {text}" for text in disagreements)
        return Claim(False, settlement.tx_hash, notes)
    notes = () if response.status < 400 else (f"{status} after taking the payment",)
    return Claim(True, settlement.tx_hash, notes)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state to record: SETTLED or UNKNOWN, how it is known, and which tx hash is kept."""

    state: State
    evidence: Evidence
    tx_hash: str | None
    notes: tuple[str, ...]


def judge(claim: Claim, sighting: Sighting) -> Verdict:
    """Combine the seller's claim with the chain's answer; the chain always wins."""
    if sighting.view in SPENT_VIEWS:
        note = "the chain shows the payment, not under the seller's tx hash"
        elsewhere = claim.tx_hash is not None and claim.tx_hash != sighting.tx_hash
        notes = (*claim.notes, note) if elsewhere else claim.notes
        return Verdict(State.SETTLED, Evidence.VERIFIED, sighting.tx_hash, notes)
    if sighting.view is ChainView.OTHER_TRANSFER:
        note = "the seller's tx hash belongs to another transfer"
        return Verdict(State.UNKNOWN, Evidence.UNKNOWN, None, (*claim.notes, note))
    if claim.settled:
        return Verdict(State.SETTLED, Evidence.CLAIMED, claim.tx_hash, claim.notes)
    return Verdict(State.UNKNOWN, Evidence.UNKNOWN, claim.tx_hash, claim.notes)
