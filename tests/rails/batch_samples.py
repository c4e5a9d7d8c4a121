"""A channel, an offer that wants it, and what its seller answers, for tests of batch-settlement."""

from __future__ import annotations

import base64
import json
from typing import Any

from x402_samples import BASE_USDC, PAYEE, PAYER, offer_v2

from wallet.exchange import WebResponse
from wallet.model import Offer
from wallet.rails.x402.batch.channel import ChannelConfig
from wallet.rails.x402.offer import decode_offer

AUTHORIZER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
SALT = "0x" + "07" * 32
CONFIG = ChannelConfig("eip155:8453", PAYER, PAYEE, AUTHORIZER, BASE_USDC, 900, SALT)


def batch_offer(**extra: Any) -> dict[str, Any]:
    """Return a batch-settlement offer of $0.01; a member of `extra` set to `...` is left out."""
    members: dict[str, Any] = {
        "receiverAuthorizer": AUTHORIZER,
        "withdrawDelay": 900,
        "name": "USD Coin",
        "version": "2",
        "minDeposit": "100000",
        **extra,
    }
    kept = {name: value for name, value in members.items() if value is not ...}
    return offer_v2(scheme="batch-settlement", extra=kept)


def decoded(raw: dict[str, Any]) -> Offer:
    """Return an offer as the rail reads it."""
    offer = decode_offer(2, 0, raw)
    assert isinstance(offer, Offer)
    return offer


def paid_answer(channel: str, **changes: Any) -> dict[str, Any]:
    """Return the settlement response to a voucher that paid $0.01 after $0.02 had been charged.

    A change to a member of the channel's state is written `state_<member>`.
    """
    state: dict[str, Any] = {
        "channelId": channel,
        "balance": "1000000",
        "totalClaimed": "0",
        "withdrawRequestedAt": 0,
        "refundNonce": "0",
        "chargedCumulativeAmount": "30000",
    }
    for name in [name for name in changes if name.startswith("state_")]:
        state[name.removeprefix("state_")] = changes.pop(name)
    charged = changes.pop("charged", "10000")
    extra = {"chargedAmount": charged, "channelState": state}
    fields: dict[str, Any] = {
        "success": True,
        "transaction": "",
        "network": "eip155:8453",
        "amount": "",
        "extra": extra,
        **changes,
    }
    return fields


def answered(value: object, *, status: int = 200, name: str = "PAYMENT-RESPONSE") -> WebResponse:
    """Return an answer with one header that carries `value` as base64 of JSON."""
    encoded = base64.b64encode(json.dumps(value).encode()).decode()
    return WebResponse("https://api.example.com/page/1", status, ((name, encoded),), b"{}")
