"""The official Python facilitator and seller accept our payments and hash them as we do."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any, cast

import pytest
from generated import ACCOUNT, COUNT, Payment, payments
from x402.http.utils import decode_payment_signature_header
from x402.mechanisms.evm.exact.facilitator import (  # pyright: ignore[reportMissingTypeStubs]
    ExactEvmScheme,
)
from x402.mechanisms.evm.exact.v1.facilitator import (  # pyright: ignore[reportMissingTypeStubs]
    ExactEvmSchemeV1,
)
from x402.mechanisms.evm.upto.facilitator import (  # pyright: ignore[reportMissingTypeStubs]
    UptoEvmScheme,
)
from x402.schemas.helpers import match_payload_to_requirements, parse_payment_requirements

from wallet.model import Method

UNLIMITED = 2**256 - 1


class OfflineSigner:
    """A facilitator's view of a chain on which everybody is rich and only the payer is no contract.

    So a payment is valid only if its signature, over the digest that the SDK computes, recovers to
    the payer; with another digest it would recover to somebody else.
    """

    def __init__(self, facilitator: str) -> None:
        self.facilitator = facilitator

    def get_addresses(self) -> list[str]:
        return [self.facilitator]

    def get_code(self, address: str) -> bytes:
        return b"" if address == ACCOUNT.address else b"\x60"

    def get_balance(self, *_: str) -> int:
        return UNLIMITED

    def read_contract(self, *_: object) -> int:
        return UNLIMITED


def _refusal(payment: Payment) -> str | None:
    """Return the official facilitator's reason for refusing a payment, or None."""
    offer = json.loads(base64.b64decode(payment.challenge))["accepts"][0]
    payload = cast("Any", decode_payment_signature_header(payment.header))
    requirements = cast("Any", parse_payment_requirements(payment.version, offer))
    assert match_payload_to_requirements(
        payment.version, payload.model_dump(by_alias=True), requirements.model_dump(by_alias=True)
    )
    scheme = UptoEvmScheme if payment.transfer.method is Method.UPTO else ExactEvmScheme
    judge = cast("Any", ExactEvmSchemeV1 if payment.version == 1 else scheme)
    signer = OfflineSigner(payment.transfer.facilitator or "")
    verdict = judge(signer).verify(payload, requirements)
    return None if verdict.is_valid else str(verdict.invalid_reason)


@pytest.mark.slow
@pytest.mark.timeout(max(60, COUNT // 40))
def test_python_hashes_and_accepts_every_generated_payment() -> None:
    kinds = set[tuple[int, Method]]()
    for payment in payments():
        assert _refusal(payment) is None, payment.transfer
        kinds.add((payment.version, payment.transfer.method))
    every = (Method.EIP3009, Method.PERMIT2, Method.UPTO)
    assert kinds == {(1, Method.EIP3009), *((2, method) for method in every)}


def test_the_judge_refuses_a_payment_that_was_changed() -> None:
    for payment in payments(20):
        sent = json.loads(base64.b64decode(payment.header))
        inner = sent["payload"]
        signature = inner["signature"]
        inner["signature"] = (
            signature[:10] + ("0" if signature[10] != "0" else "1") + signature[11:]
        )
        header = base64.b64encode(json.dumps(sent).encode()).decode()
        assert "signature" in str(_refusal(replace(payment, header=header)))
