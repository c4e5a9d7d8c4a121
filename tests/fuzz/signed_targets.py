"""What any bytes of a seller may do to the reading of what it signed: a few short words of ours."""

from __future__ import annotations

import base64
from typing import Any

from rails_targets import RAIL, TERMS, answer, check_words, read

from sandbox.signing import canonical, eip712, jws, new_key
from wallet.model import Evidence, Purchase, SellerWord, State
from wallet.money import Usd
from wallet.rails.codec import CodecError, as_object, decode_base64url, parse_json
from wallet.rails.x402.did import MAX_KID_CHARS, read_kid
from wallet.rails.x402.offer_receipt import MAX_RAW_BYTES
from wallet.rails.x402.sign_in import names_site, read_sign_in, sign_in_message
from wallet.sign_in import is_timely
from wallet.signatures import verify

NOW = TERMS.valid_before - 60
_KEY = new_key("EdDSA")
_ACCOUNT = "0x" + "42" * 32
_OFFER: dict[str, Any] = {
    "version": 1,
    "resourceUrl": "https://api.example.com/x",
    "scheme": "exact",
    "network": TERMS.network_id,
    "asset": TERMS.asset,
    "payTo": TERMS.pay_to,
    "amount": "10000",
    "validUntil": NOW,
}
_RECEIPT: dict[str, Any] = {
    "version": 1,
    "network": TERMS.network_id,
    "resourceUrl": "https://api.example.com/x",
    "payer": TERMS.payer,
    "issuedAt": NOW,
    "transaction": "",
}
SEEDS = tuple(
    canonical(one)
    for one in (
        eip712("offer", _OFFER, _ACCOUNT),
        eip712("receipt", _RECEIPT, _ACCOUNT),
        jws(_OFFER, _KEY, _KEY.did_key),
        jws(_RECEIPT, _KEY, _KEY.did_jwk, jwk=_KEY.jwk),
        {**eip712("offer", {**_OFFER, "amount": "1"}, _ACCOUNT), "acceptIndex": 0},
    )
)
KIDS = (
    *(key.did_key.encode() for key in (_KEY, new_key("ES256K"), new_key("ES256"))),
    _KEY.did_jwk.encode(),
    b"did:web:api.example.com%3A8443:a#key-1",
    f"did:pkh:eip155:1:{TERMS.pay_to}".encode(),
)
SIGN_INS = (
    canonical(
        {
            "sign-in-with-x": {
                "info": {
                    "domain": "api.example.com",
                    "uri": "https://api.example.com/x",
                    "version": "1",
                    "nonce": "a1b2c3d4e5f67890",
                    "issuedAt": "2025-02-27T16:00:00.000Z",
                    "expirationTime": "2025-02-27T16:05:00Z",
                    "notBefore": "2025-02-27T16:00:00Z",
                    "statement": "hello",
                },
                "supportedChains": [{"chainId": TERMS.network_id, "type": "eip191"}],
            }
        }
    ),
)
_PURCHASE = Purchase(
    id="p",
    key="k",
    principal="local",
    method="GET",
    url="https://api.example.com/x",
    host="api.example.com",
    state=State.SIGNED,
    evidence=Evidence.UNKNOWN,
    created_at=NOW,
    settled_at=None,
    pay_again=False,
    rail="x402",
    scheme="exact",
    transfer=TERMS,
    amount_usd=Usd(10_000),
    tx_hash=None,
    delivery=None,
    notes=(),
)


def signed(data: bytes) -> None:
    """Any JSON as a signed offer and receipt gives words of ours, and 16 KiB to keep at most."""
    offer = canonical(
        {
            "scheme": "exact",
            "network": TERMS.network_id,
            "asset": TERMS.asset,
            "amount": "10000",
            "payTo": TERMS.pay_to,
        }
    )
    info = b'{"info":{"offers":[%b],"receipt":%b}}' % (data, data)
    asked = b'{"x402Version":2,"accepts":[%b],"extensions":{"offer-receipt":%b}}' % (offer, info)
    found = read(answer(("PAYMENT-REQUIRED", base64.b64encode(asked).decode())))
    if found is not None:
        for one in found.offers:
            _check(RAIL.signed_offer(found, one, _PURCHASE.url, NOW))
    said = b'{"success":true,"extensions":{"offer-receipt":%b}}' % info
    paid = answer(("PAYMENT-RESPONSE", base64.b64encode(said).decode()), status=200)
    _check(RAIL.signed_receipt(paid, _PURCHASE, NOW))


def kid(data: bytes) -> None:
    """Any text as the name of a key names at most one thing, and a key it names signs nothing."""
    text = data.decode("latin-1")
    named = read_kid(text)
    found = [one for one in (named.key, named.account, named.web_host) if one is not None]
    assert len(found) <= 1
    assert not found or len(text) <= MAX_KID_CHARS
    if named.key is not None:
        assert not verify(named.key, data, b"\1" * 64)


def jws_text(data: bytes) -> None:
    """Any text as a whole JWS is read within its bounds."""
    text = data.decode("latin-1").replace('"', "").replace("\\", "")
    signed(canonical({"format": "jws", "signature": text}))
    try:
        as_object(parse_json(decode_base64url(text)))
    except CodecError as error:
        check_words(str(error))


def sign_in(data: bytes) -> None:
    """Any declared text to sign in with comes to lines of fixed names alone, or to nothing."""
    try:
        extensions = as_object(parse_json(data)) or {}
    except CodecError:
        return
    asked = read_sign_in(extensions, (TERMS.network_id,))
    if asked is None:
        return
    is_timely(asked, NOW)
    names_site(asked, _PURCHASE.url)
    text = sign_in_message(asked, TERMS.payer)
    first, address, *rest = text.split("\n")
    assert first == f"{asked.domain} wants you to sign in with your Ethereum account:"
    assert address == TERMS.payer
    names = [line.partition(": ")[0] for line in rest]
    assert names[:7] == ["", "", "URI", "Version", "Chain ID", "Nonce", "Issued At"]
    assert set(names[7:]) <= {"Expiration Time", "Not Before"}
    assert text.isascii()
    assert len(text) < 3000


def _check(word: SellerWord | None) -> None:
    if word is None:
        return
    assert 1 <= len(word.remarks) <= 9
    for remark in word.remarks:
        check_words(remark)
    assert word.raw is None or len(word.raw.encode()) <= MAX_RAW_BYTES
