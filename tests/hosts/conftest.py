"""A person with a home folder of their own, in which no host is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail

from tests.commands.command_line import CommandLine

MOVES_FILES = (
    *("CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME", "GOOSE_PATH_ROOT", "XDG_CONFIG_HOME"),
    *("APPDATA", "LOCALAPPDATA"),
)


@pytest.fixture(autouse=True)
def no_keyring() -> Iterator[None]:
    """Keep the keyring of whoever runs the tests out of them."""
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home folder, with a project in it that is the working directory."""
    home = tmp_path / "ada"
    (home / "project").mkdir(parents=True)
    for name in MOVES_FILES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(home / "project")
    return home


@pytest.fixture
def purser(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """Return this person's command line; PURSER_HOME does not exist yet."""
    return CommandLine(home / "purser", monkeypatch, capsys)
