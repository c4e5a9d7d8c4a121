"""What a seller's answer claims and what the chain makes of it, case by case."""

from __future__ import annotations

import pytest

from wallet.exchange import WebResponse
from wallet.model import Evidence, Settlement, State
from wallet.outcome import ChainView, Claim, Sighting, judge, read_claim

HASH, OTHER = "0x" + "ab" * 32, "0x" + "cd" * 32
SETTLED = Settlement(True, HASH, "eip155:8453", None, None, None)
REFUSED = Settlement(False, HASH, "eip155:8453", None, None, "insufficient_funds")
CLAIM, NO_CLAIM = Claim(True, HASH, ()), Claim(False, HASH, ())


@pytest.mark.parametrize(
    ("settlement", "disagreements", "settled"),
    [
        (SETTLED, (), True),
        (SETTLED, ("it names another amount",), False),
        (SETTLED, ("it names another payer", "it names another network"), False),
        (REFUSED, (), False),
        (None, (), False),
    ],
)
def test_only_a_success_that_contradicts_nothing_is_a_claim(
    settlement: Settlement | None, disagreements: tuple[str, ...], settled: bool
) -> None:
    answer = WebResponse("https://api.example.com/x", 200, (), b"")
    claim = read_claim(answer, settlement, disagreements)
    assert claim.settled is settled
    assert all(any(text in note for note in claim.notes) for text in disagreements)


@pytest.mark.parametrize(
    ("claim", "sighting", "state", "evidence", "tx_hash"),
    [
        (CLAIM, Sighting(ChainView.PROVEN, HASH), State.SETTLED, Evidence.VERIFIED, HASH),
        (NO_CLAIM, Sighting(ChainView.PROVEN, OTHER), State.SETTLED, Evidence.VERIFIED, OTHER),
        (NO_CLAIM, Sighting(ChainView.USED), State.SETTLED, Evidence.VERIFIED, None),
        (CLAIM, Sighting(ChainView.OTHER_TRANSFER), State.UNKNOWN, Evidence.UNKNOWN, None),
        (CLAIM, Sighting(ChainView.UNUSED), State.SETTLED, Evidence.CLAIMED, HASH),
        (CLAIM, Sighting(ChainView.UNREADABLE), State.SETTLED, Evidence.CLAIMED, HASH),
        (NO_CLAIM, Sighting(ChainView.UNUSED), State.UNKNOWN, Evidence.UNKNOWN, HASH),
        (NO_CLAIM, Sighting(ChainView.UNREADABLE), State.UNKNOWN, Evidence.UNKNOWN, HASH),
    ],
)
def test_the_chain_outweighs_every_claim(
    claim: Claim, sighting: Sighting, state: State, evidence: Evidence, tx_hash: str | None
) -> None:
    verdict = judge(claim, sighting)
    assert verdict.charged_atomic is None
    assert (verdict.state, verdict.evidence, verdict.tx_hash) == (state, evidence, tx_hash)


@pytest.mark.parametrize(
    ("claim", "sighting", "state", "charged"),
    [
        (CLAIM, Sighting(ChainView.PROVEN, HASH, 7), State.SETTLED, 7),
        (NO_CLAIM, Sighting(ChainView.PROVEN, HASH, 0), State.SETTLED, 0),
        (CLAIM, Sighting(ChainView.PROVEN, HASH), State.UNKNOWN, None),
        (CLAIM, Sighting(ChainView.USED), State.UNKNOWN, None),
        (CLAIM, Sighting(ChainView.UNUSED), State.UNKNOWN, None),
        (CLAIM, Sighting(ChainView.UNREADABLE), State.UNKNOWN, None),
        (CLAIM, Sighting(ChainView.OTHER_TRANSFER), State.UNKNOWN, None),
    ],
)
def test_only_the_chain_says_how_much_of_a_ceiling_was_taken(
    claim: Claim, sighting: Sighting, state: State, charged: int | None
) -> None:
    verdict = judge(claim, sighting, is_ceiling=True)
    assert (verdict.state, verdict.charged_atomic) == (state, charged)
