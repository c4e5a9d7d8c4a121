"""Build the payment header: the signed authorization inside the seller's own words, unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wallet.model import Challenge, Method, Offer, Transfer
from wallet.rails.codec import as_object, encode_header
from wallet.rails.x402.challenge import envelope_of
from wallet.rails.x402.permit2 import permit2_payload

HEADER_V1 = "X-PAYMENT"
HEADER_V2 = "PAYMENT-SIGNATURE"
PAYMENT_IDENTIFIER = "payment-identifier"


def build_headers(
    challenge: Challenge, offer: Offer, transfer: Transfer, signature: str, payment_id: str
) -> dict[str, str]:
    """Return the one payment header of the challenge's version, ready to send.

    v2 repeats the offer as received, unknown members and number spelling included, because
    sellers compare it (x402 v2 section 5.2). `payment_id` is sent only where the seller
    declared the `payment-identifier` extension.
    """
    payload = _payload(transfer, signature)
    if offer.version == 1:
        return {HEADER_V1: encode_header(_envelope_v1(offer, payload))}
    return {HEADER_V2: encode_header(_envelope_v2(challenge, offer, payload, payment_id))}


def _payload(transfer: Transfer, signature: str) -> dict[str, Any]:
    if transfer.method is not Method.EIP3009:
        return permit2_payload(transfer, signature)
    authorization = {
        "from": transfer.payer,
        "to": transfer.pay_to,
        "value": str(transfer.amount_atomic),
        "validAfter": str(transfer.valid_after),
        "validBefore": str(transfer.valid_before),
        "nonce": transfer.nonce,
    }
    return {"authorization": authorization, "signature": signature}


def _envelope_v1(offer: Offer, payload: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "x402Version": 1,
        "scheme": offer.scheme,
        "network": offer.network,
        "payload": payload,
    }


def _envelope_v2(
    challenge: Challenge, offer: Offer, payload: Mapping[str, Any], payment_id: str
) -> dict[str, Any]:
    envelope: dict[str, Any] = {"x402Version": 2, "payload": payload, "accepted": offer.raw}
    around = envelope_of(challenge)
    if around.resource is not None:
        envelope["resource"] = around.resource
    if around.extensions:
        envelope["extensions"] = echoed_extensions(around.extensions, payment_id)
    return envelope


def echoed_extensions(declared: Mapping[str, Any], payment_id: str) -> dict[str, Any]:
    """Repeat the declared extensions, adding our id to a well-formed `payment-identifier`."""
    extensions = dict(declared)
    extension = as_object(extensions.get(PAYMENT_IDENTIFIER))
    info = as_object(extension.get("info")) if extension else None
    if extension is not None and info is not None:
        extensions[PAYMENT_IDENTIFIER] = {**extension, "info": {**info, "id": payment_id}}
    return extensions
