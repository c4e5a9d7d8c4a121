"""The cases of x402 that take one 402: `exact`, Permit2, `upto`, and what is refused."""

from __future__ import annotations

import json
from typing import Any

from vector_given import PAYEE, URL, USDC, Answer, Case, answer, offer, one_402, v2_header

FACILITATOR = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
PERMIT2 = {"assetTransferMethod": "permit2", "name": "USD Coin", "version": "2"}
UPTO = {**PERMIT2, "facilitatorAddress": FACILITATOR}
GASLESS = {
    "eip2612GasSponsoring": {
        "info": {"description": "A permit is taken.", "version": "1"},
        "schema": {"type": "object"},
    }
}


def offer_v1(**changes: Any) -> dict[str, Any]:
    """Return a v1 offer of $0.01 in USDC on Base, with changes."""
    fields = {
        "scheme": "exact",
        "network": "base",
        "maxAmountRequired": "10000",
        "resource": URL,
        "description": "A report",
        "mimeType": "application/json",
        "payTo": PAYEE,
        "maxTimeoutSeconds": 60,
        "asset": USDC,
        "extra": {"name": "USD Coin", "version": "2"},
    }
    return {**fields, **changes}


def v2(*offers: object, extensions: dict[str, Any] | None = None) -> Answer:
    """Return a 402 with a v2 challenge in its header."""
    return answer([v2_header(*offers, extensions=extensions)], "{}")


def v1(*offers: object) -> Answer:
    """Return a 402 with a v1 challenge in its body."""
    return answer([], json.dumps({"x402Version": 1, "error": "pay", "accepts": list(offers)}))


_ALL = {"schemes": ["exact", "permit2", "upto"]}
_SEPOLIA = {"networks": ["eip155:84532"]}
_USDC_SEPOLIA = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"

CASES: dict[str, Case] = {
    "x402-v2-exact": one_402("one offer, paid by EIP-3009", v2(offer())),
    "x402-v2-exact-sepolia": one_402(
        "the domain is the contract's: USDC here, USD Coin on Base",
        v2(offer(network="eip155:84532", asset=_USDC_SEPOLIA, extra={"name": "wrong"})),
        _SEPOLIA,
    ),
    "x402-v2-exact-echo": one_402(
        "the offer comes back unchanged, members that nobody knows included",
        v2(offer(extra={"name": "USD Coin", "version": "2", "mode": "é", "n": [1, {"a": None}]})),
    ),
    "x402-v2-exact-cheapest": one_402(
        "the cheapest of several offers",
        v2(offer(amount="30000"), offer(amount="20000"), offer(amount="25000")),
    ),
    "x402-v2-exact-payment-identifier": one_402(
        "an id is added where the seller declared the extension",
        v2(offer(), extensions={"payment-identifier": {"info": {"required": True}, "schema": {}}}),
    ),
    "x402-v2-exact-one-bad-offer": one_402(
        "an offer that cannot be read spoils nothing but itself",
        v2(offer(amount="-1"), "nonsense", offer()),
    ),
    "x402-v1-exact": one_402("the body of a v1 seller", v1(offer_v1())),
    "x402-v2-permit2": one_402(
        "a Permit2 witness transfer, approved beforehand",
        v2(offer(extra=PERMIT2)),
        _ALL,
        {"permit2_allowance": "10000"},
    ),
    "x402-v2-permit2-gasless": one_402(
        "the same, with a permit for exactly its amount",
        v2(offer(extra=PERMIT2), extensions=GASLESS),
        _ALL,
        {"permit2_allowance": "9999", "permit_nonce": "7"},
    ),
    "x402-v2-upto": one_402(
        "a ceiling, for one facilitator",
        v2(offer(scheme="upto", amount="50000", extra=UPTO)),
        _ALL,
        {"permit2_allowance": "50000"},
    ),
    "hostile-permit2-not-enabled": one_402(
        "a scheme that the user did not name",
        v2(offer(extra=PERMIT2)),
    ),
    "hostile-permit2-not-approved": one_402(
        "Permit2 may not take the price, and no permit is taken",
        v2(offer(extra=PERMIT2)),
        _ALL,
        {"permit2_allowance": "9999"},
    ),
    "hostile-permit-by-the-seller": one_402(
        "the seller fills in the permit, without a limit",
        v2(
            offer(extra=PERMIT2),
            extensions={"eip2612GasSponsoring": {"info": {"amount": str(2**256 - 1)}}},
        ),
        _ALL,
        {"permit2_allowance": "0", "permit_nonce": "7"},
    ),
    "hostile-upto-without-facilitator": one_402(
        "anybody could settle it, with any amount",
        v2(offer(scheme="upto", extra=PERMIT2)),
        _ALL,
    ),
    "hostile-gateway": one_402(
        "an authorization of another contract, in the clothes of a plain offer",
        v2(offer(extra={"name": "GatewayWalletBatched", "version": "1"})),
    ),
    "hostile-over-the-limit": one_402("a price above the cap", v2(offer(amount="1000001"))),
    "hostile-other-chain": one_402(
        "a network nobody enabled",
        v2(offer(network="eip155:1")),
    ),
    "hostile-unknown-token": one_402(
        "a contract that is in no table",
        v2(offer(asset=PAYEE)),
    ),
    "hostile-mistyped-payee": one_402(
        "a payee that fails its checksum",
        v2(offer(payTo=PAYEE.replace("Bc", "bC"))),
    ),
    "hostile-upfront": one_402(
        "the money is taken before the work",
        v2(offer(extra={"paymentFlow": "upfront"})),
    ),
    "hostile-zero": one_402("an amount of zero", v2(offer(amount="0"))),
    "hostile-two-headers": one_402(
        "two different challenges in one answer",
        answer([("PAYMENT-REQUIRED", "e30="), ("PAYMENT-REQUIRED", "W10=")], ""),
    ),
    "hostile-repeated-key": one_402(
        "JSON that repeats a key",
        answer([], '{"x402Version":1,"accepts":[],"accepts":[]}'),
    ),
    "hostile-nothing": one_402("a 402 with no offer at all", answer([], "<h1>Pay me</h1>")),
}
