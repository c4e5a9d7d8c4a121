"""`evm` and `usdc` charges: what becomes an offer, and the reason when none does."""

from __future__ import annotations

from typing import Any

import pytest
from mpp_samples import auth, b64url, charge, usdc_charge, www
from x402_samples import BASE_USDC, PAYEE

from wallet.model import Challenge, Offer
from wallet.rails.mpp import MppRail

RAIL = MppRail()
EURC = "0x60a3E35Cc302bFA44Cb288Bc5a4F316Fdb1adb42"


def _challenge(*values: str) -> Challenge:
    challenge = RAIL.recognise(www(*values))
    assert challenge is not None
    return challenge


def _offer(value: str) -> Offer:
    (offer,) = _challenge(value).offers
    return offer


def _reason(value: str) -> str:
    (bad,) = _challenge(value).unreadable
    assert not _challenge(value).offers
    return bad.reason


def test_an_evm_charge_is_an_offer() -> None:
    offer = _offer(auth())
    assert offer == Offer(
        rail="mpp",
        version=1,
        index=0,
        scheme="charge",
        network="eip155:8453",
        network_id="eip155:8453",
        asset=BASE_USDC,
        amount_atomic=10000,
        pay_to=PAYEE,
        max_timeout_s=300,
        transfer_method="eip3009",
        payment_flow="authorization",
        extra_name=None,
        raw=offer.raw,
    )
    assert offer.raw["request"] == b64url(charge())


def test_a_usdc_charge_of_the_evm_profile_is_an_offer_like_it() -> None:
    offer = _offer(auth(usdc_charge(), method="usdc"))
    assert (offer.network_id, offer.asset, offer.amount_atomic) == ("eip155:8453", BASE_USDC, 10000)
    listed = usdc_charge(credentialTypes=["authorization"])
    assert _offer(auth(listed, method="usdc")).pay_to == PAYEE


def test_members_that_nobody_knows_change_nothing() -> None:
    request = charge(_mppx_scope={"x": "y"}, description="d", externalId="e", decimals=18)
    assert _offer(auth(request)).amount_atomic == 10000


def test_a_chain_that_is_not_in_the_table_has_no_network_id() -> None:
    assert _offer(auth(charge(chainId=424242))).network_id is None


DECLINED: list[tuple[dict[str, Any], str]] = [
    ({"amount": "0"}, "amount is zero"),
    ({"amount": 10000}, "amount is not a string of digits"),
    ({"amount": "1e4"}, "amount is not a string of digits"),
    ({"amount": "010"}, "amount is not a string of digits"),
    ({"amount": "9" * 79}, "amount is not a string of digits"),
    ({"amount": ...}, "amount is not a string of digits"),
    ({"currency": "usd"}, "currency is not an address of 0x and 40 hex digits"),
    ({"currency": ...}, "currency is not an address of 0x and 40 hex digits"),
    ({"currency": BASE_USDC[:-1] + "4"}, "currency fails its EIP-55 checksum"),
    ({"recipient": PAYEE[:-1] + "c"}, "recipient fails its EIP-55 checksum"),
    ({"recipient": "0x" + "0" * 40}, "recipient is the zero address"),
    ({"recipient": 7}, "recipient is not an address of 0x and 40 hex digits"),
    ({"chainId": "8453"}, "chainId is not an integer"),
    ({"chainId": True}, "chainId is not an integer"),
    ({"chainId": 8453.0}, "chainId is not an integer"),
    ({"chainId": ...}, "chainId is not an integer"),
    ({"chainId": 0}, "chainId is out of range"),
    ({"chainId": -8453}, "chainId is out of range"),
    ({"chainId": 2**53}, "chainId is out of range"),
    ({"credentialTypes": ...}, "it does not take an EIP-3009 authorization"),
    ({"credentialTypes": []}, "it does not take an EIP-3009 authorization"),
    ({"credentialTypes": "authorization"}, "it does not take an EIP-3009 authorization"),
    ({"credentialTypes": ["permit2", "hash"]}, "it does not take an EIP-3009 authorization"),
    ({"splits": [7]}, "it splits the payment between several payees"),
    ({"splits": "x"}, "it splits the payment between several payees"),
    ({"splits": 0}, "it splits the payment between several payees"),
    ({"splits": False}, "it splits the payment between several payees"),
    ({"methodDetails": []}, "methodDetails is not an object"),
    ({"methodDetails": ...}, "methodDetails is not an object"),
]


@pytest.mark.parametrize(("changes", "reason"), DECLINED)
def test_a_charge_that_is_not_paid_has_its_reason(changes: dict[str, Any], reason: str) -> None:
    assert _reason(auth(charge(**changes))) == reason


@pytest.mark.parametrize("splits", [None, []])
def test_splits_that_split_nothing_are_no_hindrance(splits: object) -> None:
    assert _offer(auth(charge(splits=splits))).amount_atomic == 10000


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (charge(), "methodDetails is of another profile than evm"),
        (charge(methodDetails={"type": "gateway", "gateway": {}}), "methodDetails is of another"),
        (charge(methodDetails={"type": "solana", "evm": {"chainId": 8453}}), "methodDetails is of"),
        (usdc_charge(credentialTypes=["authorization", "permit2"]), "it does not take an EIP-3009"),
        (usdc_charge(credentialTypes=[]), "it does not take an EIP-3009"),
        (usdc_charge(splits=[7]), "it splits the payment between several payees"),
        (usdc_charge() | {"currency": EURC}, "currency is not the chain's native USDC"),
        (usdc_charge() | {"currency": "usdc"}, "currency is not an address"),
    ],
)
def test_a_usdc_charge_is_native_usdc_by_authorization_alone(
    request_: dict[str, Any], reason: str
) -> None:
    assert _reason(auth(request_, method="usdc")).startswith(reason)


def test_one_bad_challenge_spoils_no_other() -> None:
    challenge = _challenge(auth(charge(amount="0")), auth(id="b") + ", " + auth(id=""))
    assert [(one.index, one.reason) for one in challenge.unreadable] == [
        (0, "amount is zero"),
        (2, "id is missing"),
    ]
    assert [(one.index, one.raw["id"]) for one in challenge.offers] == [(1, "b")]


@pytest.mark.parametrize(
    "value",
    [
        *("", "Basic realm=x", 'L402 token="t", invoice="i"'),
        *(auth(method="tempo"), auth(method="stripe"), auth(intent="session")),
    ],
)
def test_what_is_no_charge_of_these_methods_is_not_for_this_rail(value: str) -> None:
    assert RAIL.recognise(www(value)) is None


def test_a_challenge_without_a_method_is_kept_with_its_reason() -> None:
    assert _reason(auth(method=...)) == "method is missing"
