"""The sandbox's contracts refuse what the real ones refuse, and say what the real ones say."""

from __future__ import annotations

from typing import Any

import pytest
from contract_kit import (
    DELAY_S,
    FACILITATOR,
    FACILITATOR_KEY,
    PAYEE,
    PAYEE_KEY,
    PAYER,
    PAYER_KEY,
    ZERO,
    Contracts,
    batch_signature,
    call_data,
    channel_config,
    collector_data,
    official_channel_id,
    permit2_signature,
    selector,
    topic,
)

from sandbox.chain import calldata
from sandbox.evm import (
    BATCH_ADDRESS,
    DEPOSIT_COLLECTOR_ADDRESS,
    EXACT_PROXY_ADDRESS,
    PERMIT2_ADDRESS,
    UPTO_PROXY_ADDRESS,
    USDC_ADDRESS,
)

AMOUNT = 1_000
FAR = 10**11  # a time that does not come


@pytest.fixture
def contracts() -> Contracts:
    fresh = Contracts()
    approval = calldata("approve(address,uint256)", PERMIT2_ADDRESS, 10 * AMOUNT)
    fresh.send(PAYER_KEY, USDC_ADDRESS, approval)
    return fresh


def exact_call(
    contracts: Contracts,
    *,
    amount: int = AMOUNT,
    nonce: int = 7,
    deadline: int = FAR,
    owner: str = PAYER,
    to: str = PAYEE,
    valid_after: int = 0,
    signer: str = PAYER_KEY,
    spoil: bytes = b"",
) -> bytes:
    permit = ((USDC_ADDRESS, amount), nonce, deadline)
    witness = (to, valid_after)
    signature = permit2_signature(permit, witness, EXACT_PROXY_ADDRESS, signer) + spoil
    return call_data(EXACT_PROXY_ADDRESS, "settle", permit, owner, witness, signature)


def upto_call(contracts: Contracts, taken: int, nonce: int = 8, ceiling: int = AMOUNT) -> bytes:
    permit = ((USDC_ADDRESS, ceiling), nonce, FAR)
    witness = (PAYEE, FACILITATOR, 0)
    signature = permit2_signature(permit, witness, UPTO_PROXY_ADDRESS)
    return call_data(UPTO_PROXY_ADDRESS, "settle", permit, taken, PAYER, witness, signature)


def test_a_nonce_pays_once_and_leaves_its_bit(contracts: Contracts) -> None:
    nonce = (5 << 8) + 3
    call = exact_call(contracts, nonce=nonce)
    assert contracts.send(FACILITATOR_KEY, EXACT_PROXY_ADDRESS, call) == [
        topic("Transfer(address,address,uint256)"),
        topic("Settled()"),
    ]
    bitmap = contracts.chain.call(
        PERMIT2_ADDRESS, calldata("nonceBitmap(address,uint256)", PAYER, 5)
    )
    assert int.from_bytes(bitmap, "big") == 1 << 3
    assert contracts.chain.balance_atomic(PAYEE) == AMOUNT
    again = contracts.error(FACILITATOR, EXACT_PROXY_ADDRESS, call)
    assert again == selector("InvalidNonce()").hex()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"deadline": 1}, "SignatureExpired(uint256)"),
        ({"signer": PAYEE_KEY}, "InvalidSigner()"),
        ({"spoil": b"\x00"}, "InvalidSignatureLength()"),
        ({"owner": ZERO}, "InvalidOwner()"),
        ({"to": ZERO}, "InvalidDestination()"),
        ({"amount": 0}, "InvalidAmount()"),
        ({"valid_after": FAR}, "PaymentTooEarly()"),
        ({"amount": 10 * AMOUNT + 1}, "TRANSFER_FROM_FAILED"),
    ],
)
def test_the_exact_proxy_refuses(contracts: Contracts, changes: dict[str, Any], error: str) -> None:
    found = contracts.error(FACILITATOR, EXACT_PROXY_ADDRESS, exact_call(contracts, **changes))
    assert found == (selector(error).hex() if "(" in error else error)


