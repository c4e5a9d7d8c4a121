"""Lying terms: prices, payees, units, tokens, networks and times."""

from __future__ import annotations

from sandbox.evm import USDC_ADDRESS
from sandbox.hostile.scene import Play, Reply, Scene, Visit, refused, settled, still_open
from sandbox.hostile.wording import (
    OTHER_PAYEE,
    PAYEE,
    always,
    asking,
    asks,
    b64,
    challenge,
    offer,
    offer_v1,
)
from sandbox.run import BUYER

MAINNET = "eip155:8453"
MAINNET_USDC = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
LOOK_ALIKE = "0x036cBd53842C5426634E7929541ec2318F3dcf7F"
YEAR_S = 31_536_000


def _asks_then(first: int, later: int) -> Play:
    """Ask one price of the first visitor and another of everyone after."""
    return lambda visit: asking(challenge(offer(amount=str(later if visit.asked else first))))


def _again(**changes: str) -> Play:
    """Answer a payment with another 402, on other terms, without cashing it."""
    return lambda _: asking(challenge(offer(**changes)))


def _cash_and_ask_more(visit: Visit) -> Reply:
    visit.cash()
    return asking(challenge(offer(amount="900000")))


def _fresh_payee(visit: Visit) -> Reply:
    return asking(challenge(offer(payTo=PAYEE if visit.asked % 2 else OTHER_PAYEE)))


def _v1(*offers: dict[str, object]) -> Reply:
    import json

    body = json.dumps({"x402Version": 1, "error": "pay", "accepts": list(offers)}).encode()
    return Reply(402, (("content-type", "application/json"),), body)


def _both_versions(dear: str) -> Reply:
    return asking(challenge(), body=_v1(offer_v1(maxAmountRequired=dear)).body)


_TWO_HEADERS = asking(challenge(), ("PAYMENT-REQUIRED", b64(challenge(offer(amount="900000")))))
_REJECTED = still_open("payment_rejected")

PRICES = (
    Scene("/prices/honest", 6, "an honest sale", asks(), settled()),
    Scene(
        "/prices/fresh-payee",
        9,
        "an honest seller with a new payee for each payment",
        _fresh_payee,
        settled(),
    ),
    Scene(
        "/prices/v1",
        23,
        "an honest sale in x402 v1",
        always(_v1(offer_v1())),
        settled(),
    ),
    Scene(
        "/prices/two-versions",
        23,
        "a v2 header beside a dearer v1 body: one payment, by the header",
        always(_both_versions("900000")),
        settled(),
    ),
    Scene(
        "/prices/two-headers",
        23,
        "two challenge headers that differ",
        always(_TWO_HEADERS),
        refused("malformed_challenge"),
    ),
    Scene(
        "/prices/dear-then-cheap",
        6,
        "the first offer is dear and the second cheap",
        asks(offer(amount="450000"), offer(amount="20000")),
        settled(20_000),
    ),
    Scene(
        "/prices/over-the-cap-then-cheap",
        6,
        "the first offer is over the cap and the second is not",
        asks(offer(amount="5000000"), offer(amount="20000")),
        settled(20_000),
    ),
    Scene(
        "/prices/over-the-cap",
        6,
        "one offer, over the cap for one payment",
        asks(offer(amount="1500000")),
        refused("over_payment_cap"),
    ),
    Scene(
        "/prices/cheap-as-the-51st",
        6,
        "fifty dear offers hide a cheap one that nobody reads",
        asks(*[offer(amount="1500000")] * 50, offer()),
        refused("over_payment_cap"),
    ),
    Scene(
        "/prices/dearer-than-quoted",
        6,
        "the price rises after it was quoted",
        _asks_then(10_000, 400_000),
        refused("over_max_price"),
        quoted=True,
    ),
    Scene(
        "/prices/as-quoted",
        6,
        "the price stays as it was quoted",
        asks(),
        settled(),
        quoted=True,
    ),
    Scene(
        "/prices/dearer-when-paid",
        6,
        "the payment is answered with a higher price",
        asks(),
        _REJECTED,
        _again(amount="400000"),
    ),
    Scene(
        "/prices/cashed-and-dearer",
        6,
        "the payment is cashed and answered with a higher price",
        asks(),
        settled(),
        _cash_and_ask_more,
        blind=still_open("payment_rejected", 10_000),
    ),
    Scene(
        "/prices/other-payee-when-paid",
        9,
        "the payment is answered with another payee",
        asks(),
        _REJECTED,
        _again(payTo=OTHER_PAYEE),
    ),
    Scene(
        "/prices/other-network-when-paid",
        6,
        "the payment is answered with another network",
        asks(),
        _REJECTED,
        _again(network=MAINNET, asset=MAINNET_USDC),
    ),
)

