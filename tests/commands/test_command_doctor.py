"""`purser doctor` names what is wrong, says what to do, and fails only for what stops payments."""

from __future__ import annotations

import os
import socket
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sandbox.run import BUYER, BUYER_KEY, Sandbox
from server.commands.doctor import Finding, check_clock, check_packages
from tests.commands.command_line import CommandLine, Ran

NETWORK = "network eip155:84532"
CLOCK = "clock eip155:84532"
RPC = "PURSER_NETWORK__EIP155_84532__RPC_URLS"


def checks(ran: Ran) -> dict[str, dict[str, str]]:
    """Return the findings by what was checked."""
    data: dict[str, Any] = ran.json()
    assert ran.code == (0 if data["healthy"] else 1)
    return {one["check"]: one for one in data["checks"]}


def dead_url() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_a_wallet_in_order_is_healthy(shopper: CommandLine) -> None:
    ran = shopper("doctor", "--json")
    assert (ran.code, ran.err) == (0, "")
    found = checks(ran)
    assert {name: one["status"] for name, one in found.items()} == {
        "code": "ok",
        "settings": "ok",
        "limits": "ok",
        "files": "ok",
        "key": "warn",  # it comes from the environment
        "sqlite": "ok",
        "ledger": "ok",
        "open payments": "ok",
        "disk": "ok",
        NETWORK: "ok",
        CLOCK: "ok",
    }
    assert found["key"]["detail"] == f"{BUYER}, from the environment"
    assert found[NETWORK]["detail"] == "1 of 1 servers answer, with the right chain id"


def test_the_text_has_a_line_for_each_check_and_what_to_do(shopper: CommandLine) -> None:
    ran = shopper("doctor")
    lines = ran.out.splitlines()
    assert lines[0].split() == ["STATUS", "CHECK", "FOUND"]
    assert any(line.startswith("ok      ledger  ") for line in lines)
    assert "What to do:" in lines
    assert BUYER_KEY.removeprefix("0x") not in ran.out + ran.err


def test_a_missing_wallet_fails_and_names_the_command(purser: CommandLine) -> None:
    purser.env[RPC] = f'["{dead_url()}"]'
    purser.env["PURSER_WALLET__NETWORKS"] = '["eip155:84532"]'
    found = checks(purser("doctor", "--json"))
    assert found["key"]["status"] == "fail"
    assert found["key"]["detail"] == "there is no wallet yet: run `purser init`"
    assert "defaults; there is no" in found["settings"]["detail"]


@pytest.mark.parametrize(
    ("passphrase", "status", "words"),
    [
        ("long enough", "ok", "from the keystore, which opens"),
        ("long enough, but wrong", "fail", "The passphrase does not open keystore.json."),
        ("", "warn", "locked: `purser serve` cannot pay until its host sets PURSER_PASSPHRASE"),
    ],
)
def test_a_keystore_is_really_opened(
    shopper: CommandLine, passphrase: str, status: str, words: str
) -> None:
    shopper.env |= {"PURSER_WALLET__KEY": "keystore", "PURSER_PASSPHRASE": "long enough"}
    assert shopper("init").code == 0
    shopper.env["PURSER_PASSPHRASE"] = passphrase
    found = checks(shopper("doctor", "--json"))["key"]
    assert (found["status"], words in found["detail"]) == (status, True)
    text = shopper("doctor").out
    assert ("All is well." in text) is (status == "ok")


def test_a_keyring_that_lost_its_key_fails(shopper: CommandLine) -> None:
    shopper.env["PURSER_WALLET__KEY"] = "keyring"
    wallet = shopper.home / "wallet.json"
    wallet.write_text(f'{{"address": "{BUYER}", "source": "keyring"}}', encoding="utf-8")
    wallet.chmod(0o600)
    assert checks(shopper("doctor", "--json"))["key"]["status"] == "fail"


def test_settings_that_cannot_be_used_are_a_finding(shopper: CommandLine) -> None:
    shopper.env["PURSER_BUDGET__PER_DAY"] = "lots"
    ran = shopper("doctor", "--json")
    found = checks(ran)
    assert (ran.code, list(found)) == (1, ["code", "settings"])
    assert "PURSER_BUDGET__PER_DAY" in found["settings"]["detail"]


