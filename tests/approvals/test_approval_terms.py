"""What an approval is bound to and when it counts; pure, without a ledger."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from tests.desk import RULES
from wallet.approvals import (
    CLOCK_SLACK_S,
    FIELD_WORDS,
    LIFE_S,
    Approval,
    ApprovalState,
    Terms,
    approved_offers,
    header_terms,
    offered_terms,
)
from wallet.errors import ErrorKind
from wallet.exchange import WebRequest
from wallet.ledger.base import Balance, Cap
from wallet.limits import caps_for
from wallet.model import Bill, Challenge, Offer
from wallet.money import Usd
from wallet.policy import decide

BASE_USDC = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
ASKED_AT = 1_795_262_400
TERMS = Terms(
    key="ab" * 32,
    host="api.example.com",
    scheme="exact",
    network_id="eip155:8453",
    asset=BASE_USDC,
    pay_to="0x" + "Cc" * 20,
    amount_atomic=600_000,
)
OTHER: dict[str, Any] = {
    "key": "cd" * 32,
    "host": "api.example.com.evil.example",
    "scheme": "upto",
    "network_id": "eip155:84532",
    "asset": "0x" + "11" * 20,
    "pay_to": "0x" + "Cd" * 20,
    "amount_atomic": 600_001,
    "headers": "1 " + "ab" * 32,
}
OFFER = Offer(
    rail="x402",
    version=2,
    index=0,
    scheme="exact",
    network="eip155:8453",
    network_id="eip155:8453",
    asset=BASE_USDC,
    amount_atomic=600_000,
    pay_to="0x" + "Cc" * 20,
    max_timeout_s=60,
    transfer_method="eip3009",
    payment_flow="authorization",
    extra_name=None,
    raw={},
)


def approval(state: ApprovalState = ApprovalState.APPROVED, terms: Terms = TERMS) -> Approval:
    return Approval(
        id="ap_1",
        terms=terms,
        principal="local",
        method="GET",
        url="https://api.example.com/report",
        amount_usd=Usd(600_000),
        created_at=ASKED_AT,
        expires_at=ASKED_AT + LIFE_S,
        state=state,
        answered_at=None,
        purchase_id=None,
    )


@pytest.mark.parametrize("name", OTHER)
def test_each_field_changes_the_hash_and_is_named_in_our_words(name: str) -> None:
    changed = replace(TERMS, **{name: OTHER[name]})
    assert changed.sha256() != TERMS.sha256()
    assert changed.changed_from(TERMS) == (FIELD_WORDS[name],)


def test_every_field_of_the_terms_is_covered() -> None:
    assert list(FIELD_WORDS) == list(OTHER) == [field.name for field in fields(Terms)]


@pytest.mark.parametrize(
    ("host", "scheme"),
    [("a", "bc"), ("ab", "c"), ('a", "b', "c"), ("a", 'b", "c'), ("a\\", "bc"), ("", "abc")],
)
def test_no_two_terms_run_into_one_text(host: str, scheme: str) -> None:
    assert replace(TERMS, host=host, scheme=scheme).sha256() not in {
        replace(TERMS, host=one, scheme=other).sha256()
        for one, other in [("a", "b"), ("abc", ""), ("a, b", "c"), ("a\\\\", "bc")]
    }


def test_the_letters_case_of_an_address_is_not_a_term() -> None:
    lower = replace(TERMS, asset=TERMS.asset.lower(), pay_to=TERMS.pay_to.lower())
    assert lower.sha256() == TERMS.sha256()
    assert lower.changed_from(TERMS) == ()


def test_the_hash_does_not_move_between_versions() -> None:
    assert TERMS.sha256() == "d7517b2f7d11531ea0453021ba33189c67057a37a21e5836783ec800cc3001cf"


def bound(*headers: tuple[str, str], typed: bool = False) -> str:
    return header_terms(WebRequest("POST", "https://api.example.com/", headers, b"{}", typed))


def test_headers_are_bound_whatever_their_order_and_the_case_of_their_names() -> None:
    one = bound(("X-Ship-To", "Oslo"), ("Accept", "text/html"))
    assert one == bound(("accept", "text/html"), ("x-ship-to", "Oslo"))
    assert one.startswith("2 ")
    assert "Oslo" not in one
    others = {
        bound(("X-Ship-To", "Rome"), ("Accept", "text/html")),
        bound(("X-Ship-To", "oslo"), ("Accept", "text/html")),
        bound(("X-Ship-Via", "Oslo"), ("Accept", "text/html")),
        bound(("X-Ship-To", "Oslo")),
        bound(),
    }
    assert len(others | {one}) == 6


def test_of_two_values_for_one_header_the_order_counts() -> None:
    assert bound(("To", "a"), ("to", "b")) != bound(("To", "b"), ("to", "a"))


def test_a_type_that_a_body_was_given_here_is_none_of_the_callers_headers() -> None:
    json_type = ("content-type", "application/json")
    assert bound(json_type, typed=True) == bound() == ""
    assert bound(json_type) != ""
    assert replace(TERMS, headers=bound()).sha256() == TERMS.sha256()


@pytest.mark.parametrize("state", [ApprovalState.PENDING, ApprovalState.APPROVED])
def test_an_open_request_lasts_until_its_last_second(state: ApprovalState) -> None:
    one = approval(state)
    assert one.state_at(ASKED_AT + LIFE_S - 1) is state
    assert one.state_at(ASKED_AT + LIFE_S) is ApprovalState.EXPIRED


@pytest.mark.parametrize(
    ("now", "counts"),
    [
        (ASKED_AT, True),
        (ASKED_AT + LIFE_S - 1, True),
        (ASKED_AT + LIFE_S, False),
        (ASKED_AT - CLOCK_SLACK_S, True),
        (ASKED_AT - CLOCK_SLACK_S - 1, False),
    ],
)
def test_a_denial_counts_for_as_long_as_the_request(now: int, counts: bool) -> None:
    assert approval(ApprovalState.DENIED).refuses_at(now) is counts
    assert not approval(ApprovalState.EXPIRED).refuses_at(now)


def test_an_offer_counts_as_approved_only_on_exactly_the_terms_that_were_approved() -> None:
    offers = (
        replace(OFFER, index=0, amount_atomic=599_999),
        replace(OFFER, index=1),
        replace(OFFER, index=2, pay_to="0x" + "Cd" * 20),
        replace(OFFER, index=3, asset="0x" + "11" * 20),
    )
    found = approved_offers(approval(), TERMS.key, TERMS.host, offers, "", ASKED_AT)
    assert found == {1}
    assert approved_offers(approval(), TERMS.key, "other.example", offers, "", ASKED_AT) == set()
    assert approved_offers(approval(), "cd" * 32, TERMS.host, offers, "", ASKED_AT) == set()


@pytest.mark.parametrize(
    "state", [one for one in ApprovalState if one is not ApprovalState.APPROVED]
)
def test_no_other_state_approves_an_offer(state: ApprovalState) -> None:
    found = approved_offers(approval(state), TERMS.key, TERMS.host, (OFFER,), "", ASKED_AT)
    assert found == set()


def test_an_approval_that_ran_out_approves_no_offer() -> None:
    late = ASKED_AT + LIFE_S
    assert approved_offers(approval(), TERMS.key, TERMS.host, (OFFER,), "", late) == set()


def test_an_offer_of_an_unknown_token_has_no_terms_to_approve() -> None:
    assert offered_terms(TERMS.key, TERMS.host, replace(OFFER, asset="0x" + "11" * 20), "") is None
    assert offered_terms(TERMS.key, TERMS.host, replace(OFFER, network_id=None), "") is None
    assert offered_terms(TERMS.key, TERMS.host, OFFER, "") == TERMS


def decided(
    *offers: Offer, approved: tuple[int, ...] = (), held: int = 0, most: str | None = None
) -> tuple[int | None, ErrorKind | None, int | None]:
    """Return (chosen, refusal, askable) for these offers, with so much of the day held."""
    rules = replace(RULES, networks=("eip155:8453",))
    standing: list[tuple[Cap, Balance]] = [
        (one, Balance(one.scope, "2026-11-21", Usd(held), Usd(0)))
        for one in caps_for(rules, TERMS.host)
    ]
    bill = Bill((Challenge("x402", 2, offers, ()),))
    price = None if most is None else Usd.parse(most)
    quote = decide(bill, "https://a.example", rules, "0x0", price, standing, approved)
    return quote.chosen, quote.refusal, quote.askable


def test_a_price_above_the_threshold_is_chosen_only_when_it_is_approved() -> None:
    assert decided(OFFER) == (None, ErrorKind.APPROVAL_REQUIRED, 0)
    assert decided(OFFER, approved=(0,)) == (0, None, None)


def test_an_offer_that_needs_no_approval_is_taken_before_any_is_asked() -> None:
    cheap = replace(OFFER, index=1, amount_atomic=500_000)
    assert decided(OFFER, cheap) == (1, None, None)
    assert decided(OFFER, cheap, approved=(0,)) == (1, None, None)


def test_the_user_is_asked_for_the_cheapest_offer() -> None:
    dear, cheap = replace(OFFER, amount_atomic=900_000), replace(OFFER, index=1)
    assert decided(dear, cheap) == (None, ErrorKind.APPROVAL_REQUIRED, 1)


@pytest.mark.parametrize(
    ("amount_atomic", "held", "most", "refusal"),
    [
        (1_000_001, 0, None, ErrorKind.OVER_PAYMENT_CAP),
        (600_000, 4_400_001, None, ErrorKind.OVER_DAY_BUDGET),
        (600_000, 1_400_001, None, ErrorKind.OVER_HOST_BUDGET),
        (600_000, 0, "0.599999", ErrorKind.OVER_MAX_PRICE),
    ],
)
def test_an_approval_stands_above_no_cap_and_nobody_is_asked_for_what_a_cap_refuses(
    amount_atomic: int, held: int, most: str | None, refusal: ErrorKind
) -> None:
    offer = replace(OFFER, amount_atomic=amount_atomic)
    for approved in ((), (0,)):
        found = decided(offer, approved=approved, held=held, most=most)
        assert found == (None, refusal, None)
