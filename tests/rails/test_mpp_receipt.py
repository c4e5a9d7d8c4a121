"""What is said after a payment: receipts and problems, as claims in words of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mpp_samples import b64url
from x402_samples import transfer, web

from wallet.model import Settlement
from wallet.rails.mpp import MppRail

RAIL = MppRail()
TX = "0x" + "ab" * 32


def _receipt(**changes: Any) -> dict[str, Any]:
    fields = {
        "status": "success",
        "method": "evm",
        "timestamp": "2026-11-21T14:35:25Z",
        "reference": TX,
        "challengeId": "x",
    }
    return {name: value for name, value in (fields | changes).items() if value is not ...}


def _settlement(receipt: object, status: int = 200) -> Settlement | None:
    text = receipt if isinstance(receipt, str) else b64url(receipt)
    return RAIL.read_settlement(web(("Payment-Receipt", text), status=status))


def test_a_receipt_is_a_claim_with_its_transaction() -> None:
    expected = Settlement(True, TX, None, None, None, None)
    assert _settlement(_receipt(reference=TX.upper().replace("0X", "0x"))) == expected


def test_a_receipt_may_name_its_chain() -> None:
    found = _settlement(_receipt(chainId=8453))
    assert found is not None
    assert found.network == "eip155:8453"
    assert RAIL.disagreements(found, transfer()) == []
    assert RAIL.disagreements(found, transfer(network_id="eip155:1")) == [
        "it names another network"
    ]


@pytest.mark.parametrize("chain_id", [True, "8453", 0, -1, 2**53, 1.5, None])
def test_a_chain_that_is_no_number_is_left_out(chain_id: object) -> None:
    found = _settlement(_receipt(chainId=chain_id))
    assert found is not None
    assert found.network is None
    assert RAIL.disagreements(found, transfer()) == []


@pytest.mark.parametrize("reference", ["", "pi_3abc", TX[:-1], 7, None, ...])
def test_a_reference_that_is_no_hash_is_left_out(reference: object) -> None:
    assert _settlement(_receipt(reference=reference)) == Settlement(
        True, None, None, None, None, None
    )


@pytest.mark.parametrize(
    "receipt",
    [
        *("", "e30", "!", b64url([]), b64url("success"), "A" * 20_000),
        *(_receipt(status="failed"), _receipt(status=True), _receipt(status=...)),
        *(_receipt(method="tempo"), _receipt(method=...)),
    ],
)
def test_what_is_no_receipt_of_ours_is_nothing(receipt: object) -> None:
    assert _settlement(receipt) is None


def test_two_different_receipts_are_none() -> None:
    pairs = [("Payment-Receipt", b64url(_receipt(reference=text))) for text in (TX, "x")]
    assert RAIL.read_settlement(web(*pairs, status=200)) is None


@pytest.mark.parametrize("status", [301, 402, 403, 500])
def test_a_receipt_on_an_answer_that_is_not_good_counts_for_nothing(status: int) -> None:
    assert _settlement(_receipt(), status) is None


@pytest.mark.parametrize("status", [400, 402, 403, 500])
@pytest.mark.parametrize("kind", ["verification-failed", "internal-payment-error"])
def test_a_known_problem_is_named(status: int, kind: str) -> None:
    body = {"type": f"https://paymentauth.org/problems/{kind}", "detail": "CANARY"}
    found = RAIL.read_settlement(web(body=body, status=status))
    assert found == Settlement(False, None, None, None, None, kind)


def test_a_problem_that_nobody_knows_is_unrecognised() -> None:
    body = {"type": "https://paymentauth.org/problems/CANARY"}
    found = RAIL.read_settlement(web(body=body, status=403))
    assert found == Settlement(False, None, None, None, None, "unrecognised")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        json.dumps({"type": 7}).encode(),
        json.dumps({"type": "https://example.com/problems/verification-failed"}).encode(),
        json.dumps({"title": "x"}).encode(),
        b'{"a":' + b"[" * 5000,
    ],
)
def test_a_body_that_is_no_problem_says_nothing(body: bytes) -> None:
    assert RAIL.read_settlement(web(body=body, status=403)) is None
