"""Which settings are sealed: each one, changed alone, in the file or in the environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.config_edit import with_setting
from server.sealed_policy import NOT_SEALED, is_secret, policy_of
from server.settings import load_settings
from server.settings_models import SECTIONS
from server.wiring import open_keystore
from tests.seal.sealing_kit import ADDRESS, KEY, NOW, SEAL_PASSPHRASE
from wallet.errors import ErrorKind, PurserError
from wallet.keystore import Keystore
from wallet.vault import Vault

pytestmark = pytest.mark.usefixtures("system_keyring")

NETWORK = "eip155:84532"
SECRET_URL = "https://rpc.example.com/v1/s3cr3t"
CONFIG = f"""\
[budget]
per_day = "5.00"
[hosts]
mode = "allowlist"
allow = ["api.example.com"]
deny = ["bad.example.com"]
[wallet]
networks = ["{NETWORK}"]
[network."{NETWORK}"]
rpc_urls = ["{SECRET_URL}"]
"""
RPC = f'network."{NETWORK}".rpc_urls'
CHANGES: dict[str, str | int | list[str]] = {
    "budget.per_payment": "1.01",
    "budget.per_host_per_day": "2.01",
    "budget.per_day": "5.01",
    "budget.total": "1000",
    "budget.approval_above": "0.51",
    "budget.payments_per_minute": 31,
    "hosts.mode": "open",
    "hosts.allow": ["api.example.com", "more.example.com"],
    "hosts.deny": [],
    "hosts.private_ok": ["127.0.0.1:8402"],
    "wallet.networks": [NETWORK, "eip155:8453"],
    "wallet.schemes": ["exact", "permit2"],
    "wallet.payment_flows": ["authorization", "upfront"],
    "wallet.sign_in": True,
    "wallet.validity_s": 121,
    "batch.max_deposit": "1.01",
    "batch.deposit_pages": 101,
    "batch.max_withdraw_delay_s": 86_401,
    "approvals.routes": ["url"],
    "approvals.notify": False,
    "approvals.expires_s": 901,
    "ledger.url": str(Path("/somewhere/else.sqlite3").absolute()),
    "fetch.repeat_window_s": 0,
    "directories.bazaar": ["https://liar.example.com"],
    "directories.mpp": ["https://liar.example.com"],
    "directories.sites": ["https://liar.example.com"],
    "fetch.per_host_concurrency": 16,
    RPC: ["https://liar.example.com"],
    'network."eip155:8453".rpc_urls': ["https://liar.example.com"],
}
UNCHANGEABLE = {"wallet.key": "it names another key"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    Keystore(tmp_path, "keyring", environ={}).import_key(KEY)
    open_keystore(load_settings(tmp_path, {})).put_seal(SEAL_PASSPHRASE, NOW)
    return tmp_path


def where(name: str) -> tuple[str, ...]:
    section, _, field = name.partition(".")
    if section != "network":
        return section, field
    return section, *field.replace('"', "").rsplit(".", 1)


def unlock(home: Path, **environ: str) -> str:
    settings = load_settings(home, environ)
    return Vault(open_keystore(settings))._unlock().address  # pyright: ignore[reportPrivateUsage]


def test_every_setting_is_sealed_or_named_as_not_sealed_with_the_reason() -> None:
    every = {f"{name}.{field}" for name, model in SECTIONS.items() for field in model.model_fields}
    tried = {name for name in CHANGES if not name.startswith("network.")}
    assert every == tried | UNCHANGEABLE.keys() | NOT_SEALED.keys()
    sealed = policy_of(load_settings(Path("/"), {}, config_text="")).settings.keys()
    assert sealed == every - NOT_SEALED.keys()
    assert all(NOT_SEALED.values())
    assert NOT_SEALED.keys() == {
        *("fetch.timeout_s", "fetch.max_body_bytes"),
        *("directories.wait_s", "directories.cache_s", "server.legacy_only"),
    }


def test_the_sealed_settings_open_the_key(home: Path) -> None:
    assert unlock(home) == ADDRESS
    everything_said_again = {
        "PURSER_BUDGET__PER_DAY": "5",
        "PURSER_HOSTS__MODE": "allowlist",
        "PURSER_WALLET__VALIDITY_S": "120",
    }
    assert unlock(home, **everything_said_again) == ADDRESS


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("place", ["file", "environment"])
def test_a_setting_changed_alone_signs_nothing_and_is_named(
    home: Path, name: str, place: str
) -> None:
    value, environ = CHANGES[name], dict[str, str]()
    if place == "file":
        text = with_setting(CONFIG, where(name), json.dumps(value))
        (home / "config.toml").write_text(text, encoding="utf-8")
    else:
        variable = "PURSER_" + "__".join(where(name)).replace(":", "_").upper()
        environ[variable] = value if isinstance(value, str) else json.dumps(value)
    with pytest.raises(PurserError) as caught:
        unlock(home, **environ)
    assert caught.value.kind is ErrorKind.POLICY_CHANGED
    assert caught.value.detail == f"Changed since the limits were sealed: {name}."


def test_a_setting_removed_from_the_file_signs_nothing(home: Path) -> None:
    (home / "config.toml").unlink()
    with pytest.raises(PurserError) as caught:
        unlock(home)
    for name in ("hosts.mode", "hosts.deny", "wallet.networks", RPC):
        assert name in caught.value.detail


@pytest.mark.parametrize("name", NOT_SEALED)
def test_what_is_not_sealed_may_change(home: Path, name: str) -> None:
    changed = {"fetch.max_body_bytes": 12_345, "server.legacy_only": True}.get(name, 60)
    text = with_setting(CONFIG, where(name), json.dumps(changed))
    (home / "config.toml").write_text(text, encoding="utf-8")
    assert unlock(home) == ADDRESS


def test_a_copy_of_the_folder_with_books_of_its_own_signs_nothing(home: Path) -> None:
    copy = home / "copy"
    copy.mkdir()
    for name in ("config.toml", "wallet.json"):
        (copy / name).write_bytes((home / name).read_bytes())
    with pytest.raises(PurserError, match=r"ledger\.url"):
        unlock(copy)


@pytest.mark.skipif(not hasattr(Path, "symlink_to"), reason="symbolic links")
def test_the_same_folder_by_another_name_is_the_same_folder(home: Path, tmp_path: Path) -> None:
    link = tmp_path.parent / f"{tmp_path.name}-link"
    link.symlink_to(home, target_is_directory=True)
    assert unlock(link) == ADDRESS


def test_what_may_hold_a_secret_is_sealed_as_a_hash(home: Path) -> None:
    assert "s3cr3t" not in (home / "wallet.json").read_text(encoding="utf-8")
    policy = policy_of(load_settings(home, {}))
    secret = {name for name in policy.settings if is_secret(name)}
    assert secret == {"ledger.url", RPC}
    assert all(policy.settings[name].startswith("sha256:") for name in secret)


def test_each_setting_tells_where_it_comes_from(home: Path) -> None:
    settings = load_settings(home, {"PURSER_BUDGET__PER_DAY": "4"})
    assert settings.origins == {
        "budget.per_day": "PURSER_BUDGET__PER_DAY",
        "hosts.mode": "config.toml",
        "hosts.allow": "config.toml",
        "hosts.deny": "config.toml",
        "wallet.networks": "config.toml",
        RPC: "config.toml",
    }
