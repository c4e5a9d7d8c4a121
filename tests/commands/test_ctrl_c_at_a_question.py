"""Ctrl-C while a passphrase is asked for: the command ends, and the terminal is as it was."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import termios
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from sandbox.run import Sandbox
from server.commands.play_wallet import fill_folder
from tests.end_to_end.hosting import environment

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal and its signals"),
]


def take_the_terminal() -> None:
    """Make standard input the terminal of this session, in which Ctrl-C is heeded."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.parametrize("urls", [1, 2])
async def test_ctrl_c_at_the_passphrase_ends_at_once_and_shows_again_what_is_typed(
    tmp_path: Path, sandbox: Sandbox, urls: int
) -> None:
    home = tmp_path / "wallet"
    fill_folder(home, sandbox)
    sandbox.seen_payment_headers.clear()
    ours, theirs = os.openpty()
    pages = [f"{sandbox.seller_url}/api/weather?asked={number}" for number in range(urls)]
    env = environment(home, TERM="xterm-256color", COLUMNS="120")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "purser_mcp", "fetch", *pages),
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env=env,
        start_new_session=True,
        preexec_fn=take_the_terminal,
    )
    screen = b""
    try:
        with anyio.fail_after(60):
            while b"Passphrase" not in screen:
                await anyio.wait_readable(ours)
                screen += os.read(ours, 65_536)
            while termios.tcgetattr(theirs)[3] & termios.ECHO:
                await anyio.lowlevel.checkpoint()
            os.write(ours, b"\x03")
            assert await process.wait() == 130
        assert termios.tcgetattr(theirs)[3] & termios.ECHO
        assert sandbox.seen_payment_headers == []
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)
        os.close(theirs)
