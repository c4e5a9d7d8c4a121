"""Where each host keeps its file, on all three systems."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest

from server.mcp_hosts.table import (
    Platform,
    Surroundings,
    candidates,
    config_file,
    hosts,
    is_found,
)
from tests.hosts.host_models import READERS

MAC, LINUX = PurePosixPath("/Users/ada"), PurePosixPath("/home" + "/ada")
WINDOWS = PureWindowsPath(r"C:\Users\ada")
APPDATA = {
    "APPDATA": r"C:\Users\ada\AppData\Roaming",
    "LOCALAPPDATA": r"C:\Users\ada\AppData\Local",
}
MSIX = r"AppData\Local\Packages\Claude_*\LocalCache\Roaming\Claude\claude_desktop_config.json"

# Each path below the home folder; on Windows the first that needs no folder of a pattern.
EXPECTED: dict[str, dict[Platform, str]] = {
    "claude-desktop": {
        "macos": "Library/Application Support/Claude/claude_desktop_config.json",
        "windows": r"AppData\Roaming\Claude\claude_desktop_config.json",
        "linux": ".config/Claude/claude_desktop_config.json",
    },
    "claude-code": {"macos": ".claude.json", "windows": ".claude.json", "linux": ".claude.json"},
    "cursor": {
        "macos": ".cursor/mcp.json",
        "windows": r".cursor\mcp.json",
        "linux": ".cursor/mcp.json",
    },
    "vscode": {
        "macos": "Library/Application Support/Code/User/mcp.json",
        "windows": r"AppData\Roaming\Code\User\mcp.json",
        "linux": ".config/Code/User/mcp.json",
    },
    "codex": {
        "macos": ".codex/config.toml",
        "windows": r".codex\config.toml",
        "linux": ".codex/config.toml",
    },
    "gemini": {
        "macos": ".gemini/settings.json",
        "windows": r".gemini\settings.json",
        "linux": ".gemini/settings.json",
    },
    "goose": {
        "macos": ".config/goose/config.yaml",
        "windows": r"AppData\Roaming\Block\goose\config\config.yaml",
        "linux": ".config/goose/config.yaml",
    },
    "windsurf": {
        "macos": ".codeium/windsurf/mcp_config.json",
        "windows": r".codeium\windsurf\mcp_config.json",
        "linux": ".codeium/windsurf/mcp_config.json",
    },
}
HERE: Platform = "windows" if os.name == "nt" else "linux"
HOMES: dict[Platform, PurePath] = {"macos": MAC, "windows": WINDOWS, "linux": LINUX}


@pytest.fixture
def here(tmp_path: Path) -> Surroundings:
    """Return a user without any host, with the variables of Windows."""
    environ = {"APPDATA": str(tmp_path / "Roaming"), "LOCALAPPDATA": str(tmp_path / "Local")}
    return Surroundings(HERE, environ, tmp_path, tmp_path / "project")


def test_the_table_has_a_row_for_every_host_that_is_read_in_tests() -> None:
    assert list(hosts()) == list(READERS) == list(EXPECTED)


@pytest.mark.parametrize("platform", HOMES)
@pytest.mark.parametrize("name", EXPECTED)
def test_a_host_is_looked_for_where_its_documentation_says(name: str, platform: Platform) -> None:
    home = HOMES[platform]
    templates = hosts()[name].user[platform]
    found = candidates(templates, platform, APPDATA if platform == "windows" else {}, home)
    plain = [one for one in found if "*" not in str(one)]
    assert plain[0] == home / EXPECTED[name][platform]
    assert candidates(templates, platform, {}, home)[-1] == home / EXPECTED[name][platform]


def test_the_packaged_claude_desktop_comes_before_the_other() -> None:
    templates = hosts()["claude-desktop"].user["windows"]
    first, second, *_ = candidates(templates, "windows", APPDATA, WINDOWS)
    assert first == WINDOWS / MSIX
    assert second == WINDOWS / r"AppData\Roaming\Claude\claude_desktop_config.json"


@pytest.mark.parametrize(
    ("name", "variable", "path"),
    [
        ("claude-code", "CLAUDE_CONFIG_DIR", "/else/.claude.json"),
        ("codex", "CODEX_HOME", "/else/config.toml"),
        ("gemini", "GEMINI_CLI_HOME", "/else/.gemini/settings.json"),
        ("goose", "GOOSE_PATH_ROOT", "/else/config/config.yaml"),
        ("goose", "XDG_CONFIG_HOME", "/else/goose/config.yaml"),
        ("vscode", "XDG_CONFIG_HOME", "/else/Code/User/mcp.json"),
    ],
)
def test_a_variable_moves_the_file_and_a_relative_one_does_not(
    name: str, variable: str, path: str
) -> None:
    templates = hosts()[name].user["linux"]
    assert candidates(templates, "linux", {variable: "/else"}, LINUX)[0] == PurePosixPath(path)
    for value in ("", "else", "./else"):
        assert candidates(templates, "linux", {variable: value}, LINUX)[0].is_relative_to(LINUX)


def test_the_folder_of_a_package_decides_only_when_it_is_there(here: Surroundings) -> None:
    host = hosts()["claude-desktop"]
    host = replace(host, user={HERE: host.user["windows"]})  # with this system's slashes
    plain = here.home / "Roaming" / "Claude" / "claude_desktop_config.json"
    below = Path("LocalCache", "Roaming", "Claude", "claude_desktop_config.json")
    assert config_file(host, "user", here) == plain
    packages = here.home / "Local" / "Packages"
    for name in ("Claude_aaa", "Claude_bbb", "Other"):
        (packages / name).mkdir(parents=True)
    assert config_file(host, "user", here) == packages / "Claude_aaa" / below
    (packages / "Claude_bbb" / below).parent.mkdir(parents=True)
    (packages / "Claude_bbb" / below).touch()
    assert config_file(host, "user", here) == packages / "Claude_bbb" / below


def test_a_project_has_a_file_of_its_own_where_the_host_knows_one(here: Surroundings) -> None:
    found = {key: host.project for key, host in hosts().items() if host.project}
    assert found == {
        "claude-code": ".mcp.json",
        "cursor": ".cursor/mcp.json",
        "vscode": ".vscode/mcp.json",
        "codex": ".codex/config.toml",
        "gemini": ".gemini/settings.json",
    }
    file = config_file(hosts()["vscode"], "project", here)
    assert file == here.home / "project" / ".vscode" / "mcp.json"


def test_a_host_is_found_by_its_folder_and_claude_code_by_its_own(tmp_path: Path) -> None:
    where = Surroundings(HERE, {}, tmp_path, tmp_path)
    assert [key for key, host in hosts().items() if is_found(host, where)] == []
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".codex").mkdir()
    assert [key for key, host in hosts().items() if is_found(host, where)] == [
        "claude-code",
        "codex",
    ]
