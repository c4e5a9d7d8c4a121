"""Fixtures of the seal's tests: a keyring of their own, and key derivation that costs little."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest

from tests.commands.command_line import CommandLine
from tests.seal.sealing_kit import StepKeyring


@pytest.fixture
def system_keyring() -> Iterator[StepKeyring]:
    """Put an empty keyring in the place of whoever runs the tests."""
    before = keyring.get_keyring()
    ours = StepKeyring()
    keyring.set_keyring(ours)
    yield ours
    keyring.set_keyring(before)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make scrypt quick; what is stored says for itself how it was made, or is made here."""
    monkeypatch.setattr("wallet.seal.SCRYPT_N", 2)
    monkeypatch.setattr("wallet.key_forms.SCRYPT_N", 2)


@pytest.fixture
def purser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """Return a command line whose PURSER_HOME does not exist yet."""
    return CommandLine(tmp_path / "home", monkeypatch, capsys)
