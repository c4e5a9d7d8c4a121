"""What the official SDK makes of a payment header: the message it stands for, and its digest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
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
    """Return typed data, digest and signature of a payment, and of the permit that went along."""
    payment = cast("Any", decode_payment_signature_header(expected["header"]["value"]))
    message = _message(expected, payment.payload)
    found = {
        "typed_data": message,
        "digest": digest_of(message),
        "signature": payment.payload["signature"],
    }
    permit = None if payment.x402_version == 1 else extract_eip2612_gas_sponsoring_info(payment)
    if permit is not None:
        written = _permit(expected, permit)
        found["permit"] = {
            "typed_data": written,
            "digest": digest_of(written),
            "signature": permit.signature,
        }
    return found


def digest_of(message: Mapping[str, Any]) -> str:
    """Return the digest that eth-account signs for a whole EIP-712 message, as 0x hex."""
    signable = cast("Any", encode_typed_data)(full_message=_whole_numbers(message))
    parts = b"\x19" + bytes(signable.version) + bytes(signable.header) + bytes(signable.body)
    return "0x" + keccak(parts).hex()


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
        return _whole(_token_domain(domain), types, primary, message)
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
    return _whole(domain, plain, primary, message)


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
    return _whole(domain, EIP2612_PERMIT_TYPES, "Permit", message)


def _chain_id(expected: Mapping[str, Any]) -> int:
    return int(expected["network"].removeprefix("eip155:"))


def _token_domain(domain: Any) -> dict[str, Any]:
    return {
        "name": domain.name,
        "version": domain.version,
        "chainId": domain.chain_id,
        "verifyingContract": domain.verifying_contract,
    }


def _whole(
    domain: Mapping[str, Any],
    types: Mapping[str, Any],
    primary: str,
    message: Mapping[str, Any],
) -> dict[str, Any]:
    kinds = {"chainId": "uint256", "verifyingContract": "address"}
    members = [{"name": name, "type": kinds.get(name, "string")} for name in domain]
    return {
        "types": {"EIP712Domain": members, **types},
        "primaryType": primary,
        "domain": dict(domain),
        "message": _as_text(message),
    }


def _as_text(value: Any) -> Any:
    """Write integers as decimal strings, which every JSON reader keeps whole, and bytes as hex."""
    if isinstance(value, Mapping):
        return {name: _as_text(one) for name, one in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value) if isinstance(value, int) else value


def _whole_numbers(message: Mapping[str, Any]) -> dict[str, Any]:
    """Undo `_as_text`: what is digits alone is a number."""

    def read(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: read(one) for name, one in cast("Mapping[str, Any]", value).items()}
        return int(value) if isinstance(value, str) and value.isdecimal() else value

    return {**message, "message": read(message["message"])}
