"""Write the vectors: each case below, and what the wallet does with it.

`uv run python tests/vectors/make_vectors.py` after a change that is meant to change them; the diff
shows what changed. `test_vectors.py` checks every digest against the official SDK as well.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parent.parent), str(HERE)]

from official_digest import described  # noqa: E402
from vector_replay import replay  # noqa: E402

KEY = "0x" + "4c" * 32  # published: never send it money
URL = "https://api.example.com/report"
USDC = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
PAYEE = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
FACILITATOR = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
PERMIT2 = {"assetTransferMethod": "permit2", "name": "USD Coin", "version": "2"}
UPTO = {**PERMIT2, "facilitatorAddress": FACILITATOR}
GASLESS = {
    "eip2612GasSponsoring": {
        "info": {"description": "A permit is taken.", "version": "1"},
        "schema": {"type": "object"},
    }
}
RULES: dict[str, Any] = {
    "networks": ["eip155:8453"],
    "schemes": ["exact"],
    "payment_flows": ["authorization"],
    "per_payment": "1.00",
    "per_day": "5.00",
    "max_price_usd": None,
    "validity_s": 120,
}


def offer(**changes: Any) -> dict[str, Any]:
    """Return a v2 offer of $0.01 in USDC on Base, with changes."""
    fields = {
        "scheme": "exact",
        "network": "eip155:8453",
        "asset": USDC,
        "amount": "10000",
        "payTo": PAYEE,
        "maxTimeoutSeconds": 60,
        "extra": {"name": "USD Coin", "version": "2"},
    }
    return {**fields, **changes}


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


def v2(*offers: object, extensions: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a 402 with a v2 challenge in its header."""
    challenge: dict[str, Any] = {
        "x402Version": 2,
        "error": "Payment required",
        "resource": {"url": URL, "description": "A report", "mimeType": "application/json"},
        "accepts": list(offers),
    }
    if extensions is not None:
        challenge["extensions"] = extensions
    header = base64.b64encode(json.dumps(challenge).encode()).decode()
    return _answer([["PAYMENT-REQUIRED", header]], "{}")


def v1(*offers: object) -> dict[str, Any]:
    """Return a 402 with a v1 challenge in its body."""
    return _answer([], json.dumps({"x402Version": 1, "error": "pay", "accepts": list(offers)}))


def _answer(headers: list[list[str]], body: str) -> dict[str, Any]:
    return {"url": URL, "status": 402, "headers": headers, "body": body}


Case = tuple[str, dict[str, Any], dict[str, Any], dict[str, str]]
_ALL = {"schemes": ["exact", "permit2", "upto"]}
_SEPOLIA = {"networks": ["eip155:84532"]}
_USDC_SEPOLIA = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"

