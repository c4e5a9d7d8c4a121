"""`purser init` makes what is missing, once, and never changes what is there."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend

from sandbox.run import BUYER, BUYER_KEY
from server.commands.launcher import command_line, host_command
from server.config_template import default_config_text
from tests.commands.command_line import CommandLine

ROOT = Path(__file__).resolve().parent.parent.parent
PASSPHRASE = "correct horse battery"
LIMITS = {
    "per_payment": "1.00",
    "per_host_per_day": "2.00",
    "per_day": "5.00",
    "total": None,
    "approval_above": "0.50",
}


class MemoryKeyring(KeyringBackend):
    """A keyring that works and forgets."""

    priority = 1  # pyright: ignore[reportAssignmentType]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


@pytest.fixture
def keeper(purser: CommandLine) -> CommandLine:
    """Return a command line whose keystore has its passphrase."""
    purser.env["PURSER_PASSPHRASE"] = PASSPHRASE
    return purser


def everything(home: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    found = sorted(path for path in home.rglob("*") if path.is_file())
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in found}


def test_a_keystore_and_settings_are_made_and_described(keeper: CommandLine) -> None:
    ran = keeper("init", "--key", "keystore", "--network", "base-sepolia", "--json")
    assert (ran.code, ran.err) == (0, "")
    described: dict[str, Any] = ran.json()
    address = described["address"]
    assert re.fullmatch("0x[0-9a-fA-F]{40}", address)
    assert described == {
        "address": address,
        "key": "keystore",
        "keystore": str(keeper.home / "keystore.json"),
        "wallet_created": True,
        "config": str(keeper.home / "config.toml"),
        "config_created": True,
        "home": str(keeper.home),
        "networks": ["eip155:84532"],
        "limits": LIMITS,
    }
    files = everything(keeper.home)
    assert set(files) == {"config.toml", "keystore.json"}
    wallet = tomllib.loads(files["config.toml"].decode())["wallet"]
    assert (wallet["key"], wallet["networks"]) == ("keystore", ["eip155:84532"])


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_what_is_made_is_for_this_user_alone(keeper: CommandLine) -> None:
    assert keeper("init", "--key", "keystore").code == 0
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in keeper.home.iterdir()}
    assert modes == {"config.toml": 0o600, "keystore.json": 0o600}
    assert stat.S_IMODE(keeper.home.stat().st_mode) == 0o700


def test_a_second_run_tells_what_is_there_and_changes_nothing(keeper: CommandLine) -> None:
    first = keeper("init", "--key", "keystore", "--json").json()
    before = everything(keeper.home)
    again = keeper("init", "--json")
    assert again.code == 0
    assert again.json() == first | {"wallet_created": False, "config_created": False}
    assert everything(keeper.home) == before


def test_the_text_shows_address_limits_and_the_next_step(keeper: CommandLine) -> None:
    out = keeper("init", "--key", "keystore").out
    assert re.search(r"^Address +0x[0-9a-fA-F]{40}$", out, re.MULTILINE)
    assert re.search(r"^A day +at most \$5\.00$", out, re.MULTILINE)
    assert f"\n  {command_line()} fund " in out
    assert "\n  claude mcp add purser --env" in out
    entry = json.loads(out[out.index("\n{\n") : out.rindex("\n}\n") + 3])["mcpServers"]["purser"]
    assert [entry["command"], *entry["args"]] == host_command()
    assert Path(entry["command"]).is_absolute()
    assert entry["env"]["PURSER_HOME"] == str(keeper.home)
    assert f"PURSER_HOME={keeper.home}" in out
    assert PASSPHRASE not in out


def test_a_key_from_standard_input_is_imported_and_never_shown(keeper: CommandLine) -> None:
    ran = keeper("init", "--key", "keystore", "--import", "--json", stdin=BUYER_KEY + "\n")
    assert (ran.code, ran.json()["address"]) == (0, BUYER)
    secret = BUYER_KEY.removeprefix("0x")
    assert secret not in ran.out + ran.err
    assert not any(secret.encode() in data for data in everything(keeper.home).values())


def test_a_text_that_is_no_key_makes_nothing_and_is_not_quoted(keeper: CommandLine) -> None:
    ran = keeper("init", "--key", "keystore", "--import", stdin="hunter2hunter2\n")
    assert ran.code == 1
    assert "hunter2" not in ran.out + ran.err
    assert everything(keeper.home) == {}


def test_an_import_beside_a_wallet_fails_and_changes_nothing(keeper: CommandLine) -> None:
    made = keeper("init", "--key", "keystore", "--json").json()
    before = everything(keeper.home)
    ran = keeper("init", "--import", stdin=BUYER_KEY + "\n")
    assert ran.code == 1
    assert made["address"] in ran.err
    assert everything(keeper.home) == before


def test_without_a_keyring_the_key_goes_into_a_keystore(keeper: CommandLine) -> None:
    ran = keeper("init", "--json")
    assert (ran.code, ran.json()["key"]) == (0, "keystore")
    assert "no system keyring can be used" in ran.err


def test_a_keyring_that_works_is_preferred_and_alone_holds_the_key(purser: CommandLine) -> None:
    ring = MemoryKeyring()
    keyring.set_keyring(ring)
    ran = purser("init", "--json")
    assert ran.code == 0
    described = ran.json()
    assert (described["key"], described["keystore"]) == ("keyring", None)
    ((where, secret),) = ring.kept.items()
    assert where == ("purser", described["address"])
    assert not any(secret.encode() in data for data in everything(purser.home).values())
    assert purser("fund", "--json").json()["address"] == described["address"]


def test_a_keyring_that_was_asked_for_and_is_missing_is_an_error(keeper: CommandLine) -> None:
    ran = keeper("init", "--key", "keyring", "--json")
    assert ran.code == 1
    assert ran.json()["error"]["code"] == "wallet_locked"
    assert everything(keeper.home) == {}


def test_without_terminal_and_passphrase_no_keystore_is_made(purser: CommandLine) -> None:
    ran = purser("init", "--key", "keystore", "--json")
    assert ran.code == 1
    assert "PURSER_PASSPHRASE" in ran.json()["error"]["detail"]
    assert everything(purser.home) == {}


def test_a_short_passphrase_makes_nothing(purser: CommandLine) -> None:
    purser.env["PURSER_PASSPHRASE"] = "short"
    assert purser("init", "--key", "keystore").code == 1
    assert everything(purser.home) == {}


def test_settings_that_exist_are_kept_and_decide_where_the_key_lives(keeper: CommandLine) -> None:
    keeper.home.mkdir(mode=0o700)
    text = default_config_text(key="keystore", networks_enabled=("eip155:137",))
    (keeper.home / "config.toml").write_text(text, encoding="utf-8")
    refused = keeper("init", "--key", "keyring")
    assert (refused.code, refused.out) == (1, "")
    assert "wallet.key = keystore" in refused.err
    ran = keeper("init", "--network", "eip155:137", "--json")
    assert ran.code == 0
    assert (ran.json()["networks"], ran.json()["config_created"]) == (["eip155:137"], False)
    assert (keeper.home / "config.toml").read_text(encoding="utf-8") == text


def test_settings_for_another_network_are_kept_and_nothing_is_made(keeper: CommandLine) -> None:
    keeper.home.mkdir(mode=0o700)
    text = default_config_text(key="keystore", networks_enabled=("eip155:137",))
    (keeper.home / "config.toml").write_text(text, encoding="utf-8")
    ran = keeper("init", "--network", "base")
    assert (ran.code, ran.err) == (1, "")
    assert "wallet.networks is eip155:137" in ran.out
    assert 'write networks = ["eip155:8453"]' in ran.out
    told = keeper("init", "--network", "eip155:8453", "--json")
    assert (told.code, told.json()["error"]["code"]) == (1, "invalid_argument")
    assert everything(keeper.home) == {"config.toml": text.encode()}


def test_a_wallet_of_another_kind_is_never_left_behind_unnoticed(keeper: CommandLine) -> None:
    address = keeper("init", "--key", "keystore", "--json").json()["address"]
    (keeper.home / "config.toml").unlink()
    keyring.set_keyring(MemoryKeyring())
    ran = keeper("init", "--key", "keyring")
    assert (ran.code, ran.out) == (1, "")
    assert f"{address}, wallet.key = keystore" in ran.err
    assert set(everything(keeper.home)) == {"keystore.json"}


def test_a_key_in_the_environment_needs_no_wallet(purser: CommandLine) -> None:
    purser.env |= {"PURSER_WALLET__KEY": "env", "PURSER_PRIVATE_KEY": BUYER_KEY}
    ran = purser("init")
    assert (ran.code, ran.out) == (1, "")
    assert everything(purser.home) == {}


def test_an_unknown_network_is_wrong_usage(purser: CommandLine) -> None:
    assert purser("init", "--network", "eip155:999999").code == 2


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_person_is_asked_for_the_passphrase_twice_and_nothing_is_echoed(tmp_path: Path) -> None:
    import pty

    env = {name: value for name, value in os.environ.items() if not name.startswith("PURSER_")}
    env |= {"PURSER_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "purser_mcp", "init", "--key", "keystore"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=env,
        start_new_session=True,
    )
    os.close(slave)
    seen = ""
    for prompt, answer in (
        ("New passphrase for the keystore, at least 8 characters: ", "short"),
        ("It needs at least 8 characters.\r\nNew passphrase for the keystore, at", PASSPHRASE),
        ("The same again: ", PASSPHRASE),
    ):
        seen += _until(master, prompt)
        os.write(master, f"{answer}\n".encode())
    seen += _until(master, None)
    assert process.wait(30) == 0
    os.close(master)
    assert PASSPHRASE not in seen
    assert "Address" in seen
    assert set(everything(tmp_path / "home")) == {"config.toml", "keystore.json"}


def _until(master: int, wanted: str | None) -> str:
    """Read from a terminal until it shows a text, or until its process has gone."""
    seen = b""
    while wanted is None or wanted.encode() not in seen:
        try:
            data = os.read(master, 4096)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            data = b""
        if not data:
            break
        seen += data
    return seen.decode()
