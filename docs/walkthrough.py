"""What docs/try-it-in-a-host.md shows, recorded from real commands and a real MCP client.

The client does as a host does: it reads the file that `purser install` wrote, and starts what
stands there. Folders and ports become the ones that a reader would have.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

ROOT = Path(__file__).resolve().parent.parent
PURSER = [sys.executable, "-P", "-m", "purser_mcp"]
SHOWN_HOME, SHOWN_PORTS = "/Users/ada", ("8402", "8403")
LAST_LINE, WAIT_S = "Ctrl-C ends it", 60
_QUESTION = "[y/N] "
_REQUEST = re.compile(r"ap_[0-9a-f-]{36}")
_NOT_HERE = re.compile(r"PURSER_.*|UV|CLAUDE_CONFIG_DIR|XDG_.*")


def record(folder: Path) -> dict[str, str]:
    """Walk from an empty home folder to an approved payment; return the text of each block."""
    walk = Walk(folder / "ada")
    with walk.sandbox() as told:
        blocks = {"sandbox": walk.shown(told)}
        install = next(line.strip() for line in told if line.strip().startswith("purser install "))
        blocks["install"] = walk.run(install)
        blocks |= anyio.run(walk.in_the_host)
    return {name: f"```text\n{text}\n```" for name, text in blocks.items()}


class Walk:
    """A person with a home folder, in which a host keeps its file."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self.home = home
        self.wallet = home / "purser-play"
        self.ports = [str(_free_port()), str(_free_port())]
        kept = {name: text for name, text in os.environ.items() if not _NOT_HERE.fullmatch(name)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
        self.env = {**kept, "HOME": str(home), "USERPROFILE": str(home), "PATH": path}
        self.env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"

    @contextmanager
    def sandbox(self) -> Generator[list[str]]:
        """Keep the sandbox running, and yield what it said."""
        ports = ["--seller-port", self.ports[0], "--rpc-port", self.ports[1]]
        command = [*PURSER, "sandbox", "--wallet", str(self.wallet), *ports]
        with subprocess.Popen(  # noqa: S603
            command, cwd=self.home, env=self.env, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield list(_until_ready(process))
            finally:
                process.terminate()
                process.communicate(timeout=WAIT_S)

    def shown(self, lines: list[str]) -> str:
        """Return the sandbox's own words, as far as the lines to try by hand."""
        end = next(number for number, line in enumerate(lines) if line == "Then:")
        text = "\n".join(lines[: end - 1]).rstrip()
        return self.as_read(f"$ purser sandbox --wallet ~/purser-play\n{text}")

    def run(self, line: str, answer: str = "", **extra: str) -> str:
        """Run one `purser ...` line as typed at a terminal, and return it with what it said."""
        import pty  # POSIX has it, and the page is recorded there

        keyboard, stdin = pty.openpty()
        os.write(keyboard, answer.encode())
        ran = subprocess.run(  # noqa: S603
            [*PURSER, *shlex.split(line)[1:]],
            cwd=self.home,
            env={**self.env, **extra},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
            timeout=WAIT_S,
        )
        os.close(stdin)
        os.close(keyboard)
        places = "".join(f"{name}={value} " for name, value in extra.items())
        said = ran.stdout.rstrip().replace(_QUESTION, _QUESTION + answer)  # a terminal echoes it
        return self.as_read(f"$ {places}{line}\n{said}")

    async def in_the_host(self) -> dict[str, str]:
        """Start what the host's file says, and let a model buy a page and one that needs a yes."""
        file = json.loads((self.home / ".claude.json").read_text(encoding="utf-8"))
        entry: dict[str, Any] = file["mcpServers"]["purser-sandbox"]
        starts = StdioServerParameters(
            command=entry["command"], args=entry["args"], env=entry["env"], cwd=self.home
        )
        place = {"PURSER_HOME": str(self.wallet)}
        with (self.home / "stderr").open("w", encoding="utf-8") as log:
            async with Client(
                stdio_client(starts, errlog=log), mode="legacy", read_timeout_seconds=WAIT_S
            ) as client:
                bought = await self.call(client, "/article")
                refused = await self.call(client, "/pilotage")
                waiting = self.run("purser approvals", **place)
                found = _REQUEST.search(waiting)
                if found is None:
                    raise ValueError("no request for approval is listed")
                said = self.run(f"purser approve {found[0]}", "y\n", **place)
                paid = await self.call(client, "/pilotage")
        blocks = {"bought": bought, "refused": refused}
        return blocks | {"approvals": waiting, "approve": said, "paid": paid}

    async def call(self, client: Client, path: str) -> str:
        """Let the model fetch a page of the seller; of a long text the middle is left out."""
        url = f"http://127.0.0.1:{self.ports[0]}{path}"
        result = await client.call_tool("paid_fetch", {"url": url})
        lines = "\n".join(getattr(one, "text", "") for one in result.content).splitlines()
        told = lines if len(lines) < 5 else [*lines[:2], "[...]", *lines[-2:]]
        return self.as_read("\n".join([f'paid_fetch(url="{url}")', *(f"  {one}" for one in told)]))

    def as_read(self, text: str) -> str:
        """Put a reader's folders and ports in place of those of this run."""
        program = str(Path(sys.executable).parent / "purser")
        text = text.replace(program, "/usr/local/bin/purser").replace(str(self.home), SHOWN_HOME)
        for port, shown in zip(self.ports, SHOWN_PORTS, strict=True):
            gap = " " * (len(port) - len(shown))  # a table's columns stay where they are
            text = re.sub(rf":{port}(/\S*)(?=  +\S)", rf":{shown}\1{gap}", text)
            text = text.replace(f":{port}", f":{shown}")
        return re.sub(rf"uv run --project {re.escape(str(ROOT))} purser", "purser", text)


def _until_ready(process: subprocess.Popen[str]) -> Generator[str]:
    for line in process.stdout or ():
        if line.startswith(LAST_LINE):
            return
        yield line.rstrip("\n")
    raise RuntimeError("the sandbox ended before it was ready")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
