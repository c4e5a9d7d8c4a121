"""A folder that is given new files: what is there is never changed, and no link is followed."""

from __future__ import annotations

import errno
import itertools
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

from server.commands.file_names import folded, numbered

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_OLD = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_BINARY", "O_NOFOLLOW", "O_NONBLOCK"))


class Folder:
    """An open folder; where the system can, names in it are looked up from the folder itself.

    Args:
        path: as it is shown.
        handle: the open folder, None where the system has no such thing.
    """

    def __init__(self, path: Path, handle: int | None) -> None:
        self.path = path
        self._handle = handle
        self._there = {folded(name): name for name in os.listdir(path)}
        self._given: set[str] = set()
        self._adding = threading.Lock()

    def close(self) -> None:
        """Let go of the folder."""
        if self._handle is not None:
            os.close(self._handle)

    def add(self, stem: str, ending: str, data: bytes) -> str:
        """Write a file of its own for this content and return its name.

        A file of an earlier run that holds exactly this content is taken for it.

        Raises:
            OSError: it cannot be written; nothing is left of it.
        """
        with self._adding:
            names = (numbered(stem, ending, number) for number in itertools.count(1))
            name = next(one for one in names if self._is_free(one) and self._takes(one, data))
            self._given.add(folded(name))
        return name

    def _is_free(self, name: str) -> bool:
        """Tell whether no other file is called so, whatever a file system takes for the same."""
        key = folded(name)
        return key not in self._given and self._there.get(key, name) == name

    def _takes(self, name: str, data: bytes) -> bool:
        """Tell whether the name now stands for the content; False when it stands for another."""
        try:
            file = os.open(self._at(name), _NEW, 0o666, dir_fd=self._handle)
        except FileExistsError:
            return self._holds(name, data)
        try:
            with os.fdopen(file, "wb") as new:
                new.write(data)
        except OSError:
            with suppress(OSError):
                os.unlink(self._at(name), dir_fd=self._handle)
            raise
        return True

    def _holds(self, name: str, data: bytes) -> bool:
        """Tell whether a plain file of this name has this content; a pipe is never waited for."""
        with (
            suppress(OSError),
            os.fdopen(os.open(self._at(name), _OLD, dir_fd=self._handle), "rb") as old,
        ):
            found = os.fstat(old.fileno())
            if stat.S_ISREG(found.st_mode) and found.st_size == len(data):
                return old.read(len(data) + 1) == data
        return False

    def _at(self, name: str) -> str:
        return name if self._handle is not None else str(self.path / name)


def open_folder(path: Path) -> Folder:
    """Open a folder for new files; make it if only itself is missing. Close it after use.

    Raises:
        OSError: it cannot be made, opened or written to.
    """
    with suppress(FileExistsError):
        path.mkdir()
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    by_handle = os.open in os.supports_dir_fd
    return Folder(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY) if by_handle else None)
