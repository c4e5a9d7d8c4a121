"""What a `batch-settlement` offer says of the channel it wants; read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wallet.bounds import LONGEST_DELAY_S, SHORTEST_DELAY_S
from wallet.model import Offer
from wallet.money import parse_atomic
from wallet.rails.codec import as_object
from wallet.rails.x402.batch.channel import (
    SCHEME,
    ChannelConfig,
)
from wallet.rails.x402.evm import (
    ZERO_ADDRESS,
    checksum_address,
    has_wrong_checksum,
    is_address,
)

CORRECTIVE = ("channelState", "voucherState")
"""Members of `extra` that are about one channel's past, and no part of the offer."""


class UnreadableTermsError(Exception):
    """The offer cannot be paid through a channel; the text is ours and reads on from "it"."""


@dataclass(frozen=True, slots=True)
class ChannelTerms:
    """What a seller asks of a channel. `min_deposit_atomic` is 0 where it names none."""

    receiver_authorizer: str
    withdraw_delay_s: int
    min_deposit_atomic: int


def read_terms(offer: Offer) -> ChannelTerms:
    """Read `extra` of an offer (x402 batch-settlement on EVM, PaymentRequirements).

    Raises:
        UnreadableTermsError: it is another scheme's, or a member is missing or malformed.
    """
    if offer.scheme != SCHEME or offer.version != 2:
        raise UnreadableTermsError("it is no batch-settlement offer of x402 v2")
    extra = as_object(offer.raw.get("extra")) or {}
    return ChannelTerms(
        receiver_authorizer=_authorizer(extra),
        withdraw_delay_s=_delay_s(extra),
        min_deposit_atomic=_min_deposit(extra),
    )


def config_for(offer: Offer, terms: ChannelTerms, payer: str, salt: bytes) -> ChannelConfig:
    """Return the terms of a new channel for an offer whose network and token are known.

    Args:
        offer: the offer.
        terms: what `read_terms` returned for it.
        payer: the wallet's checksummed address.
        salt: 32 random bytes: no two ledgers that share a key ever share a channel.
    """
    if offer.network_id is None or len(salt) != 32:
        raise AssertionError("a channel is made on a known network with 32 bytes of salt")
    return ChannelConfig(
        network_id=offer.network_id,
        payer=payer,
        receiver=offer.pay_to,
        receiver_authorizer=terms.receiver_authorizer,
        token=offer.asset,
        withdraw_delay_s=terms.withdraw_delay_s,
        salt="0x" + salt.hex(),
    )


def fits(config: ChannelConfig, offer: Offer, terms: ChannelTerms) -> bool:
    """Tell whether a channel is one that this offer can be paid through."""
    return (
        config.network_id == offer.network_id
        and config.receiver == offer.pay_to
        and config.token == offer.asset
        and config.receiver_authorizer == terms.receiver_authorizer
        and config.withdraw_delay_s == terms.withdraw_delay_s
    )


def without_past(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return an offer as it is echoed: unchanged, but for a correction that came with it."""
    extra = as_object(raw.get("extra"))
    if extra is None or not any(name in extra for name in CORRECTIVE):
        return dict(raw)
    kept = {name: value for name, value in extra.items() if name not in CORRECTIVE}
    return {**raw, "extra": kept}


def _authorizer(extra: Mapping[str, Any]) -> str:
    value = extra.get("receiverAuthorizer")
    if not isinstance(value, str) or not is_address(value):
        raise UnreadableTermsError("it names no receiverAuthorizer")
    if value.lower() == ZERO_ADDRESS or has_wrong_checksum(value):
        raise UnreadableTermsError("its receiverAuthorizer is zero or fails its checksum")
    return checksum_address(value)


def _delay_s(extra: Mapping[str, Any]) -> int:
    value = extra.get("withdrawDelay")
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnreadableTermsError("its withdrawDelay is not an integer")
    if not SHORTEST_DELAY_S <= value <= LONGEST_DELAY_S:
        raise UnreadableTermsError("its withdrawDelay is not between 15 minutes and 30 days")
    return value


def _min_deposit(extra: Mapping[str, Any]) -> int:
    value = extra.get("minDeposit")
    if value is None:
        return 0
    try:
        amount_atomic = parse_atomic(value) if isinstance(value, str) else None
    except ValueError:
        amount_atomic = None
    if amount_atomic is None:
        raise UnreadableTermsError("its minDeposit is not a string of digits")
    return amount_atomic
