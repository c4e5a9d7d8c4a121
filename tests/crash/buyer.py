"""A process that buys once and may die of it: `python -m tests.crash.buyer LIBRARY`.

Each line of standard input is a `Job`. Everything is imported once; each job runs in a fork of
its own. Two lines answer it: the fork's process id, then how it ended.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio

import wallet.ledger.database
import wallet.purchases
from sandbox.run import Sandbox
from tests.crash.faults import Faults
from tests.desk import OpenKey, open_desk
from tools.web.exchange import WebExchange
from wallet.errors import PurserError
from wallet.exchange import WebRequest, WebResponse
from wallet.ledger.base import HoldRequest, Ledger
from wallet.ledger.sqlite import SqliteLedger
from wallet.loading import recursion_limit_kept
from wallet.model import Delivery, Purchase, Transfer
from wallet.money import Usd
from wallet.payer import Payer
from wallet.purchases import PurchaseStore, StorageFailedError
from wallet.vault import Vault

STEPS = (
    "asked",
    "holding",
    "held",
    "signed",
    "stored",
    "sending",
    "sent",
    "answered",
    "kept",
    "recorded",
)
"""What a paid fetch passes through. At `sent` the seller has the payment; it is reached outside."""


CAPS = {"per_host_per_day": Usd.parse("0.02"), "per_day": Usd.parse("0.02")}
"""Room for two purchases, so that a second payment for the first is not refused by chance."""

PROOF_WAIT_S = 1

STORED_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
BODIES = (b"what came first " * 100, b"what was paid for " * 100)

WARM = ("httpx", "web3", "eth_account", "coincurve", "anyio._backends._asyncio")
"""What a purchase would import late; loaded before the first fork."""


@dataclass(frozen=True, slots=True)
class Job:
    """One purchase in `home`: where the buyer kills itself, or which file call is spoilt.

    `fault` is one of `tests.crash.faults`; `journal` is SQLite's, `truncate` or `wal`, or what this
    SQLite gets. With `full_at` the home is a small file system of its own, which another file
    fills at that step; what is in it at the end is copied to `home-left`. `only_store` buys
    nothing: two bodies are stored, the second in the place of the first.
    """

    home: str
    url: str
    rpc_url: str
    log: str = ""
    die_at: str = ""
    call: int = 0
    fault: str = "-"
    journal: str = ""
    full_at: str = ""
    only_store: bool = False


class Buyer:
    """The steps of one job: it marks each one that it reaches, and dies at the chosen one."""

    def __init__(self, job: Job, faults: Faults) -> None:
        self._job = job
        self._faults = faults

    def reach(self, step: str) -> None:
        """Mark a step; die, or fill the disk, when it is the one."""
        self._faults.mark(step)
        if step == self._job.full_at:
            fill(Path(self._job.home))
        if step == self._job.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    async def store(self) -> dict[str, Any]:
        """Store a body and another in its place; `stored` says how many came through."""
        stored = 0
        try:
            store = PurchaseStore(Path(self._job.home) / "purchases")
            for body in BODIES:
                store.save(STORED_ID, body, http_status=200, content_type="", replace=stored > 0)
                stored += 1
                self.reach(f"stored {stored}")
        except StorageFailedError:
            pass
        return {"stored": stored}

    async def buy(self) -> dict[str, Any]:
        """Buy, and say what the caller was told."""
        job, home = self._job, Path(self._job.home)
        there = Sandbox()
        there.seller_url, there.rpc_url = job.url, job.rpc_url
        path = home / "ledger.sqlite3"
        async with open_desk(
            home,
            there,
            rules=CAPS,
            open_ledger=lambda: WatchedLedger(self, path),
            proof_wait_s=PROOF_WAIT_S,
        ) as desk:
            store = WatchedStore(self, home / "purchases")
            parts = replace(desk.parts, keys=SteppingVault(self), store=store, room_bytes=0)
            exchange = WatchedExchange(self, desk.client, WebRequest("GET", job.url))
            try:
                bought = await Payer(parts).fetch(exchange, max_price=None, pay_again=False)
            except PurserError as error:
                return {"error": error.kind.value.code, "spent": error.spent}
            return {
                "status": bought.purchase.state.value,
                "bytes": len(bought.body),
                "stored": bought.purchase.delivery is not None,
            }


class WatchedLedger(SqliteLedger):
    """The ledger, with a step before the hold and one after each commit."""

    def __init__(self, buyer: Buyer, path: Path) -> None:
        super().__init__(path)
        self._buyer = buyer

    def hold(self, request: HoldRequest) -> Purchase:
        self._buyer.reach("holding")
        held = super().hold(request)
        self._buyer.reach("held")
        return held

    def store_signed(self, purchase_id: str, payment: str) -> None:
        super().store_signed(purchase_id, payment)
        self._buyer.reach("stored")

    def mark_unknown(self, purchase_id: str, note: str, delivery: Delivery | None = None) -> None:
        super().mark_unknown(purchase_id, note, delivery)
        self._buyer.reach("recorded")

    def settle(self, purchase_id: str, **outcome: Any) -> Purchase:
        settled = super().settle(purchase_id, **outcome)
        self._buyer.reach("recorded")
        return settled


class WatchedStore(PurchaseStore):
    """The store of bought content, with a step after it is kept."""

    def __init__(self, buyer: Buyer, root: Path) -> None:
        super().__init__(root)
        self._buyer = buyer

    def save(self, purchase_id: str, body: bytes, **about: Any) -> Delivery:
        delivery = super().save(purchase_id, body, **about)
        self._buyer.reach("kept")
        return delivery


class SteppingVault(Vault):
    """The key, with a step once a signature exists."""

    def __init__(self, buyer: Buyer) -> None:
        super().__init__(OpenKey())
        self._buyer = buyer

    def sign(self, ledger: Ledger, purchase_id: str, checked: Transfer) -> str:
        signature = super().sign(ledger, purchase_id, checked)
        self._buyer.reach("signed")
        return signature


class WatchedExchange(WebExchange):
    """The conversation with the seller, with a step around each request."""

    def __init__(self, buyer: Buyer, client: Any, request: WebRequest) -> None:
        super().__init__(client, request, timeout_s=20)
        self._buyer = buyer

    async def ask(self) -> WebResponse:
        response = await super().ask()
        self._buyer.reach("asked")
        return response

    async def pay(self, payment_headers: Mapping[str, str]) -> WebResponse:
        self._buyer.reach("sending")
        response = await super().pay(payment_headers)
        self._buyer.reach("answered")
        return response


CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000  # unshare(2)

JOURNALS = {"wal": (0, 0, 0), "truncate": (99, 0, 0)}
"""From which SQLite on the ledger would use write-ahead logging, to have either journal."""


def run(job: Job, faults: Faults) -> dict[str, Any]:
    """Run a job in this process, and return what the caller was told."""
    if job.full_at and not make_room(job.home):
        return {"skipped": "this system lets nobody mount a file system of their own"}
    if job.journal:
        wallet.ledger.database.WAL_SAFE_SQLITE = JOURNALS[job.journal]
    wallet.purchases.ROOM_TO_SPARE_BYTES = 0
    if job.log:
        faults.arm(str(Path(job.home).parent), job.log, job.call, job.fault)
    try:
        buyer = Buyer(job, faults)
        told = anyio.run(buyer.store if job.only_store else buyer.buy)
    except StorageFailedError:
        told = {"error": "the wallet could not be opened", "spent": "no"}
    if job.full_at:
        shutil.copytree(job.home, f"{job.home}-left")
    return told


def make_room(folder: str) -> bool:
    """Put a file system of 1 MiB at `folder`, for this process alone; False: not permitted."""
    Path(folder).mkdir()
    user, group, libc = os.getuid(), os.getgid(), ctypes.CDLL(None)
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
        return False
    about_us = Path("/proc/self")
    (about_us / "setgroups").write_text("deny", encoding="ascii")
    (about_us / "uid_map").write_text(f"0 {user} 1", encoding="ascii")
    (about_us / "gid_map").write_text(f"0 {group} 1", encoding="ascii")
    return libc.mount(b"none", folder.encode(), b"tmpfs", 0, b"size=1m") == 0


def fill(folder: Path) -> None:
    """Write a file until the disk takes no more."""
    with suppress(OSError), (folder / "filler").open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def say(answer: Any) -> None:
    """Write a line of JSON."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def serve(faults: Faults) -> None:
    """Fork for each job, and report."""
    for line in sys.stdin:
        job = Job(**json.loads(line))
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:  # an exception here ends the fork and is seen as a missing answer
            os.close(reading)
            with os.fdopen(writing, "w") as answer:
                json.dump(run(job, faults), answer)
            os._exit(0)
        os.close(writing)
        say(child)
        with os.fdopen(reading, "rb") as pipe:
            told = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        say({"status": status, "told": json.loads(told or b"null")})


if __name__ == "__main__":
    with recursion_limit_kept():
        for name in WARM:
            importlib.import_module(name)
    serve(Faults(sys.argv[1]))
