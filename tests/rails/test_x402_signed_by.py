"""Who signed an offer or a receipt: each form and algorithm, and each way to pretend."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from signed_words_kit import (
    KEYS,
    MATCHES,
    PAYEE_KEY,
    SELLER,
    SELLER_KEY,
    heard,
    receipt,
    said,
    terms,
)

from sandbox.signing import JwsKey, b64url, canonical, eip712, jws, new_key
from wallet.signatures import Curve, PublicKey, evm_address

GOOD = eip712("offer", terms(), SELLER_KEY)


def test_an_offer_that_the_payee_signed_is_known_as_the_payees() -> None:
    signed = eip712("offer", terms(), SELLER_KEY)
    word = said({**signed, "acceptIndex": 0, "note": "x"})
    assert word.remarks == (f"{MATCHES}, signed by the payee",)
    assert word.raw is not None
    assert json.loads(word.raw) == signed


def test_a_receipt_that_the_payee_signed_is_known_as_the_payees() -> None:
    signed = eip712("receipt", receipt(), SELLER_KEY)
    word = heard(signed)
    assert word.remarks == ("the seller's receipt is signed by the payee",)
    assert word.raw is not None
    assert json.loads(word.raw) == signed


def test_absent_members_are_signed_as_empty_ones() -> None:
    offer = eip712("offer", terms(validUntil=...), SELLER_KEY)
    assert said(offer).remarks == (f"{MATCHES}, signed by the payee",)
    private = eip712("receipt", receipt(transaction=...), SELLER_KEY)
    assert heard(private).remarks == ("the seller's receipt is signed by the payee",)


def test_the_parity_of_a_signature_may_be_written_from_zero() -> None:
    signed = eip712("offer", terms(), SELLER_KEY)
    parity = int(signed["signature"][-2:], 16) - 27
    signed["signature"] = signed["signature"][:-2] + f"{parity:02x}"
    assert said(signed).remarks == (f"{MATCHES}, signed by the payee",)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.algorithm)
@pytest.mark.parametrize("form", ["did_key", "did_jwk"])
def test_a_jws_is_checked_with_the_key_in_its_name(key: JwsKey, form: str) -> None:
    kid = getattr(key, form)
    assert said(jws(terms(), key, kid)).remarks == (f"{MATCHES}, not signed by the payee",)
    assert heard(jws(receipt(), key, kid)).remarks == (
        "the seller's receipt is signed, not by the payee",
    )
    forged = jws(terms(), new_key(key.algorithm, 8), kid)
    assert said(forged).remarks == (f"{MATCHES}, its signature is wrong",)
    forged = jws(receipt(), new_key(key.algorithm, 8), kid)
    assert heard(forged).remarks == ("the seller's receipt has a wrong signature",)


@pytest.mark.parametrize(
    "kid",
    [PAYEE_KEY.did_key, PAYEE_KEY.did_jwk, f"did:pkh:eip155:8453:{SELLER}"],
    ids=["did:key", "did:jwk", "did:pkh"],
)
def test_a_jws_by_the_payees_own_key_is_known_as_the_payees(kid: str) -> None:
    assert said(jws(terms(), PAYEE_KEY, kid)).remarks == (f"{MATCHES}, signed by the payee",)


def test_an_account_that_did_not_sign_a_jws_is_not_taken_for_its_signer() -> None:
    kid = f"did:pkh:eip155:8453:{SELLER}"
    wrong = said(jws(terms(), new_key("ES256K"), kid))
    assert wrong.remarks == (f"{MATCHES}, its signature is wrong",)
    other = said(jws(terms(), new_key("EdDSA"), kid))
    assert other.remarks == (f"{MATCHES}, its signature is of a kind not checked",)


def test_a_key_that_would_have_to_be_fetched_is_not_checked() -> None:
    key = new_key("ES256K")
    need = f"{MATCHES}, its signature is not checked: that would need a fetch"
    assert said(jws(terms(), key, "did:web:api.example.com#key-1")).remarks == (need,)
    assert said(jws(terms(), key, "did:web:evil.example#key-1")).remarks == (
        need,
        "the seller's signed offer names another site's key",
    )
    assert heard(jws(receipt(), key, "did:web:api.example.com")).remarks == (
        "the seller's receipt is signed, its signature is not checked: that would need a fetch",
    )


def test_a_key_beside_its_name_is_used_and_has_to_agree_with_it() -> None:
    key, other = new_key("ES256"), new_key("ES256", 8)
    web_kid = "did:web:api.example.com#key-1"
    good = f"{MATCHES}, not signed by the payee"
    wrong = f"{MATCHES}, its signature is wrong"
    assert said(jws(terms(), key, web_kid, jwk=key.jwk)).remarks == (good,)
    assert said(jws(terms(), key, web_kid, jwk=other.jwk)).remarks == (wrong,)
    for kid in (key.did_key, key.did_jwk):
        assert said(jws(terms(), key, kid, jwk=key.jwk)).remarks == (good,)
        assert said(jws(terms(), key, kid, jwk=other.jwk)).remarks == (wrong,)
    account = f"did:pkh:eip155:1:{SELLER}"
    by_payee = said(jws(terms(), PAYEE_KEY, account, jwk=PAYEE_KEY.jwk))
    assert by_payee.remarks == (f"{MATCHES}, signed by the payee",)
    swapped = new_key("ES256K", 9)
    assert said(jws(terms(), PAYEE_KEY, account, jwk=swapped.jwk)).remarks == (wrong,)


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "HS512", "RS256", "ES384", 7, None])
def test_an_algorithm_that_proves_nothing_is_never_a_good_signature(algorithm: object) -> None:
    key = new_key("ES256K")
    signed = jws(terms(), key, key.did_key, alg=algorithm)
    assert said(signed).remarks == (f"{MATCHES}, its signature is of a kind not checked",)


def test_a_public_key_used_as_a_shared_secret_signs_nothing() -> None:
    key = new_key("ES256")
    head = canonical({"alg": "HS256", "kid": key.did_jwk})
    text = f"{b64url(head)}.{b64url(canonical(terms()))}"
    mac = hmac.new(key.compressed, text.encode(), hashlib.sha256).digest()
    word = said({"format": "jws", "signature": f"{text}.{b64url(mac)}"})
    assert word.remarks == (f"{MATCHES}, its signature is of a kind not checked",)


def test_an_algorithm_of_another_key_than_the_named_one_is_wrong() -> None:
    key = new_key("ES256K")
    for algorithm in ("EdDSA", "ES256"):
        word = said(jws(terms(), key, key.did_key, alg=algorithm))
        assert word.remarks == (f"{MATCHES}, its signature is wrong",)


def test_what_a_signature_says_must_be_understood_is_not_ignored() -> None:
    key = new_key("EdDSA")
    signed = jws(terms(), key, key.did_key, crit=["b64"], b64=False)
    assert said(signed).remarks == (f"{MATCHES}, its signature is of a kind not checked",)


ED_NAME = new_key("EdDSA").did_key.partition("#")[0]


@pytest.mark.parametrize(
    "kid",
    [
        "key-1",
        "did:key:zzz",
        "did:key:u" + "A" * 44,
        "did:key:z" + "0" * 44,
        "did:key:z" + "1" * 5000,
        "did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc",
        ED_NAME + "#z6LS-the-agreement-key",
        "did:jwk:e30#0",
        "did:jwk:" + b64url(canonical({"kty": "oct", "k": "AAAA"})) + "#0",
        "did:pkh:solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:abc",
        "did:ion:abc",
        "did:key:",
        "x" * 3000,
        7,
        None,
    ],
)
def test_a_key_name_that_cannot_be_read_is_not_checked(kid: Any) -> None:
    signed = jws(terms(), new_key("EdDSA"), kid)
    assert said(signed).remarks == (f"{MATCHES}, its signature is of a kind not checked",)


def test_a_point_that_is_not_on_its_curve_has_signed_nothing() -> None:
    jwk = {**new_key("ES256").jwk, "y": b64url(bytes(31) + b"\x01")}
    kid = f"did:jwk:{b64url(canonical(jwk))}#0"
    word = said(jws(terms(), new_key("ES256"), kid))
    assert word.remarks == (f"{MATCHES}, its signature is wrong",)
    assert evm_address(PublicKey(Curve.SECP256K1, b"\x02" + b"\xff" * 32)) is None


def test_a_signature_that_no_key_can_have_made_is_wrong() -> None:
    for digits in ("00" * 65, "ff" * 64 + "1b", "11" * 64 + "1d"):
        signed = {"format": "eip712", "payload": terms(), "signature": "0x" + digits}
        assert said(signed).remarks == (f"{MATCHES}, its signature is wrong",)


def test_of_several_offers_that_match_the_best_signed_one_counts() -> None:
    key = new_key("EdDSA")
    forged = jws(terms(), new_key("EdDSA", 8), key.did_key)
    good = eip712("offer", terms(), SELLER_KEY)
    assert said(forged, good, forged).remarks == (f"{MATCHES}, signed by the payee",)


def test_an_offer_is_not_taken_for_a_receipt_by_its_signature() -> None:
    signed = eip712("receipt", receipt(), SELLER_KEY)
    moved = {**signed, "payload": terms()}
    assert said(moved).remarks == (f"{MATCHES}, not signed by the payee",)


def test_many_offers_cost_no_more_than_a_few_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    from wallet.rails.x402 import offer_receipt

    checked: list[object] = []
    real = offer_receipt.signed_by

    def counted(signed: Any, pay_to: str) -> Any:
        checked.append(signed)
        return real(signed, pay_to)

    monkeypatch.setattr(offer_receipt, "signed_by", counted)
    said(*[GOOD] * 50)
    assert len(checked) == offer_receipt.MAX_CHECKED
    coded = base64.b64encode(json.dumps([GOOD] * 50).encode())
    assert len(coded) < 64 * 1024
