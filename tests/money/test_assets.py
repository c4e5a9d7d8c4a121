"""The tables of networks and tokens agree with the official SDK and with the chains themselves."""

from __future__ import annotations

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.address import to_checksum_address
from x402.mechanisms.evm.constants import (  # pyright: ignore[reportMissingTypeStubs]
    PERMIT2_ADDRESS,
    X402_EXACT_PERMIT2_PROXY_ADDRESS,
    X402_UPTO_PERMIT2_PROXY_ADDRESS,
)
from x402.mechanisms.evm.default_assets import (  # pyright: ignore[reportMissingTypeStubs]
    DEFAULT_ASSETS,
    ExactDefaultAssetInfo,
)
from x402.mechanisms.evm.v1.constants import (  # pyright: ignore[reportMissingTypeStubs]
    V1_NETWORK_CHAIN_IDS,
)

from wallet.assets import Asset, assets, contracts, find_asset, find_network, networks

BASE = "eip155:8453"
BASE_USDC = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"

NO_EIP3009 = "the contract has no transferWithAuthorization; it is paid through Permit2"
SDK_ASSETS_LEFT_OUT = {
    ("eip155:4326", "MegaUSD"): NO_EIP3009,
    ("eip155:31612", "mUSD"): NO_EIP3009,
    ("eip155:31611", "mUSD"): NO_EIP3009,
    ("eip155:723487", "SBC"): NO_EIP3009,
    ("eip155:72344", "SBC"): NO_EIP3009,
    ("eip155:38833", "USDC"): NO_EIP3009,
}

NO_SDK_ASSET = "the SDK names the network and no token on it"
SDK_V1_NAMES_LEFT_OUT = {
    "abstract": NO_SDK_ASSET,
    "abstract-testnet": NO_SDK_ASSET,
    "iotex": NO_SDK_ASSET,
    "peaq": NO_SDK_ASSET,
    "story": NO_SDK_ASSET,
    "educhain": NO_SDK_ASSET,
    "skale-base-sepolia": NO_SDK_ASSET,
    "megaeth": NO_EIP3009,
}

# Tokens the SDK does not list; each has a separator read from its chain below.
BEYOND_THE_SDK = {
    (BASE, "EURC"),
    ("eip155:1", "EURC"),
    ("eip155:43114", "EURC"),
    ("eip155:10", "USDC"),
    ("eip155:43113", "USDC"),
    ("eip155:80002", "USDC"),
}

# What each contract returned from DOMAIN_SEPARATOR(), as published by people who asked the chain.
ON_CHAIN_SEPARATORS = {
    (BASE, "USDC"): "02fa7265e7c5d81118673727957699e4d68f74cd74b7db77da710fe8a2c7834f",
    (BASE, "EURC"): "ec4dcbded0afd42599589b79220899bbe000bb5ea66d6f1bc176e78d094203bb",
    ("eip155:84532", "USDC"): "71f17a3b2ff373b803d70a5a07c046c1a2bc8e89c09ef722fcb047abe94c9818",
    ("eip155:1", "USDC"): "06c37168a7db5138defc7866392bb87a741f9b3d104deb5094588ce041cae335",
    ("eip155:1", "EURC"): "99f188f447f0c6eaf68589359cd2ead8c2faaaaee984ab926fdb734d0040073b",
    ("eip155:137", "USDC"): "caa2ce1a5703ccbe253a34eb3166df60a705c561b44b192061e28f2a985be2ca",
    ("eip155:80002", "USDC"): "5cddc98319864e897e4469bd1d13c2288c677047b54b8cca12bd342adb6be9eb",
    ("eip155:42161", "USDC"): "08d11903f8419e68b1b8721bcbe2e9fc68569122a77ef18c216f10b3b5112c78",
    ("eip155:421614", "USDC"): "85944e1292d007732838d6eadfa67589b78ffcededbd4df60488d0af251308bb",
    ("eip155:10", "USDC"): "26d9c34bb1a1c312f69c53b2d93b8be20faafba63af2438c6811713c9b1f933f",
    ("eip155:43114", "USDC"): "bbea200329a938bc3438984a49cb0732e66d66d7bd59c127abacc1710e77f7b3",
    ("eip155:43114", "EURC"): "094e957ad84a5711a2d13ea2ddcfe3947fe1704472f07bf8a49718f55a65f4b1",
    ("eip155:43113", "USDC"): "fe9fa105a0e9629446730e544caa6b8d05d8d4fc93451750dc50e2ddd6d374b3",
    ("eip155:42220", "USDC"): "b2ce31d2838445fa765a491f550e7c78ac7280ab0f3bc9d6063a86df9c3fb578",
    ("eip155:42220", "USDT"): "bcb4d62e4834b598d0eacecd84c0b397a0254e077c41cf2143e394d5701d1088",
    ("eip155:143", "USDC"): "fe22123edc0dd4aeb912eb7948c5f0e531592c2053b3067612f427db342c93c6",
    ("eip155:10143", "USDC"): "f1090f5a61ddee19528cecc447be0f91c7205fc2b34dd271fc0de87809a0a48d",
    ("eip155:1329", "USDC"): "0a19136106ae98d2c245cbbd451f3cb2bbbb1670e1ee191abacb5a5e255c0255",
    ("eip155:5042", "USDC"): "940506929bba468048a19b567f4f0d534714bc06604b5c3017e5d16785ccdf84",
    ("eip155:5042002", "USDC"): "361191522483d32a83e70ae7183b4b9629442c13a78bc9921d6f707911c8c6b0",
}

