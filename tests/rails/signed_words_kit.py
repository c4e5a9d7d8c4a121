"""Offers and receipts signed for tests, and what the rail says of them."""

from __future__ import annotations

from typing import Any

from eth_account import Account
from x402_samples import (
    BASE_USDC,
    PAYER,
    b64,
    challenge_v2,
    offer_v2,
    transfer,
    web,
    web_v2,
)

from sandbox.signing import new_key
from wallet.exchange import WebResponse
from wallet.model import Challenge, Evidence, Purchase, SellerWord, State
from wallet.money import Usd
from wallet.rails.x402 import X402Rail

RAIL = X402Rail()
URL = "https://api.example.com/report"
NOW = 1_740_672_000
SELLER_KEY = "0x" + "42" * 32
SELLER: str = Account.from_key(SELLER_KEY).address
TX = "0x" + "ab" * 32
KEYS = [new_key("EdDSA"), new_key("ES256K"), new_key("ES256")]
PAYEE_KEY = new_key("ES256K", int(SELLER_KEY, 16))
MATCHES = "the seller's signed offer matches what was paid"


def terms(**changes: Any) -> dict[str, Any]:
    fields = {
        "version": 1,
        "resourceUrl": URL,
        "scheme": "exact",
        "network": "eip155:8453",
        "asset": BASE_USDC,
        "payTo": SELLER,
        "amount": "10000",
        "validUntil": NOW + 300,
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not ...}


def receipt(**changes: Any) -> dict[str, Any]:
    fields = {
        "version": 1,
        "network": "eip155:8453",
        "resourceUrl": URL,
        "payer": PAYER,
        "issuedAt": NOW,
        "transaction": TX,
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not ...}


def ask(*signed: object, offers: tuple[object, ...] = ()) -> Challenge:
    """Read a 402 that carries these signed offers, by default beside one plain offer."""
    extensions = {"offer-receipt": {"info": {"offers": list(signed)}, "schema": {}}}
    plain = offers or (offer_v2(payTo=SELLER),)
    found = RAIL.recognise(web_v2(challenge_v2(*plain, extensions=extensions)))
    assert found is not None
    return found


def said(*signed: object, url: str = URL, now_s: int = NOW) -> SellerWord:
    """Return what is said of the one offer of a 402."""
    found = ask(*signed)
    (offer,) = found.offers
    word = RAIL.signed_offer(found, offer, url, now_s)
    assert word is not None
    return word


def purchase() -> Purchase:
    return Purchase(
        id="p1",
        key="k",
        principal="local",
        method="GET",
        url=URL,
        host="api.example.com",
        state=State.SIGNED,
        evidence=Evidence.UNKNOWN,
        created_at=NOW - 2,
        settled_at=None,
        pay_again=False,
        rail="x402",
        scheme="exact",
        transfer=transfer(pay_to=SELLER),
        amount_usd=Usd(10_000),
        tx_hash=None,
        delivery=None,
        notes=(),
    )


def paid(signed: object, **settlement: Any) -> WebResponse:
    extensions = {"offer-receipt": {"info": {"receipt": signed}}}
    fields = {"success": True, "transaction": TX, "network": "eip155:8453", "payer": PAYER}
    fields = {**fields, "extensions": extensions, **settlement}
    return web(("PAYMENT-RESPONSE", b64(fields)), status=200)


def heard(signed: object, *, now_s: int = NOW, **settlement: Any) -> SellerWord:
    """Return what is said of a receipt."""
    word = RAIL.signed_receipt(paid(signed, **settlement), purchase(), now_s)
    assert word is not None
    return word
