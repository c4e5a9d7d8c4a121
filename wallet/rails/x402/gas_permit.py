"""Let Permit2 take one price without gas of ours: the `eip2612GasSponsoring` extension of x402.

The permit goes to Permit2 alone, for exactly the amount of one transfer and no longer than it: it
gives nobody more than the transfer's own signature does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wallet.assets import Asset, contracts
from wallet.model import Challenge, Method, Transfer
from wallet.rails.codec import as_object
from wallet.rails.typed_data import typed_data, typed_data_digest
from wallet.rails.x402.challenge import Envelope, envelope_of
from wallet.rails.x402.eip712 import DOMAIN_TYPE, check_terms, token_domain

GAS_SPONSORING = "eip2612GasSponsoring"
PERMIT_TYPE = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
_VERSION = "1"
_OURS = ("from", "asset", "spender", "amount", "nonce", "deadline", "signature")


def gas_permit_typed_data(transfer: Transfer, asset: Asset, permit_nonce: int) -> dict[str, Any]:
    """Return the EIP-2612 `Permit` that lets Permit2 take this transfer's amount.

    Args:
        transfer: a `permit2` or `upto` transfer; the permit has its amount and deadline.
        asset: its token.
        permit_nonce: what the token's `nonces(owner)` says.

    Raises:
        ValueError: `asset` is not the token the transfer names, or a field does not fit.
    """
    check_terms(transfer, asset, Method.PERMIT2, Method.UPTO)
    message = {
        "owner": transfer.payer,
        "spender": contracts()["permit2"].address,
        "value": transfer.amount_atomic,
        "nonce": permit_nonce,
        "deadline": transfer.valid_before,
    }
    return typed_data((DOMAIN_TYPE, PERMIT_TYPE), token_domain(asset), message)


def gas_permit_digest(transfer: Transfer, asset: Asset, permit_nonce: int) -> bytes:
    """Return the 32 bytes that are signed for the permit.

    Raises:
        ValueError: as `gas_permit_typed_data`.
    """
    return typed_data_digest(gas_permit_typed_data(transfer, asset, permit_nonce))


def offers_gas_permit(extensions: Mapping[str, Any]) -> bool:
    """Tell whether the seller takes such a permit, and leaves its fields to us."""
    info = _info(extensions)
    return info is not None and not any(name in info for name in _OURS)


def takes_gas_permit(challenge: Challenge) -> bool:
    """Tell whether the seller behind a challenge takes a permit; only x402 v2 has them."""
    around = challenge.context
    return isinstance(around, Envelope) and offers_gas_permit(around.extensions)


def carrying_permit(
    challenge: Challenge, transfer: Transfer, permit_nonce: int, signature: str
) -> Challenge:
    """Return the challenge so that a payment made for it carries the signed permit.

    Raises:
        ValueError: the seller does not offer it.
    """
    around = envelope_of(challenge)
    extensions = with_gas_permit(around.extensions, transfer, permit_nonce, signature)
    return replace(challenge, context=replace(around, extensions=extensions))


def with_gas_permit(
    extensions: Mapping[str, Any], transfer: Transfer, permit_nonce: int, signature: str
) -> dict[str, Any]:
    """Return the extensions with the signed permit added; the seller's own members stay.

    Raises:
        ValueError: the seller does not offer it.
    """
    info = _info(extensions)
    if info is None or not offers_gas_permit(extensions):
        raise ValueError("the seller must offer to take a permit")
    permit = {
        "from": transfer.payer,
        "asset": transfer.asset,
        "spender": contracts()["permit2"].address,
        "amount": str(transfer.amount_atomic),
        "nonce": str(permit_nonce),
        "deadline": str(transfer.valid_before),
        "signature": signature,
    }
    whole = {"version": _VERSION, **info, **permit}
    return {**extensions, GAS_SPONSORING: {**extensions[GAS_SPONSORING], "info": whole}}


def _info(extensions: Mapping[str, Any]) -> dict[str, Any] | None:
    extension = as_object(extensions.get(GAS_SPONSORING))
    return as_object(extension.get("info")) if extension else None
