"""Refuse early when the wallet cannot cover a price, without asking the chain each time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from wallet.assets import Asset
from wallet.chain import Chain, ChainUnreadableError
from wallet.errors import ErrorKind, PurserError, as_sentence
from wallet.money import token_units

READ_WAIT_S = 2


class Funds:
    """Remembers the last balance read, less what was asked for since; reads anew when it runs low.

    This spares a signature that no facilitator would take. It guards no cap: a chain that cannot
    be read refuses nothing here.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._left_atomic: dict[tuple[str, str], int] = {}

    async def require(self, asset: Asset, owner: str, amount_atomic: int) -> None:
        """Raise PurserError(INSUFFICIENT_FUNDS) when the chain shows less than the amount."""
        key = (asset.network, asset.address)
        left = self._left_atomic.get(key)
        if left is None or left < amount_atomic:
            left = await self._read(asset, owner)
        if left is None:
            return
        if left < amount_atomic:
            detail = _shortfall(asset, amount_atomic, left)
            raise PurserError(ErrorKind.INSUFFICIENT_FUNDS, as_sentence(detail))
        self._left_atomic[key] = left - amount_atomic

    async def shortfall(self, asset: Asset, owner: str, amount_atomic: int) -> str | None:
        """Say what is missing when the chain shows less than the amount; None when it does not."""
        left = await self._read(asset, owner)
        if left is None or left >= amount_atomic:
            return None
        return _shortfall(asset, amount_atomic, left)

    async def _read(self, asset: Asset, owner: str) -> int | None:
        return await read_soon(self._chain, self._chain.balance, asset, owner)


async def read_soon(
    chain: Chain, read: Callable[[Asset, str], Awaitable[int]], asset: Asset, owner: str
) -> int | None:
    """Return what the chain says within `READ_WAIT_S`, or None when it cannot be read by then."""
    await chain.ready()
    with anyio.move_on_after(READ_WAIT_S):
        try:
            return await read(asset, owner)
        except ChainUnreadableError:
            return None
    return None


def _shortfall(asset: Asset, amount_atomic: int, left_atomic: int) -> str:
    need, have = (token_units(one, asset.decimals) for one in (amount_atomic, left_atomic))
    return f"the price is {need} {asset.symbol} and the wallet holds {have}"
