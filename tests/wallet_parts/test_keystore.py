"""The keystore: three places for a key, one way in, and not a trace of it anywhere else."""

from __future__ import annotations

import base64
import json
import logging
import os
import pickle
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import keyring
import pytest
from eth_account import Account
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordSetError

from wallet.errors import ErrorKind, PurserError
from wallet.keystore import Keystore, Source, WalletExistsError
from wallet.model import Transfer
from wallet.signing.key import SigningRefusedError
from wallet.signing.transfers import Signer

NO_TRANSFER = Transfer("", "", "", "", 0, 0, 0, "")
KEY = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
ADDRESS = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"
PASSPHRASE = "correct horse - Überraschung"


class MemoryKeyring(KeyringBackend):
    """A keyring of the system, as far as the library can tell."""

    priority = 1  # pyright: ignore[reportAssignmentType]

    def __init__(self, *, locked: bool = False, forgetful: bool = False) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = locked
        self.forgetful = forgetful

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked(f"cannot read {KEY}")
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise PasswordSetError(f"cannot store {password}")
        if not self.forgetful:
            self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


@pytest.fixture
def use_keyring() -> Iterator[Callable[[MemoryKeyring], MemoryKeyring]]:
    before = keyring.get_keyring()

    def use(backend: MemoryKeyring) -> MemoryKeyring:
        keyring.set_keyring(backend)
        return backend

    yield use
    keyring.set_keyring(before)


@pytest.fixture
def system_keyring(use_keyring: Callable[[MemoryKeyring], MemoryKeyring]) -> MemoryKeyring:
    return use_keyring(MemoryKeyring())


def store(home: Path, source: Source, **environ: str) -> Keystore:
    return Keystore(home, source, environ=environ)


def refused(action: Callable[[], object], reason: str) -> PurserError:
    with pytest.raises(PurserError, match=reason) as caught:
        action()
    assert caught.value.__cause__ is None
    return caught.value


def test_a_key_in_the_keyring_opens_and_only_its_address_is_on_disk(
    tmp_path: Path, system_keyring: MemoryKeyring
) -> None:
    home = tmp_path / "home"
    assert store(home, "keyring").import_key("0x" + KEY) == ADDRESS
    assert store(home, "keyring").address() == ADDRESS
    assert store(home, "keyring").unlock().address == ADDRESS
    assert json.loads((home / "wallet.json").read_text()) == {
        "address": ADDRESS,
        "source": "keyring",
    }
    assert system_keyring.entries == {("purser", ADDRESS): KEY}


def test_a_keystore_file_opens_with_its_passphrase_and_shows_its_address_without(
    tmp_path: Path,
) -> None:
    assert store(tmp_path, "keystore").import_key(KEY, PASSPHRASE) == ADDRESS
    assert store(tmp_path, "keystore").address() == ADDRESS
    opened = store(tmp_path, "keystore", PURSER_PASSPHRASE=PASSPHRASE).unlock()
    assert opened.address == ADDRESS
    fields = json.loads((tmp_path / "keystore.json").read_text())
    assert (fields["version"], fields["crypto"]["kdf"]) == (3, "scrypt")
    assert bytes(Account.decrypt(fields, PASSPHRASE)).hex() == KEY


def test_a_keystore_file_from_another_wallet_opens(tmp_path: Path) -> None:
    fields = Account.encrypt(bytes.fromhex(KEY), PASSPHRASE, kdf="pbkdf2", iterations=1000)
    fields["address"] = fields["address"].lower()
    (tmp_path / "keystore.json").write_text(json.dumps(fields))
    keys = store(tmp_path, "keystore", PURSER_PASSPHRASE=PASSPHRASE)
    assert (keys.address(), keys.unlock().address) == (ADDRESS, ADDRESS)


def test_the_passphrase_is_looked_for_in_the_variable_then_the_keyring_then_the_terminal(
    tmp_path: Path, system_keyring: MemoryKeyring
) -> None:
    store(tmp_path, "keystore").import_key(KEY, PASSPHRASE)

    def ask() -> str:
        asked.append(1)
        return PASSPHRASE

    asked: list[int] = []
    terminal = Keystore(tmp_path, "keystore", ask_passphrase=ask, environ={})
    assert terminal.unlock().address == ADDRESS
    assert asked == [1]
    system_keyring.entries["purser-passphrase", ADDRESS] = PASSPHRASE
    assert terminal.unlock().address == ADDRESS
    assert asked == [1]
    wrong_variable = store(tmp_path, "keystore", PURSER_PASSPHRASE="wrong passphrase")
    refused(wrong_variable.unlock, "does not open")