def test_a_signature_for_one_proxy_is_worth_nothing_at_the_other(contracts: Contracts) -> None:
    permit, witness = ((USDC_ADDRESS, AMOUNT), 9, FAR), (PAYEE, FACILITATOR, 0)
    signature = permit2_signature(permit, witness, EXACT_PROXY_ADDRESS)
    call = call_data(UPTO_PROXY_ADDRESS, "settle", permit, AMOUNT, PAYER, witness, signature)
    found = contracts.error(FACILITATOR, UPTO_PROXY_ADDRESS, call)
    assert found == selector("InvalidSigner()").hex()


def test_a_failed_permit_is_only_reported_where_an_approval_stands(contracts: Contracts) -> None:
    permit, witness = ((USDC_ADDRESS, AMOUNT), 10, FAR), (PAYEE, 0)
    signature = permit2_signature(permit, witness, EXACT_PROXY_ADDRESS)

    def call(value: int) -> bytes:
        worthless = (value, FAR, bytes(32), bytes(32), 27)
        arguments = (worthless, permit, PAYER, witness, signature)
        return call_data(EXACT_PROXY_ADDRESS, "settleWithPermit", *arguments)

    mismatch = contracts.error(FACILITATOR, EXACT_PROXY_ADDRESS, call(AMOUNT - 1))
    assert mismatch == selector("Permit2612AmountMismatch()").hex()
    assert contracts.send(FACILITATOR_KEY, EXACT_PROXY_ADDRESS, call(AMOUNT)) == [
        topic("EIP2612PermitFailedWithReason(address,address,string)"),
        topic("Transfer(address,address,uint256)"),
        topic("SettledWithPermit()"),
    ]


def test_upto_pays_part_once_and_only_through_the_named_facilitator(contracts: Contracts) -> None:
    too_much = contracts.error(FACILITATOR, UPTO_PROXY_ADDRESS, upto_call(contracts, AMOUNT + 1))
    assert too_much == selector("AmountExceedsPermitted()").hex()
    foreign = contracts.error(PAYEE, UPTO_PROXY_ADDRESS, upto_call(contracts, 1))
    assert foreign == selector("UnauthorizedFacilitator()").hex()
    nothing = contracts.error(FACILITATOR, UPTO_PROXY_ADDRESS, upto_call(contracts, 0))
    assert nothing == selector("InvalidAmount()").hex()
    assert contracts.send(FACILITATOR_KEY, UPTO_PROXY_ADDRESS, upto_call(contracts, 300))[-1:] == [
        topic("Settled()")
    ]
    assert contracts.chain.balance_atomic(PAYEE) == 300
    rest = contracts.error(FACILITATOR, UPTO_PROXY_ADDRESS, upto_call(contracts, 700))
    assert rest == selector("InvalidNonce()").hex()


def test_the_payer_can_spoil_a_nonce(contracts: Contracts) -> None:
    spoil = calldata("invalidateUnorderedNonces(uint256,uint256)", 0, 1 << 7)
    assert contracts.send(PAYER_KEY, PERMIT2_ADDRESS, spoil) == [
        topic("UnorderedNonceInvalidation(address,uint256,uint256)")
    ]
    spoilt = contracts.error(FACILITATOR, EXACT_PROXY_ADDRESS, exact_call(contracts, nonce=7))
    assert spoilt == selector("InvalidNonce()").hex()


# Channels

CONFIG = channel_config()


def channel_id(contracts: Contracts, config: Any = CONFIG) -> bytes:
    return contracts.read("getChannelId", config)[0].to_bytes(32, "big")


def deposit_call(
    contracts: Contracts,
    amount: int = AMOUNT,
    *,
    config: Any = CONFIG,
    collector: str = DEPOSIT_COLLECTOR_ADDRESS,
    salt: int = 1,
    valid_before: int = FAR,
) -> bytes:
    data = collector_data(channel_id(contracts, config), amount, salt, valid_before)
    return call_data(BATCH_ADDRESS, "deposit", config, amount, collector, data)


def claim_row(
    contracts: Contracts, claimed: int, ceiling: int = 400, *, signer: str = PAYER_KEY
) -> tuple[Any, ...]:
    voucher = {"channelId": channel_id(contracts), "maxClaimableAmount": ceiling}
    return ((CONFIG, ceiling), batch_signature("VOUCHER", voucher, signer), claimed)


