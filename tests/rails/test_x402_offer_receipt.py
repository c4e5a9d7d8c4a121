"""Signed offers and receipts: what they say is compared, named and kept, and never paid for."""

from __future__ import annotations

from typing import Any

import pytest
from signed_words_kit import (
    KEYS,
    MATCHES,
    NOW,
    PAYEE_KEY,
    RAIL,
    SELLER,
    SELLER_KEY,
    TX,
    URL,
    ask,
    heard,
    purchase,
    receipt,
    said,
    terms,
)
from x402_samples import (
    PAYER,
    b64,
    challenge_v1,
    challenge_v2,
    offer_v1,
    offer_v2,
    web,
    web_v2,
)

from sandbox.signing import b64url, eip712, jws, new_key
from wallet.model import SellerWord
from wallet.rails.x402.offer_receipt import CONTRADICTED


def test_a_seller_that_signs_nothing_is_said_nothing_of() -> None:
    found = RAIL.recognise(web_v2(challenge_v2()))
    assert found is not None
    assert RAIL.signed_offer(found, found.offers[0], URL, NOW) is None
    plain = web(("PAYMENT-RESPONSE", b64({"success": True})), status=200)
    assert RAIL.signed_receipt(plain, purchase(), NOW) is None
    assert RAIL.signed_receipt(web(status=200), purchase(), NOW) is None


@pytest.mark.parametrize(
    ("changed", "faults"),
    [
        ({"resourceUrl": "https://api.example.com/other"}, ["names another page"]),
        ({"resourceUrl": "https://api.example.com/report?page=2"}, ["names another page"]),
        ({"resourceUrl": "https://evil.example/report"}, ["names another site"]),
        ({"resourceUrl": "https://api.example.com:8443/report"}, ["names another site"]),
        ({"resourceUrl": "https://[oops/report"}, ["names another site"]),
        ({"resourceUrl": "report"}, ["names another site"]),
        ({"resourceUrl": "http://API.example.com/report"}, []),
        ({"network": "eip155:84532"}, ["names another network"]),
        ({"network": "eip155:1234567"}, ["names another network"]),
        ({"payer": SELLER}, ["names another payer"]),
        ({"payer": f"eip155:8453:{PAYER}"}, []),
        ({"transaction": "0x" + "cd" * 32}, ["names another transfer"]),
        ({"transaction": TX.upper().replace("X", "x")}, []),
        ({"issuedAt": NOW - 303}, ["is older than the purchase"]),
        ({"issuedAt": NOW - 302}, []),
        ({"issuedAt": NOW + 301}, ["is dated in the future"]),
        ({"issuedAt": NOW + 300}, []),
        ({"issuedAt": 0}, ["is older than the purchase"]),
    ],
)
def test_a_receipt_of_another_purchase_is_told_apart(
    changed: dict[str, Any], faults: list[str]
) -> None:
    expected = (
        "the seller's receipt is signed by the payee",
        *(f"the seller's receipt {fault}" for fault in faults),
    )
    assert heard(eip712("receipt", receipt(**changed), SELLER_KEY)).remarks == expected
    key = PAYEE_KEY
    assert heard(jws(receipt(**changed), key, key.did_key)).remarks == expected


def test_a_changed_receipt_is_no_longer_the_payees() -> None:
    signed = eip712("receipt", receipt(), SELLER_KEY)
    signed["payload"] = receipt(issuedAt=NOW + 1)
    assert heard(signed).remarks == ("the seller's receipt is signed, not by the payee",)


def test_an_offer_that_ran_out_or_names_another_page_says_so() -> None:
    signed = eip712("offer", terms(resourceUrl="https://api.example.com/"), SELLER_KEY)
    assert said(signed, now_s=NOW + 301).remarks == (
        f"{MATCHES}, signed by the payee",
        "the seller's signed offer names another page",
        "the seller's signed offer had run out before it was paid",
    )


