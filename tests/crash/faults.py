"""The preloaded library of `faults.c`: build it, arm it in a buyer, read the log it leaves."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("faults.c")

FAIL, FULL, KILL, HALF = "e", "f", "k", "h"
"""EIO once; ENOSPC from here on; killed before the call; killed with the call half done."""

FAULTS = {FAIL: "fails", FULL: "finds the disk full", KILL: "is never made", HALF: "is the last"}


@dataclass(frozen=True, slots=True)
class FileCall:
    """One call under the watched folder, or a `mark`: `path` is then the step's name.

    `op` is open, create, write, sync, truncate, mkdir, rename, link or remove. `result` is below 0
    when it failed. `data` is what was written, at `offset`; `size` what was meant to be.
    """

    number: int
    op: str
    result: int
    size: int
    offset: int
    path: str
    other: str
    data: bytes

    @property
    def kind(self) -> tuple[str, str]:
        """Return what is done to what, with the names that chance chose taken out."""
        parts = ["*" if len(part) > 30 else part for part in self.path.split("/")]
        return self.op, "/".join(parts)


def build(compiler: str, target: Path) -> Path:
    """Compile the library."""
    subprocess.run(
        [compiler, "-Wall", "-O1", "-shared", "-fPIC", "-o", target, SOURCE, "-ldl"], check=True
    )
    return target


class Faults:
    """The library inside the process that was started with it preloaded."""

    def __init__(self, library: str) -> None:
        self._library = ctypes.CDLL(library)

    def arm(self, folder: str, log: str, number: int, kind: str) -> None:
        """Count from now on; spoil call `number`, or none when that is 0."""
        arguments = (
            folder.encode(),
            log.encode(),
            ctypes.c_long(number),
            ctypes.c_char(kind.encode()),
        )
        self._library.faults_arm(*arguments)

    def mark(self, step: str) -> None:
        """Note in the log that a step is reached."""
        self._library.faults_mark(step.encode())


def read_log(log: Path) -> list[FileCall]:
    """Return every call and mark, in order."""
    return list(_calls(log.read_bytes())) if log.exists() else []


def _calls(raw: bytes) -> Iterator[FileCall]:
    at = 0
    while at < len(raw):
        end = raw.index(b"\n", at)
        fields = raw[at:end].decode().split("\t")
        number, result, size, offset = (int(fields[place]) for place in (0, 2, 3, 4))
        length = result if fields[1] == "write" and result > 0 else 0
        at = end + 1 + length
        data = raw[end + 1 : at]
        yield FileCall(number, fields[1], result, size, offset, fields[5], fields[6], data)
