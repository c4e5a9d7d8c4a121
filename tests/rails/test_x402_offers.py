"""One entry of `accepts`: what is read from it, and the reason when it is not."""

from __future__ import annotations

from typing import Any

import pytest
from x402_samples import BASE_USDC, PAYEE, offer_v1, offer_v2

from wallet.model import Offer, UnreadableOffer
from wallet.rails.codec import NumberLiteral
from wallet.rails.x402.offer import decode_offer, facilitator_of

SOLANA = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"


def _read(fields: object, version: int = 2) -> Offer:
    offer = decode_offer(version, 3, fields)
    assert isinstance(offer, Offer), offer
    return offer


def _reason(fields: object, version: int = 2) -> str:
    offer = decode_offer(version, 3, fields)
    assert isinstance(offer, UnreadableOffer), offer
    assert offer.index == 3
    return offer.reason


def test_a_v2_offer_is_read_whole() -> None:
    raw = offer_v2()
    assert _read(raw) == Offer(
        rail="x402",
        version=2,
        index=3,
        scheme="exact",
        network="eip155:8453",
        network_id="eip155:8453",
        asset=BASE_USDC,
        amount_atomic=10000,
        pay_to=PAYEE,
        max_timeout_s=60,
        transfer_method="eip3009",
        payment_flow="authorization",
        extra_name="USD Coin",
        raw=raw,
    )


def test_a_v1_offer_is_read_with_its_alias_resolved() -> None:
    offer = _read(offer_v1(), version=1)
    assert (offer.network, offer.network_id, offer.amount_atomic) == ("base", "eip155:8453", 10000)


@pytest.mark.parametrize(
    ("version", "network", "network_id"),
    [
        (1, "base", "eip155:8453"),
        (1, "base-sepolia", "eip155:84532"),
        (1, "eip155:8453", "eip155:8453"),
        (2, "base", "eip155:8453"),
        (2, "eip155:84532", "eip155:84532"),
        (2, "eip155:08453", None),
        (2, "eip155:999999999", None),
        (2, "Base", None),
    ],
)
def test_either_version_may_write_either_form_of_a_network(
    version: int, network: str, network_id: str | None
) -> None:
    fields = offer_v1(network=network) if version == 1 else offer_v2(network=network)
    offer = _read(fields, version)
    assert (offer.network, offer.network_id) == (network, network_id)


@pytest.mark.parametrize("asset", [BASE_USDC.lower(), "0x" + BASE_USDC[2:].upper(), BASE_USDC])
def test_an_address_comes_out_checksummed_and_raw_keeps_the_spelling(asset: str) -> None:
    offer = _read(offer_v2(asset=asset, payTo="0x" + PAYEE[2:].upper()))
    assert (offer.asset, offer.pay_to) == (BASE_USDC, PAYEE)
    assert offer.raw["asset"] == asset


def test_offers_on_other_kinds_of_chain_stay_readable_without_a_network_id() -> None:
    mint, payee = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "2wKupLR9q6wXYppw8Gr2NvWxKBUqm4PP"
    offer = _read(offer_v2(network=SOLANA, asset=mint, payTo=payee))
    assert (offer.network_id, offer.asset, offer.pay_to) == (None, mint, payee)


@pytest.mark.parametrize("changes", [{"extra": None}, {"extra": ...}, {"extra": {}}])
def test_extra_may_be_absent(changes: dict[str, Any]) -> None:
    offer = _read(offer_v2(**changes))
    assert (offer.transfer_method, offer.payment_flow) == ("eip3009", "authorization")
    assert offer.extra_name is None


@pytest.mark.parametrize("value", [..., None])
@pytest.mark.parametrize("version", [1, 2])
def test_a_missing_timeout_counts_as_a_minute(version: int, value: object) -> None:
    fields = (offer_v1 if version == 1 else offer_v2)(maxTimeoutSeconds=value)
    assert _read(fields, version).max_timeout_s == 60


def test_a_ten_year_timeout_is_read_for_policy_to_clamp() -> None:
    assert _read(offer_v2(maxTimeoutSeconds=315_360_000)).max_timeout_s == 315_360_000