def claim_call(contracts: Contracts, claimed: int, ceiling: int = 400, **changes: Any) -> bytes:
    row = claim_row(contracts, claimed, ceiling, **changes)
    return call_data(BATCH_ADDRESS, "claim", [row])


@pytest.fixture
def channel(contracts: Contracts) -> Contracts:
    contracts.send(FACILITATOR_KEY, BATCH_ADDRESS, deposit_call(contracts))
    return contracts


def test_a_channel_is_named_by_the_typed_data_of_its_config(contracts: Contracts) -> None:
    addresses = ["0x" + digits * 20 for digits in ("11", "11", "22", "33")]
    config = (*addresses, USDC_ADDRESS, DELAY_S, bytes(range(32)))
    assert "0x" + channel_id(contracts, config).hex() == official_channel_id(config)


def test_deposits_add_up_and_only_the_first_creates_the_channel(contracts: Contracts) -> None:
    moved = [topic("AuthorizationUsed(address,bytes32)")] + 2 * [
        topic("Transfer(address,address,uint256)")
    ]
    deposited = topic("Deposited(bytes32,address,uint128,uint128)")
    created = topic(
        "ChannelCreated(bytes32,(address,address,address,address,address,uint40,bytes32))"
    )
    first = contracts.send(FACILITATOR_KEY, BATCH_ADDRESS, deposit_call(contracts))
    again = contracts.send(FACILITATOR_KEY, BATCH_ADDRESS, deposit_call(contracts, 500, salt=2))
    assert (first, again) == ([*moved, created, deposited], [*moved, deposited])
    assert contracts.read("channels", channel_id(contracts)) == [AMOUNT + 500, 0]
    assert contracts.chain.balance_atomic(BATCH_ADDRESS) == AMOUNT + 500


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"config": channel_config(receiverAuthorizer=ZERO)}, "InvalidChannel()"),
        ({"config": channel_config(withdrawDelay=DELAY_S - 1)}, "WithdrawDelayOutOfRange()"),
        ({"config": channel_config(withdrawDelay=2_592_001)}, "WithdrawDelayOutOfRange()"),
        ({"amount": 0}, "ZeroDeposit()"),
        ({"collector": ZERO}, "InvalidCollector()"),
        ({"valid_before": 1}, "FiatTokenV2: authorization is expired"),
        ({"amount": 1_000_001}, "ERC20: transfer amount exceeds balance"),
    ],
)
def test_a_deposit_is_refused(contracts: Contracts, changes: dict[str, Any], error: str) -> None:
    found = contracts.error(FACILITATOR, BATCH_ADDRESS, deposit_call(contracts, **changes))
    assert found == (selector(error).hex() if "(" in error else error)


def test_only_the_batch_contract_may_collect(contracts: Contracts) -> None:
    data = collector_data(channel_id(contracts), AMOUNT, 1, FAR)
    head = calldata(
        "collect(address,address,uint256,bytes32,bytes)",
        PAYER,
        USDC_ADDRESS,
        AMOUNT,
        "0x" + channel_id(contracts).hex(),
        5 * 32,
        len(data),
    )
    found = contracts.error(PAYEE, DEPOSIT_COLLECTOR_ADDRESS, head + data)
    assert found == selector("OnlyX402BatchSettlement()").hex()


@pytest.mark.parametrize(
    ("sender", "claimed", "ceiling", "signer", "error"),
    [
        (PAYER, 400, 400, PAYER_KEY, "NotAuthorizedToClaim()"),
        (PAYEE, 401, 400, PAYER_KEY, "ClaimExceedsCeiling()"),
        (PAYEE, AMOUNT + 1, AMOUNT + 1, PAYER_KEY, "ClaimExceedsBalance()"),
        (PAYEE, 400, 400, PAYEE_KEY, "InvalidSignature()"),
    ],
)
def test_a_claim_is_refused(
    channel: Contracts, sender: str, claimed: int, ceiling: int, signer: str, error: str
) -> None:
    call = claim_call(channel, claimed, ceiling, signer=signer)
    assert channel.error(sender, BATCH_ADDRESS, call) == selector(error).hex()