_UNITS: tuple[tuple[str, str, object], ...] = (
    ("dollars", "an amount in dollars", "0.01"),
    ("number", "an amount that is a JSON number", 10_000),
    ("zero", "an amount of zero", "0"),
    ("underscore", "an amount with an underscore", "1_000"),
    ("full-width", "an amount in full-width digits", "１００００"),
    ("arabic-indic", "an amount in Arabic-Indic digits", "١٠٠٠٠"),
    ("negative", "a negative amount", "-5"),
    ("plus", "an amount with a plus sign", "+5"),
    ("spaces", "an amount between spaces", " 10000 "),
    ("newline", "an amount with a newline behind it", "10000\n"),
    ("leading-zero", "an amount with a leading zero", "010000"),
    ("exponent", "an amount with an exponent", "1e4"),
    ("hex", "an amount in hexadecimal", "0x2710"),
    ("fraction", "an amount with a fraction", "10000.0"),
    ("beyond-uint256", "an amount beyond 256 bits", str(2**256)),
    ("thousands", "an amount of a hundred thousand digits", "1" * 10_000),
    ("list", "an amount that is a list", ["10000"]),
    ("true", "an amount that is true", True),
    ("null", "an amount that is null", None),
)

UNITS = (
    *(
        Scene(f"/units/{name}", 28, what, asks(offer(amount=value)), refused("no_payable_offer"))
        for name, what, value in _UNITS
    ),
    Scene(
        "/units/bad-beside-good",
        28,
        "one unreadable offer beside an honest one",
        asks(offer(amount="1_000"), "not an offer", offer()),
        settled(),
    ),
    Scene("/units/one-atomic", 7, "the smallest amount", asks(offer(amount="1")), settled(1)),
    Scene(
        "/units/eighteen-decimals",
        7,
        "a cent written with 18 decimals, for a token of 6",
        asks(offer(amount=str(10**16), extra={"name": "USDC", "version": "2", "decimals": 18})),
        refused("over_payment_cap"),
    ),
    Scene(
        "/units/claims-eighteen-decimals",
        7,
        "a cent of 6 decimals whose seller says 18",
        asks(offer(extra={"name": "USDC", "version": "2", "decimals": 18})),
        settled(),
    ),
    Scene(
        "/units/uint256",
        7,
        "the largest amount of 256 bits",
        asks(offer(amount=str(2**256 - 1))),
        refused("over_payment_cap"),
    ),
)


def _refusal(path: str, threat: int, what: str, code: str, **changes: object) -> Scene:
    return Scene(path, threat, what, asks(offer(**changes)), refused(code))


TOKENS = (
    _refusal("/tokens/look-alike", 7, "a contract named USDC", "unknown_asset", asset=LOOK_ALIKE),
    _refusal("/tokens/symbol", 7, "a symbol for a token", "no_payable_offer", asset="USDC"),
    _refusal(
        "/tokens/of-another-chain",
        7,
        "the right token's address on another chain",
        "unknown_asset",
        asset=MAINNET_USDC,
    ),
    _refusal("/tokens/to-itself", 9, "the token as payee", "payee_not_allowed", payTo=USDC_ADDRESS),
    _refusal("/tokens/to-the-buyer", 9, "the buyer as payee", "payee_not_allowed", payTo=BUYER),
    _refusal("/tokens/burnt", 9, "nobody as payee", "no_payable_offer", payTo="0x" + "0" * 40),
    _refusal(
        "/tokens/misspelt-payee",
        9,
        "a payee that fails its checksum",
        "no_payable_offer",
        payTo=PAYEE.replace("A", "a", 1),
    ),
    _refusal(
        "/networks/mainnet",
        7,
        "real money asked of a wallet for play money",
        "unsupported_network",
        network=MAINNET,
        asset=MAINNET_USDC,
    ),
    _refusal(
        "/networks/mainnet-by-name",
        7,
        "the same by the network's old name",
        "unsupported_network",
        network="base",
        asset=MAINNET_USDC,
    ),
    *(
        _refusal(f"/networks/{path}", 7, what, "no_payable_offer", network=network)
        for path, what, network in (
            ("upper-case", "the network in capitals", "EIP155:84532"),
            ("zero-padded", "the network with a leading zero", "eip155:084532"),
            ("name-in-capitals", "the network's old name in capitals", "Base-Sepolia"),
            ("other-namespace", "the chain's number in another namespace", "solana:84532"),
        )
    ),
    Scene(
        "/networks/old-name",
        7,
        "the network by its old name in a v2 offer",
        asks(offer(network="base-sepolia")),
        settled(),
    ),
    Scene(
        "/networks/mainnet-is-cheaper",
        7,
        "a cheaper offer in real money beside one in play money",
        asks(offer(network=MAINNET, asset=MAINNET_USDC, amount="1"), offer()),
        settled(),
    ),
    Scene(
        "/domains/foreign",
        21,
        "another token's name and version for the signature",
        asks(offer(extra={"name": "USD Coin", "version": "99", "chainId": 1})),
        settled(),
    ),
    Scene("/domains/absent", 21, "no name at all", asks(offer(extra=...)), settled()),
    Scene(
        "/times/a-year",
        15,
        "a payment that shall be good for a year",
        asks(offer(maxTimeoutSeconds=YEAR_S)),
        settled(),
    ),
    *(
        _refusal(f"/times/{path}", 15, what, "no_payable_offer", maxTimeoutSeconds=value)
        for path, what, value in (
            ("too-short", "too little time to settle", 9),
            ("zero", "no time at all", 0),
            ("negative", "time that has passed", -60),
            ("text", "a time in words", "60"),
            ("huge", "a time beyond all numbers", 10**100),
        )
    ),
)

SCENES = (*PRICES, *UNITS, *TOKENS)
