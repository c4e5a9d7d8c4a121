"""Permit2 transfers as x402 signs them, for `exact` and for `upto`, and what the seller is sent.

The owner's signature lets one proxy contract of x402's, and nobody else, move the token; the
witness inside says whom it may pay. Spender and Permit2 come from our own table.
"""

from __future__ import annotations

from typing import Any

from wallet.assets import Asset, contracts
from wallet.model import Method, Transfer
from wallet.rails.typed_data import typed_data, typed_data_digest
from wallet.rails.x402.eip712 import check_terms, token_domain

DOMAIN_TYPE = "EIP712Domain(string name,uint256 chainId,address verifyingContract)"
PERMIT_TYPE = (
    "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,"
    "uint256 deadline,Witness witness)"
)
TOKEN_TYPE = "TokenPermissions(address token,uint256 amount)"  # noqa: S105
WITNESS_TYPES = {
    Method.PERMIT2: "Witness(address to,uint256 validAfter)",
    Method.UPTO: "Witness(address to,address facilitator,uint256 validAfter)",
}
SPENDERS = {Method.PERMIT2: "x402_exact_permit2_proxy", Method.UPTO: "x402_upto_permit2_proxy"}


def permit2_typed_data(transfer: Transfer, asset: Asset) -> dict[str, Any]:
    """Return the whole EIP-712 message of a `PermitWitnessTransferFrom` (Permit2, x402 v2).

    Permit2's domain has no version. `valid_before` is its deadline, and the nonce is the number
    that the transfer's 32 bytes are.

    Raises:
        ValueError: `asset` is not the token the transfer names, a field does not fit, or the
            transfer is neither `permit2` nor `upto`.
    """
    check_terms(transfer, asset, Method.PERMIT2, Method.UPTO)
    domain = {
        "name": "Permit2",
        "chainId": token_domain(asset)["chainId"],
        "verifyingContract": contracts()["permit2"].address,
    }
    message = {
        "permitted": {"token": asset.address, "amount": transfer.amount_atomic},
        "spender": _spender(transfer),
        "nonce": int(transfer.nonce, 16),
        "deadline": transfer.valid_before,
        "witness": _witness(transfer),
    }
    types = (DOMAIN_TYPE, PERMIT_TYPE, TOKEN_TYPE, WITNESS_TYPES[transfer.method])
    return typed_data(types, domain, message)


def permit2_digest(transfer: Transfer, asset: Asset) -> bytes:
    """Return the 32 bytes that are signed for a Permit2 transfer.

    Raises:
        ValueError: as `permit2_typed_data`.
    """
    return typed_data_digest(permit2_typed_data(transfer, asset))


def permit2_payload(transfer: Transfer, signature: str) -> dict[str, Any]:
    """Return the inner payload of an x402 v2 payment by Permit2; all numbers are decimal strings.

    Raises:
        KeyError: the transfer is neither `permit2` nor `upto`.
    """
    witness = {name: str(value) for name, value in _witness(transfer).items()}
    authorization = {
        "from": transfer.payer,
        "permitted": {"token": transfer.asset, "amount": str(transfer.amount_atomic)},
        "spender": _spender(transfer),
        "nonce": str(int(transfer.nonce, 16)),
        "deadline": str(transfer.valid_before),
        "witness": witness,
    }
    return {"permit2Authorization": authorization, "signature": signature}


def _spender(transfer: Transfer) -> str:
    return contracts()[SPENDERS[transfer.method]].address


def _witness(transfer: Transfer) -> dict[str, Any]:
    if transfer.method is not Method.UPTO:
        return {"to": transfer.pay_to, "validAfter": transfer.valid_after}
    return {
        "to": transfer.pay_to,
        "facilitator": transfer.facilitator,
        "validAfter": transfer.valid_after,
    }
