"""Fixtures of the command tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail

from sandbox.run import Sandbox
from tests.commands.command_line import CommandLine


@pytest.fixture(autouse=True)
def no_keyring() -> Iterator[None]:
    """Keep the keyring of whoever runs the tests out of them."""
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def purser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """Return a command line whose PURSER_HOME does not exist yet."""
    return CommandLine(tmp_path / "home", monkeypatch, capsys)


@pytest.fixture
def shopper(purser: CommandLine, sandbox: Sandbox) -> CommandLine:
    """Return a command line that buys from the sandbox, with nothing bought yet."""
    purser.use(sandbox)
    return purser
