"""The official SDK says what is valid: what it writes we read alike, what we write it takes."""

from __future__ import annotations

import base64
import json
import os
import time
from functools import cache
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from official import (
    TOLERATED,
    Tolerance,
    agree,
    challenges_agree,
    example,
    official_reading,
    sdk_challenge,
    undone,
)
from rails_targets import RAIL, TERMS, answer, read
from targets import CHALLENGES
from x402.http.utils import (
    decode_payment_signature_header,
    encode_payment_required_header,
    encode_payment_response_header,
)
from x402.mechanisms.evm.exact import (  # pyright: ignore[reportMissingTypeStubs]
    ExactEvmServerScheme,
)
from x402.schemas import (
    PaymentRequired,
    PaymentRequirements,
    ResourceConfig,
    ResourceInfo,
    SettleResponse,
    SupportedKind,
    SupportedResponse,
)
from x402.schemas.v1 import PaymentRequiredV1, PaymentRequirementsV1
from x402.server import x402ResourceServerSync

from sandbox.facilitator import build_facilitator, build_signer
from sandbox.rpc import JsonRpc
from sandbox.run import BUYER, NETWORK, SELLER, Sandbox
from tests.desk import OpenKey
from wallet.assets import find_asset, networks
from wallet.model import Challenge, Evidence, Purchase, State, Transfer
from wallet.money import UINT256_MAX, Usd
from wallet.rails.x402.evm import checksum_address
from wallet.signing.transfers import Signer

ADDRESSES = st.binary(min_size=20, max_size=20).filter(any).map(lambda raw: "0x" + raw.hex())
NETWORKS = st.sampled_from(sorted(networks()))
PROSE = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
EXTRAS = st.dictionaries(
    st.sampled_from(["name", "version", "x", "mode"]), PROSE | st.none() | st.integers(), max_size=3
)


@st.composite
def requirements(draw: st.DrawFn) -> PaymentRequirements:
    """Draw an offer with any address, amount, time and extra that the SDK's models hold."""
    spelled = draw(st.sampled_from([str.lower, checksum_address]))
    scheme = draw(st.sampled_from(["exact", "upto", "deferred"]))
    extra = draw(EXTRAS)
    if scheme == "upto":
        extra["facilitatorAddress"] = spelled(draw(ADDRESSES))
    return PaymentRequirements(
        scheme=scheme,
        network=draw(NETWORKS),
        asset=spelled(draw(ADDRESSES)),
        amount=str(draw(st.integers(1, UINT256_MAX))),
        pay_to=spelled(draw(ADDRESSES)),
        max_timeout_seconds=draw(st.integers(1, 10**9)),
        extra=extra,
    )


@given(st.lists(requirements(), max_size=4), PROSE, st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_challenge_the_official_models_write_is_read_alike(
    offers: list[PaymentRequirements], prose: str, in_header: bool
) -> None:
    resource = ResourceInfo(url="https://api.example.com/x", description=prose)
    made = PaymentRequired(error=prose, resource=resource, accepts=offers)
    header = encode_payment_required_header(made)
    data = base64.b64decode(header)
    found = read(answer(("PAYMENT-REQUIRED", header)) if in_header else answer(body=data))
    assert found is not None
    assert found.unreadable == ()
    agree(found, made, offers)


@pytest.mark.parametrize("price", ["$0.01", "0.000001", 1, "$999.999999"])
@pytest.mark.parametrize("seconds", [None, 5, 86_400])
def test_what_the_official_server_asks_for_is_read_alike(
    price: str | int, seconds: int | None
) -> None:
    requirement = _official_requirement(price, seconds)
    made = _server().create_payment_required_response([requirement])
    found = read(answer(("PAYMENT-REQUIRED", encode_payment_required_header(made))))
    assert found is not None
    agree(found, made, made.accepts)
    (offer,) = found.offers
    asset = find_asset(NETWORK, offer.asset)
    assert asset is not None
    assert offer.network_id == NETWORK
    assert (offer.transfer_method, offer.payment_flow) == ("eip3009", "authorization")


@given(
    success=st.booleans(),
    network=NETWORKS,
    payer=st.none() | ADDRESSES,
    amount=st.none() | st.integers(0, UINT256_MAX).map(str),
    transaction=st.just("") | st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex()),
)
@settings(max_examples=60, deadline=None)
def test_every_settlement_response_the_official_models_write_is_read_alike(
    success: bool, network: str, payer: str | None, amount: str | None, transaction: str
) -> None:
    made = SettleResponse(
        success=success, network=network, payer=payer, amount=amount, transaction=transaction
    )
    header = encode_payment_response_header(made)
    found = RAIL.read_settlement(answer(("PAYMENT-RESPONSE", header), status=200))
    assert found is not None
    assert (found.success, found.network, found.tx_hash) == (success, network, transaction or None)
    assert found.payer == (None if payer is None else checksum_address(payer))
    assert found.amount_atomic == (None if amount is None else int(amount))


@pytest.mark.parametrize("data", CHALLENGES)
def test_a_seed_means_the_same_to_both(data: bytes) -> None:
    challenges_agree(data)


