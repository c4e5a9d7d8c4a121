"""Read what a seller says after a payment: a receipt, or a problem; claims, in safe fields."""

from __future__ import annotations

from wallet.assets import find_network
from wallet.exchange import WebResponse, is_good
from wallet.model import Settlement
from wallet.rails.codec import CodecError, as_object, decode_base64url, parse_json
from wallet.rails.mpp.challenge import MAX_REQUEST_CHARS
from wallet.rails.x402.evm import is_hash
from wallet.rails.x402.reasons import UNRECOGNISED

HEADER = "Payment-Receipt"
PROBLEMS = "https://paymentauth.org/problems/"
METHODS = ("evm", "usdc")

KNOWN_PROBLEMS = frozenset(
    {
        "bad-request",
        "internal-payment-error",
        "invalid-challenge",
        "invalid-payload",
        "malformed-credential",
        "method-unsupported",
        "payment-action-required",
        "payment-expired",
        "payment-insufficient",
        "payment-required",
        "verification-failed",
    }
)
"""The problem types of draft-httpauth-payment-01 section 8; any other becomes `unrecognised`."""


def read_settlement(response: WebResponse) -> Settlement | None:
    """Read `Payment-Receipt` of a good answer, or the problem of another, without ever raising.

    None of it is proof. A refusal of any status leaves open whether the payment settled: 403
    without a challenge is sent for a proof that was good, 500 for one that may have settled.
    """
    return _receipt(response) if is_good(response.status) else _problem(response)


def _receipt(response: WebResponse) -> Settlement | None:
    values = set(response.values(HEADER))
    if len(values) != 1:
        return None
    try:
        fields = as_object(parse_json(decode_base64url(values.pop(), MAX_REQUEST_CHARS)))
    except CodecError:
        return None
    if fields is None or fields.get("status") != "success" or fields.get("method") not in METHODS:
        return None
    reference = fields.get("reference")
    return Settlement(
        success=True,
        tx_hash=reference.lower() if isinstance(reference, str) and is_hash(reference) else None,
        network=_network(fields.get("chainId")),
        payer=None,
        amount_atomic=None,
        error_reason=None,
    )


def _network(chain_id: object) -> str | None:
    if isinstance(chain_id, bool) or not isinstance(chain_id, int):
        return None
    return f"eip155:{chain_id}" if 0 < chain_id < 2**53 else None


def _problem(response: WebResponse) -> Settlement | None:
    if not response.body.lstrip().startswith(b"{"):
        return None
    try:
        fields = as_object(parse_json(response.body))
    except CodecError:
        return None
    kind = None if fields is None else fields.get("type")
    if not isinstance(kind, str) or not kind.startswith(PROBLEMS):
        return None
    name = kind.removeprefix(PROBLEMS)
    reason = name if name in KNOWN_PROBLEMS else UNRECOGNISED
    return Settlement(False, None, None, None, None, reason)


def receipt_disagrees(settlement: Settlement, network_id: str) -> list[str]:
    """List, in our words, where a receipt names something else than what was signed."""
    if settlement.network is None:
        return []
    network = find_network(settlement.network)
    same = network is not None and network.id == network_id
    return [] if same else ["it names another network"]
