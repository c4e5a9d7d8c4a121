"""What a payment that reached a seller really authorises, read with an independent wallet."""

from __future__ import annotations

import time
from collections.abc import Sequence

from eth_account import Account
from eth_account.messages import encode_typed_data

from sandbox.hostile.scene import Payment
from sandbox.run import BUYER

# Written out here: what the token on Base Sepolia hashes, whatever a seller calls it.
DOMAIN = {
    "name": "USDC",
    "version": "2",
    "chainId": 84532,
    "verifyingContract": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
}
UINT256 = ("value", "validAfter", "validBefore")
TYPES = {
    "TransferWithAuthorization": [
        {"name": "from", "type": "address"},
        {"name": "to", "type": "address"},
        *({"name": name, "type": "uint256"} for name in UINT256),
        {"name": "nonce", "type": "bytes32"},
    ]
}
LONGEST_LIFE_S = 120


def only_signature(payments: Sequence[Payment]) -> Payment | None:
    """Return the one payment among all that arrived, after checking that it is a plain transfer.

    Whoever saw more than one distinct payment, or anything else signed, is an assertion.
    """
    if not payments:
        return None
    assert len({one.raw for one in payments}) == 1
    payment = payments[0]
    signed = payment.payload["payload"]
    assert set(signed) == {"authorization", "signature"}
    assert set(payment.authorization) == {"from", "to", "nonce", *UINT256}
    assert _signer(payment) == payment.authorization["from"] == BUYER
    assert int(payment.authorization["validBefore"]) <= time.time() + LONGEST_LIFE_S
    return payment


def _signer(payment: Payment) -> str:
    message: dict[str, object] = dict(payment.authorization)
    message |= {name: int(payment.authorization[name]) for name in UINT256}
    message["nonce"] = bytes.fromhex(payment.nonce[2:])
    signable = encode_typed_data(DOMAIN, TYPES, message)
    return Account.recover_message(signable, signature=payment.payload["payload"]["signature"])