SDK_CONTRACTS = {
    "permit2": PERMIT2_ADDRESS,
    "x402_exact_permit2_proxy": X402_EXACT_PERMIT2_PROXY_ADDRESS,
    "x402_upto_permit2_proxy": X402_UPTO_PERMIT2_PROXY_ADDRESS,
}

SDK_ROWS = [(network, row) for network, rows in DEFAULT_ASSETS.items() for row in rows]
ASSETS = list(assets().values())
BY_SYMBOL = {(asset.network, asset.symbol): asset for asset in ASSETS}


def _separator(asset: Asset) -> str:
    domain = {
        "name": asset.eip712_name,
        "version": asset.eip712_version,
        "chainId": networks()[asset.network].chain_id,
        "verifyingContract": asset.address,
    }
    signable = encode_typed_data(domain, {"Nothing": []}, {})
    return signable.header.hex()


@pytest.mark.parametrize(
    ("network", "row"), SDK_ROWS, ids=[f"{net}-{row['symbol']}" for net, row in SDK_ROWS]
)
def test_every_sdk_token_is_listed_with_its_domain_or_left_out_for_a_reason(
    network: str, row: ExactDefaultAssetInfo
) -> None:
    ours = find_asset(network, row["asset"])
    if (network, row["symbol"]) in SDK_ASSETS_LEFT_OUT:
        assert row.get("asset_transfer_method") == "permit2"
        assert ours is None
        return
    assert row.get("asset_transfer_method", "eip3009") == "eip3009"
    assert ours is not None
    assert (ours.address, ours.symbol, ours.decimals, ours.eip712_name, ours.eip712_version) == (
        row["asset"],
        row["symbol"],
        row["decimals"],
        row["name"],
        row["version"],
    )


def test_every_contract_is_the_sdk_s() -> None:
    assert {name: contract.address for name, contract in contracts().items()} == SDK_CONTRACTS


def test_a_token_beyond_the_sdk_is_named_here_and_its_domain_was_read_from_its_chain() -> None:
    sdk = {(network, row["asset"].lower()) for network, row in SDK_ROWS}
    beyond = {(a.network, a.symbol) for a in ASSETS if (a.network, a.address.lower()) not in sdk}
    assert beyond == BEYOND_THE_SDK
    assert set(ON_CHAIN_SEPARATORS) >= BEYOND_THE_SDK


@pytest.mark.parametrize("key", ON_CHAIN_SEPARATORS, ids="-".join)
def test_the_domain_hashes_to_the_separator_the_contract_reports(key: tuple[str, str]) -> None:
    assert _separator(BY_SYMBOL[key]) == ON_CHAIN_SEPARATORS[key]


def test_another_name_hashes_to_another_separator() -> None:
    renamed = BY_SYMBOL[BASE, "USDC"].model_copy(update={"eip712_name": "USDC"})
    assert _separator(renamed) != ON_CHAIN_SEPARATORS[BASE, "USDC"]


@pytest.mark.parametrize("name", V1_NETWORK_CHAIN_IDS)
def test_an_sdk_v1_name_leads_to_its_chain_or_is_left_out_for_a_reason(name: str) -> None:
    network = find_network(name)
    if name in SDK_V1_NAMES_LEFT_OUT:
        assert network is None
        return
    assert network is not None
    assert network.chain_id == V1_NETWORK_CHAIN_IDS[name]


def test_no_v1_name_is_ours_alone_and_none_is_used_twice() -> None:
    names = [name for network in networks().values() for name in network.v1_names]
    assert len(names) == len(set(names))
    assert set(names) == set(V1_NETWORK_CHAIN_IDS) - set(SDK_V1_NAMES_LEFT_OUT)


@pytest.mark.parametrize("asset", ASSETS, ids=lambda a: f"{a.network}-{a.symbol}")
def test_a_token_stands_on_a_known_network_under_a_checksummed_address(asset: Asset) -> None:
    assert asset.network in networks()
    assert asset.address == to_checksum_address(asset.address)


def test_every_network_has_a_token_and_a_place_to_ask() -> None:
    assert {asset.network for asset in ASSETS} == set(networks())
    for network in networks().values():
        assert network.rpc_urls
        assert all(url.startswith("https://") for url in network.rpc_urls)
        assert network.explorer.startswith("https://")
        assert network.explorer.endswith("/tx/")
        assert network.finality_margin_s >= 60


def test_no_row_hides_another() -> None:
    assert len(BY_SYMBOL) == len(ASSETS)


def test_only_the_euro_is_not_pegged_to_the_dollar() -> None:
    assert {asset.symbol for asset in ASSETS if not asset.usd_pegged} == {"EURC"}


@pytest.mark.parametrize("address", [BASE_USDC, BASE_USDC.lower(), "0x" + BASE_USDC[2:].upper()])
def test_a_token_is_found_by_its_address_in_any_case(address: str) -> None:
    assert find_asset(BASE, address) == BY_SYMBOL[BASE, "USDC"]


@pytest.mark.parametrize(
    ("network", "address"),
    [
        (BASE, "USDC"),
        (BASE, "USD Coin"),
        ("eip155:84532", BASE_USDC),
        ("base", BASE_USDC),
        (BASE, BASE_USDC[:-1] + "4"),
        (BASE, BASE_USDC + " "),
    ],
)
def test_a_token_is_not_found_by_symbol_name_alias_or_on_another_chain(
    network: str, address: str
) -> None:
    assert find_asset(network, address) is None


@pytest.mark.parametrize("name", ["BASE", "Base", "eip155:08453", "eip155:8453 ", "8453", ""])
def test_a_network_is_found_only_by_its_exact_names(name: str) -> None:
    assert find_network(name) is None
    assert find_network("base") == find_network(BASE) == networks()[BASE]
