"""From an `evm` charge to its payment: the frozen terms, the nonce and the credential."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

import pytest
from eth_hash.auto import keccak
from mpp_samples import CHALLENGE_ID, REALM, auth, b64url, charge, unb64url, www
from x402_samples import BASE_USDC, PAYEE, PAYER, PAYMENT_ID, SIGNATURE

from wallet.exchange import WebRequest
from wallet.model import Challenge, Offer, Transfer
from wallet.rails.base import CannotFreezeError, Draft
from wallet.rails.mpp import MppRail
from wallet.rails.mpp.credential import challenge_nonce

RAIL = MppRail()
NOW = 1795271725  # 2026-11-21T14:35:25Z


def _draft(body: bytes = b"", validity_s: int = 120) -> Draft:
    request = WebRequest("POST", "https://api.example.com/report", body=body)
    return Draft(PAYER, NOW, validity_s, b"\x07" * 32, PAYMENT_ID, request)


def _challenge(*values: str) -> tuple[Challenge, Offer]:
    challenge = RAIL.recognise(www(*values))
    assert challenge is not None
    return challenge, challenge.offers[-1]


def _freeze(value: str, draft: Draft | None = None) -> Transfer:
    return RAIL.freeze(*_challenge(value), draft or _draft())


def _refusal(value: str, draft: Draft | None = None) -> str:
    with pytest.raises(CannotFreezeError) as caught:
        _freeze(value, draft)
    return str(caught.value)


def _sent(value: str) -> tuple[str, dict[str, Any]]:
    challenge, offer = _challenge(value)
    transfer = RAIL.freeze(challenge, offer, _draft())
    ((name, text),) = RAIL.payment_headers(
        challenge, offer, transfer, SIGNATURE, PAYMENT_ID
    ).items()
    scheme, coded = text.split(" ")
    assert scheme == "Payment"
    return name, unb64url(coded)


def test_the_terms_are_the_charge_s_and_the_nonce_is_bound_to_the_challenge() -> None:
    assert _freeze(auth()) == Transfer(
        network_id="eip155:8453",
        asset=BASE_USDC,
        payer=PAYER,
        pay_to=PAYEE,
        amount_atomic=10000,
        valid_after=0,
        valid_before=NOW + 120,
        nonce=challenge_nonce(CHALLENGE_ID, REALM),
    )


def test_the_nonce_is_the_hash_of_the_json_array_and_never_that_of_the_bare_texts() -> None:
    nonce = challenge_nonce("abc", "api.example.com")
    assert nonce == "0x5fc7620ab10ee4cbef955fe0902682f5688d24749a3a0322452c6728cd3d1425"
    old = "0x" + keccak(b"abcapi.example.com").hex()
    assert old == "0xe1adfd8f031bdf83646eee741bda35015ff27366153d3ec246a28e6d3960b516"
    assert challenge_nonce("ab", "c") != challenge_nonce("a", "bc")


def test_a_realm_beyond_ascii_is_hashed_unescaped() -> None:
    expected = "0x" + keccak('["a\\"b","café ☃"]'.encode()).hex()
    assert challenge_nonce('a"b', "café ☃") == expected


@pytest.mark.parametrize(
    ("expires", "validity_s", "life_s"),
    [
        ("2026-11-21T14:36:25Z", 120, 60),
        ("2026-11-21T14:36:25.9Z", 120, 60),
        ("2026-11-21T15:36:25+01:00", 120, 60),
        ("2026-11-21T14:40:25Z", 120, 120),
        ("2026-11-21T14:40:25Z", 20, 20),
        ("2027-11-21T14:40:25Z", 4000, 300),
        ("2026-11-21T14:35:35Z", 120, 10),
    ],
)
def test_a_payment_ends_with_its_challenge_and_no_later_than_the_user_allows(
    expires: str, validity_s: int, life_s: int
) -> None:
    transfer = _freeze(auth(expires=expires), _draft(validity_s=validity_s))
    assert transfer.valid_before == NOW + life_s


@pytest.mark.parametrize(
    "expires", ["2026-11-21T14:35:25Z", "2026-11-21T14:35:24Z", "2026-11-21T14:35:34.9Z"]
)
def test_an_expired_challenge_and_one_that_is_about_to_expire_are_not_paid(expires: str) -> None:
    assert _refusal(auth(expires=expires)) == "the challenge has expired, or is about to"


def test_a_challenge_for_a_body_is_paid_with_that_body_alone() -> None:
    digest = "sha-256=:" + base64.b64encode(hashlib.sha256(b"abc").digest()).decode() + ":"
    assert _freeze(auth(digest=digest), _draft(b"abc")).amount_atomic == 10000
    reason = "the challenge is for a request with another body"
    assert _refusal(auth(digest=digest), _draft(b"")) == reason
    assert _refusal(auth(digest="sha-512=:AAAA:"), _draft(b"abc")) == reason


def test_a_token_that_is_not_in_the_table_is_not_paid() -> None:
    assert _refusal(auth(charge(currency=PAYEE))) == "the token contract is not a known one"


def test_the_credential_repeats_the_challenge_and_carries_the_authorization() -> None:
    name, sent = _sent(auth(expires="2026-11-21T14:36:25Z", opaque=b64url({"a": "b"})))
    assert name == "Authorization"
    assert sent == {
        "challenge": {
            "id": CHALLENGE_ID,
            "realm": REALM,
            "method": "evm",
            "intent": "charge",
            "request": b64url(charge()),
            "expires": "2026-11-21T14:36:25Z",
            "opaque": b64url({"a": "b"}),
        },
        "payload": {
            "type": "authorization",
            "from": PAYER,
            "to": PAYEE,
            "value": "10000",
            "validAfter": "0",
            "validBefore": str(NOW + 60),
            "nonce": challenge_nonce(CHALLENGE_ID, REALM),
            "signature": SIGNATURE,
        },
        "source": f"did:pkh:eip155:8453:{PAYER}",
    }


def test_a_request_that_is_not_canonical_is_repeated_as_it_came() -> None:
    request = b64url(b' {"recipient" : "' + PAYEE.encode() + b'",' + _rest())
    assert _sent(auth(request=request))[1]["challenge"]["request"] == request


def _rest() -> bytes:
    details = b'{"credentialTypes":["authorization"],"chainId":8453}'
    return (
        b'"amount":"\\u0031","methodDetails":'
        + details
        + b',"currency":"'
        + BASE_USDC.encode()
        + b'"}'
    )


def test_escaped_texts_are_repeated_as_what_they_mean() -> None:
    sent = _sent(auth(realm=r"caf\u00e9 \"x\"", description="caf\xe9"))[1]
    assert sent["challenge"]["realm"] == 'café "x"'
    assert sent["challenge"]["description"] == "café"
    assert sent["payload"]["nonce"] == challenge_nonce(CHALLENGE_ID, 'café "x"')


def test_the_other_header_is_used_only_when_the_challenge_names_it() -> None:
    name, sent = _sent(auth(header="Payment-Authorization"))
    assert name == "Payment-Authorization"
    assert sent["challenge"]["header"] == "Payment-Authorization"
    assert "header" not in _sent(auth())[1]["challenge"]


def test_each_offer_is_paid_on_its_own_challenge() -> None:
    challenge = RAIL.recognise(www(auth(id="a"), auth(id=""), auth(id="b")))
    assert challenge is not None
    renumbered = [replace(offer, index=offer.index + 5) for offer in challenge.offers]
    nonces = [RAIL.freeze(challenge, offer, _draft()).nonce for offer in renumbered]
    assert nonces == [challenge_nonce("a", REALM), challenge_nonce("b", REALM)]