def test_transfer_method_and_payment_flow_are_read() -> None:
    extra = {"assetTransferMethod": "permit2", "paymentFlow": "upfront", "name": 7}
    offer = _read(offer_v2(extra=extra))
    assert (offer.transfer_method, offer.payment_flow) == ("permit2", "upfront")
    assert offer.extra_name is None


def test_a_name_longer_than_64_characters_is_not_kept() -> None:
    assert _read(offer_v2(extra={"name": "x" * 64})).extra_name == "x" * 64
    assert _read(offer_v2(extra={"name": "x" * 65})).extra_name is None


@pytest.mark.parametrize(
    "extra",
    [
        {"name": "GatewayWalletBatched", "version": "1"},
        {"name": "GatewayWalletBatched", "assetTransferMethod": "eip3009"},
        {"name": "USD Coin", "verifyingContract": "0x77777777Dcc4d5A8B6E418Fd04D8997ef11000eE"},
        {"verifyingContract": ["0x77777777Dcc4d5A8B6E418Fd04D8997ef11000eE"]},
        {"verifyingContract": ""},
    ],
)
def test_a_circle_gateway_offer_is_never_taken_for_a_plain_transfer(extra: object) -> None:
    assert _read(offer_v2(extra=extra)).transfer_method == "gateway"


def test_a_verifying_contract_that_is_the_token_is_a_plain_transfer() -> None:
    extra = {"verifyingContract": BASE_USDC.lower()}
    assert _read(offer_v2(extra=extra)).transfer_method == "eip3009"


@pytest.mark.parametrize("amount", ["0", "00", "", " 1", "1 ", "+1", "-5", "1_000", "0x10", "1.0"])
def test_an_amount_that_is_not_a_positive_digit_string_is_unreadable(amount: str) -> None:
    wanted = "amount is zero" if amount == "0" else "amount is not a string of digits"
    assert _reason(offer_v2(amount=amount)) == wanted


@pytest.mark.parametrize(
    "amount", [10000, True, NumberLiteral("1e4"), "１００", "٣", "1" * 79, str(2**256), [], {}]
)
def test_an_amount_of_another_type_or_script_or_size_is_unreadable(amount: object) -> None:
    assert _reason(offer_v2(amount=amount)) == "amount is not a string of digits"
    assert (
        _reason(offer_v1(maxAmountRequired=amount), 1)
        == "maxAmountRequired is not a string of digits"
    )


def test_the_largest_amount_is_read() -> None:
    assert _read(offer_v2(amount=str(2**256 - 1))).amount_atomic == 2**256 - 1


@pytest.mark.parametrize("name", ["scheme", "network", "asset", "amount", "payTo"])
def test_a_missing_field_is_named(name: str) -> None:
    assert _reason(offer_v2(**{name: ...})) == f"{name} is missing"


def test_each_version_reads_its_own_price_field_only() -> None:
    assert _reason(offer_v1()) == "amount is missing"
    assert _reason(offer_v2(), 1) == "maxAmountRequired is missing"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"payTo": "0x" + "0" * 40}, "payTo is the zero address"),
        ({"payTo": PAYEE.swapcase().replace("X", "x", 1)}, "payTo fails its EIP-55 checksum"),
        ({"payTo": PAYEE[:-1]}, "payTo is not an address of 0x and 40 hex digits"),
        ({"payTo": PAYEE[2:]}, "payTo is not an address of 0x and 40 hex digits"),
        ({"payTo": "merchant"}, "payTo is not an address of 0x and 40 hex digits"),
        ({"payTo": "vitalik.eth"}, "payTo is not an address of 0x and 40 hex digits"),
        ({"asset": "USDC"}, "asset is not an address of 0x and 40 hex digits"),
        (
            {"network": "eip155:999999999", "asset": "x"},
            "asset is not an address of 0x and 40 hex digits",
        ),
        ({"asset": 5}, "asset is not a string"),
        ({"maxTimeoutSeconds": True}, "maxTimeoutSeconds is not an integer"),
        ({"maxTimeoutSeconds": "60"}, "maxTimeoutSeconds is not an integer"),
        ({"maxTimeoutSeconds": NumberLiteral("60.0")}, "maxTimeoutSeconds is not an integer"),
        ({"maxTimeoutSeconds": 0}, "maxTimeoutSeconds is out of range"),
        ({"maxTimeoutSeconds": -5}, "maxTimeoutSeconds is out of range"),
        ({"maxTimeoutSeconds": 2**53}, "maxTimeoutSeconds is out of range"),
        ({"extra": []}, "extra is not an object"),
        ({"extra": "x"}, "extra is not an object"),
        ({"extra": {"assetTransferMethod": 1}}, "extra.assetTransferMethod is not a string"),
        ({"extra": {"paymentFlow": ["x"]}}, "extra.paymentFlow is not a string"),
    ],
)
def test_what_cannot_be_read_is_said_in_fixed_words(changes: dict[str, Any], reason: str) -> None:
    assert _reason(offer_v2(**changes)) == reason


