"""The reading process: takes bodies on stdin, answers with text on stdout, and can be killed.

It holds nothing of Purser's: no settings, no key, no environment of the parent's. What it reads was
written by strangers, so it takes little memory, and neither network nor files nor other processes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, BinaryIO

MAX_MEMORY_BYTES = 1_024 * 1_024 * 1_024
"""Address space, where the system can bound it."""

TIRED_BYTES = 300 * 1_024 * 1_024
"""A process that grew to this ends after its answer, and the next body gets a fresh one."""

_LAST_CHANCE_S = 5
_FORBIDDEN = (
    *("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "subprocess.Popen"),
    *("os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.remove", "os.rename"),
    *("os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod", "shutil.rmtree", "os.kill"),
)


def serve(stdin: BinaryIO, stdout: BinaryIO) -> None:
    """Answer requests until stdin ends: a line of JSON and a body, each way."""
    from tools.reading.content import render

    for line in iter(stdin.readline, b""):
        asked = json.loads(line)
        body = stdin.read(asked["bytes"])
        _end_by(asked["timeout_s"] + _LAST_CHANCE_S)
        shown = render(body, asked["content_type"], asked["url"], asked["format"])
        text = shown.text.encode("utf-8", "replace")
        answer: dict[str, Any] = {
            "kind": shown.kind,
            "mime_type": shown.mime_type,
            "rows": shown.rows,
            "bytes": len(text),
            "tired": _peak_bytes() > TIRED_BYTES,
        }
        stdout.write(json.dumps(answer).encode() + b"\n" + text)
        stdout.flush()
        _end_by(0)
        if answer["tired"]:
            return


def main() -> None:
    """Bound this process, load what reading takes, and serve."""
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _bound_memory()
    with suppress(ImportError):
        import_module("trafilatura")  # before the first body comes
    sys.addaudithook(_refuse)
    serve(sys.stdin.buffer, sys.stdout.buffer)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse what reading never needs; a second fence behind parsers that do none of it."""
    refused = event in _FORBIDDEN or (event == "open" and _is_writing(arguments))
    if refused and not any("__pycache__" in str(one) for one in arguments[:2]):
        raise PermissionError("the reading process only reads")


def _is_writing(arguments: tuple[Any, ...]) -> bool:
    flags = arguments[2] if len(arguments) > 2 else 0
    return isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) != 0


def _bound_memory() -> None:
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_by(seconds: int) -> None:
    """Let the system end this process in case nobody is left to kill it; 0 calls that off."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


def _peak_bytes() -> int:
    """Return the most memory this process has had; 0 where that cannot be told.

    Linux counts the parent's into `ru_maxrss` of a child, so there its own table is read.
    """
    with suppress(OSError, StopIteration, ValueError), open("/proc/self/status", "rb") as table:
        line = next(line for line in table if line.startswith(b"VmHWM:"))
        return int(line.split()[1]) * 1_024
    with suppress(ImportError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1_024
    return 0
