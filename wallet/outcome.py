"""What an answer to a paid request proves; a table from claim and chain to the ledger's state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from wallet.assets import find_asset
from wallet.exchange import WebResponse
from wallet.model import Charge, Evidence, Settlement, State, Transfer
from wallet.money import usd_from_atomic

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
    """One look at the chain; `tx_hash` is the settlement's, and only set with PROVEN.

    `charged_atomic` is what a proven settlement took where less than the ceiling may be.
    """

    view: ChainView
    tx_hash: str | None = None
    charged_atomic: int | None = None


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
    charged_atomic: int | None = None


def judge(claim: Claim, sighting: Sighting, *, is_ceiling: bool = False) -> Verdict:
    """Combine the seller's claim with the chain's answer; the chain always wins.

    Where the amount is a ceiling only the chain says how much of it was taken; until then all of
    it stays held.
    """
    if is_ceiling and sighting.view is not ChainView.OTHER_TRANSFER:
        return _judge_ceiling(claim, sighting)
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


def _judge_ceiling(claim: Claim, sighting: Sighting) -> Verdict:
    tx_hash = claim.tx_hash if sighting.tx_hash is None else sighting.tx_hash
    if sighting.view is ChainView.PROVEN and sighting.charged_atomic is not None:
        charged = sighting.charged_atomic
        return Verdict(State.SETTLED, Evidence.VERIFIED, tx_hash, claim.notes, charged)
    note = "how much was taken is not read from the chain yet; the whole ceiling stays held"
    return Verdict(State.UNKNOWN, Evidence.UNKNOWN, tx_hash, (*claim.notes, note))


def charge_of(transfer: Transfer, charged_atomic: int | None) -> Charge | None:
    """Return a proven charge in USD too; None where the whole amount was taken or none is known.

    Raises:
        ValueError: the token is not in the asset table.
    """
    if charged_atomic is None:
        return None
    asset = find_asset(transfer.network_id, transfer.asset)
    if asset is None:
        raise ValueError("the token is not in the asset table")
    return Charge(charged_atomic, usd_from_atomic(charged_atomic, asset.decimals))
