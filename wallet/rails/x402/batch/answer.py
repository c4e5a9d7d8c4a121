"""Read what a seller says of a channel: what it charged, or where it stands; only claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wallet.assets import find_network
from wallet.exchange import WebResponse
from wallet.money import parse_atomic
from wallet.rails.codec import CodecError, as_array, as_object, decode_base64, parse_json
from wallet.rails.x402.batch.channel import SCHEME
from wallet.rails.x402.challenge import HEADER
from wallet.rails.x402.evm import is_hash
from wallet.rails.x402.settlement import HEADERS

_PREFIX = "invalid_batch_settlement_evm_"
MISMATCH = _PREFIX + "cumulative_amount_mismatch"
BUSY = _PREFIX + "channel_busy"


@dataclass(frozen=True, slots=True)
class ChannelAnswer:
    """A settlement response to a payment through a channel, each field None where unreadable.

    `charged_atomic` is what this request cost, `cumulative_atomic` all that was charged so far,
    `balance_atomic` the deposit as the seller sees it, `tx_hash` the deposit's or the refund's.
    """

    success: bool
    network: str | None
    channel_id: str | None
    charged_atomic: int | None
    cumulative_atomic: int | None
    balance_atomic: int | None
    tx_hash: str | None


@dataclass(frozen=True, slots=True)
class Correction:
    """Where a seller says that a channel stands, with a voucher of ours to show for it."""

    channel_id: str
    charged_atomic: int
    signed_max_atomic: int
    signature: str


def read_answer(response: WebResponse) -> ChannelAnswer | None:
    """Read the settlement response without ever raising; None when there is none."""
    for name in HEADERS:
        values = response.values(name)
        fields = _decode(values[0]) if len(set(values)) == 1 else None
        success = None if fields is None else fields.get("success")
        if fields is not None and isinstance(success, bool):
            return _answer(fields, success)
    return None


def read_error(response: WebResponse) -> str | None:
    """Return `MISMATCH` or `BUSY` where a 402 gives that reason; None for any other."""
    envelope = _envelope(response)
    error = None if envelope is None else envelope.get("error")
    return error if error in (MISMATCH, BUSY) else None


def read_correction(response: WebResponse, channel_id: str) -> Correction | None:
    """Read a corrective 402 about one channel; None where it lacks the proof that it needs.

    The caller believes it only when `signature` is its own over `signed_max_atomic`.
    """
    envelope = _envelope(response)
    if envelope is None or envelope.get("error") != MISMATCH:
        return None
    for entry in as_array(envelope.get("accepts")) or []:
        offer = as_object(entry) or {}
        extra = as_object(offer.get("extra")) or {}
        state = as_object(extra.get("channelState"))
        voucher = as_object(extra.get("voucherState"))
        if offer.get("scheme") != SCHEME or state is None or voucher is None:
            continue
        found = _correction(state, voucher)
        if found is not None and found.channel_id == channel_id.lower():
            return found
    return None


def disagreement(
    answer: ChannelAnswer,
    *,
    network_id: str,
    channel_id: str,
    price_atomic: int,
    charged_before_atomic: int,
    deposited_atomic: int,
) -> str | None:
    """Say, in our words, where an answer breaks the rules of a channel; None when it keeps them.

    These are the client's checks of the scheme (Client Verification Rules, Steady State). After
    one that fails nothing more may be signed for the channel.
    """
    network = None if answer.network is None else find_network(answer.network)
    if answer.network is not None and (network is None or network.id != network_id):
        return "it names another network"
    if answer.channel_id != channel_id.lower():
        return "it names another channel"
    if answer.charged_atomic is None or answer.charged_atomic > price_atomic:
        return "it charged more than was asked, or does not say what"
    if answer.cumulative_atomic != charged_before_atomic + answer.charged_atomic:
        return "its total is not the one before and this charge"
    if answer.balance_atomic not in (None, deposited_atomic):
        return "it names another deposit than was made"
    return None


def _answer(fields: Mapping[str, Any], success: bool) -> ChannelAnswer:
    extra = as_object(fields.get("extra")) or {}
    state = as_object(extra.get("channelState")) or {}
    network = fields.get("network")
    return ChannelAnswer(
        success=success,
        network=network if isinstance(network, str) else None,
        channel_id=_hash(state.get("channelId")),
        charged_atomic=_amount(extra.get("chargedAmount")),
        cumulative_atomic=_amount(state.get("chargedCumulativeAmount")),
        balance_atomic=_amount(state.get("balance")),
        tx_hash=_hash(fields.get("transaction")),
    )


def _correction(state: Mapping[str, Any], voucher: Mapping[str, Any]) -> Correction | None:
    channel_id = _hash(state.get("channelId"))
    charged = _amount(state.get("chargedCumulativeAmount"))
    signed_max = _amount(voucher.get("signedMaxClaimable"))
    signature = voucher.get("signature")
    if channel_id is None or charged is None or signed_max is None:
        return None
    if not isinstance(signature, str) or charged > signed_max:
        return None
    return Correction(channel_id, charged, signed_max, signature)


def _envelope(response: WebResponse) -> dict[str, Any] | None:
    values = response.values(HEADER)
    return _decode(values[0]) if response.status == 402 and len(set(values)) == 1 else None


def _decode(value: str) -> dict[str, Any] | None:
    try:
        return as_object(parse_json(decode_base64(value)))
    except CodecError:
        return None


def _hash(value: object) -> str | None:
    return value.lower() if isinstance(value, str) and is_hash(value) else None


def _amount(value: object) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        return parse_atomic(value)
    except ValueError:
        return None
