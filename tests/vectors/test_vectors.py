"""Every published vector is what this wallet does, and what the official packages would sign."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from eth_account import Account
from make_vectors import CASES, expected_of_all, vector
from official_whole import digest_of
from vector_given import Case
from vector_replay import Played, play

pytestmark = pytest.mark.xdist_group("vectors")

HERE = Path(__file__).parent
VECTORS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(HERE.glob("*.json"))}
SINGLE = [name for name, found in VECTORS.items() if found["format"] == 1]
PAID = [name for name in SINGLE if "header" in VECTORS[name]["expected"]]


@cache
def _replayed() -> dict[str, tuple[Case, dict[str, Any] | BaseException]]:
    cases = {
        name: CASES.get(name) or Case(found["about"], found["given"], found["format"])
        for name, found in VECTORS.items()
    }
    expected = asyncio.run(expected_of_all(cases))
    return {name: (case, expected[name]) for name, case in cases.items()}


def right(name: str) -> dict[str, Any]:
    """Return a vector as it has to be: its case, and what is made of it here and now.

    A file that has no case here stands for its own.
    """
    case, expected = _replayed()[name]
    if isinstance(expected, BaseException):
        raise expected
    return vector(name, case, expected)


REASONS = {
    "hostile-batch-delay": "longer than batch.max_withdraw_delay_s",
    "hostile-batch-no-authorizer": "receiverAuthorizer is zero",
    "hostile-gateway": "Circle Gateway",
    "hostile-mistyped-payee": "EIP-55 checksum",
    "hostile-mpp-about-to-expire": "has expired, or is about to",
    "hostile-mpp-cookie": "in a header that is not allowed",
    "hostile-mpp-expired": "has expired, or is about to",
    "hostile-mpp-expires-unreadable": "expires is not an RFC 3339 time",
    "hostile-mpp-mistyped-payee": "recipient fails its EIP-55 checksum",
    "hostile-mpp-named-payee": "recipient is not an address",
    "hostile-mpp-not-usdc": "currency is not the chain's native USDC",
    "hostile-mpp-number": "amount is not a string of digits",
    "hostile-mpp-other-body": "for a request with another body",
    "hostile-mpp-other-intent": "an MPP session",
    "hostile-mpp-other-method": "MPP tempo",
    "hostile-mpp-repeated-key": "repeats a key",
    "hostile-mpp-repeated-parameter": "its parameters cannot be told apart",
    "hostile-mpp-split": "several payees",
    "hostile-mpp-transaction": "does not take an EIP-3009 authorization",
    "hostile-mpp-zero": "amount is zero",
    "hostile-upto-without-facilitator": "facilitator",
    "hostile-zero": "amount is zero",
}
"""Why nothing can be paid, where the code alone does not tell; words of this wallet."""


def messages(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every message that is signed, anywhere in what a vector expects."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        if "signature" in members and "typed_data" in members:
            yield members
        for one in members.values():
            yield from messages(one)
    if isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from messages(one)


@pytest.mark.parametrize("name", VECTORS)
def test_the_wallet_does_what_the_vector_says(name: str) -> None:
    assert VECTORS[name] == right(name)


@pytest.mark.parametrize("name", VECTORS)
def test_each_digest_is_of_its_message_and_signed_by_the_key_alone(name: str) -> None:
    account = cast("Any", Account).from_key(VECTORS[name]["given"]["private_key"])
    for signed in messages(VECTORS[name]["expected"]):
        digest = bytes.fromhex(signed["digest"][2:])
        assert digest_of(signed["typed_data"]) == signed["digest"]
        assert signed["signature"] == "0x" + account.unsafe_sign_hash(digest).signature.hex()


def test_every_case_has_its_file() -> None:
    assert set(CASES) <= set(VECTORS)


def test_the_hostile_ones_and_no_others_end_in_a_refusal() -> None:
    ends = {
        name: found["expected"] if name in SINGLE else found["expected"]["calls"][-1]["outcome"]
        for name, found in VECTORS.items()
    }
    refused = {name for name, end in ends.items() if "refusal" in end}
    assert refused == {name for name in VECTORS if name.startswith("hostile-")}
    assert set(SINGLE) - refused == set(PAID)


def test_what_cannot_be_paid_is_refused_for_the_reason_that_it_is_about() -> None:
    vague = {
        name for name in SINGLE if VECTORS[name]["expected"].get("refusal") == "no_payable_offer"
    }
    assert set(REASONS) == vague

    async def refusals() -> list[Played]:
        return await asyncio.gather(*(play(VECTORS[name]["given"]) for name in REASONS))

    for (name, words), played in zip(REASONS.items(), asyncio.run(refusals()), strict=True):
        assert played.refusal is not None
        (offer,) = played.refusal.offers
        assert words in offer["reason"], name


def test_payments_and_refusals_of_each_method_are_there() -> None:
    methods = {VECTORS[name]["expected"]["method"] for name in PAID}
    assert methods >= {"eip3009", "permit2", "upto"}
    assert any("permit" in VECTORS[name]["expected"] for name in PAID)
    headers = {VECTORS[name]["expected"]["header"]["name"] for name in PAID}
    assert headers == {
        "X-PAYMENT",
        "PAYMENT-SIGNATURE",
        "Authorization",
        "Payment-Authorization",
    }
    refused = {found["expected"].get("refusal") for found in VECTORS.values()} - {None}
    assert len(refused) >= 7