# name: what it shows, the answer, changes of the rules, what is known of the chain
CASES: dict[str, Case] = {
    "x402-v2-exact": ("one offer, paid by EIP-3009", v2(offer()), {}, {}),
    "x402-v2-exact-sepolia": (
        "the domain is the contract's: USDC here, USD Coin on Base",
        v2(offer(network="eip155:84532", asset=_USDC_SEPOLIA, extra={"name": "wrong"})),
        _SEPOLIA,
        {},
    ),
    "x402-v2-exact-echo": (
        "the offer comes back unchanged, members that nobody knows included",
        v2(offer(extra={"name": "USD Coin", "version": "2", "mode": "é", "n": [1, {"a": None}]})),
        {},
        {},
    ),
    "x402-v2-exact-cheapest": (
        "the cheapest of several offers",
        v2(offer(amount="30000"), offer(amount="20000"), offer(amount="25000")),
        {},
        {},
    ),
    "x402-v2-exact-payment-identifier": (
        "an id is added where the seller declared the extension",
        v2(offer(), extensions={"payment-identifier": {"info": {"required": True}, "schema": {}}}),
        {},
        {},
    ),
    "x402-v2-exact-one-bad-offer": (
        "an offer that cannot be read spoils nothing but itself",
        v2(offer(amount="-1"), "nonsense", offer()),
        {},
        {},
    ),
    "x402-v1-exact": ("the body of a v1 seller", v1(offer_v1()), {}, {}),
    "x402-v2-permit2": (
        "a Permit2 witness transfer, approved beforehand",
        v2(offer(extra=PERMIT2)),
        _ALL,
        {"permit2_allowance": "10000"},
    ),
    "x402-v2-permit2-gasless": (
        "the same, with a permit for exactly its amount",
        v2(offer(extra=PERMIT2), extensions=GASLESS),
        _ALL,
        {"permit2_allowance": "9999", "permit_nonce": "7"},
    ),
    "x402-v2-upto": (
        "a ceiling, for one facilitator",
        v2(offer(scheme="upto", amount="50000", extra=UPTO)),
        _ALL,
        {"permit2_allowance": "50000"},
    ),
    "hostile-permit2-not-enabled": (
        "a scheme that the user did not name",
        v2(offer(extra=PERMIT2)),
        {},
        {},
    ),
    "hostile-permit2-not-approved": (
        "Permit2 may not take the price, and no permit is taken",
        v2(offer(extra=PERMIT2)),
        _ALL,
        {"permit2_allowance": "9999"},
    ),
    "hostile-permit-by-the-seller": (
        "the seller fills in the permit, without a limit",
        v2(
            offer(extra=PERMIT2),
            extensions={"eip2612GasSponsoring": {"info": {"amount": str(2**256 - 1)}}},
        ),
        _ALL,
        {"permit2_allowance": "0", "permit_nonce": "7"},
    ),
    "hostile-upto-without-facilitator": (
        "anybody could settle it, with any amount",
        v2(offer(scheme="upto", extra=PERMIT2)),
        _ALL,
        {},
    ),
    "hostile-gateway": (
        "an authorization of another contract, in the clothes of a plain offer",
        v2(offer(extra={"name": "GatewayWalletBatched", "version": "1"})),
        {},
        {},
    ),
    "hostile-over-the-limit": ("a price above the cap", v2(offer(amount="1000001")), {}, {}),
    "hostile-other-chain": ("a network nobody enabled", v2(offer(network="eip155:1")), {}, {}),
    "hostile-unknown-token": ("a contract that is in no table", v2(offer(asset=PAYEE)), {}, {}),
    "hostile-mistyped-payee": (
        "a payee that fails its checksum",
        v2(offer(payTo=PAYEE.replace("Bc", "bC"))),
        {},
        {},
    ),
    "hostile-upfront": (
        "the money is taken before the work",
        v2(offer(extra={"paymentFlow": "upfront"})),
        {},
        {},
    ),
    "hostile-zero": ("an amount of zero", v2(offer(amount="0")), {}, {}),
    "hostile-two-headers": (
        "two different challenges in one answer",
        _answer([["PAYMENT-REQUIRED", "e30="], ["PAYMENT-REQUIRED", "W10="]], ""),
        {},
        {},
    ),
    "hostile-repeated-key": (
        "JSON that repeats a key",
        _answer([], '{"x402Version":1,"accepts":[],"accepts":[]}'),
        {},
        {},
    ),
    "hostile-nothing": ("a 402 with no offer at all", _answer([], "<h1>Pay me</h1>"), {}, {}),
}


def given(answer: dict[str, Any], rules: dict[str, Any], chain: dict[str, str]) -> dict[str, Any]:
    """Return everything a wallet is given in one case."""
    return {
        "request": {"method": "GET", "url": URL, "headers": [], "body": ""},
        "response": answer,
        "rules": {**RULES, **rules},
        "chain": chain,
        "private_key": KEY,
        "now_s": 1_795_262_400,
        "random": "0x" + bytes(range(32)).hex(),
    }


def vector(name: str) -> dict[str, Any]:
    """Return one vector whole, as its file has it."""
    about, answer, rules, chain = CASES[name]
    told = given(answer, rules, chain)
    expected = asyncio.run(replay(told))
    if "header" in expected:
        expected |= described(expected)
    return {"format": 1, "name": name, "about": about, "given": told, "expected": expected}


def main() -> int:
    """Write every file anew."""
    for name in CASES:
        text = json.dumps(vector(name), indent=2, ensure_ascii=False) + "\n"
        (HERE / f"{name}.json").write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(CASES)} vectors written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
