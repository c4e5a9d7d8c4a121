"""Our digest is the official one, and its domain is our table's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from x402.mechanisms.evm.eip712 import (  # pyright: ignore[reportMissingTypeStubs]
    hash_domain,
    hash_eip3009_authorization,
)
from x402.mechanisms.evm.types import (  # pyright: ignore[reportMissingTypeStubs]
    ExactEIP3009Authorization,
    TypedDataDomain,
)
from x402_samples import BASE_USDC, transfer

from wallet.assets import Asset, assets, find_asset
from wallet.model import Transfer
from wallet.rails.x402.eip712 import domain_separator, transfer_digest, transfer_typed_data
from wallet.rails.x402.evm import checksum_address

_UINT256 = st.integers(0, 2**256 - 1)
_ADDRESS = st.binary(min_size=20, max_size=20).map(lambda raw: checksum_address("0x" + raw.hex()))
_NONCE = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())


def _usdc() -> Asset:
    asset = find_asset("eip155:8453", BASE_USDC)
    assert asset is not None
    return asset


@st.composite
def _cases(draw: st.DrawFn) -> tuple[Transfer, Asset]:
    asset = draw(st.sampled_from(list(assets().values())))
    return Transfer(
        network_id=asset.network,
        asset=asset.address,
        payer=draw(_ADDRESS),
        pay_to=draw(_ADDRESS),
        amount_atomic=draw(_UINT256),
        valid_after=draw(_UINT256),
        valid_before=draw(_UINT256),
        nonce=draw(_NONCE),
    ), asset


@given(_cases())
@settings(deadline=None)
def test_the_digest_equals_the_official_sdk_s(case: tuple[Transfer, Asset]) -> None:
    paid, asset = case
    authorization = ExactEIP3009Authorization(
        from_address=paid.payer,
        to=paid.pay_to,
        value=str(paid.amount_atomic),
        valid_after=str(paid.valid_after),
        valid_before=str(paid.valid_before),
        nonce=paid.nonce,
    )
    chain_id = int(asset.network.split(":")[1])
    assert transfer_digest(paid, asset) == hash_eip3009_authorization(
        authorization, chain_id, asset.address, asset.eip712_name, asset.eip712_version
    )


@given(_cases())
@settings(deadline=None)
def test_the_typed_data_hashes_to_the_digest(case: tuple[Transfer, Asset]) -> None:
    paid, asset = case
    signable = cast("Any", encode_typed_data)(full_message=transfer_typed_data(paid, asset))
    prefix = b"\x19" + bytes(signable.version)
    digest = keccak(prefix + bytes(signable.header) + bytes(signable.body))
    assert digest == transfer_digest(paid, asset)


@pytest.mark.parametrize("asset", assets().values(), ids=lambda asset: asset.network)
def test_the_domain_separator_equals_the_official_sdk_s(asset: Asset) -> None:
    domain = TypedDataDomain(
        name=asset.eip712_name,
        version=asset.eip712_version,
        chain_id=int(asset.network.split(":")[1]),
        verifying_contract=asset.address,
    )
    assert domain_separator(asset) == hash_domain(domain)


def test_the_domain_separator_of_usdc_on_base_is_the_one_its_contract_returns() -> None:
    wanted = "02fa7265e7c5d81118673727957699e4d68f74cd74b7db77da710fe8a2c7834f"
    assert domain_separator(_usdc()).hex() == wanted


def test_the_domain_is_the_table_s() -> None:
    assert transfer_typed_data(transfer(), _usdc())["domain"] == {
        "name": "USD Coin",
        "version": "2",
        "chainId": 8453,
        "verifyingContract": BASE_USDC,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"network_id": "eip155:84532"},
        {"asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e"},
        {"payer": "0x12"},
        {"pay_to": ""},
        {"nonce": "0x12"},
        {"nonce": "0x" + "g" * 64},
        {"amount_atomic": -1},
        {"amount_atomic": 2**256},
        {"valid_after": -1},
        {"valid_before": 2**256},
    ],
)
def test_a_transfer_that_does_not_fit_its_token_is_refused(changes: dict[str, Any]) -> None:
    paid = replace(transfer(), **changes)
    for build in (transfer_typed_data, transfer_digest):
        with pytest.raises(ValueError, match=r"must|another token"):
            build(paid, _usdc())


@pytest.mark.parametrize(
    "address",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_the_examples_of_eip_55_are_spelled_as_there(address: str) -> None:
    assert checksum_address(address.lower()) == address
    assert checksum_address("0x" + address[2:].upper()) == address


@pytest.mark.parametrize("text", ["", "0x", "0X" + "a" * 40, "0x" + "a" * 41, "0x" + "ａ" * 40])
def test_what_is_no_address_has_no_checksum(text: str) -> None:
    with pytest.raises(ValueError, match="40 hex digits"):
        checksum_address(text)
