"""Private files and folders that survive a power cut: written aside, synced, then renamed."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path


def make_private_folder(path: Path) -> None:
    """Create the folder and its parents for this user alone (0700); an existing one is kept.

    Its name is durable afterwards: files synced inside a folder are lost with it.

    Raises:
        OSError: it cannot be created, or something else has its name.
    """
    try:
        path.mkdir(mode=0o700)
    except FileNotFoundError:
        make_private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        if not path.is_dir():
            raise
    # An existing one too: who made it may have died before this. A parent that is not ours to
    # read cannot be synced.
    with suppress(PermissionError):
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the folder's entries durable, where the system has such a call; Windows has none.

    Raises:
        OSError: the disk failed.
    """
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # fsync(2): not on this file system
            raise
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
