"""A process that buys pages and may die of it: `python -m tests.channels.page_buyer`.

Each line of standard input is a job: a home, the addresses of a sandbox, pages to buy, and the
step of the last one at which the buyer kills itself. Each job runs in a fork of its own, and its
exit status answers it.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio

from tests.channels.channel_desk import limits
from tests.desk import open_desk
from tools.web.exchange import WebExchange
from wallet.exchange import WebRequest, WebResponse
from wallet.ledger.channel_book import ChannelBook
from wallet.ledger.sqlite import SqliteLedger
from wallet.loading import recursion_limit_kept
from wallet.vault import Vault

STEPS = ("held", "signed", "stored", "sending", "answered", "recorded")

WARM = ("httpx", "web3", "eth_account", "coincurve", "anyio._backends._asyncio")


class Fate:
    """Whether this page is the last, and where its buyer dies."""

    def __init__(self) -> None:
        self.die_at = ""

    def reach(self, step: str) -> None:
        """Die here, if here is where."""
        if step == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)


FATE = Fate()


def watch(owner: Any, name: str, step: str, *, before: bool = False) -> None:
    """Put a step after a method, or before it."""
    original = getattr(owner, name)

    def watched(*args: Any, **kwargs: Any) -> Any:
        if before:
            FATE.reach(step)
        result = original(*args, **kwargs)
        if not before:
            FATE.reach(step)
        return result

    setattr(owner, name, watched)


class DyingExchange(WebExchange):
    """The conversation with the seller, with a step around each payment."""

    async def pay(self, payment_headers: Mapping[str, str]) -> WebResponse:
        FATE.reach("sending")
        response = await super().pay(payment_headers)
        FATE.reach("answered")
        return response


async def buy(job: dict[str, Any]) -> None:
    """Buy every page of a job, the last one to die of."""
    sandbox: Any = SimpleNamespace(seller_url=job["seller_url"], rpc_url=job["rpc_url"])
    async with open_desk(Path(job["home"]), sandbox, key=job["key"], rules=limits()) as desk:
        for number in job["pages"]:
            if number == job["pages"][-1]:
                FATE.die_at = job["die_at"]
            url = f"{job['seller_url']}/batch/page/{number}"
            exchange = DyingExchange(desk.client, WebRequest("GET", url), timeout_s=20)
            await desk.payer.fetch(exchange, max_price=None, pay_again=False)


def serve() -> None:
    """Fork for each job, and report how it ended."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                anyio.run(buy, json.loads(line))
                status = 0
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    with recursion_limit_kept():
        for name in WARM:
            importlib.import_module(name)
    watch(ChannelBook, "open", "held")
    watch(ChannelBook, "lend", "held")
    watch(Vault, "sign_voucher", "signed")
    watch(SqliteLedger, "store_signed", "stored")
    watch(SqliteLedger, "settle", "recorded")
    serve()
