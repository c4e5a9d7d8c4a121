"""Deposits and vouchers are signed where the ledger has these very ones, and nowhere else."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from x402.mechanisms.evm.batch_settlement import (  # pyright: ignore[reportMissingTypeStubs]
    constants as official,
)
from x402.mechanisms.evm.batch_settlement.utils import (  # pyright: ignore[reportMissingTypeStubs]
    get_batch_settlement_eip712_domain,
)

from sandbox.run import BUYER, BUYER_KEY, SELLER, THIEF_KEY
from wallet.channels.model import Channel, ChannelState, page_transfer
from wallet.channels.resolving import signed_by
from wallet.model import Evidence, Purchase, State
from wallet.money import Usd
from wallet.rails.x402.batch.channel import ChannelConfig, Deposit, Voucher, channel_id
from wallet.signing.channels import ChannelSigner
from wallet.signing.key import SigningRefusedError, UnlockedKey

USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
SALT = "0x" + "05" * 32
CONFIG = ChannelConfig("eip155:84532", BUYER, SELLER, SELLER, USDC, 900, SALT)
DEPOSIT = Deposit(CONFIG, 10_000, 1_900_000_000, SALT)
CHANNEL = Channel(
    id=channel_id(CONFIG),
    principal="local",
    origin="https://a.example:443",
    host="a.example",
    deposit=DEPOSIT,
    deposited_usd=Usd(10_000),
    created_at=1,
    state=ChannelState.OPENING,
    charged_atomic=200,
    signed_max_atomic=300,
)
PAGE = Purchase(
    id="page",
    key="key",
    principal="local",
    method="GET",
    url="https://a.example/1",
    host="a.example",
    state=State.HELD,
    evidence=Evidence.NONE,
    created_at=1,
    settled_at=None,
    pay_again=False,
    rail="x402",
    scheme="batch-settlement",
    transfer=page_transfer(CONFIG, 100, b"\x01" * 32),
    amount_usd=Usd(100),
    tx_hash=None,
    delivery=None,
    notes=(),
    channel_id=CHANNEL.id,
    cumulative_atomic=300,
)
VOUCHER = Voucher(CONFIG, 300)


def signer(
    page: Purchase | None = PAGE, channel: Channel | None = CHANNEL, key: str = BUYER_KEY
) -> ChannelSigner:
    unlocked = UnlockedKey(bytes.fromhex(key.removeprefix("0x")))
    return ChannelSigner(unlocked, lambda _: page, lambda _: channel, lambda _: page)


def test_a_voucher_is_what_a_reference_wallet_signs() -> None:
    signature = signer().sign_voucher("page", VOUCHER)
    signable = encode_typed_data(
        domain_data=get_batch_settlement_eip712_domain(84532),
        message_types=official.VOUCHER_TYPES,
        message_data={
            "channelId": bytes.fromhex(CHANNEL.id[2:]),
            "maxClaimableAmount": 300,
        },
    )
    account: Any = Account
    assert signature == "0x" + account.sign_message(signable, BUYER_KEY).signature.hex()
    assert signed_by(VOUCHER, signature) == BUYER
    assert signed_by(replace(VOUCHER, max_claimable_atomic=301), signature) != BUYER


@pytest.mark.parametrize("text", ["", "0x", "0x" + "11" * 65, "0x" + "00" * 64 + "1b", "x" * 132])
def test_what_is_no_signature_was_signed_by_nobody(text: str) -> None:
    assert signed_by(VOUCHER, text) is None


@pytest.mark.parametrize(
    ("page", "channel", "checked", "words"),
    [
        (None, CHANNEL, VOUCHER, "no such page"),
        (replace(PAGE, id="other"), CHANNEL, VOUCHER, "no such page"),
        (replace(PAGE, channel_id=None), CHANNEL, VOUCHER, "no such page"),
        (replace(PAGE, state=State.SIGNED), CHANNEL, VOUCHER, "not held"),
        (replace(PAGE, state=State.VOID), CHANNEL, VOUCHER, "not held"),
        (replace(PAGE, scheme="exact"), CHANNEL, VOUCHER, "not held"),
        (PAGE, None, VOUCHER, "no such channel"),
        (PAGE, replace(CHANNEL, state=ChannelState.CLOSING), VOUCHER, "closing"),
        (PAGE, replace(CHANNEL, state=ChannelState.CLOSED), VOUCHER, "closed"),
        (PAGE, CHANNEL, replace(VOUCHER, max_claimable_atomic=301), "not the page's"),
        (PAGE, replace(CHANNEL, signed_max_atomic=299), VOUCHER, "not counted"),
        (
            PAGE,
            CHANNEL,
            replace(VOUCHER, channel=replace(CONFIG, receiver=BUYER)),
            "another channel",
        ),
        (
            PAGE,
            replace(CHANNEL, deposit=replace(DEPOSIT, channel=replace(CONFIG, receiver=BUYER))),
            VOUCHER,
            "no such channel",
        ),
    ],
)
def test_a_voucher_that_the_ledger_does_not_have_is_refused(
    page: Purchase | None, channel: Channel | None, checked: Voucher, words: str
) -> None:
    with pytest.raises(SigningRefusedError, match=words):
        signer(page, channel).sign_voucher("page", checked)


@pytest.mark.parametrize(
    ("page", "channel", "checked", "words"),
    [
        (PAGE, CHANNEL, replace(DEPOSIT, amount_atomic=10_001), "not the one that was checked"),
        (PAGE, CHANNEL, replace(DEPOSIT, valid_before=1), "not the one that was checked"),
        (None, CHANNEL, DEPOSIT, "no page"),
        (replace(PAGE, state=State.SIGNED), CHANNEL, DEPOSIT, "no page"),
        (PAGE, replace(CHANNEL, state=ChannelState.OPEN), DEPOSIT, "the channel is open"),
        (PAGE, None, DEPOSIT, "no such channel"),
    ],
)
def test_a_deposit_that_the_ledger_does_not_have_is_refused(
    page: Purchase | None, channel: Channel | None, checked: Deposit, words: str
) -> None:
    with pytest.raises(SigningRefusedError, match=words):
        signer(page, channel).sign_deposit(checked)


def test_only_what_was_acknowledged_is_signed_again() -> None:
    voucher, signature = signer(channel=replace(CHANNEL, state=ChannelState.CLOSING)).sign_reached(
        CHANNEL.id
    )
    assert voucher.max_claimable_atomic == 200
    assert signed_by(voucher, signature) == BUYER
    with pytest.raises(SigningRefusedError, match="closed"):
        signer(channel=replace(CHANNEL, state=ChannelState.CLOSED)).sign_reached(CHANNEL.id)


def test_another_wallet_s_channel_is_not_signed_for() -> None:
    other = signer(key=THIEF_KEY)
    for sign in (
        lambda: other.sign_voucher("page", VOUCHER),
        lambda: other.sign_deposit(DEPOSIT),
        lambda: other.sign_reached(CHANNEL.id),
    ):
        with pytest.raises(SigningRefusedError, match="not this wallet"):
            sign()


def test_the_channel_signer_offers_no_other_way_to_a_signature() -> None:
    public = {name for name, _ in inspect.getmembers(ChannelSigner) if not name.startswith("_")}
    assert public == {"sign_deposit", "sign_voucher", "sign_reached"}
