"""A real terminal: a bar while pages come, and Ctrl-C that ends in order, or at once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest

from sandbox.run import Sandbox
from server.commands.progress import STOPPING
from tests.end_to_end.hosting import Gate, books, environment, settle_in
from tests.meddler import Meddler, meddler
from wallet.model import State

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal and its signals"),
]


@dataclass
class Terminal:
    """A process whose standard error is a terminal; its standard output is a pipe."""

    process: asyncio.subprocess.Process
    screen: int
    seen: bytes = b""
    more: anyio.Event = field(default_factory=anyio.Event)

    async def watch(self) -> None:
        """Read the screen as it is written; a process waits for a terminal that nobody reads."""
        with suppress(OSError):  # its other end was closed
            while True:
                await anyio.wait_readable(self.screen)
                self.seen += os.read(self.screen, 65_536)
                self.more.set()
                self.more = anyio.Event()

    async def until(self, words: str) -> None:
        """Wait until words stand on the screen."""
        with anyio.fail_after(60):
            while words.encode() not in self.seen:
                await self.more.wait()

    async def ended(self) -> tuple[int, str]:
        """Return the exit code and standard output."""
        with anyio.fail_after(60):
            out, _ = await self.process.communicate()
        return self.process.returncode or 0, out.decode()


def heed_ctrl_c() -> None:
    """Undo an ignored SIGINT, which everything that was started in the background inherits."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@asynccontextmanager
async def fetching(home: Path, *arguments: str) -> AsyncGenerator[Terminal]:
    """Start `purser fetch` with its standard error in a terminal."""
    ours, theirs = os.openpty()
    env = environment(home, TERM="xterm-256color", COLUMNS="120")
    env.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "purser_mcp", "fetch", *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=theirs, env=env, preexec_fn=heed_ctrl_c
    )
    os.close(theirs)
    terminal = Terminal(process, ours)
    try:
        async with anyio.create_task_group() as beside:
            beside.start_soon(terminal.watch)
            yield terminal
            beside.cancel_scope.cancel()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)


def pages(seller: Meddler) -> list[str]:
    return [f"{seller.url}/api/weather?{number}" for number in range(3)]


async def test_the_first_ctrl_c_lets_the_payment_finish_and_the_next_run_goes_on(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    gate, folder = Gate(), tmp_path / "pages"
    async with meddler(sandbox.seller_url, before_paid=gate) as seller:
        home = settle_in(tmp_path / "home", sandbox, sellers=[seller.url])
        arguments = [*pages(seller), "--concurrency", "1", "--output-dir", str(folder)]
        async with fetching(home, *arguments) as terminal:
            await terminal.until("0/3")
            await terminal.until("1 running")
            await gate.wait()
            terminal.process.send_signal(signal.SIGINT)
            await terminal.until(STOPPING)
            gate.opened.set()
            code, out = await terminal.ended()
            await terminal.until("Not fetched, because it was stopped: 2-3.")
            await terminal.until("1 page bought; $0.0001 spent now; not fetched: 2")
        assert code == 130
        assert [line.split()[1] for line in out.splitlines()[1:]] == ["$0.0001"]
        assert [path.name for path in folder.iterdir()] == ["weather_0.json"]
        async with fetching(home, *arguments) as terminal:
            assert (await terminal.ended())[0] == 0
        assert len(list(folder.iterdir())) == len(set(seller.payments)) == 3
        assert [one.state for one in books(home)] == [State.SETTLED] * 3


async def test_the_second_ctrl_c_ends_at_once_and_the_books_hold_what_was_sent(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    gate = Gate()
    async with meddler(sandbox.seller_url, before_paid=gate) as seller:
        home = settle_in(tmp_path / "home", sandbox, sellers=[seller.url])
        arguments = [*pages(seller)[:2], "--concurrency", "1"]
        async with fetching(home, *arguments) as terminal:
            await gate.wait()
            terminal.process.send_signal(signal.SIGINT)
            await terminal.until(STOPPING)
            terminal.process.send_signal(signal.SIGINT)
            assert await terminal.ended() == (130, "")
            assert b"Traceback" not in terminal.seen
        gate.opened.set()
        (purchase,) = books(home)
        assert purchase.state is State.SIGNED
        assert len(seller.payments) == 1
