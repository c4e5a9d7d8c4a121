"""Private files and folders that survive a power cut: written aside, synced, then renamed."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def make_private_folder(path: Path) -> None:
    """Create the folder and its parents for this user alone (0700); an existing one is kept.

    Raises:
        OSError: it cannot be created, or something else has its name.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def sync_folder(path: Path) -> None:
    """Make the folder's entries durable; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_new_file(path: Path, data: bytes) -> None:
    """Write a file that must not exist yet, for this user alone (0600), and sync it.

    Raises:
        FileExistsError: the name is taken.
        OSError: it cannot be written; what was written so far is removed.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def write_file(path: Path, data: bytes, *, replace: bool) -> None:
    """Put a whole file (0600) in place in one step: a reader sees all of it or none.

    Raises:
        FileExistsError: the file exists and `replace` is false.
        OSError: it cannot be written.
    """
    aside = path.with_name(f"{path.name}.tmp-{secrets.token_hex(8)}")
    write_new_file(aside, data)
    try:
        if replace:
            aside.replace(path)
        else:
            _publish_new(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)


def _publish_new(aside: Path, path: Path) -> None:
    if os.name == "nt":
        aside.rename(path)  # refuses an existing name there; elsewhere it would replace it
    else:
        os.link(aside, path)
