"""The payment of a charge: a nonce bound to its challenge, and the credential that carries it."""

from __future__ import annotations

from collections.abc import Mapping

from wallet.model import Transfer
from wallet.rails.codec import encode_base64url, encode_json
from wallet.rails.jcs import canonical_json
from wallet.rails.mpp.charge import CREDENTIAL_TYPE
from wallet.rails.x402.evm import keccak256


def challenge_nonce(challenge_id: str, realm: str) -> str:
    """Return the EIP-3009 nonce that binds a transfer to its challenge, as 0x and 64 hex digits.

    It is the Keccak-256 of the compact JSON array `[id, realm]` in UTF-8, as mppx since 0.13 and
    pympp since 0.15 compute it. The draft (draft-evm-charge-00) and mppx up to 0.12 hash the two
    texts one after the other, so that `("ab", "c")` and `("a", "bc")` are one. That form is never
    signed, not even after a refusal: it would be a second nonce for one purchase.
    """
    return "0x" + keccak256(encode_json([challenge_id, realm]).encode("utf-8")).hex()


def build_credential(echo: Mapping[str, str], transfer: Transfer, signature: str) -> str:
    """Return the value of the payment header: `Payment` and one base64url text.

    `echo` is repeated to the letter, `request` and `opaque` as the strings that came.
    """
    credential = {
        "challenge": dict(echo),
        "payload": {
            "type": CREDENTIAL_TYPE,
            "from": transfer.payer,
            "to": transfer.pay_to,
            "value": str(transfer.amount_atomic),
            "validAfter": str(transfer.valid_after),
            "validBefore": str(transfer.valid_before),
            "nonce": transfer.nonce,
            "signature": signature,
        },
        "source": f"did:pkh:{transfer.network_id}:{transfer.payer}",
    }
    return "Payment " + encode_base64url(canonical_json(credential).encode("utf-8"))
