"""The MPP rail beside the official Python package: the same meaning, the same bytes."""

from __future__ import annotations

from mpp import generate_challenge_id
from mpp_differential import compare_payment, compare_reading, generated


def test_the_package_and_we_read_its_challenges_alike() -> None:
    for theirs, asset in generated(400, seed=1):
        compare_reading(theirs, asset)


def test_our_payment_of_a_challenge_is_the_package_s_to_the_byte() -> None:
    for theirs, asset in generated(120, seed=2):
        compare_payment(theirs, asset)


def test_the_package_makes_the_published_challenge_id() -> None:
    # A vector of the MPP project's; it shows that the package is the one the facts are about.
    request = {
        "amount": "1000000",
        "currency": "0x20c0" + "0" * 36,
        "recipient": "0x1234567890abcdef1234567890abcdef12345678",
    }
    made = generate_challenge_id(
        secret_key="test-secret-key-12345",
        realm="api.example.com",
        method="tempo",
        intent="charge",
        request=request,
    )
    assert made == "XmJ98SdsAdzwP9Oa-8In322Uh6yweMO6rywdomWk_V4"
