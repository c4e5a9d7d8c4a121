"""Run the durable steps of a payment - hold, sign, store - and undo them if the caller left."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import anyio
import anyio.lowlevel

from wallet.errors import ErrorKind, PurserError
from wallet.ledger.base import Ledger, RateLimitedError, StaleStateError
from wallet.model import Purchase
from wallet.parts import Parts
from wallet.presenting import release_unsent

Prepared = tuple[Purchase, Mapping[str, str]]
"""A hold whose signature is stored, and the headers to present with it."""


async def hold_and_sign(parts: Parts, steps: Callable[[Ledger], Prepared]) -> Prepared:
    """Run `steps` in the ledger's own thread; a cancellation right after them frees the hold.

    Raises:
        PurserError: too many payments this minute, or the hold was released meanwhile.
        OverCapError, ApprovalMissingError, NonceUsedError, AlreadyBoughtError, ChannelBusyError,
            ChannelMovedError: as the ledger refuses; only the caller can put these into words.
    """
    try:
        held, headers = await parts.ledger.call(steps)
    except RateLimitedError:
        detail = f"The limit is {parts.rules.payments_per_minute} payments per minute."
        raise PurserError(ErrorKind.RATE_LIMITED, detail) from None
    except StaleStateError:
        detail = "The hold was released before its signature was stored; nothing was sent."
        raise PurserError(ErrorKind.LEDGER_UNAVAILABLE, detail) from None
    try:
        await anyio.lowlevel.checkpoint()
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True):
            await parts.ledger.call(lambda ledger: release_unsent(ledger, held.id))
        raise
    return held, headers
