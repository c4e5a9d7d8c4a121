"""What a seller says of a channel is checked as the scheme demands, and believed no further."""

from __future__ import annotations

from typing import Any

import pytest
from batch_samples import CONFIG, answered, batch_offer, paid_answer
from x402_samples import SIGNATURE, challenge_v2

from wallet.exchange import WebResponse
from wallet.rails.x402.batch.answer import (
    BUSY,
    MISMATCH,
    disagreement,
    read_answer,
    read_correction,
    read_error,
)
from wallet.rails.x402.batch.channel import channel_id

CHANNEL = channel_id(CONFIG)


def judged(**changes: Any) -> str | None:
    answer = read_answer(answered(paid_answer(CHANNEL, **changes)))
    assert answer is not None
    assert answer.success
    return disagreement(
        answer,
        network_id="eip155:8453",
        channel_id=CHANNEL,
        price_atomic=10_000,
        charged_before_atomic=20_000,
        deposited_atomic=1_000_000,
    )


def test_an_answer_that_keeps_the_rules_is_no_disagreement() -> None:
    assert judged() is None
    assert judged(state_channelId=CHANNEL.upper().replace("0X", "0x")) is None


def test_less_than_the_price_may_be_charged() -> None:
    assert judged(charged="7000", state_chargedCumulativeAmount="27000") is None
    assert judged(charged="0", state_chargedCumulativeAmount="20000") is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"charged": "10001", "state_chargedCumulativeAmount": "30001"}, "charged more"),
        ({"charged": None}, "charged more"),
        ({"charged": 10_000}, "charged more"),
        ({"charged": "-1"}, "charged more"),
        ({"state_chargedCumulativeAmount": "30001"}, "total"),
        ({"state_chargedCumulativeAmount": None}, "total"),
        ({"charged": "7000"}, "total"),
        ({"state_channelId": "0x" + "ab" * 32}, "another channel"),
        ({"state_channelId": None}, "another channel"),
        ({"state_balance": "999999"}, "another deposit"),
        ({"state_balance": "2000000"}, "another deposit"),
        ({"network": "eip155:1"}, "another network"),
        ({"network": "nowhere"}, "another network"),
    ],
)
def test_an_answer_that_breaks_a_rule_is_named(changes: dict[str, Any], words: str) -> None:
    assert words in (judged(**changes) or "")


@pytest.mark.parametrize("value", [None, [], {"success": "yes"}, {"extra": {}}, "text"])
def test_what_is_no_settlement_response_is_none(value: object) -> None:
    assert read_answer(answered(value)) is None
    assert read_answer(WebResponse("https://a.example/", 200, (), b"")) is None


def test_an_answer_without_its_parts_has_none_of_them() -> None:
    answer = read_answer(answered({"success": True, "extra": [], "transaction": "0x12"}))
    assert answer is not None
    assert answer.charged_atomic is None
    assert answer.cumulative_atomic is None
    assert answer.channel_id is None
    assert answer.tx_hash is None


def corrective(channel: str = CHANNEL, error: object = MISMATCH, **changes: Any) -> WebResponse:
    state = {"channelId": channel, "chargedCumulativeAmount": "20000", "balance": "1000000"}
    voucher: dict[str, Any] = {"signedMaxClaimable": "30000", "signature": SIGNATURE}
    for name, value in changes.items():
        (state if name in state else voucher)[name] = value
    offer = batch_offer(channelState=state, voucherState=voucher)
    return answered(challenge_v2(offer, error=error), status=402, name="PAYMENT-REQUIRED")


def test_a_correction_is_read_with_the_voucher_it_shows() -> None:
    correction = read_correction(corrective(), CHANNEL)
    assert correction is not None
    assert (correction.charged_atomic, correction.signed_max_atomic) == (20_000, 30_000)
    assert correction.signature == SIGNATURE
    assert correction.channel_id == CHANNEL


@pytest.mark.parametrize(
    "response",
    [
        corrective("0x" + "ab" * 32),
        corrective(error="another"),
        corrective(chargedCumulativeAmount="30001"),
        corrective(chargedCumulativeAmount=20_000),
        corrective(signedMaxClaimable=None),
        corrective(signature=None),
        answered(challenge_v2(batch_offer(), error=MISMATCH), status=402, name="PAYMENT-REQUIRED"),
        answered(challenge_v2("x", error=MISMATCH), status=402, name="PAYMENT-REQUIRED"),
        WebResponse("https://a.example/", 402, (("PAYMENT-REQUIRED", "!"),), b""),
    ],
)
def test_a_correction_without_its_proof_is_none(response: WebResponse) -> None:
    assert read_correction(response, CHANNEL) is None


def test_only_two_reasons_are_told_apart() -> None:
    assert read_error(corrective()) == MISMATCH
    assert read_error(corrective(error=BUSY)) == BUSY
    assert read_error(corrective(error="pay me now")) is None
    assert read_error(answered({"error": BUSY}, status=200, name="PAYMENT-REQUIRED")) is None
