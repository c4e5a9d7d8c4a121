"""Read and replace a host's own file: whole or not at all, and never without a copy of it."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from server.mcp_hosts.edits import MAX_CHARS
from wallet.files import sync_folder

PRIVATE_MODE = 0o600
SHARED_MODE = 0o644


class HostFileError(Exception):
    """The file cannot be read or replaced; it is as it was."""


@dataclass(frozen=True, slots=True)
class HostFile:
    """A host's file as it was read, behind every link; `data` is None when there is none."""

    path: Path
    data: bytes | None
    mode: int

    @property
    def text(self) -> str:
        """Return the file's text, a byte order mark and its own line ends included.

        Raises:
            HostFileError: it is not UTF-8.
        """
        try:
            return (self.data or b"").decode()
        except UnicodeDecodeError as error:
            before = (self.data or b"")[: error.start]
            line = before.count(b"\n") + 1
            column = len(before) - before.rfind(b"\n")
            raise HostFileError(f"line {line}, column {column}: not UTF-8 text") from None


def read_host_file(path: Path, *, project: Path | None = None) -> HostFile:
    """Read a host's file; links are followed, so that the file they lead to is the one replaced.

    Args:
        path: the file as the host names it.
        project: the folder of the project that it belongs to. Somebody else may have made that: a
            link must not lead out of it. A new file in it may be read by others.

    Raises:
        HostFileError: it is no file, is too long, lies elsewhere, or cannot be read.
    """
    shared = project is not None
    try:
        real = path.resolve()
        if shared and not real.is_relative_to(project.resolve()):
            raise HostFileError("a link leads out of the project")
        if not real.exists():
            return HostFile(real, None, SHARED_MODE if shared else PRIVATE_MODE)
        status = real.stat()
        if not stat.S_ISREG(status.st_mode):
            raise HostFileError("it is not a file")
        if status.st_size > MAX_CHARS:
            raise HostFileError("it is too long")
        return HostFile(real, real.read_bytes(), stat.S_IMODE(status.st_mode))
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, before Python 3.13
        reason = error.strerror if isinstance(error, OSError) else "links in a circle"
        raise HostFileError(f"it cannot be read: {reason}") from None


def replace_host_file(file: HostFile, text: str, now: datetime | None = None) -> Path | None:
    """Put a text in the place of a file that was read, and return where its backup is.

    There is no backup of a file that did not exist. The mode is kept, and so is what another
    program wrote meanwhile.

    Raises:
        HostFileError: it was changed since it was read, or cannot be written.
    """
    path = file.path
    aside = path.with_name(f"{path.name}.purser-{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_new(aside, text.encode(), file.mode)
        try:
            backup = _back_up(file, now or datetime.now(UTC))
            if (path.read_bytes() if path.exists() else None) != file.data:
                raise HostFileError("another program changed it just now; try again")
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise HostFileError(f"it cannot be written: {error.strerror}") from None
    return backup


def _back_up(file: HostFile, now: datetime) -> Path | None:
    """Copy the file beside itself, under a name that nothing has."""
    if file.data is None:
        return None
    stem = f"{file.path.name}.{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    for number in range(100):
        name = f"{stem}.bak" if number == 0 else f"{stem}-{number}.bak"
        try:
            # It may hold what was taken out since, a passphrase for one: nobody else reads it.
            _write_new(file.path.with_name(name), file.data, file.mode & PRIVATE_MODE)
        except FileExistsError:
            continue
        return file.path.with_name(name)
    raise HostFileError("there are a hundred backups of this second")


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Write and sync a file that must not exist yet; it never has a wider mode than it ends with.

    Raises:
        OSError: the name is taken, or it cannot be written; nothing is left of it then.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, mode & PRIVATE_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        path.chmod(mode)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
