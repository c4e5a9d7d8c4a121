"""The official clients, given what a vector gives, sign the very bytes that the vector has."""

from __future__ import annotations

import asyncio
import re
from types import SimpleNamespace
from typing import Any, cast

import pytest
from channel_cases import CHANNEL, CHANNEL_SALT, DEPOSIT, DEPOSIT_SALT, PRICE
from eth_account import Account
from mpp import Challenge, Credential
from official_mpp import HEADERS, official_payment
from test_vectors import PAID, VECTORS
from vector_given import KEY, NOW_S
from x402.http.utils import decode_payment_required_header, decode_payment_signature_header
from x402.mechanisms.evm.batch_settlement.client import (  # pyright: ignore[reportMissingTypeStubs]
    BatchSettlementClientDeps,
    InMemoryClientChannelStorage,
    build_channel_config,
    create_batch_settlement_eip3009_deposit_payload,
    eip3009,
    process_corrective_payment_required,
    sign_voucher,
)
from x402.mechanisms.evm.signers import (  # pyright: ignore[reportMissingTypeStubs]
    EthAccountSigner,
)

pytestmark = pytest.mark.xdist_group("vectors")

CHALLENGE = re.compile(r'Payment (?:[a-z]+="(?:[^"\\]|\\.)*"(?:, )?)+')

# The package takes no usdc charge, and reads the clock where a challenge has no end.
CHARGES = [
    name
    for name in PAID
    if VECTORS[name]["expected"]["header"]["name"] in HEADERS
    and name not in ("mpp-usdc-charge", "mpp-no-end")
]
BATCHES = [name for name, vector in VECTORS.items() if "channel_salt" in vector["given"]]


class RichSigner(EthAccountSigner):
    """The payer's signer, with a view of a chain that shows the deposit and no claim."""

    def __init__(self) -> None:
        super().__init__(cast("Any", Account).from_key(KEY))

    def read_contract(self, *_: object) -> tuple[int, int]:
        return DEPOSIT, 0


def client() -> Any:
    """Return the official client's side of the channel of the cases."""
    return BatchSettlementClientDeps(
        signer=cast("Any", RichSigner()),
        storage=InMemoryClientChannelStorage(),
        salt=CHANNEL_SALT,
    )


def payments(name: str) -> list[Any]:
    """Return every payment of a conversation, decoded by the official package."""
    sent = [one for call in VECTORS[name]["expected"]["calls"] for one in call["sent"]]
    values = [one["header"]["value"] for one in sent if one is not None]
    return [cast("Any", decode_payment_signature_header(value)) for value in values]


@pytest.mark.parametrize("name", CHARGES)
def test_the_official_mpp_client_sends_the_very_payment(name: str) -> None:
    header = VECTORS[name]["expected"]["header"]
    fields = VECTORS[name]["given"]["response"]["headers"]
    texts = [text for _, value in fields for text in CHALLENGE.findall(value)]
    account = cast("Any", Account).from_key(KEY)
    sent = [
        (challenge.credential_header, asyncio.run(official_payment(challenge, account)))
        for challenge in map(Challenge.from_www_authenticate, texts)
        if challenge.method == "evm"
    ]
    # Decoded: the package escapes what is not ASCII, and RFC 8785 does not.
    paid = Credential.from_authorization(header["value"])
    assert (header["name"], paid) in [
        (name, Credential.from_authorization(text)) for name, text in sent
    ]


@pytest.mark.parametrize("name", BATCHES)
def test_the_official_client_makes_the_very_deposit_and_vouchers(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eip3009, "create_nonce", lambda: DEPOSIT_SALT)
    monkeypatch.setattr(eip3009, "time", SimpleNamespace(time=lambda: NOW_S))
    deps = client()
    for number, payment in enumerate(payments(name)):
        payload, asked = payment.payload, payment.accepted
        config = build_channel_config(deps, asked)
        voucher = sign_voucher(
            deps.signer, CHANNEL, payload["voucher"]["maxClaimableAmount"], asked.network
        )
        assert payload["channelConfig"] == config.to_dict()
        assert payload["voucher"] == voucher.to_dict()
        assert (payload["type"] == "deposit") == (number == 0)
        if number == 0:
            deposit = create_batch_settlement_eip3009_deposit_payload(
                deps.signer, asked, config, payload["deposit"]["amount"], PRICE
            )
            assert payload["voucher"]["maxClaimableAmount"] == asked.amount
            assert deposit.to_dict() | {"voucher": voucher.to_dict()} == payload


@pytest.mark.parametrize(
    ("name", "charged"),
    [
        ("batch-lost-and-charged", 2 * PRICE),
        ("batch-lost-and-not-charged", PRICE),
        ("hostile-batch-forged-correction", None),
        ("hostile-batch-unsigned-total", None),
    ],
)
def test_the_official_client_believes_the_same_corrections(name: str, charged: int | None) -> None:
    (_, _, call, *_) = VECTORS[name]["given"]["calls"]
    header = call["answers"][1]["headers"][0][1]
    deps = client()
    asked = cast("Any", decode_payment_required_header(header))
    believed = process_corrective_payment_required(deps, asked)
    assert believed == (charged is not None)
    known = deps.storage.get(CHANNEL)
    assert (known and int(known.charged_cumulative_amount)) == charged
