"""What is read of the chain before a payment is signed, and how long that may take."""

from __future__ import annotations

import math

import anyio
import pytest

from sandbox.evm import USDC_ADDRESS
from sandbox.run import NETWORK
from wallet.assets import Asset, find_asset
from wallet.chain import Chain
from wallet.funds import Funds


class TimedChain(Chain):
    """A chain that notes what was asked of it, and whether under a time limit."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked: list[tuple[str, bool]] = []

    def _note(self, what: str) -> None:
        self.asked.append((what, anyio.current_effective_deadline() < math.inf))

    async def ready(self) -> None:
        self._note("ready")

    async def balance(self, asset: Asset, owner: str) -> int:
        self._note("balance")
        return 1


@pytest.mark.asyncio
async def test_loading_the_library_takes_nothing_of_the_time_to_read_a_balance() -> None:
    asset = find_asset(NETWORK, USDC_ADDRESS)
    assert asset is not None
    chain = TimedChain()
    assert await Funds(chain).shortfall(asset, "0x" + "11" * 20, 2) is not None
    assert chain.asked == [("ready", False), ("balance", True)]