@pytest.mark.parametrize("name", ["scheme", "network", "asset", "payTo"])
@pytest.mark.parametrize("text", ["", "a b", "a\nb", "é", "x\u202e", "a" * 129, "\x00"])
def test_strings_are_bounded_printable_ascii(name: str, text: str) -> None:
    fields = offer_v2(**{"network": SOLANA, name: text})
    wanted = f"{name} is too long or has characters that do not belong there"
    assert _reason(fields) == wanted


@pytest.mark.parametrize("entry", [None, 1, "exact", [], True, NumberLiteral("1.5")])
def test_an_entry_that_is_not_an_object_is_unreadable(entry: object) -> None:
    assert _reason(entry) == "the offer is not an object"


FACILITATOR = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def _upto(**extra: Any) -> dict[str, Any]:
    fields = {"facilitatorAddress": FACILITATOR, "assetTransferMethod": "permit2", **extra}
    left = {name: value for name, value in fields.items() if value is not ...}
    return offer_v2(scheme="upto", extra=left)


@pytest.mark.parametrize("spelling", [FACILITATOR, FACILITATOR.lower()])
def test_an_upto_offer_names_its_facilitator(spelling: str) -> None:
    offer = _read(_upto(facilitatorAddress=spelling))
    assert (offer.scheme, offer.transfer_method) == ("upto", "permit2")
    assert facilitator_of(offer) == FACILITATOR


def test_an_upto_offer_that_names_no_transfer_method_goes_through_permit2() -> None:
    assert _read(_upto(assetTransferMethod=...)).transfer_method == "permit2"


@pytest.mark.parametrize(
    ("offer", "version", "reason"),
    [
        (_upto(facilitatorAddress=...), 2, "extra.facilitatorAddress is missing"),
        (_upto(facilitatorAddress=7), 2, "extra.facilitatorAddress is not a string"),
        (
            _upto(facilitatorAddress="0x12"),
            2,
            "extra.facilitatorAddress is not an address of 0x and 40 hex digits",
        ),
        (
            _upto(facilitatorAddress="0x" + "0" * 40),
            2,
            "extra.facilitatorAddress is the zero address",
        ),
        (
            _upto(facilitatorAddress=FACILITATOR.replace("C8", "c8")),
            2,
            "extra.facilitatorAddress fails its EIP-55 checksum",
        ),
        (
            _upto(assetTransferMethod="eip3009"),
            2,
            "extra.assetTransferMethod is not permit2, as upto demands",
        ),
        (
            offer_v2(extra={"assetTransferMethod": ["permit2"]}),
            2,
            "extra.assetTransferMethod is not a string",
        ),
        (
            offer_v1(extra={"assetTransferMethod": "permit2"}),
            1,
            "x402 v1 has no Permit2 transfers",
        ),
        (offer_v1(scheme="upto"), 1, "x402 v1 has no Permit2 transfers"),
    ],
)
def test_an_offer_that_contradicts_its_method_is_unreadable(
    offer: dict[str, Any], version: int, reason: str
) -> None:
    assert _reason(offer, version) == reason


def test_a_gateway_offer_stays_one_under_any_scheme() -> None:
    assert _read(
        offer_v2(scheme="upto", extra={"name": "GatewayWalletBatched"})
    ).transfer_method == ("gateway")
