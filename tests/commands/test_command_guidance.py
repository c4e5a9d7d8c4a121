"""What a command tells a person to type next can be typed, here and by a host."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from server.commands.launcher import as_typed, command_line, host_command
from tests.commands.command_line import CommandLine


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder that is a checkout."""
    root = tmp_path / "checkout"
    root.mkdir()
    (root / "pyproject.toml").touch()
    return root


def program(folder: Path, name: str) -> Path:
    """Make a program that can be found on a PATH."""
    folder.mkdir(exist_ok=True)
    path = folder / (f"{name}.exe" if os.name == "nt" else name)
    path.touch(mode=0o755)
    return path


def test_an_installed_purser_is_called_by_its_name(tmp_path: Path, checkout: Path) -> None:
    path = program(tmp_path / "bin", "purser")
    environ = {"PATH": str(path.parent)}
    assert command_line(environ, root=checkout) == "purser"
    for scripts in (path.parent, tmp_path / "bare"):
        assert host_command(environ, root=checkout, scripts=scripts) == [str(path), "serve"]


def test_a_host_starts_the_purser_that_is_running_and_not_another_on_path(tmp_path: Path) -> None:
    other = program(tmp_path / "bin", "purser")
    own = program(tmp_path / "venv", "purser")
    for path in ("", str(other.parent)):
        found = host_command({"PATH": path}, root=tmp_path, scripts=own.parent)
        assert found == [str(own), "serve"]


@pytest.mark.skipif(os.name == "nt", reason="links of POSIX")
def test_a_host_is_told_the_path_that_a_person_knows(tmp_path: Path) -> None:
    own = program(tmp_path / "venv", "purser")
    (tmp_path / "bin").mkdir()
    link = tmp_path / "bin" / "purser"
    link.symlink_to(own)
    environ = {"PATH": str(link.parent)}
    assert host_command(environ, root=tmp_path, scripts=own.parent) == [str(link), "serve"]


def test_under_uv_in_a_checkout_a_host_starts_the_checkout(tmp_path: Path, checkout: Path) -> None:
    other = program(tmp_path / "bin", "purser")
    environ = {"PATH": str(other.parent), "UV": "/opt/uv"}
    from_checkout = ["/opt/uv", "run", "--directory", str(checkout), "purser", "serve"]
    assert host_command(environ, root=checkout, scripts=tmp_path / "venv") == from_checkout


def test_a_checkout_without_a_program_of_its_own_is_started_through_uv(
    tmp_path: Path, checkout: Path
) -> None:
    uv = program(tmp_path / "bin", "uv")
    found = host_command({"PATH": str(uv.parent)}, root=checkout, scripts=tmp_path / "bare")
    assert found == [str(uv), "run", "--directory", str(checkout), "purser", "serve"]
    installed = host_command({"PATH": str(uv.parent)}, root=tmp_path, scripts=tmp_path / "bare")
    assert installed == [sys.executable, "-P", "-m", "purser_mcp", "serve"]


def test_a_purser_that_is_on_path_only_under_uv_is_called_through_uv(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = program(tmp_path / "venv", "purser").parent
    environ = {"PATH": str(scripts), "UV": "/opt/uv"}
    monkeypatch.chdir(checkout)
    assert command_line(environ, root=checkout, scripts=scripts) == "uv run purser"
    monkeypatch.chdir(tmp_path)
    outside = command_line(environ, root=checkout, scripts=scripts)
    assert outside.startswith("uv run --project ")
    assert str(checkout) in outside
    assert host_command(environ, root=checkout, scripts=scripts) == [
        *("/opt/uv", "run", "--directory", str(checkout), "purser", "serve")
    ]


def test_without_a_checkout_the_package_is_named(tmp_path: Path) -> None:
    environ = {"PATH": "", "UV": "/opt/uv"}
    assert command_line(environ, root=tmp_path) == "uvx --from purser-mcp purser"
    named = ["/opt/uv", "tool", "run", "--from", "purser-mcp", "purser", "serve"]
    assert host_command(environ, root=tmp_path) == named


def test_without_uv_and_purser_the_interpreter_is_enough(tmp_path: Path) -> None:
    found = host_command({"PATH": ""}, root=tmp_path, scripts=tmp_path)
    assert found == [sys.executable, "-P", "-m", "purser_mcp", "serve"]


def test_a_command_in_a_sentence_is_written_as_it_is_typed() -> None:
    assert as_typed("run `purser init`, purser") == f"run `{command_line()} init`, purser"


def test_without_a_wallet_the_next_step_is_to_make_one(purser: CommandLine) -> None:
    told = f"here is no wallet yet: run `{command_line()} init`"
    balance = purser("balance")
    assert (balance.code, told in balance.out) == (0, True)
    fund = purser("fund")
    assert (fund.code, fund.out, told in fund.err) == (1, "", True)
    assert "doctor" not in balance.out + fund.err
