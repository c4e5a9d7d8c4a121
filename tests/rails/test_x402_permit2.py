"""Permit2 transfers and the gasless permit: what is signed is what the official SDK signs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from x402.extensions.eip2612_gas_sponsoring import (
    declare_eip2612_gas_sponsoring_extension,
    validate_eip2612_permit_for_payment,
)
from x402.extensions.eip2612_gas_sponsoring.client import sign_eip2612_permit
from x402.extensions.eip2612_gas_sponsoring.types import Eip2612GasSponsoringInfo
from x402.mechanisms.evm.signers import (  # pyright: ignore[reportMissingTypeStubs]
    EthAccountSigner,
)
from x402_samples import (
    BASE_USDC,
    PAYEE,
    SIGNATURE,
    challenge_v2,
    offer_v2,
    transfer,
    web_v2,
)

from wallet.assets import Asset, assets, find_asset
from wallet.exchange import WebRequest
from wallet.model import Method, Transfer
from wallet.rails.base import CannotFreezeError, Draft
from wallet.rails.typed_data import typed_data, typed_data_digest
from wallet.rails.x402 import X402Rail
from wallet.rails.x402.eip712 import transfer_digest
from wallet.rails.x402.evm import checksum_address
from wallet.rails.x402.gas_permit import (
    GAS_SPONSORING,
    gas_permit_digest,
    gas_permit_typed_data,
    offers_gas_permit,
    with_gas_permit,
)
from wallet.rails.x402.permit2 import permit2_digest, permit2_payload, permit2_typed_data

PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3"
FACILITATOR = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
ACCOUNT = cast("Any", Account).from_key("0x" + "11" * 32)
DECLARED = declare_eip2612_gas_sponsoring_extension()

_UINT256 = st.integers(0, 2**256 - 1)
_ADDRESS = st.binary(min_size=20, max_size=20).map(lambda raw: checksum_address("0x" + raw.hex()))
_NONCE = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())


def _usdc() -> Asset:
    asset = find_asset("eip155:8453", BASE_USDC)
    assert asset is not None
    return asset


def _permit2(**changes: Any) -> Transfer:
    return transfer(**{"method": Method.PERMIT2, **changes})


def _upto(**changes: Any) -> Transfer:
    return transfer(**{"method": Method.UPTO, "facilitator": FACILITATOR, **changes})


def _reference_digest(message: dict[str, Any]) -> bytes:
    signable = cast("Any", encode_typed_data)(full_message=message)
    return keccak(b"\x19" + bytes(signable.version) + bytes(signable.header + signable.body))


@st.composite
def _cases(draw: st.DrawFn) -> tuple[Transfer, Asset]:
    asset = draw(st.sampled_from(list(assets().values())))
    facilitator = draw(st.none() | _ADDRESS)
    return Transfer(
        network_id=asset.network,
        asset=asset.address,
        payer=draw(_ADDRESS),
        pay_to=draw(_ADDRESS),
        amount_atomic=draw(_UINT256),
        valid_after=draw(_UINT256),
        valid_before=draw(_UINT256),
        nonce=draw(_NONCE),
        method=Method.PERMIT2 if facilitator is None else Method.UPTO,
        facilitator=facilitator,
    ), asset


@given(_cases(), _UINT256)
@settings(deadline=None)
def test_every_message_hashes_as_a_reference_wallet_hashes_it(
    case: tuple[Transfer, Asset], permit_nonce: int
) -> None:
    paid, asset = case
    assert permit2_digest(paid, asset) == _reference_digest(permit2_typed_data(paid, asset))
    permit = gas_permit_typed_data(paid, asset, permit_nonce)
    assert gas_permit_digest(paid, asset, permit_nonce) == _reference_digest(permit)


def test_the_permit2_domain_has_no_version_and_names_permit2() -> None:
    for paid in (_permit2(), _upto()):
        assert permit2_typed_data(paid, _usdc())["domain"] == {
            "name": "Permit2",
            "chainId": 8453,
            "verifyingContract": PERMIT2,
        }


def test_each_method_names_its_own_proxy_and_only_upto_the_facilitator() -> None:
    exact = permit2_typed_data(_permit2(), _usdc())["message"]
    upto = permit2_typed_data(_upto(), _usdc())["message"]
    assert exact["spender"] == "0x402085c248EeA27D92E8b30b2C58ed07f9E20001"
    assert upto["spender"] == "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002"
    assert exact["witness"] == {"to": PAYEE, "validAfter": 0}
    assert upto["witness"] == {"to": PAYEE, "facilitator": FACILITATOR, "validAfter": 0}


def test_a_permit2_payment_is_written_in_decimal_strings() -> None:
    paid = _upto(nonce="0x" + "0" * 62 + "ff")
    assert permit2_payload(paid, SIGNATURE) == {
        "permit2Authorization": {
            "from": paid.payer,
            "permitted": {"token": BASE_USDC, "amount": "10000"},
            "spender": "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002",
            "nonce": "255",
            "deadline": "1740672154",
            "witness": {"to": PAYEE, "facilitator": FACILITATOR, "validAfter": "0"},
        },
        "signature": SIGNATURE,
    }


@pytest.mark.parametrize(
    "paid",
    [
        transfer(),
        _permit2(facilitator=FACILITATOR),
        _upto(facilitator=None),
        _upto(facilitator="0x12"),
        _permit2(network_id="eip155:84532"),
        _permit2(asset="0x036CbD53842c5426634e7929541eC2318f3dCF7e"),
        _permit2(payer="0x12"),
        _permit2(nonce="0x12"),
        _permit2(amount_atomic=2**256),
        _permit2(valid_before=-1),
    ],
)
def test_what_is_no_permit2_transfer_of_this_token_is_refused(paid: Transfer) -> None:
    with pytest.raises(ValueError, match=r"must|another token"):
        permit2_digest(paid, _usdc())


@pytest.mark.parametrize("paid", [_permit2(), _upto()])
def test_a_permit2_transfer_is_never_hashed_as_an_eip_3009_one(paid: Transfer) -> None:
    with pytest.raises(ValueError, match="another method"):
        transfer_digest(paid, _usdc())


def test_no_permit_is_made_for_an_eip_3009_transfer() -> None:
    with pytest.raises(ValueError, match="another method"):
        gas_permit_digest(transfer(), _usdc(), 0)


class _Client(EthAccountSigner):
    """The official client's signer, on a token where the payer has made seven permits."""

    def read_contract(self, *_: object) -> int:
        return 7


