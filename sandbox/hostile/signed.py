"""Sellers that sign: offers that deny themselves, receipts that prove nothing, keys of nobody."""

from __future__ import annotations

import time
from typing import Any

from sandbox.hostile.scene import Play, Reply, Scene, Visit, claimed, refused, settled
from sandbox.hostile.wording import (
    CANARY,
    GOODS,
    OTHER_PAYEE,
    PAYEE,
    PLAIN,
    asking,
    b64,
    challenge,
    offer,
    paid_of,
    settlement,
)
from sandbox.run import NETWORK, THIEF_KEY
from sandbox.signing import eip712, jws, new_key

_INVENTED_HASH = "0x" + "ab" * 32
_KEY = new_key("ES256")


def _signed_terms(visit: Visit, **changes: Any) -> dict[str, Any]:
    terms = offer()
    fields = {
        "version": 1,
        "resourceUrl": visit.urls["seller"],
        "validUntil": int(time.time()) + 300,
        **{name: terms[name] for name in ("scheme", "network", "asset", "payTo", "amount")},
    }
    return {**fields, **changes}


def _signed_receipt(visit: Visit, **changes: Any) -> dict[str, Any]:
    fields = {
        "version": 1,
        "network": NETWORK,
        "resourceUrl": visit.urls["seller"],
        "payer": paid_of(visit).authorization["from"],
        "issuedAt": int(time.time()),
        "transaction": "",
    }
    return {**fields, **changes}


def _asks_with(*signed: object) -> Reply:
    extensions = {"offer-receipt": {"info": {"offers": list(signed)}, "schema": {"note": CANARY}}}
    return asking(challenge(extensions=extensions))


def _signs(**changes: Any) -> Play:
    """Ask with an offer whose signed form has these changes."""

    def play(visit: Visit) -> Reply:
        signed = eip712("offer", _signed_terms(visit, **changes), THIEF_KEY)
        return _asks_with({**signed, "acceptIndex": 0})

    return play


def _hands(signed: object, *, visit: Visit, tx_hash: str) -> Reply:
    extensions = {"offer-receipt": {"info": {"receipt": signed}}}
    written = settlement(paid_of(visit), tx_hash, extensions=extensions)
    return Reply(200, (("PAYMENT-RESPONSE", b64(written)), PLAIN), GOODS)


def _receipts(**changes: Any) -> Play:
    """Cash the payment, and hand out a receipt of the payee's with these changes."""

    def play(visit: Visit) -> Reply:
        signed = eip712("receipt", _signed_receipt(visit, **changes), THIEF_KEY)
        return _hands(signed, visit=visit, tx_hash=visit.cash())

    return play


def _receipt_without_settling(visit: Visit) -> Reply:
    signed = eip712("receipt", _signed_receipt(visit, transaction=_INVENTED_HASH), THIEF_KEY)
    return _hands(signed, visit=visit, tx_hash=_INVENTED_HASH)


def _huge_receipt(visit: Visit) -> Reply:
    signed = {"format": "jws", "signature": "e30." + "e30" * 10_000 + ".e30"}
    return _hands(signed, visit=visit, tx_hash=visit.cash())


def _fetching_key(visit: Visit) -> Reply:
    """Name a key that lies at a place which must not be contacted."""
    port = visit.urls["forbidden"].split("/")[2].partition(":")[2]
    kid = f"did:web:127.0.0.1%3A{port}#{CANARY}"
    return _asks_with(jws(_signed_terms(visit), _KEY, kid))


def _shared_secret(visit: Visit) -> Reply:
    good = jws(_signed_terms(visit), _KEY, _KEY.did_jwk, alg="HS256")
    return _asks_with(good)


_LIES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("cheaper", "a signed offer of a lower price than is asked", {"amount": "1"}),
    ("other-payee", "a signed offer that names another payee", {"payTo": OTHER_PAYEE}),
    ("other-scheme", "a signed offer of another scheme", {"scheme": "upto"}),
)
_RECEIPTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("true", "a receipt that is true", {}),
    ("of-another", "an old receipt for somebody else", {"issuedAt": 1, "payer": PAYEE}),
    ("canary", "a receipt with an order in each field", {"network": CANARY, "payer": CANARY}),
)

SCENES = (
    Scene("/signed/true", 12, "an offer signed by its payee", _signs(), settled()),
    *(
        Scene(f"/signed/{path}", 6, what, _signs(**changes), refused("no_payable_offer"))
        for path, what, changes in _LIES
    ),
    Scene("/signed/hs256", 12, "a public key as a shared secret", _shared_secret, settled()),
    Scene("/signed/fetch", 10, "a key that lies at a forbidden place", _fetching_key, settled()),
    *(
        Scene(f"/receipts/{path}", 12, what, _signs(), settled(), _receipts(**changes))
        for path, what, changes in _RECEIPTS
    ),
    Scene("/receipts/huge", 29, "a receipt beyond its bound", _signs(), settled(), _huge_receipt),
    Scene(
        "/receipts/unsettled",
        12,
        "a good signed receipt of a payment that was never cashed",
        _signs(),
        claimed(),
        _receipt_without_settling,
        blind=claimed(),
    ),
)
