"""How an offer would be paid through a channel is decided from the offer and the limits alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wallet.assets import Asset, find_asset
from wallet.channels.model import Channel, ChannelState
from wallet.channels.plan import Bound, Opening, Through, Unfit, plan
from wallet.channels.rules import ChannelRules
from wallet.errors import ErrorKind
from wallet.model import Offer
from wallet.money import Usd
from wallet.rails.x402.batch.channel import ChannelConfig, Deposit, channel_id
from wallet.rails.x402.offer import decode_offer

USDC = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
PAYEE = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
AUTHORIZER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
SALT = "0x" + "07" * 32
RULES = ChannelRules(Usd(1_000_000), 100, 86_400)
PLENTY = (Bound(Usd(5_000_000), ErrorKind.OVER_DAY_BUDGET, "budget.per_day"),)


def offer(amount: int = 10_000, **extra: Any) -> Offer:
    members = {"receiverAuthorizer": AUTHORIZER, "withdrawDelay": 900, **extra}
    decoded = decode_offer(
        2,
        0,
        {
            "scheme": "batch-settlement",
            "network": "eip155:8453",
            "asset": USDC,
            "amount": str(amount),
            "payTo": PAYEE,
            "maxTimeoutSeconds": 60,
            "extra": members,
        },
    )
    assert isinstance(decoded, Offer)
    return decoded


def usdc() -> Asset:
    asset = find_asset("eip155:8453", USDC)
    assert asset is not None
    return asset


def channel(**changes: Any) -> Channel:
    config = ChannelConfig("eip155:8453", AUTHORIZER, PAYEE, AUTHORIZER, USDC, 900, SALT)
    one = Channel(
        id=channel_id(config),
        principal="local",
        origin="https://a.example:443",
        host="a.example",
        deposit=Deposit(config, 100_000, 1, SALT),
        deposited_usd=Usd(100_000),
        created_at=1,
        state=ChannelState.OPEN,
    )
    return replace(one, **changes)


@pytest.mark.parametrize(
    ("rules", "bounds", "extra", "deposit"),
    [
        (RULES, PLENTY, {}, 1_000_000),
        (replace(RULES, deposit_pages=7), PLENTY, {}, 70_000),
        (replace(RULES, max_deposit=Usd(255_000)), PLENTY, {}, 250_000),
        (RULES, (Bound(Usd(44_444), ErrorKind.OVER_DAY_BUDGET, "x"),), {}, 40_000),
        (replace(RULES, deposit_pages=2), PLENTY, {"minDeposit": "55555"}, 55_555),
        (replace(RULES, deposit_pages=1), PLENTY, {"minDeposit": "1"}, 10_000),
    ],
)
def test_a_deposit_is_for_whole_pages_within_every_limit(
    rules: ChannelRules, bounds: tuple[Bound, ...], extra: dict[str, Any], deposit: int
) -> None:
    step = plan(offer(**extra), usdc(), rules, bounds, ())
    assert isinstance(step, Opening)
    assert (step.deposit_atomic, step.deposit_usd) == (deposit, Usd(deposit))


@pytest.mark.parametrize(
    ("rules", "bounds", "extra", "kind"),
    [
        (replace(RULES, max_deposit=Usd(9_999)), PLENTY, {}, ErrorKind.OVER_PAYMENT_CAP),
        (RULES, PLENTY, {"minDeposit": "1000001"}, ErrorKind.OVER_PAYMENT_CAP),
        (
            RULES,
            (*PLENTY, Bound(Usd(9_999), ErrorKind.OVER_TOTAL_BUDGET, "budget.total")),
            {},
            ErrorKind.OVER_TOTAL_BUDGET,
        ),
        (RULES, PLENTY, {"withdrawDelay": 86_401}, ErrorKind.NO_PAYABLE_OFFER),
        (RULES, PLENTY, {"withdrawDelay": None}, ErrorKind.NO_PAYABLE_OFFER),
    ],
)
def test_a_deposit_that_no_limit_lets_pass_is_refused_by_that_limit(
    rules: ChannelRules, bounds: tuple[Bound, ...], extra: dict[str, Any], kind: ErrorKind
) -> None:
    step = plan(offer(**extra), usdc(), rules, bounds, ())
    assert isinstance(step, Unfit)
    assert step.kind is kind


def test_a_token_whose_price_would_be_rounded_has_no_channel() -> None:
    for asset in (None, replace_decimals(usdc(), 18)):
        assert isinstance(plan(offer(), asset, RULES, PLENTY, ()), Unfit)


def replace_decimals(asset: Asset, decimals: int) -> Asset:
    return asset.model_copy(update={"decimals": decimals})


def test_an_open_channel_that_fits_pays_even_when_every_cap_is_used_up() -> None:
    spent = (Bound(Usd(0), ErrorKind.OVER_DAY_BUDGET, "budget.per_day"),)
    assert plan(offer(), usdc(), RULES, spent, (channel(),)) == Through(channel())


@pytest.mark.parametrize(
    "changes",
    [
        {"charged_atomic": 95_000, "signed_max_atomic": 95_000},
        {"drained_at": 5},
    ],
)
def test_a_channel_that_cannot_pay_the_page_gives_way_to_a_new_one(
    changes: dict[str, Any],
) -> None:
    assert isinstance(plan(offer(), usdc(), RULES, PLENTY, (channel(**changes),)), Opening)


def test_other_terms_than_the_channel_s_open_another() -> None:
    step = plan(offer(withdrawDelay=901), usdc(), RULES, PLENTY, (channel(),))
    assert isinstance(step, Opening)


def test_while_a_channel_is_being_opened_no_second_one_is() -> None:
    opening = channel(state=ChannelState.OPENING)
    assert plan(offer(withdrawDelay=901), usdc(), RULES, PLENTY, (opening,)) == Through(opening)


def test_while_a_channel_is_being_closed_nothing_is_paid() -> None:
    step = plan(offer(), usdc(), RULES, PLENTY, (channel(state=ChannelState.CLOSING),))
    assert isinstance(step, Unfit)
    ended = channel(state=ChannelState.CLOSING, drained_at=5)
    assert isinstance(plan(offer(), usdc(), RULES, PLENTY, (ended,)), Opening)
