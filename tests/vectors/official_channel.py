"""What the official x402 package makes of a payment through a channel: the messages it signs."""

from __future__ import annotations

from typing import Any

from official_whole import digest_of, whole
from x402.mechanisms.evm.batch_settlement import (  # pyright: ignore[reportMissingTypeStubs]
    constants as official,
)
from x402.mechanisms.evm.batch_settlement import (  # pyright: ignore[reportMissingTypeStubs]
    types as wire,
)
from x402.mechanisms.evm.batch_settlement.encoding import (  # pyright: ignore
    build_erc3009_deposit_nonce,
)
from x402.mechanisms.evm.batch_settlement.utils import (  # pyright: ignore[reportMissingTypeStubs]
    channel_config_to_signing_message,
    coerce_bytes32,
    compute_channel_id,
    get_batch_settlement_eip712_domain,
)

from wallet.assets import find_asset

KINDS: dict[str, Any] = {
    "deposit": wire.DepositPayload,
    "voucher": wire.VoucherPayload,
    "refund": wire.RefundPayload,
}


def channel_payment(payload: dict[str, Any], network: str) -> dict[str, Any]:
    """Return the channel's id and every message of a payload, with its digest and signature.

    Raises:
        AssertionError: the package does not read the payload back as it is.
    """
    read = KINDS[payload["type"]].from_dict(payload)
    assert read.to_dict() == payload
    config, chain_id = read.channel_config, int(network.removeprefix("eip155:"))
    channel_id = compute_channel_id(config, network)
    domain = get_batch_settlement_eip712_domain(chain_id)
    terms = whole(
        domain,
        official.CHANNEL_CONFIG_TYPES,
        "ChannelConfig",
        channel_config_to_signing_message(config),
    )
    total = int(read.voucher.max_claimable_amount)
    message = {"channelId": coerce_bytes32(channel_id), "maxClaimableAmount": total}
    voucher = whole(domain, official.VOUCHER_TYPES, "Voucher", message)
    found = {
        "kind": payload["type"],
        "channel": {"id": channel_id, "typed_data": terms, "digest": digest_of(terms)},
        "voucher": _signed(voucher, read.voucher.signature),
    }
    if payload["type"] == "deposit":
        authorization = read.deposit.authorization.erc3009_authorization
        message = _deposit(read, channel_id, network)
        found["deposit"] = _signed(message, authorization.signature)
    return found


def _deposit(read: Any, channel_id: str, network: str) -> dict[str, Any]:
    config, authorization = read.channel_config, read.deposit.authorization.erc3009_authorization
    asset = find_asset(network, config.token)
    assert asset is not None
    domain = {
        "name": asset.eip712_name,
        "version": asset.eip712_version,
        "chainId": int(network.removeprefix("eip155:")),
        "verifyingContract": asset.address,
    }
    message = {
        "from": config.payer,
        "to": official.ERC3009_DEPOSIT_COLLECTOR_ADDRESS,
        "value": int(read.deposit.amount),
        "validAfter": int(authorization.valid_after),
        "validBefore": int(authorization.valid_before),
        "nonce": coerce_bytes32(build_erc3009_deposit_nonce(channel_id, authorization.salt)),
    }
    return whole(domain, official.RECEIVE_AUTHORIZATION_TYPES, "ReceiveWithAuthorization", message)


def _signed(message: dict[str, Any], signature: str) -> dict[str, Any]:
    return {"typed_data": message, "digest": digest_of(message), "signature": signature}
