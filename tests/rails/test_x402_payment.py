"""The payment header: the seller's offer unchanged, our authorization, one header only."""

from __future__ import annotations

import base64
import json
from typing import Any, cast

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st
from x402.extensions.payment_identifier.validation import extract_payment_identifier
from x402.http.utils import decode_payment_signature_header
from x402.mechanisms.evm.eip712 import (  # pyright: ignore[reportMissingTypeStubs]
    hash_eip3009_authorization,
)
from x402.mechanisms.evm.types import (  # pyright: ignore[reportMissingTypeStubs]
    ExactEIP3009Payload,
)
from x402.schemas import PaymentPayload
from x402.schemas.helpers import match_payload_to_requirements, parse_payment_payload
from x402.schemas.v1 import PaymentPayloadV1
from x402_samples import (
    BASE_USDC,
    PAYMENT_ID,
    SIGNATURE,
    b64,
    challenge_v1,
    challenge_v2,
    offer_v1,
    offer_v2,
    transfer,
    unb64,
    web,
    web_v2,
)

from wallet.assets import find_asset
from wallet.exchange import WebResponse
from wallet.rails.x402 import X402Rail
from wallet.rails.x402.challenge import envelope_of
from wallet.rails.x402.eip712 import transfer_digest

RAIL = X402Rail()
PAYLOAD = {
    "authorization": {
        "from": transfer().payer,
        "to": transfer().pay_to,
        "value": "10000",
        "validAfter": "0",
        "validBefore": "1740672154",
        "nonce": transfer().nonce,
    },
    "signature": SIGNATURE,
}


def _pay(response: WebResponse) -> tuple[str, str]:
    challenge = RAIL.recognise(response)
    assert challenge is not None
    headers = RAIL.payment_headers(
        challenge, challenge.offers[0], transfer(), SIGNATURE, PAYMENT_ID
    )
    ((name, value),) = headers.items()
    assert value.isascii()
    return name, value


def test_a_v2_payment_holds_the_authorization_the_offer_and_the_resource() -> None:
    name, value = _pay(web_v2(challenge_v2()))
    assert name == "PAYMENT-SIGNATURE"
    assert unb64(value) == {
        "x402Version": 2,
        "payload": PAYLOAD,
        "accepted": offer_v2(),
        "resource": challenge_v2()["resource"],
    }


@pytest.mark.parametrize("network", ["base", "eip155:8453"])
def test_a_v1_payment_names_scheme_and_network_as_written(network: str) -> None:
    name, value = _pay(web(body=challenge_v1(offer_v1(network=network))))
    assert name == "X-PAYMENT"
    assert unb64(value) == {
        "x402Version": 1,
        "scheme": "exact",
        "network": network,
        "payload": PAYLOAD,
    }


def test_a_v2_challenge_in_the_body_is_paid_as_v2() -> None:
    name, _ = _pay(web(body=challenge_v2()))
    assert name == "PAYMENT-SIGNATURE"


def test_the_chosen_offer_is_repeated_to_the_letter() -> None:
    offer = (
        '{"zeta":1.50,"scheme":"exact","network":"eip155:8453","asset":"ASSET","amount":"10000",'
        '"payTo":"0x209693bc6afc0c5328ba36faf03c514ef312287c","maxTimeoutSeconds":60,'
        '"extra":{"mode":null,"acceptId":12345678901234567890123,"rate":1e2,"neg":-0,'
        '"tiny":1E-400,"text":"Zürich \U0001f980 \\u0001 \\" / ","deep":[[{"a":[]}]]},"":true}'
    ).replace("ASSET", BASE_USDC)
    _, value = _pay(web_v2('{"x402Version":2,"accepts":[' + offer + "]}"))
    sent = base64.b64decode(value).decode("utf-8")
    assert '"accepted":' + offer in sent
    assert '"resource"' not in sent
    assert '"extensions"' not in sent


_KEYS = st.text(max_size=8).filter(lambda key: key not in offer_v2())
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=4), st.dictionaries(st.text(max_size=4), _VALUES))
@settings(deadline=None)
def test_unknown_members_come_back_whatever_they_are(
    unknown: dict[str, Any], extensions: dict[str, Any]
) -> None:
    offer = {**offer_v2(extra={"more": unknown}), **unknown}
    _, value = _pay(web_v2(challenge_v2(offer, extensions=extensions)))
    assert unb64(value)["accepted"] == offer
    assert unb64(value).get("extensions", {}) == extensions


