"""`purser install`: each host's own file, read back as that host reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.run import BUYER_KEY
from server.commands.launcher import host_command, quoted
from server.mcp_hosts.table import hosts
from server.play_money import PLAY_FILE, PLAY_PASSPHRASE
from tests.commands.command_line import CommandLine
from tests.hosts.host_models import READERS, file_of, read_as_host

PASSPHRASE = "correct horse battery"


def backups(path: Path) -> list[Path]:
    """Return the copies of a file."""
    return sorted(path.parent.glob(f"{path.name}.*.bak"))


@pytest.mark.parametrize("host", READERS)
def test_every_host_can_read_what_was_written_for_it(host: str, purser: CommandLine) -> None:
    ran = purser("install", host, "--json")
    assert (ran.code, ran.err) == (0, "")
    path = file_of(host)
    told = ran.json()
    assert (told["file"], told["action"], told["backup"]) == (str(path), "added", None)
    starts = read_as_host(host, path.read_text(encoding="utf-8"))
    assert [starts.command, *starts.args] == host_command()
    assert Path(starts.command).is_absolute()
    assert starts.env == {"PURSER_HOME": str(purser.home)}

    written = path.read_bytes()
    again = purser("install", host, "--json").json()
    assert (again["action"], again["changed"], again["backup"]) == ("already there", False, None)
    assert (path.read_bytes(), backups(path)) == (written, [])

    removed = purser("install", host, "--remove", "--json").json()
    assert removed["action"] == "removed"
    assert [str(one) for one in backups(path)] == [removed["backup"]]
    assert b"purser" not in path.read_bytes()
    assert purser("install", host, "--remove", "--json").json()["action"] == "not there"


@pytest.mark.parametrize("host", [key for key, host in hosts().items() if host.project])
def test_a_project_s_file_is_in_its_folder(host: str, home: Path, purser: CommandLine) -> None:
    assert purser("install", host, "--scope", "project").code == 0
    path = home / "project" / hosts()[host].project
    assert read_as_host(host, path.read_text(encoding="utf-8")).args[-1] == "serve"
    assert not file_of(host).exists()


@pytest.mark.parametrize("host", ["vscode", "codex", "goose"])
def test_printing_writes_nothing_and_shows_what_the_host_can_read(
    host: str, home: Path, purser: CommandLine
) -> None:
    ran = purser("install", host, "--print")
    assert ran.code == 0
    assert str(file_of(host)) in ran.err
    assert [*home.iterdir()] == [home / "project"]
    starts = read_as_host(host, ran.out)
    assert [starts.command, *starts.args] == host_command()


def test_a_second_install_keeps_what_was_added_by_hand(purser: CommandLine) -> None:
    path = file_of("cursor")
    path.parent.mkdir()
    old = (
        '{ // mine\n  "mcpServers": {\n    "purser": {\n      "command": "/old/uv",\n      '
        '"envFile": "~/.env",\n      "env": {"PURSER_PASSPHRASE": "p"}\n    }, // end\n  }\n}\n'
    )
    path.write_text(old, encoding="utf-8")
    told = purser("install", "cursor", "--json").json()
    assert told["action"] == "updated"
    assert [one.read_text(encoding="utf-8") for one in backups(path)] == [old]
    text = path.read_text(encoding="utf-8")
    assert text.startswith('{ // mine\n  "mcpServers": {\n    "purser": {\n      "command": ')
    assert text.endswith("    }, // end\n  }\n}\n")
    plain = text.replace(" // mine", "").replace(", // end", "")
    starts = read_as_host("cursor", plain)
    assert [starts.command, *starts.args] == host_command()
    assert starts.env == {"PURSER_PASSPHRASE": "p", "PURSER_HOME": str(purser.home)}
    assert '"envFile": "~/.env"' in text


@pytest.mark.parametrize("again", [False, True])
def test_what_a_project_s_entry_had_before_is_named(
    home: Path, purser: CommandLine, again: bool
) -> None:
    variables = '"PURSER_BUDGET__PER_DAY": "100000", "LD_PRELOAD": "\\u001b[2J./evil.so"'
    entry = f'{{"command": "x", "cwd": "/tmp/evil", "env": {{{variables}}}}}'
    path = home / "project" / hosts()["claude-code"].project
    path.write_text(f'{{"mcpServers": {{"purser": {entry}}}}}', encoding="utf-8")
    call = ("install", "claude-code", "--scope", "project")
    ran = purser(*call)
    if again:
        ran = purser(*call)
        assert "already there" in ran.out
    assert "keeps cwd, PURSER_BUDGET__PER_DAY, LD_PRELOAD. Look at" in ran.err
    assert "evil" not in ran.err
    assert any("LD_PRELOAD" in note for note in purser(*call, "--json").json()["notes"])


def test_a_name_of_ones_own_stands_beside_the_usual_one(purser: CommandLine) -> None:
    for name in ("purser", "purser-work"):
        assert purser("install", "codex", "--name", name).code == 0
    text = file_of("codex").read_text(encoding="utf-8")
    assert read_as_host("codex", text, "purser-work") == read_as_host("codex", text)
    assert purser("install", "codex", "--name", "a b").code == 2


@pytest.mark.parametrize(
    ("host", "text", "place"),
    [
        ("claude-desktop", '{\n  "mcpServers": {\n    oops\n}', "line 3, column 5"),
        ("codex", "a = 1\nb =\n", "line 2, column 4"),
        ("goose", "extensions:\n  a: 1\n a: 2\n", "line 3, column 2"),
    ],
)
def test_a_broken_file_stops_it_and_is_told_by_line_and_column(
    host: str, text: str, place: str, purser: CommandLine
) -> None:
    path = file_of(host)
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    ran = purser("install", host)
    assert (ran.code, ran.out) == (1, "")
    assert f"{path}: {place}: " in ran.err
    assert "Nothing was changed." in ran.err
    found = purser("install", host, "--json").json()["error"]
    assert (f"line {found['line']}, column {found['column']}", found["file"]) == (place, str(path))
    assert (path.read_text(encoding="utf-8"), backups(path)) == (text, [])


def test_a_file_that_only_a_person_can_change_is_left_alone(purser: CommandLine) -> None:
    path = file_of("codex")
    path.parent.mkdir()
    path.write_text('mcp_servers = { a = { command = "x" } }\n', encoding="utf-8")
    ran = purser("install", "codex")
    assert ran.code == 1
    assert "install codex --print` shows what to put there by hand" in ran.err
    assert path.read_text(encoding="utf-8") == 'mcp_servers = { a = { command = "x" } }\n'


@pytest.mark.parametrize(
    "arguments",
    [
        ("--env", f"PURSER_PRIVATE_KEY={BUYER_KEY}"),
        ("--env", "purser_private_key=x"),
        ("--env", f"SOMETHING={BUYER_KEY}"),
        ("--env", f"SOMETHING={BUYER_KEY.removeprefix('0x')}"),
        ("--scope", "project", "--env", f"PURSER_PASSPHRASE={PASSPHRASE}"),
        ("--env", "PURSER_PASSPHRASE"),
        ("--env", "A B=c"),
        ("--print", "--remove"),
    ],
)
def test_a_key_is_never_written_into_a_host_s_file(
    arguments: tuple[str, ...], purser: CommandLine
) -> None:
    ran = purser("install", "claude-code", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert BUYER_KEY.removeprefix("0x") not in ran.err
    assert not file_of("claude-code").exists()


def test_a_key_in_the_environment_does_not_reach_the_file(purser: CommandLine) -> None:
    purser.env |= {"PURSER_PRIVATE_KEY": BUYER_KEY, "PURSER_WALLET__KEY": "env"}
    ran = purser("install", "claude-desktop")
    assert ran.code == 0
    text = file_of("claude-desktop").read_text(encoding="utf-8")
    assert BUYER_KEY.removeprefix("0x") not in text + ran.out + ran.err
    assert "the host has to be started with PURSER_PRIVATE_KEY set" in ran.err


@pytest.mark.slow
def test_a_keystore_asks_for_its_passphrase_to_be_passed_on(purser: CommandLine) -> None:
    purser.env["PURSER_PASSPHRASE"] = PASSPHRASE
    assert "there is no wallet yet" in purser("install", "cursor").err
    assert purser("init", "--key", "keystore").code == 0
    first = purser("install", "cursor")
    assert "--env PURSER_PASSPHRASE=..." in first.err
    second = purser("install", "cursor", "--env", f"PURSER_PASSPHRASE={PASSPHRASE}")
    assert second.err == ""
    assert PASSPHRASE not in second.out
    starts = read_as_host("cursor", file_of("cursor").read_text(encoding="utf-8"))
    assert starts.env["PURSER_PASSPHRASE"] == PASSPHRASE


def test_the_list_says_which_hosts_are_there_and_which_have_purser(
    home: Path, purser: CommandLine
) -> None:
    (home / ".codex").mkdir()
    assert purser("install", "gemini").code == 0
    file_of("cursor").parent.mkdir()
    file_of("cursor").write_text("{", encoding="utf-8")
    rows = {row["host"]: row for row in purser("install", "--json").json()["hosts"]}
    assert list(rows) == list(READERS)
    found = {key: row["state"] for key, row in rows.items() if row["found"]}
    assert found == {"cursor": "unreadable", "codex": "-", "gemini": "there"}
    shown = purser("install", "--list")
    assert (shown.code, shown.err) == (0, "")
    assert all(str(row["file"]) in shown.out for row in rows.values())


@pytest.mark.parametrize(
    "arguments",
    [("emacs",), ("goose", "--scope", "project"), ("--remove",), ("--env", "A=b")],
)
def test_what_makes_no_sense_is_wrong_usage(
    arguments: tuple[str, ...], home: Path, purser: CommandLine
) -> None:
    assert purser("install", *arguments).code == 2
    assert [*home.iterdir()] == [home / "project"]


def test_another_file_can_be_named(home: Path, purser: CommandLine) -> None:
    path = home / "Code - Insiders" / "mcp.json"
    assert purser("install", "vscode", "--file", str(path)).code == 0
    assert read_as_host("vscode", path.read_text(encoding="utf-8")).args[-1] == "serve"
    assert not file_of("vscode").exists()


def test_the_next_command_reaches_the_wallet_of_the_entry_and_tells_no_secret(
    home: Path, purser: CommandLine
) -> None:
    other = home / "the other"
    other.mkdir()
    words = ("--env", f"PURSER_HOME={other}", "--env", f"PURSER_PASSPHRASE={PASSPHRASE}", "--json")
    told = purser("install", "cursor", *words).json()["next"][-1]
    assert f"PURSER_HOME={quoted(str(other))} " in told
    assert told.endswith("purser doctor` checks the rest.")
    assert "PASSPHRASE" not in told
    (other / PLAY_FILE).write_text("", encoding="utf-8")
    told = purser("install", "cursor", *words).json()["next"][-1]
    assert f"PURSER_PASSPHRASE={PLAY_PASSPHRASE} " in told
    assert PASSPHRASE not in told