@pytest.mark.parametrize("method", [Method.PERMIT2, Method.UPTO])
def test_the_gasless_permit_is_the_official_client_s_to_the_last_byte(method: Method) -> None:
    made = _permit2() if method is Method.PERMIT2 else _upto()
    paid = replace(made, payer=ACCOUNT.address, valid_before=2**40)
    signed = ACCOUNT.unsafe_sign_hash(gas_permit_digest(paid, _usdc(), 7))
    signature = "0x" + bytes(signed.signature).hex()
    sent = with_gas_permit(DECLARED, paid, 7, signature)
    deadline, amount = str(paid.valid_before), str(paid.amount_atomic)
    official = sign_eip2612_permit(
        _Client(ACCOUNT), BASE_USDC, "USD Coin", "2", 8453, deadline, amount
    ).to_dict()
    declared = DECLARED[GAS_SPONSORING]
    assert sent == {GAS_SPONSORING: {**declared, "info": {**declared["info"], **official}}}
    info = Eip2612GasSponsoringInfo.from_dict(sent[GAS_SPONSORING]["info"])
    assert validate_eip2612_permit_for_payment(info, ACCOUNT.address, BASE_USDC) == ""


def test_other_extensions_and_the_seller_s_own_members_stay_as_they_are() -> None:
    gas: dict[str, Any] = {"info": {"version": "1.1", "x": [1]}, "y": 2}
    sent = with_gas_permit({"bazaar": {"info": 1}, GAS_SPONSORING: gas}, _permit2(), 0, SIGNATURE)
    assert sent["bazaar"] == {"info": 1}
    assert sent[GAS_SPONSORING]["y"] == 2
    info = sent[GAS_SPONSORING]["info"]
    assert (info["version"], info["x"], info["signature"]) == ("1.1", [1], SIGNATURE)
    assert gas["info"] == {"version": "1.1", "x": [1]}


def test_an_offer_is_frozen_for_its_own_method() -> None:
    draft = Draft(
        payer=ACCOUNT.address,
        now_s=1_000,
        validity_s=120,
        random=bytes(range(32)),
        payment_id="pay_" + "0" * 32,
        request=WebRequest("GET", "https://api.example.com/"),
    )
    upto = {"assetTransferMethod": "permit2", "facilitatorAddress": FACILITATOR.lower()}
    offers = (
        offer_v2(),
        offer_v2(extra={"assetTransferMethod": "permit2"}),
        offer_v2(scheme="upto", extra=upto),
        offer_v2(scheme="hover"),
    )
    rail = X402Rail()
    challenge = rail.recognise(web_v2(challenge_v2(*offers)))
    assert challenge is not None
    frozen = [rail.freeze(challenge, offer, draft) for offer in challenge.offers[:3]]
    assert [(one.method, one.facilitator) for one in frozen] == [
        (Method.EIP3009, None),
        (Method.PERMIT2, None),
        (Method.UPTO, FACILITATOR),
    ]
    assert {(one.amount_atomic, one.valid_before, one.nonce) for one in frozen} == {
        (10_000, 1_060, "0x" + bytes(range(32)).hex())
    }
    with pytest.raises(CannotFreezeError, match="not supported"):
        rail.freeze(challenge, challenge.offers[3], draft)


@pytest.mark.parametrize(
    "declared",
    [None, True, "", [], {}, {"info": None}, {"info": []}, {"info": {"spender": FACILITATOR}}],
)
def test_a_seller_that_fills_in_the_permit_itself_is_not_given_one(declared: object) -> None:
    extensions = {GAS_SPONSORING: declared}
    assert not offers_gas_permit(extensions)
    with pytest.raises(ValueError, match="must offer"):
        with_gas_permit(extensions, _permit2(), 0, SIGNATURE)


_MAIL = ("EIP712Domain(string name)", "Mail(address to,uint8 level,bytes32 id,string text)")


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "0x12"},
        {"level": 256},
        {"level": -1},
        {"level": True},
        {"level": "1"},
        {"id": "0x12"},
        {"text": 7},
        {"more": 1},
        {"to": ...},
    ],
)
def test_a_message_that_does_not_fit_its_type_has_no_digest(changes: dict[str, Any]) -> None:
    fields = {"to": PAYEE, "level": 255, "id": "0x" + "ab" * 32, "text": "Zürich"}
    message = typed_data(_MAIL, {"name": "post"}, fields)
    assert typed_data_digest(message) == _reference_digest(message)
    changed = {name: value for name, value in {**fields, **changes}.items() if value is not ...}
    with pytest.raises(ValueError, match=r"must be a|exactly the members"):
        typed_data_digest(typed_data(_MAIL, {"name": "post"}, changed))
