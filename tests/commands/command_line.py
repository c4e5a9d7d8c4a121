"""Run commands in this process, as the launcher would, each in a folder of its own."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.run import BUYER_KEY, Sandbox
from server.cli import main


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return standard output as the one JSON value it must be."""
        return json.loads(self.out)


class CommandLine:
    """A person's shell: PURSER_HOME, the environment, and standard input."""

    def __init__(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.home = home
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.env = {"PURSER_HOME": str(home)}

    def use(self, sandbox: Sandbox) -> None:
        """Write the settings that buy from a sandbox, and hold the key of its buyer."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = self.home / "config.toml"
        config.write_text(sandbox.config_toml(), encoding="utf-8")
        config.chmod(0o600)
        self.env["PURSER_PRIVATE_KEY"] = BUYER_KEY

    def __call__(self, *arguments: str, stdin: str = "") -> Ran:
        """Run `purser ARGUMENTS...`; a key or passphrase is read from the environment only once."""
        for name, value in self.env.items():
            self._monkeypatch.setenv(name, value)
        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        self._capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as stopped:
            code = stopped.code if isinstance(stopped.code, int) else 1
        for name in self.env:
            self._monkeypatch.delenv(name, raising=False)
        captured = self._capsys.readouterr()
        return Ran(code, captured.out, captured.err)