def test_a_variable_is_read_once_and_taken_out_of_the_environment(tmp_path: Path) -> None:
    environ = {"PURSER_PRIVATE_KEY": "0x" + KEY, "PURSER_PASSPHRASE": PASSPHRASE, "PATH": "/bin"}
    keys = Keystore(tmp_path, "env", environ=environ)
    assert environ == {"PURSER_PASSPHRASE": PASSPHRASE, "PATH": "/bin"}
    assert (keys.address(), keys.unlock().address) == (ADDRESS, ADDRESS)
    Keystore(tmp_path, "keystore", environ=environ)
    assert environ == {"PATH": "/bin"}


@pytest.mark.slow
def test_a_child_process_does_not_inherit_the_key(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\nfrom pathlib import Path\nfrom wallet.keystore import Keystore\n"
        "Keystore(Path(sys.argv[1]), 'env')\n"
        "subprocess.run([sys.executable, '-c', 'import os; print(sorted(os.environ))'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PURSER_PRIVATE_KEY": KEY},
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert "PATH" in done.stdout
    assert "PURSER_PRIVATE_KEY" not in done.stdout


@pytest.mark.parametrize("source", ["keyring", "keystore"])
def test_a_created_key_is_new_each_time_and_opens(
    tmp_path: Path, system_keyring: MemoryKeyring, source: Source
) -> None:
    first = store(tmp_path / "a", source).create(PASSPHRASE)
    second = store(tmp_path / "b", source).create(PASSPHRASE)
    assert first != second
    assert store(tmp_path / "a", source, PURSER_PASSPHRASE=PASSPHRASE).unlock().address == first
    assert system_keyring.entries.keys() == (
        {("purser", first), ("purser", second)} if source == "keyring" else set()
    )


@pytest.mark.parametrize("source", ["keyring", "keystore"])
@pytest.mark.usefixtures("system_keyring")
def test_a_wallet_is_never_overwritten(tmp_path: Path, source: Source) -> None:
    store(tmp_path, source).import_key(KEY, PASSPHRASE)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(WalletExistsError):
        store(tmp_path, source).create(PASSPHRASE)
    with pytest.raises(WalletExistsError):
        store(tmp_path, source).import_key("11" * 32, PASSPHRASE)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
@pytest.mark.usefixtures("system_keyring")
def test_wallet_files_are_for_the_user_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    store(home, "keystore").import_key(KEY, PASSPHRASE)
    store(home, "keyring").import_key(KEY)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {path.name for path in home.iterdir()} == {"keystore.json", "wallet.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}


@pytest.mark.parametrize("source", ["keyring", "keystore"])
def test_without_a_wallet_the_user_is_told_to_make_one(tmp_path: Path, source: Source) -> None:
    for action in (store(tmp_path, source).address, store(tmp_path, source).unlock):
        error = refused(action, "Run `purser init`")
        assert error.kind is ErrorKind.WALLET_LOCKED


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"address": 5}', b'{"address": "0x12"}', b"\xff", b"[" * 5_000],
)
@pytest.mark.parametrize(
    ("source", "name"), [("keyring", "wallet.json"), ("keystore", "keystore.json")]
)
def test_a_damaged_wallet_file_is_reported_as_such(
    tmp_path: Path, source: Source, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    refused(store(tmp_path, source, PURSER_PASSPHRASE=PASSPHRASE).unlock, "is damaged")


def test_a_keystore_file_with_a_broken_body_is_reported_as_damaged(tmp_path: Path) -> None:
    fields: dict[str, object] = {"address": ADDRESS, "version": 3, "crypto": {}}
    (tmp_path / "keystore.json").write_text(json.dumps(fields))
    refused(store(tmp_path, "keystore", PURSER_PASSPHRASE=PASSPHRASE).unlock, "is damaged")


def test_a_key_that_does_not_belong_to_the_shown_address_is_not_used(
    tmp_path: Path, system_keyring: MemoryKeyring
) -> None:
    other = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
    (tmp_path / "wallet.json").write_text(json.dumps({"address": other, "source": "keyring"}))
    system_keyring.entries["purser", other] = KEY
    refused(store(tmp_path, "keyring").unlock, "does not belong")


def test_a_locked_or_empty_keyring_says_what_to_do(
    tmp_path: Path, use_keyring: Callable[[MemoryKeyring], MemoryKeyring]
) -> None:
    use_keyring(MemoryKeyring())
    store(tmp_path, "keyring").import_key(KEY)
    use_keyring(MemoryKeyring())
    refused(store(tmp_path, "keyring").unlock, "has no key for this wallet")
    use_keyring(MemoryKeyring(locked=True))
    error = refused(store(tmp_path, "keyring").unlock, "missing or locked")
    assert error.kind is ErrorKind.WALLET_LOCKED


@pytest.mark.parametrize("fault", ["locked", "forgetful"])
def test_a_keyring_that_keeps_nothing_makes_no_wallet(
    tmp_path: Path, use_keyring: Callable[[MemoryKeyring], MemoryKeyring], fault: str
) -> None:
    use_keyring(MemoryKeyring(locked=fault == "locked", forgetful=fault == "forgetful"))
    refused(store(tmp_path, "keyring").create, "keyring")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ["", "0x", KEY[:-1], KEY + "0", "0X" + KEY, "zz" * 32, "0" * 64, "f" * 64, "٠" * 64, "1_" * 32],
)
def test_a_text_that_is_no_key_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    error = refused(lambda: store(tmp_path, "keystore").import_key(text, PASSPHRASE), "key")
    assert error.kind is ErrorKind.INVALID_ARGUMENT
    assert not text or text not in str(error)
    if text:
        env = store(tmp_path, "env", PURSER_PRIVATE_KEY=text)
        assert refused(env.unlock, "PURSER_PRIVATE_KEY").kind is ErrorKind.WALLET_LOCKED
    assert list(tmp_path.iterdir()) == []


