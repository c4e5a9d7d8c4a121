"""What a receipt says of money, for each state that a purchase can be in."""

from __future__ import annotations

import pytest

from wallet.model import Evidence, Purchase, State
from wallet.money import Usd
from wallet.receipts import receipt


@pytest.mark.parametrize(
    ("state", "status", "spent"),
    [
        (State.FREE, "free", "no"),
        (State.HELD, "unknown", "unknown"),
        (State.SIGNED, "unknown", "unknown"),
        (State.UNKNOWN, "unknown", "unknown"),
        (State.SETTLED, "settled", "yes"),
        (State.VOID, "void", "no"),
    ],
)
def test_a_receipt_says_of_every_open_payment_that_it_may_have_been_spent(
    state: State, status: str, spent: str
) -> None:
    purchase = Purchase(
        id="1",
        key="k",
        principal="local",
        method="GET",
        url="https://api.example.com/x",
        host="api.example.com",
        state=state,
        evidence=Evidence.UNKNOWN,
        created_at=0,
        settled_at=None,
        pay_again=False,
        rail=None,
        scheme=None,
        transfer=None,
        amount_usd=Usd(10_000),
        tx_hash=None,
        delivery=None,
        notes=(),
    )
    shown = receipt(purchase)
    assert (shown["status"], shown["spent"], shown["evidence"]) == (status, spent, "unknown")
