"""Channel ids, vouchers and deposits are hashed as the official SDK and its contract hash them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from batch_samples import AUTHORIZER, CONFIG, SALT
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from x402.mechanisms.evm.batch_settlement import (  # pyright: ignore[reportMissingTypeStubs]
    constants as official,
)
from x402.mechanisms.evm.batch_settlement.encoding import (  # pyright: ignore
    build_erc3009_deposit_nonce,
)
from x402.mechanisms.evm.batch_settlement.types import (  # pyright: ignore[reportMissingTypeStubs]
    ChannelConfig as OfficialConfig,
)
from x402.mechanisms.evm.batch_settlement.utils import (  # pyright: ignore[reportMissingTypeStubs]
    compute_channel_id,
    get_batch_settlement_eip712_domain,
)
from x402_samples import BASE_USDC

from wallet.assets import Asset, find_asset
from wallet.bounds import LONGEST_DELAY_S, SHORTEST_DELAY_S
from wallet.rails.x402.batch import channel
from wallet.rails.x402.batch.channel import (
    UINT128_MAX,
    ChannelConfig,
    Deposit,
    Voucher,
    channel_id,
    deposit_digest,
    deposit_nonce,
    voucher_digest,
)
from wallet.rails.x402.evm import checksum_address

_ADDRESS = st.binary(min_size=20, max_size=20).map(lambda raw: checksum_address("0x" + raw.hex()))
_WORD = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
_CONFIGS = st.builds(
    ChannelConfig,
    network_id=st.sampled_from(["eip155:8453", "eip155:84532", "eip155:1"]),
    payer=_ADDRESS,
    receiver=_ADDRESS,
    receiver_authorizer=_ADDRESS,
    token=_ADDRESS,
    withdraw_delay_s=st.integers(900, 2_592_000),
    salt=_WORD,
)


def _usdc() -> Asset:
    asset = find_asset("eip155:8453", BASE_USDC)
    assert asset is not None
    return asset


def _official(config: ChannelConfig) -> OfficialConfig:
    return OfficialConfig(
        payer=config.payer,
        payer_authorizer=config.payer,
        receiver=config.receiver,
        receiver_authorizer=config.receiver_authorizer,
        token=config.token,
        withdraw_delay=config.withdraw_delay_s,
        salt=config.salt,
    )


def _digest(domain: dict[str, Any], types: dict[str, Any], message: dict[str, Any]) -> bytes:
    signable = encode_typed_data(domain_data=domain, message_types=types, message_data=message)
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


def test_the_contracts_are_the_official_ones() -> None:
    assert channel.SETTLEMENT == official.BATCH_SETTLEMENT_ADDRESS
    assert channel.COLLECTOR == official.ERC3009_DEPOSIT_COLLECTOR_ADDRESS
    assert channel.SCHEME == official.SCHEME_BATCH_SETTLEMENT
    bounds = (SHORTEST_DELAY_S, LONGEST_DELAY_S)
    assert bounds == (official.MIN_WITHDRAW_DELAY, official.MAX_WITHDRAW_DELAY)


def test_a_known_channel_has_its_known_id() -> None:
    config = ChannelConfig(
        network_id="eip155:8453",
        payer="0x" + "11" * 20,
        receiver="0x" + "22" * 20,
        receiver_authorizer="0x" + "33" * 20,
        token=BASE_USDC,
        withdraw_delay_s=900,
        salt="0x" + "00" * 32,
    )
    known = "0xce278639f012a1b47c1c73d493283bba877b8724306aec0ac8b91043d96f7f94"
    assert channel_id(config) == known


@given(_CONFIGS)
@settings(deadline=None)
def test_a_channel_id_is_the_official_one(config: ChannelConfig) -> None:
    assert channel_id(config) == compute_channel_id(_official(config), config.network_id)


@given(_CONFIGS, st.integers(0, UINT128_MAX))
@settings(deadline=None)
def test_a_voucher_s_digest_is_the_official_one(config: ChannelConfig, total: int) -> None:
    chain_id = int(config.network_id.removeprefix("eip155:"))
    expected = _digest(
        get_batch_settlement_eip712_domain(chain_id),
        official.VOUCHER_TYPES,
        {"channelId": bytes.fromhex(channel_id(config)[2:]), "maxClaimableAmount": total},
    )
    assert voucher_digest(Voucher(config, total)) == expected


@given(_WORD, st.integers(1, UINT128_MAX), st.integers(0, 2**256 - 1))
@settings(deadline=None)
def test_a_deposit_s_digest_is_the_official_one(salt: str, amount: int, valid_before: int) -> None:
    deposit, asset = Deposit(CONFIG, amount, valid_before, salt), _usdc()
    nonce = build_erc3009_deposit_nonce(channel_id(CONFIG), salt)
    assert deposit_nonce(deposit) == nonce
    domain = {
        "name": asset.eip712_name,
        "version": asset.eip712_version,
        "chainId": 8453,
        "verifyingContract": asset.address,
    }
    message = {
        "from": CONFIG.payer,
        "to": official.ERC3009_DEPOSIT_COLLECTOR_ADDRESS,
        "value": amount,
        "validAfter": 0,
        "validBefore": valid_before,
        "nonce": bytes.fromhex(nonce[2:]),
    }
    expected = _digest(domain, official.RECEIVE_AUTHORIZATION_TYPES, message)
    assert deposit_digest(deposit, asset) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"payer": AUTHORIZER},
        {"receiver": AUTHORIZER},
        {"receiver_authorizer": CONFIG.receiver},
        {"token": AUTHORIZER},
        {"withdraw_delay_s": 901},
        {"salt": "0x" + "08" * 32},
        {"network_id": "eip155:84532"},
    ],
)
def test_every_term_is_part_of_the_id(change: dict[str, Any]) -> None:
    assert channel_id(replace(CONFIG, **change)) != channel_id(CONFIG)


@pytest.mark.parametrize(
    "change",
    [{"withdraw_delay_s": 899}, {"withdraw_delay_s": 2_592_001}, {"salt": "0x00"}, {"payer": "0x"}],
)
def test_terms_that_no_contract_takes_have_no_id(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|out of range"):
        channel_id(replace(CONFIG, **change))


@pytest.mark.parametrize("total", [-1, UINT128_MAX + 1])
def test_a_total_beyond_its_type_is_not_hashed(total: int) -> None:
    with pytest.raises(ValueError, match="128 bits"):
        voucher_digest(Voucher(CONFIG, total))


def test_a_deposit_of_another_token_is_not_hashed() -> None:
    other = replace(CONFIG, token=AUTHORIZER)
    with pytest.raises(ValueError, match="another token"):
        deposit_digest(Deposit(other, 1, 1, SALT), _usdc())
    with pytest.raises(ValueError, match="positive"):
        deposit_digest(Deposit(CONFIG, 0, 1, SALT), _usdc())
