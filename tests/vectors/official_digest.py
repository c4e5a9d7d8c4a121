"""What the official packages make of a payment header: each message in it, and its digest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from official_channel import channel_payment
from official_mpp import HEADERS, charge_message
from official_whole import digest_of, whole
from x402.extensions.eip2612_gas_sponsoring import extract_eip2612_gas_sponsoring_info
from x402.http.utils import decode_payment_signature_header
from x402.mechanisms.evm.constants import (  # pyright: ignore[reportMissingTypeStubs]
    EIP2612_PERMIT_TYPES,
)
from x402.mechanisms.evm.eip712 import (  # pyright: ignore[reportMissingTypeStubs]
    build_typed_data_for_signing,
)
from x402.mechanisms.evm.exact import (  # pyright: ignore[reportMissingTypeStubs]
    permit2_utils as exact_permit2,
)
from x402.mechanisms.evm.types import (  # pyright: ignore[reportMissingTypeStubs]
    ExactEIP3009Payload,
    ExactPermit2Payload,
    UptoPermit2Payload,
)
from x402.mechanisms.evm.upto import (  # pyright: ignore[reportMissingTypeStubs]
    client as upto_client,
)

from wallet.assets import find_asset
from wallet.model import Method


def described(expected: Mapping[str, Any]) -> dict[str, Any]:
    """Add typed data, digest and signature to every payment in what a replay returned."""
    if "calls" in expected:
        calls = [
            {**call, "sent": [one and {**one, **_payment(one)} for one in call["sent"]]}
            for call in expected["calls"]
        ]
        return {**expected, "calls": calls}
    return {**expected, **(_payment(expected) if "header" in expected else {})}


def _payment(expected: Mapping[str, Any]) -> dict[str, Any]:
    name, value = expected["header"]["name"], expected["header"]["value"]
    if name in HEADERS:
        return _signed(*charge_message(value))
    payment = cast("Any", decode_payment_signature_header(value))
    if "channelConfig" in payment.payload:
        return channel_payment(payment.payload, payment.accepted.network)
    found = _signed(_message(expected, payment.payload), payment.payload["signature"])
    permit = None if payment.x402_version == 1 else extract_eip2612_gas_sponsoring_info(payment)
    if permit is not None:
        found["permit"] = _signed(_permit(expected, permit), permit.signature)
    return found


def _signed(message: dict[str, Any], signature: str) -> dict[str, Any]:
    return {"typed_data": message, "digest": digest_of(message), "signature": signature}


def _message(expected: Mapping[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
    method = expected["method"]
    if method == Method.EIP3009:
        asset = find_asset(expected["network"], expected["asset"])
        assert asset is not None
        authorization = ExactEIP3009Payload.from_dict(payload).authorization
        domain, types, primary, message = build_typed_data_for_signing(
            authorization, _chain_id(expected), asset.address, asset.eip712_name,
            asset.eip712_version,
        )  # fmt: skip
        return whole(_token_domain(domain), types, primary, message)
    if method == Method.UPTO:
        upto = UptoPermit2Payload.from_dict(payload).permit2_authorization
        build = cast("Any", upto_client)._build_upto_permit2_typed_data
        domain, types, primary, message = build(upto, _chain_id(expected))
    else:
        exact = ExactPermit2Payload.from_dict(payload).permit2_authorization
        build = cast("Any", exact_permit2)._build_permit2_typed_data
        domain, types, primary, message = build(exact, _chain_id(expected))
    plain = {
        name: [{"name": one.name, "type": one.type} for one in members]
        for name, members in types.items()
    }
    return whole(domain, plain, primary, message)


def _permit(expected: Mapping[str, Any], permit: Any) -> dict[str, Any]:
    asset = find_asset(expected["network"], expected["asset"])
    assert asset is not None
    domain = {
        "name": asset.eip712_name,
        "version": asset.eip712_version,
        "chainId": _chain_id(expected),
        "verifyingContract": asset.address,
    }
    message = {
        "owner": permit.from_address,
        "spender": permit.spender,
        "value": int(permit.amount),
        "nonce": int(permit.nonce),
        "deadline": int(permit.deadline),
    }
    return whole(domain, EIP2612_PERMIT_TYPES, "Permit", message)


def _chain_id(expected: Mapping[str, Any]) -> int:
    return int(expected["network"].removeprefix("eip155:"))


def _token_domain(domain: Any) -> dict[str, Any]:
    return {
        "name": domain.name,
        "version": domain.version,
        "chainId": domain.chain_id,
        "verifyingContract": domain.verifying_contract,
    }
