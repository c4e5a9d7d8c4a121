"""A wallet of play money: made where nothing else is, used again, and never good for real money."""

from __future__ import annotations

import os
import socket
import stat
import tomllib
from pathlib import Path

import pytest

from sandbox.run import BUYER, NETWORK, Sandbox
from server.commands.play_wallet import (
    RPC_PORT,
    SELLER_PORT,
    NotAPlayWalletError,
    Ports,
    chosen_folder,
    fill_folder,
    ports_of,
)
from server.config_template import default_config_text
from server.paths import purser_home_path
from server.play_money import PLAY_FILE, PLAY_PASSPHRASE
from server.settings import SettingsError, load_settings
from server.settings_models import Budget
from tests.commands.command_line import CommandLine
from wallet.keystore import Keystore

OPENS = {"PURSER_PASSPHRASE": PLAY_PASSPHRASE}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> dict[str, bytes]:
    """Return the files of a folder that was made once: to open a keystore takes a while."""
    folder = tmp_path_factory.mktemp("play") / "wallet"
    fill_folder(folder, sandbox)
    return files(folder)


@pytest.fixture
def play(purser: CommandLine, made: dict[str, bytes]) -> CommandLine:
    """Return a command line whose PURSER_HOME is a folder of play money."""
    purser.home.mkdir(mode=0o700)
    for name, data in made.items():
        path = purser.home / name
        path.write_bytes(data)
        path.chmod(0o600)
    return purser


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def port(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_a_folder_is_made_for_its_owner_alone_with_one_host_s_limit_raised(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    folder = tmp_path / "new" / "wallet"
    fill_folder(folder, sandbox)
    assert sorted(files(folder)) == [PLAY_FILE, "config.toml", "keystore.json"]
    if os.name == "posix":
        modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert (stat.S_IMODE(folder.stat().st_mode), modes) == (0o700, {0o600})
    settings = load_settings(folder, {})
    assert settings.budget == Budget().model_copy(update={"per_host_per_day": Budget().per_day})
    assert (settings.wallet.key, settings.wallet.networks) == ("keystore", (NETWORK,))
    assert settings.rpc_urls(NETWORK) == (sandbox.rpc_url,)
    key = Keystore(folder, "keystore", environ=dict(OPENS)).unlock()
    assert key.address == BUYER


def test_filling_it_again_changes_nothing_and_makes_what_is_missing(
    play: CommandLine, made: dict[str, bytes], sandbox: Sandbox
) -> None:
    config = play.home / "config.toml"
    config.write_text(config.read_text().replace('per_day = "5.00"', 'per_day = "4.00"'))
    before = files(play.home)
    fill_folder(play.home, sandbox)
    assert files(play.home) == before
    config.unlink()
    fill_folder(play.home, sandbox)
    assert files(play.home) == made


@pytest.mark.parametrize("name", ["config.toml", "keystore.json", "wallet.json", "notes.txt"])
def test_a_folder_with_anything_else_in_it_is_refused_and_left_alone(
    purser: CommandLine, name: str
) -> None:
    purser.home.mkdir()
    (purser.home / name).write_text("mine", encoding="utf-8")
    ran = purser("sandbox", "--wallet", str(purser.home))
    assert (ran.code, ran.out) == (1, "")
    assert "holds something else" in ran.err
    assert files(purser.home) == {name: b"mine"}


def test_the_folder_of_the_own_wallet_is_refused_even_when_there_is_none_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    own = purser_home_path({})
    with pytest.raises(NotAPlayWalletError, match="your own wallet"):
        chosen_folder(str(own))
    assert not own.exists()


def test_a_file_is_no_folder_and_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotAPlayWalletError):
        chosen_folder(str(tmp_path / "file"))
    assert chosen_folder(str(tmp_path / "empty")) == tmp_path / "empty"


def test_another_key_in_a_marked_folder_is_kept_and_refused(
    purser: CommandLine, sandbox: Sandbox
) -> None:
    purser.env |= OPENS
    assert purser("init", "--key", "keystore", "--network", NETWORK).code == 0
    (purser.home / PLAY_FILE).write_text("", encoding="utf-8")
    before = files(purser.home)
    with pytest.raises(NotAPlayWalletError, match="another key"):
        fill_folder(purser.home, sandbox)
    assert files(purser.home) == before


def test_the_ports_of_a_folder_stay_what_its_settings_say(
    play: CommandLine, sandbox: Sandbox, tmp_path: Path
) -> None:
    kept = Ports(port(sandbox.seller_url), port(sandbox.rpc_url))
    assert ports_of(play.home, 0, 0) == kept
    assert ports_of(play.home, kept.seller, kept.rpc) == kept
    with pytest.raises(NotAPlayWalletError, match=f"{kept.seller} and {kept.rpc}"):
        ports_of(play.home, kept.seller + 1, 0)
    assert ports_of(tmp_path / "new", 0, 0) == Ports(SELLER_PORT, RPC_PORT)
    assert ports_of(tmp_path / "new", 7001, 0) == Ports(7001, RPC_PORT)


def test_settings_that_name_no_sandbox_are_not_guessed_at(play: CommandLine) -> None:
    (play.home / "config.toml").write_text(
        f'[wallet]\nkey = "keystore"\nnetworks = ["{NETWORK}"]\n', encoding="utf-8"
    )
    with pytest.raises(NotAPlayWalletError, match="names no port"):
        ports_of(play.home, 0, 0)


@pytest.mark.parametrize("networks", ['["eip155:8453"]', f'["{NETWORK}", "eip155:8453"]'])
def test_a_folder_of_play_money_never_starts_for_a_real_network(
    play: CommandLine, networks: str
) -> None:
    play.env["PURSER_WALLET__NETWORKS"] = networks
    ran = play("balance")
    assert (ran.code, ran.out) == (1, "")
    assert PLAY_FILE in ran.err
    assert "the key in this folder is published" in ran.err


def test_the_mark_alone_decides_and_a_wallet_without_it_is_free_to_choose(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(default_config_text(), encoding="utf-8")
    assert load_settings(tmp_path, {}).wallet.networks == ("eip155:8453",)
    (tmp_path / PLAY_FILE).write_text("", encoding="utf-8")
    with pytest.raises(SettingsError, match="published"):
        load_settings(tmp_path, {})


def test_nobody_is_asked_to_fund_it(play: CommandLine) -> None:
    ran = play("fund")
    assert (ran.code, ran.out) == (1, "")
    assert "send it nothing" in ran.err
    assert BUYER not in ran.err


def test_a_wallet_of_your_own_is_not_made_among_play_money(
    play: CommandLine, made: dict[str, bytes]
) -> None:
    for arguments in ((), ("--network", "eip155:8453")):
        ran = play("init", *arguments)
        assert (ran.code, ran.out) == (1, "")
        assert "holds play money" in ran.err
        assert "another PURSER_HOME" in ran.err
    assert play("init", "--json").json()["error"]["code"] == "invalid_argument"
    assert files(play.home) == made


def test_doctor_says_that_the_money_is_not_real_also_when_the_key_is_locked(
    play: CommandLine,
) -> None:
    for env in ({}, OPENS):
        play.env |= env
        _, first, *_ = play("doctor", "--json").json()["checks"]
        assert (first["check"], first["status"]) == ("money", "warn")
        assert "published" in first["detail"]


def test_a_sandbox_that_does_not_answer_is_to_be_started(play: CommandLine) -> None:
    play.env |= OPENS
    config, closed = play.home / "config.toml", (closed_port(), closed_port())
    (host,) = load_settings(play.home, {}).hosts.private_ok
    (rpc,) = load_settings(play.home, {}).rpc_urls(NETWORK)
    text = config.read_text().replace(host, f"127.0.0.1:{closed[0]}")
    config.write_text(text.replace(rpc, f"http://127.0.0.1:{closed[1]}"))
    starts = f"sandbox --wallet {play.home}`"
    ran = play("fetch", f"http://127.0.0.1:{closed[0]}/article")
    assert (ran.code, starts in ran.err) == (1, True)
    found = {one["check"]: one for one in play("doctor", "--json").json()["checks"]}
    assert starts in found[f"network {NETWORK}"]["advice"]


def test_a_sandbox_that_answers_is_not_to_be_started(play: CommandLine) -> None:
    closed = f"127.0.0.1:{closed_port()}"
    (host,) = load_settings(play.home, {}).hosts.private_ok
    play.env |= OPENS | {"PURSER_HOSTS__PRIVATE_OK": f'["{host}", "{closed}"]'}
    ran = play("fetch", f"http://{closed}/article")
    assert (ran.code, "No connection" in ran.err) == (1, True)
    assert "sandbox --wallet" not in ran.err


def test_it_buys_in_the_sandbox_it_was_made_for(play: CommandLine, sandbox: Sandbox) -> None:
    play.env |= OPENS
    ran = play("fetch", sandbox.seller_url + "/api/weather", "--json")
    assert (ran.code, ran.json()["receipt"]["evidence"]) == (0, "verified")
    assert tomllib.loads((play.home / "config.toml").read_text())["wallet"]["key"] == "keystore"
