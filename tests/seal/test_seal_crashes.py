"""A process killed between any two steps of sealing loses no key and loosens no limit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.seal.sealing_kit import (
    ADDRESS,
    KEY,
    LOOSE,
    NOW,
    PASSPHRASE,
    POLICY,
    SEAL_PASSPHRASE,
    KilledError,
    StepKeyring,
    Steps,
    keys,
    sealed_wallet,
)
from wallet import wallet_file
from wallet.errors import ErrorKind, PurserError
from wallet.keystore import Source
from wallet.seal import Policy

sources = pytest.mark.parametrize("source", ["keyring", "keystore"])
MOST_STEPS = 20


def counted(steps: Steps, action: Callable[..., Any]) -> Callable[..., Any]:
    """Return the action as a step that may not be reached."""

    def step(*args: Any, **kwargs: Any) -> Any:
        steps.take()
        return action(*args, **kwargs)

    return step


@pytest.fixture
def steps(system_keyring: StepKeyring, monkeypatch: pytest.MonkeyPatch) -> Steps:
    """Count every step that changes the keyring or the folder."""
    for name in ("unlink", "replace"):
        monkeypatch.setattr(Path, name, counted(system_keyring.steps, getattr(Path, name)))
    for name in ("write_new_file", "sync_folder"):
        step = counted(system_keyring.steps, getattr(wallet_file, name))
        monkeypatch.setattr(wallet_file, name, step)
    return system_keyring.steps


def opens(home: Path, source: Source, policy: Policy) -> bool:
    """Tell whether the key opens under these settings; what refuses it is the seal."""
    try:
        return keys(home, source, policy).unlock().address == ADDRESS
    except PurserError as error:
        if error.kind is not ErrorKind.POLICY_CHANGED:
            raise
        return False


def killed_at_each_step(
    steps: Steps, begin: Callable[[Path], object], action: Callable[[Path], object], tmp_path: Path
) -> list[Path]:
    """Run the action in one home after another, killed ever later, until it runs to its end."""
    homes: list[Path] = []
    for last in range(MOST_STEPS):
        home = tmp_path / str(last)
        steps.last = None
        begin(home)
        steps.done, steps.last = 0, last
        homes.append(home)
        try:
            action(home)
        except KilledError:
            continue
        finally:
            steps.last = None
        assert last >= 3
        return homes
    raise AssertionError("the action never came to its end")


@pytest.fixture
def forget(system_keyring: StepKeyring) -> Callable[[], None]:
    return system_keyring.entries.clear


@sources
def test_killed_while_sealing(
    tmp_path: Path, steps: Steps, forget: Callable[[], None], source: Source
) -> None:
    states: list[tuple[bool, bool]] = []

    def begin(home: Path) -> None:
        forget()
        keys(home, source).import_key(KEY, PASSPHRASE)

    def seal(home: Path) -> None:
        try:
            keys(home, source).put_seal(SEAL_PASSPHRASE, NOW)
        finally:
            steps.last = None
            states.append((opens(home, source, POLICY), opens(home, source, LOOSE)))
            keys(home, source).put_seal(SEAL_PASSPHRASE, NOW)
            assert opens(home, source, POLICY)
            assert not opens(home, source, LOOSE)

    homes = killed_at_each_step(steps, begin, seal, tmp_path)
    assert states[0] == (True, True)
    assert states[-1] == (True, False)
    # Once the key is bound, or half bound, it never opens again under other settings.
    loose = [other for _, other in states]
    assert loose == sorted(loose, reverse=True)
    assert len(states) == len(homes)


@sources
def test_killed_while_sealing_anew(
    tmp_path: Path, steps: Steps, forget: Callable[[], None], source: Source
) -> None:
    tight = Policy({**POLICY.settings, "budget.per_day": "0.50"})

    def begin(home: Path) -> None:
        forget()
        sealed_wallet(home, source)

    def tighten(home: Path) -> None:
        try:
            keys(home, source, tight).put_seal(SEAL_PASSPHRASE, NOW + 1)
        finally:
            steps.last = None
            assert not opens(home, source, LOOSE)
            assert not (opens(home, source, POLICY) and opens(home, source, tight))
            keys(home, source, tight).put_seal(SEAL_PASSPHRASE, NOW + 2)
            assert opens(home, source, tight)
            assert not opens(home, source, POLICY)

    killed_at_each_step(steps, begin, tighten, tmp_path)


@sources
def test_killed_while_unsealing(
    tmp_path: Path,
    steps: Steps,
    system_keyring: StepKeyring,
    source: Source,
) -> None:
    guarded: list[bool] = []

    def begin(home: Path) -> None:
        system_keyring.entries.clear()
        sealed_wallet(home, source)

    def unseal(home: Path) -> None:
        try:
            keys(home, source).remove_seal(SEAL_PASSPHRASE)
        finally:
            steps.last = None
            guarded.append(keys(home, source).standing().guarded)
            keys(home, source).remove_seal(SEAL_PASSPHRASE)
            assert opens(home, source, LOOSE)
            assert [one for one in system_keyring.entries if one[0] != "purser"] == []

    homes = killed_at_each_step(steps, begin, unseal, tmp_path)
    assert guarded[0]
    assert not guarded[-1]
    for home in homes:
        assert len(list(home.iterdir())) == 1


@sources
def test_an_error_of_the_disk_leaves_the_wallet_as_it_was(
    tmp_path: Path, system_keyring: StepKeyring, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys(tmp_path, source).import_key(KEY, PASSPHRASE)
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    entries = dict(system_keyring.entries)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("wallet.wallet_file.write_new_file", full)
        with pytest.raises(PurserError, match="No space left"):
            keys(tmp_path, source).put_seal(SEAL_PASSPHRASE, NOW)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files
    assert system_keyring.entries == entries
    assert opens(tmp_path, source, LOOSE)


@sources
def test_what_does_not_read_back_as_written_replaces_nothing(
    tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys(tmp_path, source).import_key(KEY, PASSPHRASE)

    def spoil(path: Path, data: bytes) -> None:
        path.write_bytes(data.replace(b"5.00", b"6.00"))

    with monkeypatch.context() as patched:
        patched.setattr("wallet.wallet_file.write_new_file", spoil)
        with pytest.raises(PurserError, match="not written well"):
            keys(tmp_path, source).put_seal(SEAL_PASSPHRASE, NOW)
    assert opens(tmp_path, source, LOOSE)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_spare_that_cannot_be_removed_is_an_error(
    tmp_path: Path, system_keyring: StepKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keyring.errors import PasswordDeleteError

    keys(tmp_path, "keyring").import_key(KEY)

    def kept(service: str, username: str) -> None:
        if service == "purser-spare":
            raise PasswordDeleteError("no")
        del system_keyring.entries[service, username]

    monkeypatch.setattr(system_keyring, "delete_password", kept)
    with pytest.raises(PurserError, match="purser-spare"):
        keys(tmp_path, "keyring").put_seal(SEAL_PASSPHRASE, NOW)