def test_the_payment_id_is_added_where_the_seller_declared_it_and_nothing_else_changes() -> None:
    extensions = {
        "payment-identifier": {"info": {"required": True, "x": 1}, "schema": {"type": "object"}},
        "bazaar": {"info": {"input": {"type": "http"}}, "schema": {}},
        "other": 7,
    }
    _, value = _pay(web_v2(challenge_v2(extensions=extensions)))
    sent = unb64(value)["extensions"]
    assert sent.pop("payment-identifier") == {
        "info": {"required": True, "x": 1, "id": PAYMENT_ID},
        "schema": {"type": "object"},
    }
    assert sent == {name: extensions[name] for name in ("bazaar", "other")}
    official = parse_payment_payload(base64.b64decode(value))
    assert isinstance(official, PaymentPayload)
    assert extract_payment_identifier(official) == PAYMENT_ID


@pytest.mark.parametrize("declared", [None, True, [], {}, {"info": None}, {"info": "required"}])
def test_a_malformed_payment_identifier_is_repeated_as_it_is(declared: object) -> None:
    extensions = {"payment-identifier": declared}
    _, value = _pay(web_v2(challenge_v2(extensions=extensions)))
    assert unb64(value)["extensions"] == extensions


def test_building_a_payment_leaves_the_challenge_alone() -> None:
    extensions = {"payment-identifier": {"info": {"required": False}, "schema": {}}}
    challenge = RAIL.recognise(web_v2(challenge_v2(extensions=extensions)))
    assert challenge is not None
    args = (challenge, challenge.offers[0], transfer(), SIGNATURE)
    first = RAIL.payment_headers(*args, PAYMENT_ID)
    assert envelope_of(challenge).extensions == extensions
    assert challenge.offers[0].raw == offer_v2()
    assert RAIL.payment_headers(*args, PAYMENT_ID) == first


@given(amount=st.integers(1, 2**256 - 1), valid_before=st.integers(1, 2**64))
@settings(max_examples=25, deadline=None)
def test_the_official_seller_reads_our_payment_and_recovers_our_key(
    amount: int, valid_before: int
) -> None:
    account = cast("Any", Account).from_key("0x" + "11" * 32)
    asset = find_asset("eip155:8453", BASE_USDC)
    assert asset is not None
    paid = transfer(payer=account.address, amount_atomic=amount, valid_before=valid_before)
    signed = account.unsafe_sign_hash(transfer_digest(paid, asset))
    signature = "0x" + bytes(signed.signature).hex()
    offered = offer_v2(amount=str(amount), extra={"name": "USD Coin", "version": "2", "mode": "x"})
    challenge = RAIL.recognise(web_v2(challenge_v2(offered)))
    assert challenge is not None
    headers = RAIL.payment_headers(challenge, challenge.offers[0], paid, signature, PAYMENT_ID)
    official = decode_payment_signature_header(headers["PAYMENT-SIGNATURE"])
    assert isinstance(official, PaymentPayload)
    assert match_payload_to_requirements(2, official.model_dump(by_alias=True), offered)
    payload = ExactEIP3009Payload.from_dict(official.payload)
    digest = hash_eip3009_authorization(payload.authorization, 8453, BASE_USDC, "USD Coin", "2")
    recovered = cast("Any", Account)._recover_hash(digest, signature=payload.signature)
    assert recovered == account.address


def test_the_official_v1_models_read_our_payment() -> None:
    _, value = _pay(web(body=challenge_v1()))
    official = parse_payment_payload(base64.b64decode(value))
    assert isinstance(official, PaymentPayloadV1)
    assert (official.scheme, official.network, official.payload) == ("exact", "base", PAYLOAD)


def test_a_payment_for_the_largest_readable_offer_fits_a_header_of_36_kib() -> None:
    offer = offer_v2(extra={"pad": "x" * 24_000})
    _, value = _pay(web(("PAYMENT-REQUIRED", b64(challenge_v2(offer, resource=None)))))
    assert len(value) < 36 * 1024
    assert json.dumps(unb64(value)["accepted"]) == json.dumps(offer)