def test_limits_that_contradict_each_other_are_warned_of(shopper: CommandLine) -> None:
    shopper.env["PURSER_BUDGET__PER_PAYMENT"] = "9.00"
    assert checks(shopper("doctor", "--json"))["limits"]["status"] == "warn"


def test_a_network_that_nobody_answers_for_fails(shopper: CommandLine) -> None:
    shopper.env[RPC] = f'["{dead_url()}"]'
    found = checks(shopper("doctor", "--json"))
    assert (found[NETWORK]["status"], CLOCK in found) == ("fail", False)
    assert found[NETWORK]["detail"] == "127.0.0.1 cannot be reached"


def test_one_dead_server_of_two_is_a_warning(shopper: CommandLine, sandbox: Sandbox) -> None:
    shopper.env[RPC] = f'["{dead_url()}", "{sandbox.rpc_url}"]'
    found = checks(shopper("doctor", "--json"))
    assert found[NETWORK]["status"] == "warn"
    assert found[NETWORK]["detail"].startswith("1 of 2 servers answer")


def test_a_server_of_another_chain_fails(shopper: CommandLine, sandbox: Sandbox) -> None:
    shopper.env["PURSER_WALLET__NETWORKS"] = '["eip155:8453"]'
    shopper.env["PURSER_NETWORK__EIP155_8453__RPC_URLS"] = f'["{sandbox.rpc_url}"]'
    found = checks(shopper("doctor", "--json"))["network eip155:8453"]
    assert (found["status"], found["detail"]) == ("fail", "127.0.0.1 is on another chain")


def test_an_open_payment_is_a_warning(shopper: CommandLine, sandbox: Sandbox) -> None:
    assert shopper("fetch", sandbox.seller_url + "/fails").code == 1
    found = checks(shopper("doctor", "--json"))["open payments"]
    assert found["status"] == "warn"
    assert (found["detail"], found["advice"]) == (
        "1 without a proven outcome",
        "run `purser reconcile`",
    )


def test_a_damaged_ledger_fails(shopper: CommandLine) -> None:
    (shopper.home / "ledger.sqlite3").write_bytes(b"no ledger at all, but long enough" * 100)
    found = checks(shopper("doctor", "--json"))
    assert found["ledger"]["status"] == "fail"
    assert {"disk", NETWORK} <= set(found)


def test_sums_that_do_not_agree_fail(shopper: CommandLine, sandbox: Sandbox) -> None:
    assert shopper("fetch", sandbox.seller_url + "/article").code == 0
    with closing(sqlite3.connect(shopper.home / "ledger.sqlite3")) as ledger:
        ledger.execute("UPDATE budgets SET settled_usd_micros = 0")
        ledger.commit()
    found = checks(shopper("doctor", "--json"))["ledger"]
    assert found["status"] == "fail"
    assert "says 0 micro-USD settled, its entries say 10000." in found["detail"]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_a_folder_that_others_can_read_fails(shopper: CommandLine) -> None:
    shopper.home.chmod(0o755)
    found = checks(shopper("doctor", "--json"))["files"]
    assert (found["status"], found["advice"]) == ("fail", f"chmod go= {shopper.home}")


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_an_open_file_in_a_closed_folder_is_a_warning(shopper: CommandLine) -> None:
    config = shopper.home / "config.toml"
    config.chmod(0o644)
    found = checks(shopper("doctor", "--json"))["files"]
    assert (found["status"], found["advice"]) == ("warn", f"chmod go= {config}")


@pytest.mark.parametrize(
    ("block_time", "status", "words"),
    [
        (1_000, "ok", "within 0 s"),
        (970, "ok", "within 30 s"),
        (969, "warn", "the newest block is 31 s old"),
        (1_030, "ok", "within 30 s"),
        (1_031, "warn", "this machine is 31 s behind the chain"),
    ],
)
def test_the_clock_is_compared_with_the_newest_block(
    block_time: int, status: str, words: str
) -> None:
    found = check_clock("eip155:1", block_time, now=1_000)
    assert (found.status, found.detail.startswith(words)) == (status, True)


def test_a_package_of_the_same_name_from_elsewhere_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_packages().status == "ok"
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "__init__.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for name in [name for name in sys.modules if name.partition(".")[0] == "tools"]:
        monkeypatch.delitem(sys.modules, name)
    found = check_packages()
    assert isinstance(found, Finding)
    assert (found.status, str(tmp_path) in found.detail) == ("fail", True)
