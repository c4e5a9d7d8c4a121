"""How a typed failure reads in a terminal."""

from __future__ import annotations

import pytest

from server.cli import error_text
from wallet.errors import ErrorKind, PurserError, as_sentence


def test_a_refusal_of_several_offers_tells_the_reason_of_each() -> None:
    reasons = ("L402 (Lightning): it needs a Lightning wallet", "MPP tempo: it needs another")
    offers = [{"index": index, "reason": reason} for index, reason in enumerate(reasons)]
    refused = PurserError(ErrorKind.NO_PAYABLE_OFFER, "Nothing can be paid.", offers=offers)
    lines = error_text(refused).splitlines()
    assert lines[-2:] == [f"  Offer {index}: {reason}" for index, reason in enumerate(reasons)]


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("the price is too high", "The price is too high."),
        ("x402 on Solana: it needs a Solana wallet", "x402 on Solana: it needs a Solana wallet."),
        ("Did you mean this?", "Did you mean this?"),
    ],
)
def test_a_reason_becomes_a_sentence(reason: str, sentence: str) -> None:
    assert as_sentence(reason) == sentence