@pytest.mark.parametrize("tolerance", TOLERATED, ids=lambda one: one.name)
def test_what_is_tolerated_is_refused_by_the_official_sdk_for_that_reason_alone(
    tolerance: Tolerance,
) -> None:
    data = example(tolerance)
    found = _read_json(data)
    assert len(found.offers) == 2
    assert official_reading(data, in_header=True) is None
    others = [one for one in TOLERATED if one is not tolerance]
    assert official_reading(undone(data, found, TOLERATED), in_header=True) is not None
    if tolerance is not TOLERATED[0]:  # `undone` itself keeps only the entries that were read
        assert official_reading(undone(data, found, others), in_header=True) is None


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "12"},
        {"payTo": TERMS.payer},
        {"network": "eip155:1"},
        {"scheme": "upto"},
        {"asset": TERMS.payer},
    ],
)
def test_a_difference_in_meaning_is_noticed(change: dict[str, str]) -> None:
    data = json.loads(sdk_challenge(2))
    official = PaymentRequired.model_validate(data)
    data["accepts"][0] |= change
    found = _read_json(json.dumps(data).encode())
    with pytest.raises(AssertionError, match="to the SDK"):
        agree(found, official, official.accepts)


def test_an_acceptance_that_is_not_on_the_list_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    challenges_agree(example(TOLERATED[1]))
    monkeypatch.setattr("official.TOLERATED", TOLERATED[2:])
    with pytest.raises(AssertionError, match="not on the list"):
        challenges_agree(example(TOLERATED[1]))


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("amount", [1, 10_000, 99_999_999])
async def test_the_official_facilitator_takes_the_very_bytes_we_send(
    sandbox: Sandbox, version: int, amount: int
) -> None:
    facilitator = build_facilitator(build_signer(JsonRpc(sandbox.chain), sandbox.buyer_key))
    requirement = _official_requirement("$1", 60).model_copy(update={"amount": str(amount)})
    asked = requirement if version == 2 else _in_version_1(requirement)
    value = _paid(asked)
    verified = await facilitator.verify(decode_payment_signature_header(value), asked)
    assert (verified.is_valid, verified.payer) == (True, sandbox.buyer_address)
    for name, other in (("value", str(amount + 1)), ("to", TERMS.payer), ("nonce", TERMS.nonce)):
        spoiled = json.loads(base64.b64decode(value))
        spoiled["payload"]["authorization"][name] = other
        header = base64.b64encode(json.dumps(spoiled).encode()).decode()
        refused = await facilitator.verify(decode_payment_signature_header(header), asked)
        assert not refused.is_valid


def _read_json(data: bytes) -> Challenge:
    found = read(answer(("PAYMENT-REQUIRED", base64.b64encode(data).decode())))
    assert found is not None
    return found


def _official_requirement(price: str | int, seconds: int | None) -> PaymentRequirements:
    """Return what the official server makes of a price, on the sandbox's network."""
    config = ResourceConfig(
        scheme="exact", pay_to=SELLER, price=price, network=NETWORK, max_timeout_seconds=seconds
    )
    (made,) = _server().build_payment_requirements(config)
    return made


@cache
def _server() -> x402ResourceServerSync:
    class Supporting:
        def get_supported(self) -> SupportedResponse:
            kind = SupportedKind(x402_version=2, scheme="exact", network=NETWORK)
            return SupportedResponse(kinds=[kind], extensions=[], signers={})

    server = x402ResourceServerSync(cast("Any", Supporting()))
    server.register(NETWORK, cast("Any", ExactEvmServerScheme()))
    server.initialize()
    return server


def _in_version_1(made: PaymentRequirements) -> PaymentRequirementsV1:
    return PaymentRequirementsV1(
        scheme=made.scheme,
        network="base-sepolia",
        max_amount_required=made.amount,
        resource="https://api.example.com/x",
        pay_to=made.pay_to,
        max_timeout_seconds=made.max_timeout_seconds,
        asset=made.asset,
        extra=made.extra,
    )


def _paid(asked: PaymentRequirements | PaymentRequirementsV1) -> str:
    """Return our payment header for an official offer: read, held, signed and written by us."""
    if isinstance(asked, PaymentRequirementsV1):
        made: PaymentRequired | PaymentRequiredV1 = PaymentRequiredV1(accepts=[asked])
    else:
        made = PaymentRequired(accepts=[asked])
    found = read(answer(("PAYMENT-REQUIRED", encode_payment_required_header(made))))
    assert found is not None
    (offer,) = found.offers
    paid = Transfer(
        network_id=NETWORK,
        asset=offer.asset,
        payer=BUYER,
        pay_to=offer.pay_to,
        amount_atomic=offer.amount_atomic,
        valid_after=0,
        valid_before=int(time.time()) + offer.max_timeout_s,
        nonce="0x" + os.urandom(32).hex(),
    )
    signature = Signer(OpenKey(), lambda _: _held(paid)).sign("1", paid).signature
    ((_, value),) = RAIL.payment_headers(found, offer, paid, signature, "pay_1").items()
    return value


def _held(paid: Transfer) -> Purchase:
    return Purchase(
        id="1",
        key="k",
        principal="local",
        method="GET",
        url="https://api.example.com/x",
        host="api.example.com",
        state=State.HELD,
        evidence=Evidence.NONE,
        created_at=0,
        settled_at=None,
        pay_again=False,
        rail="x402",
        scheme="exact",
        transfer=paid,
        amount_usd=Usd(1),
        tx_hash=None,
        delivery=None,
        notes=(),
    )