def test_a_claim_counts_once_and_its_settlement_pays_the_receiver(channel: Contracts) -> None:
    call = claim_call(channel, 300)
    claimed = [topic("Claimed(bytes32,address,uint128,uint128)")]
    assert channel.send(PAYEE_KEY, BATCH_ADDRESS, call) == claimed
    assert channel.send(PAYEE_KEY, BATCH_ADDRESS, call) == []
    assert channel.read("receivers", PAYEE, USDC_ADDRESS) == [300, 0]
    settle = call_data(BATCH_ADDRESS, "settle", PAYEE, USDC_ADDRESS)
    assert channel.send(FACILITATOR_KEY, BATCH_ADDRESS, settle) == [
        topic("Transfer(address,address,uint256)"),
        topic("Settled(address,address,address,uint128)"),
    ]
    assert channel.send(FACILITATOR_KEY, BATCH_ADDRESS, settle) == []
    assert channel.chain.balance_atomic(PAYEE) == 300
    assert channel.read("receivers", PAYEE, USDC_ADDRESS) == [300, 300]
    assert channel.read("channels", channel_id(channel)) == [AMOUNT, 300]


def test_a_relayed_claim_needs_the_receivers_signature_over_its_rows(channel: Contracts) -> None:
    rows = [claim_row(channel, 200)]
    entry = {
        "channelId": channel_id(channel),
        "maxClaimableAmount": 400,
        "totalClaimed": 200,
    }
    good = batch_signature("CLAIM_BATCH", {"claims": [entry]}, PAYEE_KEY)
    for signature, key in (
        (good[:-1] + b"\x00", "InvalidSignature()"),
        (b"", "InvalidSignature()"),
    ):
        bad = call_data(BATCH_ADDRESS, "claimWithSignature", rows, signature)
        assert channel.error(FACILITATOR, BATCH_ADDRESS, bad) == selector(key).hex()
    empty = call_data(BATCH_ADDRESS, "claimWithSignature", [], good)
    assert channel.error(FACILITATOR, BATCH_ADDRESS, empty) == selector("EmptyBatch()").hex()
    relayed = call_data(BATCH_ADDRESS, "claimWithSignature", rows, good)
    channel.send(FACILITATOR_KEY, BATCH_ADDRESS, relayed)
    assert channel.read("channels", channel_id(channel)) == [AMOUNT, 200]


def refund_call(contracts: Contracts, amount: int, nonce: int) -> bytes:
    message = {"channelId": channel_id(contracts), "nonce": nonce, "amount": amount}
    signature = batch_signature("REFUND", message, PAYEE_KEY)
    arguments = (CONFIG, amount, nonce, signature)
    return call_data(BATCH_ADDRESS, "refundWithSignature", *arguments)


def test_a_refund_pays_what_is_unclaimed_and_each_signature_works_once(channel: Contracts) -> None:
    channel.send(PAYEE_KEY, BATCH_ADDRESS, claim_call(channel, 300))
    call = refund_call(channel, AMOUNT, 0)
    assert channel.send(FACILITATOR_KEY, BATCH_ADDRESS, call) == [
        topic("Refunded(bytes32,address,uint128)"),
        topic("Transfer(address,address,uint256)"),
    ]
    assert channel.chain.balance_atomic(PAYER) == 1_000_000 - 300
    assert channel.read("channels", channel_id(channel)) == [300, 300]
    again = channel.error(FACILITATOR, BATCH_ADDRESS, call)
    assert again == selector("InvalidRefundNonce()").hex()
    # With nothing left it pays nothing, and uses the nonce up all the same.
    assert channel.send(FACILITATOR_KEY, BATCH_ADDRESS, refund_call(channel, 1, 1)) == []
    assert channel.read("refundNonce", channel_id(channel)) == [2]
    zero = channel.error(FACILITATOR, BATCH_ADDRESS, refund_call(channel, 0, 2))
    assert zero == selector("ZeroRefund()").hex()
    foreign = call_data(BATCH_ADDRESS, "refund", CONFIG, 1)
    refused = channel.error(FACILITATOR, BATCH_ADDRESS, foreign)
    assert refused == selector("NotAuthorizedToRefund()").hex()