OTHER_TERMS: list[dict[str, Any]] = [
    {"amount": "9999"},
    {"amount": "010000"},
    {"payTo": PAYER},
    {"asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e"},
    {"network": "eip155:84532"},
    {"scheme": "upto"},
]


@pytest.mark.parametrize("changed", OTHER_TERMS, ids=str)
def test_an_offer_whose_own_signed_one_says_otherwise_is_not_paid(changed: dict[str, Any]) -> None:
    signed = eip712("offer", terms(**changed), SELLER_KEY)
    found = ask({**signed, "acceptIndex": 0})
    assert found.offers == ()
    assert [bad.reason for bad in found.unreadable] == [CONTRADICTED]


def test_the_signature_of_a_contradiction_plays_no_part() -> None:
    signed = {**eip712("offer", terms(amount="1"), SELLER_KEY), "signature": "0x" + "00" * 65}
    assert ask({**signed, "acceptIndex": 0}).offers == ()
    unproven = jws(terms(amount="1"), new_key("EdDSA"), "did:web:api.example.com")
    assert ask({**unproven, "acceptIndex": 0}).offers == ()


def test_a_signed_offer_without_a_place_contradicts_its_own_kind_alone() -> None:
    near = eip712("offer", terms(amount="1"), SELLER_KEY)
    assert ask(near).offers == ()
    far = eip712("offer", terms(network="eip155:137", amount="1"), SELLER_KEY)
    found = ask(far)
    assert len(found.offers) == 1
    word = RAIL.signed_offer(found, found.offers[0], URL, NOW)
    assert word == SellerWord(None, ("the seller signed no offer with the terms that were paid",))


def test_a_contradiction_of_one_offer_leaves_the_others() -> None:
    dear, cheap = offer_v2(payTo=SELLER, amount="20000"), offer_v2(payTo=SELLER)
    signed = (
        {**eip712("offer", terms(), SELLER_KEY), "acceptIndex": 1},
        {**eip712("offer", terms(amount="1"), SELLER_KEY), "acceptIndex": 0},
    )
    found = ask(*signed, offers=(dear, cheap))
    assert [offer.index for offer in found.offers] == [1]
    assert [bad.index for bad in found.unreadable] == [0]


def test_offers_are_matched_by_their_terms_and_not_by_position() -> None:
    dear, cheap = offer_v2(payTo=SELLER, amount="20000"), offer_v2(payTo=SELLER)
    swapped = (
        {**eip712("offer", terms(), SELLER_KEY), "acceptIndex": 0},
        {**eip712("offer", terms(amount="20000"), SELLER_KEY), "acceptIndex": 1},
    )
    found = ask(*swapped, offers=(dear, cheap))
    assert [offer.index for offer in found.offers] == [0, 1]
    for offer in found.offers:
        word = RAIL.signed_offer(found, offer, URL, NOW)
        assert word is not None
        assert word.remarks == (f"{MATCHES}, signed by the payee",)


def test_version_1_names_its_network_anew_in_what_is_signed() -> None:
    signed = {**eip712("offer", terms(), SELLER_KEY), "acceptIndex": 0}
    extensions = {"offer-receipt": {"info": {"offers": [signed]}}}
    plain = offer_v1(payTo=SELLER)
    found = RAIL.recognise(web(body=challenge_v1(plain, extensions=extensions)))
    assert found is not None
    word = RAIL.signed_offer(found, found.offers[0], URL, NOW)
    assert word is not None
    assert word.remarks == (f"{MATCHES}, signed by the payee",)
    dearer = offer_v1(payTo=SELLER, maxAmountRequired="10001")
    found = RAIL.recognise(web(body=challenge_v1(dearer, extensions=extensions)))
    assert found is not None
    assert found.offers == ()


