"""Build the payment header of a channel: a deposit with its first voucher, a voucher, a refund."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wallet.rails.codec import encode_header
from wallet.rails.x402.batch.channel import ChannelConfig, Deposit, Voucher, channel_id
from wallet.rails.x402.batch.terms import without_past
from wallet.rails.x402.payment import HEADER_V2


def deposit_payload(
    deposit: Deposit, deposit_signature: str, voucher: Voucher, voucher_signature: str
) -> dict[str, Any]:
    """Return the payload that opens a channel and pays its first page.

    Signatures are 0x and 130 hex digits.
    """
    authorization = {
        "validAfter": "0",
        "validBefore": str(deposit.valid_before),
        "salt": deposit.salt,
        "signature": deposit_signature,
    }
    return {
        **_payload("deposit", voucher, voucher_signature),
        "deposit": {
            "amount": str(deposit.amount_atomic),
            "authorization": {"erc3009Authorization": authorization},
        },
    }


def voucher_payload(voucher: Voucher, signature: str) -> dict[str, Any]:
    """Return the payload that pays one page of an open channel."""
    return _payload("voucher", voucher, signature)


def refund_payload(voucher: Voucher, signature: str) -> dict[str, Any]:
    """Return the payload that asks for everything back that was not charged.

    The voucher promises nothing new: its total is what was charged already.
    """
    return _payload("refund", voucher, signature)


def payment_headers(
    payload: Mapping[str, Any],
    offer_raw: Mapping[str, Any],
    resource: Mapping[str, Any] | None,
    extensions: Mapping[str, Any],
) -> dict[str, str]:
    """Wrap a payload as x402 v2 wants it (section 5.2), the offer and extensions echoed."""
    envelope: dict[str, Any] = {
        "x402Version": 2,
        "payload": payload,
        "accepted": without_past(offer_raw),
    }
    if resource is not None:
        envelope["resource"] = resource
    if extensions:
        envelope["extensions"] = extensions
    return {HEADER_V2: encode_header(envelope)}


def config_payload(config: ChannelConfig) -> dict[str, Any]:
    """Return a channel's terms as they stand on the wire."""
    return {
        "payer": config.payer,
        "payerAuthorizer": config.payer,
        "receiver": config.receiver,
        "receiverAuthorizer": config.receiver_authorizer,
        "token": config.token,
        "withdrawDelay": config.withdraw_delay_s,
        "salt": config.salt,
    }


def _payload(kind: str, voucher: Voucher, signature: str) -> dict[str, Any]:
    return {
        "type": kind,
        "channelConfig": config_payload(voucher.channel),
        "voucher": {
            "channelId": channel_id(voucher.channel),
            "maxClaimableAmount": str(voucher.max_claimable_atomic),
            "signature": signature,
        },
    }
