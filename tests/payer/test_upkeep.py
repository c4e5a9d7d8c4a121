"""What runs beside the server never ends it."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import anyio
import pytest

from sandbox.run import Sandbox
from server.upkeep import upkeep
from tests.desk import open_desk
from wallet.chain import Chain
from wallet.model import Transfer

pytestmark = pytest.mark.asyncio


class BrokenChain(Chain):
    """A chain reader with a fault of its own; notes that it was asked."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked = anyio.Event()

    async def transfer_proof(self, transfer: Transfer, tx_hash: str) -> NoReturn:
        self.asked.set()
        raise RuntimeError("a fault of its own")


async def test_a_fault_while_reconciling_is_logged_and_the_server_goes_on(
    tmp_path: Path, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
):
    async def at_once() -> None:
        """Be idle from the start."""

    def changed(*_: str) -> None:
        raise AssertionError("nothing was found out")

    dead = ("http://127.0.0.1:9",)
    async with open_desk(tmp_path, sandbox, rpc_urls=dead) as desk:
        await desk.buy(sandbox.seller_url + "/article")  # claimed, so that upkeep looks at it
        broken = BrokenChain()
        with caplog.at_level(logging.WARNING, logger="server.upkeep"):
            async with upkeep(replace(desk.parts, chain=broken), at_once, changed):
                with anyio.fail_after(10):
                    await broken.asked.wait()
                    await anyio.wait_all_tasks_blocked()
        assert "could not be reconciled: RuntimeError" in caplog.text
