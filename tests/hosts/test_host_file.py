"""Replacing a host's own file: whole or not at all, and never without a copy."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.mcp_hosts.host_file import HostFileError, read_host_file, replace_host_file

NOW = datetime(2026, 11, 21, 9, 8, 7, tzinfo=UTC)
posix = pytest.mark.skipif(os.name == "nt", reason="modes and links of POSIX")


def mode(path: Path) -> int:
    """Return the permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(one.name for one in folder.iterdir())


@posix
@pytest.mark.parametrize("bits", [0o600, 0o640, 0o664])
def test_a_file_is_replaced_with_its_mode_and_copied_for_its_owner_alone(
    tmp_path: Path, bits: int
) -> None:
    path = tmp_path / "mcp.json"
    path.write_bytes(b'{"a":\r\n1}')
    path.chmod(bits)
    backup = replace_host_file(read_host_file(path), "{}", NOW)
    assert backup is not None
    assert backup == tmp_path / "mcp.json.20261121T090807Z.bak"
    assert (path.read_bytes(), backup.read_bytes()) == (b"{}", b'{"a":\r\n1}')
    assert (mode(path), mode(backup)) == (bits, 0o600)
    assert names(tmp_path) == ["mcp.json", backup.name]


def test_a_backup_never_takes_the_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text("one")
    for text in ("two", "three"):
        replace_host_file(read_host_file(path), text, NOW)
    stem = "mcp.json.20261121T090807Z"
    assert (tmp_path / f"{stem}.bak").read_text() == "one"
    assert (tmp_path / f"{stem}-1.bak").read_text() == "two"


@posix
def test_a_new_file_is_private_and_one_of_a_project_is_not(tmp_path: Path) -> None:
    for project, bits in ((None, 0o600), (tmp_path, 0o644)):
        path = tmp_path / f"{bits}" / "deep" / "mcp.json"
        assert replace_host_file(read_host_file(path, project=project), "{}", NOW) is None
        assert mode(path) == bits
        assert names(path.parent) == ["mcp.json"]


@posix
def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "claude.json"
    real.parent.mkdir()
    real.write_text("old")
    link = tmp_path / ".claude.json"
    link.symlink_to(real)
    backup = replace_host_file(read_host_file(link), "new", NOW)
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert backup is not None
    assert backup.parent == real.parent


@posix
def test_a_link_that_leads_out_of_a_project_is_refused(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "mine.json").write_text("{}")
    (project / ".mcp.json").symlink_to(tmp_path / "mine.json")
    with pytest.raises(HostFileError, match="leads out of the project"):
        read_host_file(project / ".mcp.json", project=project)


def test_what_another_program_wrote_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / ".claude.json"
    path.write_text("old")
    read = read_host_file(path)
    path.write_text("newer")
    with pytest.raises(HostFileError, match="another program changed it"):
        replace_host_file(read, "ours", NOW)
    assert path.read_text() == "newer"
    absent = read_host_file(tmp_path / "absent.json")
    (tmp_path / "absent.json").write_text("newer")
    with pytest.raises(HostFileError, match="another program changed it"):
        replace_host_file(absent, "ours", NOW)
    assert not [name for name in names(tmp_path) if name.endswith(".tmp")]


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HostFileError, match="it is not a file"):
        read_host_file(tmp_path)
    (tmp_path / "latin").write_bytes(b"a\nb: \xe9")
    with pytest.raises(HostFileError, match="line 2, column 4: not UTF-8 text"):
        _ = read_host_file(tmp_path / "latin").text


@posix
def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(HostFileError):
        replace_host_file(read_host_file(tmp_path / "a"), "{}", NOW)
    assert names(tmp_path) == ["a", "b"]


def test_a_file_that_cannot_be_replaced_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mcp.json"
    path.write_text("old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(HostFileError, match="No space left"):
        replace_host_file(read_host_file(path), "new", NOW)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["mcp.json"]