def test_a_claim_and_a_refund_go_through_one_call_or_not_at_all(channel: Contracts) -> None:
    claim = claim_call(channel, 300)
    both = call_data(BATCH_ADDRESS, "multicall", [claim, refund_call(channel, 700, 5)])
    assert channel.error(PAYEE, BATCH_ADDRESS, both) == selector("InvalidRefundNonce()").hex()
    both = call_data(BATCH_ADDRESS, "multicall", [claim, refund_call(channel, 700, 0)])
    assert len(channel.send(PAYEE_KEY, BATCH_ADDRESS, both)) == 3
    assert channel.read("channels", channel_id(channel)) == [300, 300]


def test_a_payer_withdraws_after_the_delay_what_was_not_claimed_by_then(
    channel: Contracts,
) -> None:
    initiate = call_data(BATCH_ADDRESS, "initiateWithdraw", CONFIG, AMOUNT)
    finalize = call_data(BATCH_ADDRESS, "finalizeWithdraw", CONFIG)
    assert channel.error(PAYEE, BATCH_ADDRESS, initiate) == selector("InvalidChannel()").hex()
    assert channel.error(PAYER, BATCH_ADDRESS, finalize) == (
        selector("WithdrawalNotPending()").hex()
    )
    assert channel.send(PAYER_KEY, BATCH_ADDRESS, initiate) == [
        topic("WithdrawInitiated(bytes32,uint128,uint40)")
    ]
    amount, since = channel.read("pendingWithdrawals", channel_id(channel))
    assert (amount, abs(since - channel.chain.now()) <= 2) == (AMOUNT, True)
    assert channel.error(PAYER, BATCH_ADDRESS, initiate) == (
        selector("WithdrawalAlreadyPending()").hex()
    )
    assert channel.error(PAYER, BATCH_ADDRESS, finalize) == (
        selector("WithdrawDelayNotElapsed()").hex()
    )
    channel.send(PAYEE_KEY, BATCH_ADDRESS, claim_call(channel, 250))
    channel.chain.advance_time(DELAY_S)
    foreign = channel.error(PAYEE, BATCH_ADDRESS, finalize)
    assert foreign == selector("NotAuthorizedToFinalizeWithdraw()").hex()
    assert channel.send(PAYER_KEY, BATCH_ADDRESS, finalize) == [
        topic("WithdrawFinalized(bytes32,address,uint128)"),
        topic("Transfer(address,address,uint256)"),
    ]
    assert channel.chain.balance_atomic(PAYER) == 1_000_000 - 250
    assert channel.read("pendingWithdrawals", channel_id(channel)) == [0, 0]
    late = channel.error(PAYEE, BATCH_ADDRESS, claim_call(channel, 300))
    assert late == selector("ClaimExceedsBalance()").hex()


def test_a_refund_lessens_a_withdrawal_that_waits(channel: Contracts) -> None:
    for amount, error in (
        (0, "NothingToWithdraw()"),
        (AMOUNT + 1, "WithdrawAmountExceedsAvailable()"),
    ):
        bad = call_data(BATCH_ADDRESS, "initiateWithdraw", CONFIG, amount)
        assert channel.error(PAYER, BATCH_ADDRESS, bad) == selector(error).hex()
    channel.send(
        PAYER_KEY, BATCH_ADDRESS, call_data(BATCH_ADDRESS, "initiateWithdraw", CONFIG, 600)
    )
    channel.send(FACILITATOR_KEY, BATCH_ADDRESS, refund_call(channel, 200, 0))
    assert channel.read("pendingWithdrawals", channel_id(channel))[0] == 400
    closed = channel.send(FACILITATOR_KEY, BATCH_ADDRESS, refund_call(channel, 800, 1))
    assert closed == [
        topic("Refunded(bytes32,address,uint128)"),
        topic("ChannelClosed(bytes32,(address,address,address,address,address,uint40,bytes32))"),
        topic("Transfer(address,address,uint256)"),
    ]
    assert channel.read("pendingWithdrawals", channel_id(channel)) == [0, 0]
