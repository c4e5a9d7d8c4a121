"""An `evm` or `usdc` charge as an offer: paid by an EIP-3009 authorization, or declined and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wallet.assets import find_asset, find_network
from wallet.model import Offer, UnreadableOffer
from wallet.money import parse_atomic
from wallet.rails.codec import as_array, as_object
from wallet.rails.mpp.challenge import PaymentChallenge
from wallet.rails.x402.evm import (
    ZERO_ADDRESS,
    checksum_address,
    has_wrong_checksum,
    is_address,
)

RAIL = "mpp"
INTENT = "charge"
CREDENTIAL_TYPE = "authorization"
ACCEPT_PAYMENT = "evm/charge, usdc/charge;q=0.9"
"""What a request says it could pay by MPP, so that a seller makes no other offers to it."""

DEFAULT_VALIDITY_S = 300
"""How long an authorization lives where the challenge names no end (draft-evm-charge-00)."""

_MAX_CHAIN_ID = 2**53 - 1


class _Declined(Exception):
    """A charge that is not paid; the text is one of the fixed reasons below."""


def decode_charge(index: int, challenge: PaymentChallenge) -> Offer | UnreadableOffer:
    """Decode a charge of method `evm` or `usdc` without ever raising.

    `raw` is what a payment echoes. Chain and token are looked up in our own tables; decimals that
    a challenge names play no part.
    """
    try:
        return _decode(index, challenge)
    except _Declined as error:
        return UnreadableOffer(index, str(error))


def is_payable_kind(method: str, intent: str) -> bool:
    """Tell whether a challenge of this method and intent is decoded here."""
    return intent == INTENT and method in _DETAILS


def _decode(index: int, challenge: PaymentChallenge) -> Offer:
    request = challenge.request
    details = _DETAILS[challenge.method](request)
    chain_id = details.get("chainId")
    if isinstance(chain_id, bool) or not isinstance(chain_id, int):
        raise _Declined("chainId is not an integer")
    if not 0 < chain_id <= _MAX_CHAIN_ID:
        raise _Declined("chainId is out of range")
    name = f"eip155:{chain_id}"
    known = find_network(name)
    currency = _address(request, "currency")
    if challenge.method == "usdc" and known is not None:
        asset = find_asset(known.id, currency)
        if asset is None or asset.symbol != "USDC":
            raise _Declined("currency is not the chain's native USDC")
    return Offer(
        rail=RAIL,
        version=1,
        index=index,
        scheme=INTENT,
        network=name,
        network_id=known.id if known else None,
        asset=currency,
        amount_atomic=_amount(request),
        pay_to=_payee(request),
        max_timeout_s=DEFAULT_VALIDITY_S,
        transfer_method="eip3009",
        payment_flow="authorization",
        extra_name=None,
        raw=challenge.echo,
    )


def _evm_details(request: Mapping[str, Any]) -> dict[str, Any]:
    """Read `methodDetails` (draft-evm-charge-00 section 3.2)."""
    details = _details(request)
    # Where the list is absent, the draft expects a transaction of ours, which is not paid here.
    types = as_array(details.get("credentialTypes"))
    if types is None or CREDENTIAL_TYPE not in types:
        raise _Declined("it does not take an EIP-3009 authorization")
    return details


def _usdc_details(request: Mapping[str, Any]) -> dict[str, Any]:
    """Read the EVM profile of `usdc`, which lies one level deeper (draft-usdc-charge-00)."""
    outer = _details(request)
    details = as_object(outer.get("evm"))
    if outer.get("type") != "evm" or details is None:
        raise _Declined("methodDetails is of another profile than evm")
    types = details.get("credentialTypes")
    if types is not None and types != [CREDENTIAL_TYPE]:
        raise _Declined("it does not take an EIP-3009 authorization")
    _refuse_splits(details)
    return details


def _details(request: Mapping[str, Any]) -> dict[str, Any]:
    details = as_object(request.get("methodDetails"))
    if details is None:
        raise _Declined("methodDetails is not an object")
    _refuse_splits(details)
    return details


def _refuse_splits(details: Mapping[str, Any]) -> None:
    if details.get("splits") not in (None, []):
        raise _Declined("it splits the payment between several payees")


_DETAILS = {"evm": _evm_details, "usdc": _usdc_details}


def _amount(request: Mapping[str, Any]) -> int:
    value = request.get("amount")
    try:
        amount_atomic = parse_atomic(value) if isinstance(value, str) else None
    except ValueError:
        amount_atomic = None
    if amount_atomic is None:
        raise _Declined("amount is not a string of digits")
    if amount_atomic == 0:
        # Its nonce would still bind the realm, and another host could relay it there.
        raise _Declined("amount is zero")
    return amount_atomic


def _address(request: Mapping[str, Any], name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not is_address(value):
        raise _Declined(f"{name} is not an address of 0x and 40 hex digits")
    if has_wrong_checksum(value):
        raise _Declined(f"{name} fails its EIP-55 checksum")
    return checksum_address(value)


def _payee(request: Mapping[str, Any]) -> str:
    pay_to = _address(request, "recipient")
    if pay_to == ZERO_ADDRESS:
        raise _Declined("recipient is the zero address")
    return pay_to
