"""Processes that race one `max_total_usd`: the same call in each, or each with its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Barrier
from typing import cast

from tests.desk import open_desk
from tests.many.many_kit import codes, fetch_all, toolbox_of
from tests.races.racing import READY_TIMEOUT_S, elsewhere, forks, started
from wallet.money import Usd

WORKERS = 3
RULES = {
    "per_day": Usd.parse("500"),
    "per_host_per_day": Usd.parse("500"),
    "payments_per_minute": 100_000,
}


@dataclass(frozen=True)
class ManyRace:
    """What a racing process is told: `urls` has one call for each process."""

    home: Path
    sandbox_urls: tuple[str, str]
    urls: tuple[tuple[str, ...], ...]
    total: str


@dataclass(frozen=True)
class Shared:
    """What one process came to: a code for each page, and what it spent itself."""

    codes: list[str]
    spent: Usd


def race_for_total(race: ManyRace) -> list[Shared]:
    """Start a process for each call, let them begin together, and collect what they came to.

    Raises:
        EOFError: a process ended without saying what it did.
    """
    barrier = forks().Barrier(len(race.urls))
    workers = [started(_take_part, race, number, barrier) for number in range(len(race.urls))]
    try:
        return [cast("Shared", worker.told.recv()) for worker in workers]
    finally:
        for worker in workers:
            worker.end()


def _take_part(race: ManyRace, number: int, barrier: Barrier, told: Connection) -> None:
    told.send(asyncio.run(_call(race, number, barrier)))
    told.close()


async def _call(race: ManyRace, number: int, barrier: Barrier) -> Shared:
    sandbox = elsewhere(race.sandbox_urls)
    async with open_desk(race.home, sandbox, rules=RULES) as desk:
        await desk.buy(f"{sandbox.seller_url}/free?{number}")  # loads what a first call loads
        barrier.wait(READY_TIMEOUT_S)
        outcome = await fetch_all(toolbox_of(desk), race.urls[number], total=race.total)
    return Shared(codes(outcome.pages), outcome.spent)
