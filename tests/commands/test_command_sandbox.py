"""`purser sandbox` says how to buy from it, serves until it is told to end, and leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.corpus import documents
from sandbox.run import BUYER, BUYER_KEY, NETWORK, Sandbox
from sandbox.wares import WARES
from server.commands.launcher import command_line
from server.commands.sandbox import set_variable
from tests.commands.command_line import CommandLine

ROOT = Path(__file__).resolve().parent.parent.parent
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "purser_mcp", "sandbox", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )


def hear_interrupts() -> None:
    """Undo an ignored SIGINT, which everything that was started in the background inherits."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@posix
@pytest.mark.slow
def test_one_line_of_json_is_enough_to_buy_with(purser: CommandLine) -> None:
    process = start("--json")
    assert process.stdout is not None
    data: dict[str, Any] = json.loads(process.stdout.readline())
    try:
        home = Path(data["env"]["PURSER_HOME"])
        seller, rpc = data["seller_url"], data["rpc_url"]
        assert data == {
            "seller_url": seller,
            "rpc_url": rpc,
            "network": NETWORK,
            "buyer_address": BUYER,
            "config_toml": (home / "config.toml").read_text(encoding="utf-8"),
            "env": {"PURSER_HOME": str(home), "PURSER_PRIVATE_KEY": BUYER_KEY},
            "pages": [
                seller + path
                for path in ("/free", "/article", "/api/weather", "/pilotage", "/dear")
            ],
        }
        purser.env = data["env"]
        ran = purser("fetch", seller + "/api/weather", "--json")
        assert (ran.code, ran.json()["receipt"]["evidence"]) == (0, "verified")
        purser.env["PURSER_WALLET__SCHEMES"] = '["exact", "permit2", "upto", "batch-settlement"]'
        for path in ("/permit2/page", "/upto/page", "/batch/page/1"):
            assert purser("fetch", seller + path).code == 0
    finally:
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=30)
    assert (process.returncode, rest, errors) == (0, "", "")
    assert not home.exists()


@posix
@pytest.mark.slow
def test_the_text_can_be_copied_and_ctrl_c_ends_it() -> None:
    process = start()
    assert process.stdout is not None
    seen: list[str] = []
    for line in process.stdout:
        seen.append(line.rstrip("\n"))
        if line.startswith("Ctrl-C"):
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "Stopped.\n")
    seller = seen[0].split()[1]
    assert f"  export PURSER_PRIVATE_KEY='{BUYER_KEY}'" in seen
    assert f"  {command_line()} fetch {seller}/article        # costs $0.01" in seen
    approval = "costs $0.60, more than is paid without your approval"
    assert f"  {command_line()} fetch {seller}/pilotage       # {approval}" in seen
    assert f'  private_ok = ["{seller.removeprefix("http://")}"]' in seen


def test_a_port_that_is_taken_fails_with_a_reason(purser: CommandLine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ran = purser("sandbox", "--seller-port", port, "--json")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"purser: 127.0.0.1:{port} cannot be used: ")
    assert "sandbox` runs: end it, or give --seller-port N." in ran.err


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_out_of_range_is_wrong_usage(port: str, purser: CommandLine) -> None:
    assert purser("sandbox", f"--rpc-port={port}").code == 2


def test_a_buyer_of_what_is_not_there_keeps_the_money(
    shopper: CommandLine, sandbox: Sandbox
) -> None:
    ran = shopper("fetch", sandbox.seller_url + "/library/none.pdf", "--json")
    assert (ran.code, ran.json()["http_status"]) == (1, 404)
    assert (ran.json()["receipt"]["status"], ran.json()["receipt"]["spent"]) == ("free", "no")


def test_the_front_page_has_every_ware_and_a_line_that_buys_it(
    shopper: CommandLine, sandbox: Sandbox
) -> None:
    """It is read as a model or a person gets it: through Purser's own extraction."""
    shown = shopper("fetch", sandbox.seller_url + "/").out
    lines = [line for line in shown.splitlines() if line.startswith("purser fetch ")]
    assert lines == [f"purser fetch {ware.arguments(sandbox.seller_url)}" for ware in WARES]
    for ware in WARES:
        assert ware.route in shown.replace("\\", "")
        assert ware.price in shown
    assert all(one.name in shown.replace("\\", "") for one in documents())


@posix
def test_a_quote_in_the_folder_s_name_runs_nothing_in_the_shell(tmp_path: Path) -> None:
    folder = f"{tmp_path}/it's; touch {tmp_path}/made; '"
    line = set_variable("PURSER_HOME", folder)
    shell = ["sh", "-c", f'{line}; printf %s "$PURSER_HOME"']
    ran = subprocess.run(shell, capture_output=True, text=True, check=True)
    assert (ran.stdout, list(tmp_path.iterdir())) == (folder, [])
