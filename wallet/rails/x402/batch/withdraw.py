"""The calls by which a payer takes back a channel's rest without its seller (ABI encoding)."""

from __future__ import annotations

from wallet.rails.x402.batch.channel import UINT128_MAX, ChannelConfig

# First four bytes of the Keccak-256 of each function's signature; the first argument of both is
# the channel's terms, (address,address,address,address,address,uint40,bytes32).
INITIATE_WITHDRAW = "0xcf5cf3dc"
FINALIZE_WITHDRAW = "0xe88377b1"


def initiate_data(config: ChannelConfig, amount_atomic: int) -> str:
    """Return the call data of `initiateWithdraw(config, amount)`, which starts the delay.

    Raises:
        ValueError: the amount is zero or does not fit in 128 bits.
    """
    if not 0 < amount_atomic <= UINT128_MAX:
        raise ValueError("a withdrawal must be positive and fit in 128 bits")
    return f"{INITIATE_WITHDRAW}{_terms(config)}{amount_atomic:064x}"


def finalize_data(config: ChannelConfig) -> str:
    """Return the call data of `finalizeWithdraw(config)`, which ends the delay and pays out."""
    return FINALIZE_WITHDRAW + _terms(config)


def _terms(config: ChannelConfig) -> str:
    words = (
        config.payer,
        config.payer,
        config.receiver,
        config.receiver_authorizer,
        config.token,
        f"{config.withdraw_delay_s:x}",
        config.salt,
    )
    return "".join(word.removeprefix("0x").lower().rjust(64, "0") for word in words)
