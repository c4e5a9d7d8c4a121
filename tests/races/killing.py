"""Processes that buy from one ledger and are killed at any moment, and the audit afterwards."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

import wallet.repeats
from sandbox.run import Sandbox
from tests.desk import open_desk
from tests.races.racing import Worker, elsewhere, started
from wallet.assets import find_network
from wallet.errors import PurserError
from wallet.ledger.base import HoldRequest
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Charge, Delivery, Evidence, Purchase
from wallet.money import Usd
from wallet.reconcile import reconcile_all

T = TypeVar("T")

LONGEST_LIFE = 14
"""The most steps a process is heard to take before it is killed."""

PEAK = """
    SELECT max(total) FROM (
        SELECT sum(
            CASE kind WHEN 'hold' THEN amount_usd_micros WHEN 'void' THEN -amount_usd_micros END
        ) OVER (ORDER BY id) AS total FROM entries
    )
"""
MOST_SIGNED = """
    SELECT max(signed) FROM (
        SELECT count(*) AS signed FROM entries JOIN purchases ON purchases.id = purchase_id
        WHERE kind = 'sign' GROUP BY key
    )
"""


@dataclass(frozen=True)
class Siege:
    """How many processes buy how many pages each, and how often one of them is killed."""

    home: Path
    sandbox_urls: tuple[str, str]
    seed: int
    processes: int = 4
    calls: int = 12
    affordable: int = 30
    kills: int = 12

    @property
    def limit(self) -> Usd:
        """Return the cap on the day."""
        return Usd(self.affordable * 10_000 + 9_999)


class TellingLedger(SqliteLedger):
    """A ledger that says so before and after each step of a payment.

    It stands still for ever once it has done the step named by `last_step`.
    """

    def __init__(self, path: Path, told: Connection, last_step: str | None) -> None:
        super().__init__(path)
        self._told = told
        self._last_step = last_step

    def _step(self, name: str, step: Callable[[], T]) -> T:
        self._told.send_bytes(b".")
        result = step()
        self._told.send_bytes(b".")
        if name == self._last_step:
            threading.Event().wait()
        return result

    def hold(self, request: HoldRequest) -> Purchase:
        return self._step("hold", lambda: super(TellingLedger, self).hold(request))

    def store_signed(self, purchase_id: str, payment: str) -> None:
        store = super().store_signed
        return self._step("store_signed", lambda: store(purchase_id, payment))

    def settle(
        self,
        purchase_id: str,
        *,
        evidence: Evidence,
        tx_hash: str | None,
        now: int,
        delivery: Delivery | None = None,
        note: str | None = None,
        charge: Charge | None = None,
    ) -> Purchase:
        return self._step(
            "settle",
            lambda: super(TellingLedger, self).settle(
                purchase_id,
                evidence=evidence,
                tx_hash=tx_hash,
                now=now,
                delivery=delivery,
                note=note,
                charge=charge,
            ),
        )


def buy_again_and_again(siege: Siege, number: int, last_step: str | None, told: Connection) -> None:
    """Ask for one list of pages from its beginning, as a host repeats its calls after a crash."""
    wallet.repeats.JOIN_WAIT_S = 0  # whoever was buying has been killed
    asyncio.run(_buy(siege, number, last_step, told))


async def _buy(siege: Siege, number: int, last_step: str | None, told: Connection) -> None:
    sandbox, path = elsewhere(siege.sandbox_urls), siege.home / "ledger.sqlite3"
    rules = {"per_day": siege.limit, "per_host_per_day": Usd.parse("100")}
    telling = lambda: TellingLedger(path, told, last_step)  # noqa: E731
    async with open_desk(siege.home, sandbox, rules=rules, open_ledger=telling) as desk:
        for page in range(siege.calls):
            try:
                await desk.buy(f"{sandbox.seller_url}/article?page={number}-{page}")
            except PurserError as error:
                if error.kind.value.code == "ledger_unavailable":
                    raise


def besiege(siege: Siege) -> None:
    """Let the processes buy; kill one at a time, in the middle of whatever it does, and restart it.

    Where it dies follows the seed, up to what the machine's scheduler adds. Two more processes
    have died before, surely between hold and signature and between signature and sending.
    """
    dice = random.Random(siege.seed)
    for number, (step, heard) in enumerate((("hold", 2), ("store_signed", 4)), siege.processes):
        stuck = started(buy_again_and_again, siege, number, step)
        _listen(stuck, heard)
        stuck.end()
    numbers = range(siege.processes)
    workers = [started(buy_again_and_again, siege, number, None) for number in numbers]
    try:
        for _ in range(siege.kills):
            number = dice.randrange(siege.processes)
            _listen(workers[number], dice.randint(1, LONGEST_LIFE))
            workers[number].end()
            workers[number] = started(buy_again_and_again, siege, number, None)
        for worker in workers:
            _listen(worker, None)
            worker.process.join()
            if worker.process.exitcode != 0:
                raise AssertionError("a process failed by itself")
    finally:
        for worker in workers:
            worker.end()


def _listen(worker: Worker, steps: int | None) -> None:
    """Wait until a process took so many steps, or ended."""
    heard = 0
    while heard != steps:
        try:
            worker.told.recv_bytes()
        except EOFError:
            return
        heard += 1


@dataclass(frozen=True)
class Findings:
    """What the books say: open purchases after all time has run out, and the most ever counted."""

    faults: list[str]
    peak_micros: int
    most_signed_per_call: int
    settled: list[Purchase]
    open: list[Purchase]


async def run_out(siege: Siege, sandbox: Sandbox) -> None:
    """Let every authorization lapse, on the chain's clock and on ours, and reconcile."""
    network = find_network(sandbox.network)
    assert network is not None
    later_s = 120 + network.finality_margin_s + 5
    sandbox.chain.advance_time(later_s)
    async with open_desk(siege.home, sandbox) as desk:
        desk.clock.ahead_s = later_s
        await reconcile_all(desk.parts)


def audit(siege: Siege) -> Findings:
    """Read everything there is to know from the ledger's file."""
    path = siege.home / "ledger.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        (peak,) = connection.execute(PEAK).fetchone()
        (signed,) = connection.execute(MOST_SIGNED).fetchone()
        ids = connection.execute("SELECT id FROM purchases WHERE state = 'settled'").fetchall()
    with closing(SqliteLedger(path)) as ledger:
        settled = [one for (name,) in ids if (one := ledger.get(name)) is not None]
        return Findings(ledger.check(), peak, signed, settled, ledger.open_purchases())