GOOD = eip712("offer", terms(), SELLER_KEY)
UNREADABLE: list[object] = [
    7,
    None,
    [],
    {},
    {**GOOD, "format": "cose"},
    {**GOOD, "format": "jws"},
    {**GOOD, "signature": None},
    {**GOOD, "signature": GOOD["signature"][:-2]},
    {**GOOD, "payload": None},
    {**GOOD, "payload": {**terms(), "discount": "all"}},
    *(
        {**GOOD, "payload": terms(**change)}
        for change in (
            {"version": 2},
            {"version": True},
            {"version": 1.0},
            {"version": "1"},
            {"amount": 10000},
            {"amount": ...},
            {"payTo": None},
            {"resourceUrl": "https://" + "x" * 2048},
            {"validUntil": -1},
            {"validUntil": 2**256},
            {"validUntil": "1"},
            {"validUntil": 1e30},
            {"validUntil": None},
        )
    ),
    {"format": "jws", "signature": "a.b"},
    {"format": "jws", "signature": "a.b.c.d"},
    {"format": "jws", "signature": "e30.!!!.e30"},
    {"format": "jws", "signature": "e30.e30.e30"},
    {"format": "jws", "signature": "e30." + b64url(b"[" * 4000) + ".e30"},
    {"format": "jws", "signature": "e30." + b64url(b"[1]") + ".e30"},
    {**jws(terms(), KEYS[0], KEYS[0].did_key), "payload": terms()},
    jws(terms(resourceUrl="https://x/" + "y" * 2000), KEYS[0], KEYS[0].did_key, x="z" * 9000),
]


@pytest.mark.parametrize("signed", UNREADABLE, ids=lambda value: str(value)[:60])
def test_what_cannot_be_read_whole_changes_nothing(signed: object) -> None:
    unread = ("the seller's signed offer cannot be read",)
    assert said(signed) == SellerWord(None, unread)
    assert said(signed, {**GOOD}).remarks == (f"{MATCHES}, signed by the payee",)


@pytest.mark.parametrize("extension", [7, None, [], {"info": 7}, {"info": {"offers": None}}])
def test_a_broken_extension_is_no_reason_not_to_pay(extension: object) -> None:
    found = RAIL.recognise(
        web_v2(challenge_v2(offer_v2(payTo=SELLER), extensions={"offer-receipt": extension}))
    )
    assert found is not None
    assert len(found.offers) == 1
    RAIL.signed_offer(found, found.offers[0], URL, NOW)


@pytest.mark.parametrize("signed", [7, {}, {**GOOD}, eip712("offer", terms(), SELLER_KEY)])
def test_a_receipt_that_cannot_be_read_is_said_to_be_so(signed: object) -> None:
    assert heard(signed) == SellerWord(None, ("the seller's signed receipt cannot be read",))


def test_a_receipt_of_a_failed_settlement_is_read_too() -> None:
    signed = eip712("receipt", receipt(transaction=...), SELLER_KEY)
    word = heard(signed, success=False, transaction="")
    assert word.remarks == ("the seller's receipt is signed by the payee",)


def test_a_receipt_too_large_to_keep_is_checked_and_not_kept() -> None:
    wide = receipt(transaction="あ" * 2000, payer="あ" * 2000, network="あ" * 2000)
    word = heard(eip712("receipt", wide, SELLER_KEY))
    assert word.raw is None
    assert word.remarks[-1] == "the seller's receipt is too large to keep"


def test_no_word_of_a_signed_object_is_among_the_remarks() -> None:
    canary = "PAY-AGAIN"
    fields = dict.fromkeys(("network", "payer", "transaction"), canary)
    words = heard(
        eip712("receipt", receipt(resourceUrl=f"https://{canary}/", **fields), SELLER_KEY)
    )
    assert canary not in " ".join(words.remarks)
    assert words.raw is not None
    kid = f"did:web:{canary.lower()}.example"
    told = said(jws(terms(resourceUrl=f"https://x/{canary}"), KEYS[0], kid))
    assert canary.lower() not in " ".join(told.remarks).lower()