def test_env_without_its_variable_is_locked_and_stores_nothing(tmp_path: Path) -> None:
    refused(store(tmp_path, "env").address, "PURSER_PRIVATE_KEY is not set")
    refused(store(tmp_path, "env").create, "stores nothing")


def test_a_short_passphrase_is_refused(tmp_path: Path) -> None:
    refused(lambda: store(tmp_path, "keystore").create("seven.."), "at least 8")
    assert list(tmp_path.iterdir()) == []


def test_a_keystore_without_any_passphrase_says_where_to_put_one(tmp_path: Path) -> None:
    store(tmp_path, "keystore").import_key(KEY, PASSPHRASE)
    refused(store(tmp_path, "keystore").unlock, "Set PURSER_PASSPHRASE")


def test_an_unknown_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keyring, keystore or env"):
        Keystore(tmp_path, cast("Source", "file"), environ={})


LOAD_THEN_PARSE = """
import json, sys
from pathlib import Path
before = sys.getrecursionlimit()
from wallet.keystore import Keystore
from wallet.errors import PurserError
home = Path(sys.argv[1])
Keystore(home, "keystore").create("a passphrase")
assert "eth_account" in sys.modules
assert sys.getrecursionlimit() == before
try:
    json.loads("[" * 100_000)
except RecursionError:
    print("refused")
"""


@pytest.mark.slow
def test_loading_eth_account_leaves_deep_json_a_refusal_and_not_a_crash(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOAD_THEN_PARSE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == "refused\n"


def traces(secret: str) -> list[str]:
    raw = bytes.fromhex(secret)
    return [
        *(secret, secret.upper(), secret[::-1], str(int(secret, 16))),
        *(raw[::-1].hex(), repr(raw)[2:-1], str(list(raw))),
        *(base64.b64encode(raw).decode().rstrip("="), base64.b64encode(secret.encode()).decode()),
    ]


def everything_said_by(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield from (str(error), repr(error), repr(vars(error)))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_the_key_leaves_no_trace_in_reprs_logs_exceptions_or_files(
    tmp_path: Path,
    use_keyring: Callable[[MemoryKeyring], MemoryKeyring],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    heard: list[str] = []

    def attempt(action: Callable[[], object]) -> None:
        try:
            heard.append(repr(action()))
        except (PurserError, WalletExistsError, SigningRefusedError, TypeError) as error:
            heard.extend(everything_said_by(error))

    use_keyring(MemoryKeyring())
    keys = [
        store(tmp_path, "keyring"),
        store(tmp_path, "keystore", PURSER_PASSPHRASE=PASSPHRASE),
        store(tmp_path, "env", PURSER_PRIVATE_KEY=KEY),
        store(tmp_path, "env", PURSER_PRIVATE_KEY=KEY + "00"),
        store(tmp_path, "keystore", PURSER_PASSPHRASE="not the passphrase"),
    ]
    for key in keys:
        attempt(lambda key=key: key.import_key(KEY))
        attempt(lambda key=key: key.import_key("0x" + KEY + "00"))
        attempt(key.unlock)
        attempt(key.create)
        attempt(lambda key=key: pickle.dumps(key))
        attempt(lambda key=key: pickle.dumps(key.unlock()))
        attempt(lambda key=key: Signer(key, lambda _: None).sign("x", NO_TRANSFER))
        heard += [repr(key), repr(vars(key)), repr(key.__dict__), f"{key}"]
    use_keyring(MemoryKeyring(locked=True))
    attempt(keys[0].unlock)
    attempt(lambda: store(tmp_path / "other", "keyring").import_key(KEY))
    output = capfd.readouterr()
    files = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    said = "\n".join([*heard, *files, caplog.text, output.out, output.err])
    assert ADDRESS in said
    assert [trace for trace in traces(KEY) if trace.lower() in said.lower()] == []
    assert PASSPHRASE not in said
