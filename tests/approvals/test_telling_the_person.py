"""How a person at this machine hears of a request: a note, a command, a page in the browser."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from server import desktop
from server.commands.launcher import command_line, for_person
from server.desktop import EVERY_S, HOST_CHARS, Notes, note_text, notifier
from server.pages.browser import shown_in_browser
from tests.commands.command_line import CommandLine

HOSTILE = "evil.example'; rm -rf ~; $(x) `x` <b>\n" + "x" * 500
DESKTOP = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/bus", "DISPLAY": ":0"}


@pytest.fixture
def purser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    return CommandLine(tmp_path / "home", monkeypatch, capsys)


def program(folder: Path, name: str) -> Path:
    """Write a program that notes its arguments down, one to a line."""
    path = folder / name
    path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {folder}/told\nenv > {folder}/env\n')
    path.chmod(0o755)
    return path


def test_a_note_has_the_amount_and_a_plain_host_and_nothing_else() -> None:
    told = note_text("0.75", HOSTILE)
    assert told.startswith("$0.75 to ")
    assert len(told) < 70 + HOST_CHARS
    assert not set("'`$(<\n;") & set(told.removeprefix("$"))
    assert note_text("0.75", "api.example.com") == (
        "$0.75 to api.example.com waits for your approval: run purser approvals"
    )


@pytest.mark.skipif(os.name != "posix", reason="a notifier is a shell script here")
def test_a_note_goes_to_the_notifier_as_arguments_once_in_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "notify-send")
    for name, value in {**DESKTOP, "PATH": f"{tmp_path}:/bin:/usr/bin"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PURSER_PASSPHRASE", "the passphrase")
    monkeypatch.setattr(sys, "platform", "linux")
    now_s = [0.0]
    notes = Notes(lambda: now_s[0])
    notes.show("0.75", "api.example.com")
    *_, mark, title, text = (tmp_path / "told").read_text().splitlines()
    assert (mark, title, text) == ("--", "Purser", note_text("0.75", "api.example.com"))
    assert "passphrase" not in (tmp_path / "env").read_text()
    (tmp_path / "told").unlink()
    now_s[0] = EVERY_S - 1
    notes.show("0.75", "api.example.com")
    assert not (tmp_path / "told").exists()
    now_s[0] = EVERY_S
    notes.show("0.75", "api.example.com")
    assert (tmp_path / "told").exists()


@pytest.mark.parametrize("missing", [*DESKTOP, "PATH"])
def test_without_a_desktop_there_is_no_note(tmp_path: Path, missing: str) -> None:
    program(tmp_path, "notify-send")
    environ = {**DESKTOP, "PATH": str(tmp_path)}
    assert notifier("text", "linux", environ) is not None
    assert notifier("text", "linux", {**environ, missing: ""}) is None


def test_on_other_systems_the_script_is_fixed_and_the_text_is_not_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def which(name: str) -> str:
        return f"/bin/{name}"

    monkeypatch.setattr("shutil.which", which)
    apple, windows = notifier("words", "darwin", {}), notifier("words", "win32", {})
    assert apple is not None
    assert windows is not None
    assert apple[-1] == "words"
    assert windows[0] == r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"
    assert "words" not in " ".join(windows)
    assert notifier("words", "darwin", {"SSH_CONNECTION": "1"}) is None


def test_a_notifier_that_fails_is_no_note(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object) -> list[str]:
        return ["/nowhere/notify"]

    monkeypatch.setattr(desktop, "notifier", nowhere)
    Notes().show("0.75", "api.example.com")


def test_the_command_for_a_person_works_from_any_folder_and_finds_this_ledger(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PURSER_HOME", str(tmp_path / "a home"))
    told = for_person("the user runs `purser approve ap_x` now")
    assert f"PURSER_HOME='{tmp_path}/a home' " in told
    assert "purser approve ap_x`" in told
    assert "`uv run purser" not in told
    monkeypatch.delenv("PURSER_HOME")
    if command_line() == "purser":
        assert for_person("`purser fund`") == "`purser fund`"


def test_pages_are_shown_at_a_terminal_alone(purser: CommandLine) -> None:
    for extra, words in ((), "terminal"), (("--json",), "--json"), (("--all",), "--all"):
        ran = purser("approvals", "--open", *extra)
        assert (ran.code, ran.out) == (2, "")
        assert words in ran.err


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_the_browser_is_given_a_private_file_and_never_the_link(tmp_path: Path) -> None:
    link, seen = "http://127.0.0.1:8402/open?token=secret", list[str]()

    def browse(url: str) -> bool:
        seen.append(url)
        return True

    with shown_in_browser(link, tmp_path, browse=browse) as found:
        (file,) = tmp_path.iterdir()
        assert found
        assert seen == [file.as_uri()]
        assert "secret" not in seen[0]
        assert link in file.read_text()
        assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_at_a_terminal_the_pages_are_served_until_they_are_ended(tmp_path: Path) -> None:
    import pty

    import httpx

    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    controller, terminal = pty.openpty()
    env = {**os.environ, "PURSER_HOME": str(home), "BROWSER": "true", "COLUMNS": "200"}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "purser_mcp", "approvals", "--open"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={name: value for name, value in env.items() if name != "PURSER_PRIVATE_KEY"},
        start_new_session=True,
    )
    os.close(terminal)
    try:
        shown = b""
        while b"Ctrl-C" not in shown:
            shown += os.read(controller, 4_096)
        (link,) = [word for word in shown.decode().split() if "token=" in word]
        assert httpx.get(link, trust_env=False).status_code == 200
        assert httpx.get(link, trust_env=False).status_code == 403
    finally:
        process.terminate()
        process.wait(30)
        os.close(controller)
