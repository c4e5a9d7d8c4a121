"""A channel offer is read strictly, and paid with payloads that the official server reads."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from batch_samples import AUTHORIZER, CONFIG, SALT, batch_offer, decoded
from x402.mechanisms.evm.batch_settlement.types import (  # pyright: ignore[reportMissingTypeStubs]
    DepositPayload,
    VoucherPayload,
    is_deposit_payload,
    is_refund_payload,
    is_voucher_payload,
)
from x402.schemas.helpers import parse_payment_payload
from x402_samples import PAYER, SIGNATURE, offer_v2

from wallet.rails.x402.batch.channel import Deposit, Voucher, channel_id
from wallet.rails.x402.batch.payload import (
    deposit_payload,
    payment_headers,
    refund_payload,
    voucher_payload,
)
from wallet.rails.x402.batch.terms import (
    ChannelTerms,
    UnreadableTermsError,
    config_for,
    fits,
    read_terms,
    without_past,
)


def test_terms_are_read_as_offered() -> None:
    terms = read_terms(decoded(batch_offer()))
    assert terms == ChannelTerms(AUTHORIZER, 900, 100_000)
    assert read_terms(decoded(batch_offer(minDeposit=...))).min_deposit_atomic == 0


@pytest.mark.parametrize(
    "extra",
    [
        {"receiverAuthorizer": ...},
        {"receiverAuthorizer": "0x" + "0" * 40},
        {"receiverAuthorizer": AUTHORIZER[:-1] + "c"},
        {"receiverAuthorizer": 7},
        {"withdrawDelay": ...},
        {"withdrawDelay": 899},
        {"withdrawDelay": 2_592_001},
        {"withdrawDelay": "900"},
        {"withdrawDelay": True},
        {"minDeposit": 100_000},
        {"minDeposit": "1e5"},
        {"minDeposit": "-1"},
        {"minDeposit": "٣"},
    ],
)
def test_terms_that_are_missing_or_malformed_are_refused(extra: dict[str, Any]) -> None:
    with pytest.raises(UnreadableTermsError, match=r"^it"):
        read_terms(decoded(batch_offer(**extra)))


def test_another_scheme_has_no_channel_terms() -> None:
    with pytest.raises(UnreadableTermsError, match="no batch-settlement offer"):
        read_terms(decoded(offer_v2()))


def test_a_channel_is_made_of_the_offer_and_fits_it_alone() -> None:
    offer = decoded(batch_offer())
    terms = read_terms(offer)
    config = config_for(offer, terms, PAYER, bytes.fromhex(SALT[2:]))
    assert config == CONFIG
    assert fits(config, offer, terms)
    later = decoded(batch_offer(withdrawDelay=901))
    assert not fits(config, later, read_terms(later))
    other = decoded(batch_offer(receiverAuthorizer=PAYER))
    assert not fits(config, other, read_terms(other))
    moved = decoded({**batch_offer(), "payTo": AUTHORIZER})
    assert not fits(config, moved, read_terms(moved))


def test_a_correction_is_no_part_of_the_offer_that_is_echoed() -> None:
    plain = batch_offer(mode="x")
    corrective = batch_offer(mode="x", channelState={"balance": "1"}, voucherState={})
    assert without_past(corrective) == plain
    assert without_past(plain) == plain


@pytest.mark.parametrize(
    ("kind", "is_one"),
    [
        ("deposit", is_deposit_payload),
        ("voucher", is_voucher_payload),
        ("refund", is_refund_payload),
    ],
)
def test_the_official_server_reads_each_payload(kind: str, is_one: Any) -> None:
    voucher = Voucher(CONFIG, 30_000)
    payloads = {
        "deposit": deposit_payload(
            Deposit(CONFIG, 1_000_000, 1_795_262_400, SALT), SIGNATURE, voucher, SIGNATURE
        ),
        "voucher": voucher_payload(voucher, SIGNATURE),
        "refund": refund_payload(voucher, SIGNATURE),
    }
    raw = batch_offer(mode="kept")
    headers = payment_headers(payloads[kind], raw, {"url": "https://a.example/"}, {})
    data = base64.b64decode(headers["PAYMENT-SIGNATURE"], validate=True)
    assert json.loads(data)["accepted"] == raw
    read: Any = parse_payment_payload(data)
    assert read.accepted.extra == raw["extra"]
    assert is_one(read.payload)
    assert read.payload["voucher"]["channelId"] == channel_id(CONFIG)
    if kind == "deposit":
        official = DepositPayload.from_dict(read.payload)
        assert official.to_dict() == payloads[kind]
    if kind == "voucher":
        assert VoucherPayload.from_dict(read.payload).to_dict() == payloads[kind]
