"""What the crash tests share: a buyer that dies, and a wallet that is opened after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from sandbox.run import Sandbox
from tests.crash.buyer import CAPS, JOURNALS, PROOF_WAIT_S, Job
from tests.crash.faults import FileCall, read_log
from tests.desk import Desk, open_desk
from tests.end_to_end.hosting import authorization_of
from wallet.errors import PurserError
from wallet.model import Purchase, State
from wallet.purchases import PurchaseStore

ROOT = Path(__file__).resolve().parents[2]
ARTICLE = (ROOT / "sandbox" / "pages" / "article.html").read_bytes()
EVERYTHING = os.environ.get("PURSER_CRASH") == "all"
"""Try every call, every fault, every state and every journal, which takes many minutes."""

TRIED_JOURNALS = tuple(JOURNALS) if EVERYTHING else ("",)
"""By default the one that this SQLite gets."""

A_MINUTE_LATER_S = 61
"""By then a hold without a signature is stale, and nobody waits for its buyer any more."""

LIVE_STATES = (State.SIGNED, State.UNKNOWN, State.SETTLED)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a buyer ended: its exit status (-9: killed), and what the caller was told before."""

    status: int
    told: dict[str, Any] | None


class BuyerServer:
    """The process of `tests.crash.buyer`; one purchase at a time."""

    def __init__(self, library: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.buyer", str(library)],
            env=os.environ | {"LD_PRELOAD": str(library)},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    async def start(self, job: Job) -> int:
        """Start a purchase and return the process that makes it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(job)) + "\n")
        self._process.stdin.flush()
        return int(await self._line())

    async def end(self) -> Ended:
        """Wait until the purchase is made, or its process is dead."""
        return Ended(**json.loads(await self._line()))

    async def run(self, job: Job) -> Ended:
        """Make a purchase, or die of it."""
        await self.start(job)
        return await self.end()

    async def _line(self) -> str:
        assert self._process.stdout is not None
        return await anyio.to_thread.run_sync(self._process.stdout.readline)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@dataclass(frozen=True, slots=True)
class Told:
    """What a call was told: `content`, or a code; whether money moved; the purchase's state."""

    answer: str
    spent: str
    body: bytes = b""


def nonces(payments: Sequence[str]) -> set[str]:
    """Return the nonces of the payment headers that a seller has seen."""
    return {authorization_of(header)["nonce"].lower() for header in payments}


def calls_of(job: Job) -> list[FileCall]:
    """Return the file calls and marks of a buyer."""
    return read_log(Path(job.log))


@asynccontextmanager
async def reopened(
    home: Path, sandbox: Sandbox, url: str, later_s: int = A_MINUTE_LATER_S
) -> AsyncGenerator[Desk]:
    """Open the wallet in `home` again, by a clock that shows a later time."""
    async with open_desk(home, sandbox, urls=(url,), rules=CAPS, proof_wait_s=PROOF_WAIT_S) as desk:
        desk.clock.ahead_s = later_s
        yield desk


async def buy(desk: Desk, url: str) -> Told:
    """Make the call, and return what it was told."""
    try:
        bought = await desk.buy(url)
    except PurserError as error:
        return Told(error.kind.value.code, error.spent)
    return Told("content", "yes", bought.body)


async def cashed(sandbox: Sandbox, nonce: str) -> None:
    """Wait until the chain shows a payment that the seller cashes while its buyer is dead."""
    with anyio.fail_after(60):
        while not sandbox.chain.nonce_used(sandbox.buyer_address, nonce):  # noqa: ASYNC110
            await anyio.sleep(0.01)


def assert_content_is_whole(home: Path) -> None:
    """Whatever is stored is the content that was bought, or not there at all."""
    store = PurchaseStore(home / "purchases")
    for folder in (home / "purchases").iterdir():
        if ".tmp-" not in folder.name:
            stored = store.load(folder.name)
            assert stored is not None
            assert stored.body == ARTICLE


async def assert_books_hold(desk: Desk, sandbox: Sandbox, sent: set[str]) -> list[Purchase]:
    """The books balance, and stand for at least every signature that a seller has seen."""
    assert await desk.check() == []
    purchases = await desk.purchases()
    standing = {
        one.transfer.nonce.lower()
        for one in purchases
        if one.transfer is not None and one.state in LIVE_STATES
    }
    assert sent <= standing
    for one in purchases:
        if one.transfer is not None:
            used = sandbox.chain.nonce_used(one.transfer.payer, one.transfer.nonce)
            assert not used or one.state in LIVE_STATES
    (day,) = (cap for cap in (await desk.payer.status()).caps if cap.name == "per_day")
    assert day.limit is not None
    assert (day.held + day.settled).micros == 10_000 * sum(
        one.state in (*LIVE_STATES, State.HELD) for one in purchases
    )
    assert day.held + day.settled <= day.limit
    return purchases
