"""Processes that race one cap: real ledger, real signatures, all of them starting together.

Two depths. `ledger` holds, signs, stores and settles without a network, so that nothing but the
ledger decides who goes first. `payer` runs whole purchases against the sandbox of the parent.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from statistics import median
from threading import Barrier
from typing import cast

from sandbox.run import BUYER, BUYER_KEY, NETWORK, SELLER, Sandbox
from tests.desk import OpenKey, open_desk
from wallet.assets import assets
from wallet.errors import ErrorKind, PurserError
from wallet.ids import purchase_id
from wallet.ledger.base import Cap, HoldRequest, LedgerUnavailableError, OverCapError
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Evidence, Transfer
from wallet.money import Usd
from wallet.vault import Vault

PROCESSES, CALLS, AFFORDABLE = 8, 25, 60
PRICE = Usd(10_000)
LIMIT = Usd(AFFORDABLE * 10_000 + 9_999)
CAP = Cap("all", "day", LIMIT, ErrorKind.OVER_DAY_BUDGET)
READY_TIMEOUT_S = 60
PRELOADED = ("httpx", "web3", "aiohttp", "eth_keys", "coincurve", "tests.races.racing")


@dataclass
class Ran:
    """What one process did; `waits_ms` has the time each call took that bought something."""

    bought: int = 0
    refused: int = 0
    errors: list[str] = field(default_factory=list[str])
    waits_ms: list[float] = field(default_factory=list[float])

    @contextmanager
    def call(self) -> Generator[None]:
        """Note how one call ends: bought, refused by the cap, or otherwise."""
        begin_ns = time.perf_counter_ns()
        try:
            yield
            self.bought += 1
            self.waits_ms.append((time.perf_counter_ns() - begin_ns) / 1e6)
        except OverCapError:
            self.refused += 1
        except PurserError as error:
            if error.kind is ErrorKind.OVER_DAY_BUDGET:
                self.refused += 1
            else:
                self.errors.append(str(error))
        except LedgerUnavailableError as error:
            self.errors.append(str(error))


@dataclass(frozen=True)
class Race:
    """What a racing process is told."""

    home: Path
    sandbox_urls: tuple[str, str] | None
    calls: int = CALLS


def elsewhere(urls: tuple[str, str]) -> Sandbox:
    """Return the sandbox that another process runs at these addresses of seller and RPC server."""
    sandbox = Sandbox()
    sandbox.seller_url, sandbox.rpc_url = urls
    return sandbox


def fairness(shares: list[int]) -> float:
    """Return the smallest share over the median share."""
    return min(shares) / median(shares)


def run_race(race: Race, processes: int = PROCESSES) -> list[Ran]:
    """Start the processes, let them begin together when all are ready, and collect what they did.

    Raises:
        EOFError: a process ended without saying what it did.
    """
    barrier = forks().Barrier(processes)
    workers = [started(take_part, race, number, barrier) for number in range(processes)]
    try:
        return [cast("Ran", worker.told.recv()) for worker in workers]
    finally:
        for worker in workers:
            worker.end()


@dataclass(frozen=True)
class Worker:
    """A process and the end of the pipe on which it tells what it does."""

    process: BaseProcess
    told: Connection

    def end(self) -> None:
        """Kill the process if it still runs, and close the pipe."""
        self.process.kill()
        self.process.join()
        self.told.close()


def forks() -> ForkServerContext:
    """Return the context whose processes begin with the slow libraries loaded."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def started(target: Callable[..., None], *arguments: object) -> Worker:
    """Start a process that runs `target` with the arguments and a pipe to tell on."""
    here, there = forks().Pipe(duplex=False)
    process = forks().Process(target=target, args=(*arguments, there))
    process.start()
    there.close()
    return Worker(process, here)


def take_part(race: Race, number: int, barrier: Barrier, told: Connection) -> None:
    """Race as one process, and send home what happened."""
    if race.sandbox_urls is None:
        ran = _race_ledger(race, number, barrier)
    else:
        ran = asyncio.run(_race_payer(race, elsewhere(race.sandbox_urls), number, barrier))
    told.send(ran)
    told.close()


def hold_request(worker: int, number: int) -> HoldRequest:
    """Return a hold of one price for a purchase of its own, on the sandbox's token."""
    now_ms = time.time_ns() // 1_000_000
    asset = next(one for one in assets().values() if one.network == NETWORK and one.usd_pegged)
    return HoldRequest(
        id=purchase_id(now_ms, os.urandom(10)),
        key=f"{worker}-{number}",
        principal="local",
        method="GET",
        url=f"https://api.example.com/{worker}/{number}",
        headers="",
        host="api.example.com",
        pay_again=False,
        rail="x402",
        scheme="exact",
        transfer=Transfer(
            network_id=NETWORK,
            asset=asset.address,
            payer=BUYER,
            pay_to=SELLER,
            amount_atomic=10_000,
            valid_after=0,
            valid_before=now_ms // 1000 + 120,
            nonce="0x" + os.urandom(32).hex(),
        ),
        amount_usd=PRICE,
        caps=(CAP,),
        approval_above=PRICE,
        payments_per_minute=100_000,
        repeat_window_s=600,
        now=now_ms // 1000,
    )


def _race_ledger(race: Race, worker: int, barrier: Barrier) -> Ran:
    ran, vault = Ran(), Vault(OpenKey(BUYER_KEY))
    with closing(SqliteLedger(race.home / "ledger.sqlite3")) as ledger:
        barrier.wait(READY_TIMEOUT_S)
        for number in range(race.calls):
            with ran.call():
                request = hold_request(worker, number)
                held = ledger.hold(request)
                signature = vault.sign(ledger, held.id, request.transfer)
                ledger.store_signed(held.id, signature)
                now = held.created_at
                ledger.settle(held.id, evidence=Evidence.CLAIMED, tx_hash=None, now=now)
    return ran


async def _race_payer(race: Race, sandbox: Sandbox, worker: int, barrier: Barrier) -> Ran:
    ran = Ran()
    rules = {"per_day": LIMIT, "per_host_per_day": Usd.parse("100")}
    async with open_desk(race.home, sandbox, rules=rules) as desk:
        await desk.buy(f"{sandbox.seller_url}/free?{worker}")  # loads what a first call loads
        barrier.wait(READY_TIMEOUT_S)
        for number in range(race.calls):
            with ran.call():
                await desk.buy(f"{sandbox.seller_url}/article?copy={worker}-{number}")
    return ran
