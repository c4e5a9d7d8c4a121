"""Reading in a process of its own, which is killed at a deadline; what was read is remembered.

A page is read again for each part a model asks for. It must be the same text each time, so the last
texts are kept; that also makes the next part free.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, Literal

from tools.reading.content import Format, Rendered, needs_care, render, render_simply

READING_TIMEOUT_S = 10
MAX_ANSWER_BYTES = 64 * 1_024 * 1_024
REMEMBERED_TEXTS = 16
REMEMBERED_CHARS = 8_000_000
_START = (
    "import json,sys;sys.path[:]=json.loads(sys.argv[1]);"
    "from tools.reading.worker import main;main()"
)
_KEPT_ENVIRONMENT = ("SYSTEMROOT", "WINDIR", "TEMP", "TMP", "LANG", "LC_ALL")


class UnreadableError(Exception):
    """The reading process gave no answer: it was killed, or could not be started."""


class ReadingDesk:
    """Reading processes, one for each body that is being read at the same time.

    Blocks, so use it from worker threads. A process that is idle is used again.

    Args:
        timeout_s: for one body, after which its process is killed.

    Attributes:
        idle: the processes that wait for a body.
    """

    def __init__(self, timeout_s: int = READING_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self.idle: list[subprocess.Popen[bytes]] = []
        self._texts: OrderedDict[tuple[str, ...], Rendered] = OrderedDict()

    def render(
        self,
        body: bytes,
        content_type: str,
        url: str,
        format: Format = "auto",  # noqa: A002 - the tool's own argument name
    ) -> Rendered:
        """Render a body as `tools.reading.content.render` does, within time and memory.

        What takes longer is rendered more simply. Never raises.
        """
        if not needs_care(body, content_type, url, format):
            return render(body, content_type, url, format)
        key = (hashlib.sha256(body).hexdigest(), content_type, url, format)
        with self._lock:
            if (known := self._texts.get(key)) is not None:
                self._texts.move_to_end(key)
                return known
        try:
            shown = self._read(body, content_type, url, format)
        except UnreadableError:
            shown = render_simply(body, content_type, url, format)
        self._remember(key, shown)
        return shown

    def prepare(self) -> None:
        """Start a process ahead of the first body, unless one is there."""
        with self._lock:
            if not self.idle:
                try:
                    self.idle.append(_start())
                except OSError:
                    return

    def close(self) -> None:
        """End the idle processes; those at work end with their deadline."""
        with self._lock:
            idle, self.idle = self.idle, []
        for process in idle:
            _end(process)

    def _read(self, body: bytes, content_type: str, url: str, form: Format) -> Rendered:
        process = self._take()
        killer = threading.Timer(self._timeout_s, process.kill)
        killer.daemon = True
        killer.start()
        asked: dict[str, Any] = {
            "content_type": content_type,
            "url": url,
            "format": form,
            "bytes": len(body),
            "timeout_s": self._timeout_s,
        }
        well = False
        try:
            shown, well = _ask(process, asked, body)
            return shown
        except (OSError, ValueError, KeyError, TypeError):
            raise UnreadableError from None
        finally:
            killer.cancel()
            killer.join()
            self._give_back(process, well=well)

    def _take(self) -> subprocess.Popen[bytes]:
        with self._lock:
            while self.idle:
                process = self.idle.pop()
                if process.poll() is None:
                    return process
                _end(process)
        try:
            return _start()
        except OSError:
            raise UnreadableError from None

    def _give_back(self, process: subprocess.Popen[bytes], *, well: bool) -> None:
        if not well:
            _end(process)
            return
        with self._lock:
            self.idle.append(process)

    def _remember(self, key: tuple[str, ...], shown: Rendered) -> None:
        with self._lock:
            self._texts[key] = shown
            while len(self._texts) > REMEMBERED_TEXTS or (
                len(self._texts) > 1
                and sum(len(one.text) for one in self._texts.values()) > REMEMBERED_CHARS
            ):
                self._texts.popitem(last=False)


def _ask(
    process: subprocess.Popen[bytes], asked: dict[str, Any], body: bytes
) -> tuple[Rendered, bool]:
    """Send one body and read the answer; also tell whether the process can take another."""
    stdin, stdout = _pipes(process)
    stdin.write(json.dumps(asked).encode() + b"\n")
    stdin.write(body)
    stdin.flush()
    answer = json.loads(stdout.readline(10_000))
    size = int(answer["bytes"])
    if not 0 <= size <= MAX_ANSWER_BYTES:
        raise ValueError("the answer is too large")
    text = stdout.read(size)
    if len(text) != size:
        raise ValueError("the answer broke off")
    kind: Literal["text", "binary"] = "text" if answer["kind"] == "text" else "binary"
    shown = Rendered(
        kind, text.decode("utf-8"), str(answer["mime_type"]), rows=answer["rows"] is True
    )
    return shown, answer["tired"] is False


def _pipes(process: subprocess.Popen[bytes]) -> tuple[BinaryIO, BinaryIO]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("the process has no pipes")
    return process.stdin, process.stdout  # pyright: ignore[reportReturnType]


def _start() -> subprocess.Popen[bytes]:
    """Start a reading process with this one's modules and nothing else of it.

    Raises:
        OSError: the system refuses.
    """
    here = str(Path(__file__).resolve().parents[2])
    paths = [here, *(path for path in sys.path if path and path != here)]
    environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
        [sys.executable, "-I", "-c", _START, json.dumps(paths)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        try:
            if pipe is not None:
                pipe.close()
        except OSError:
            continue
    process.wait()


desk = ReadingDesk()
"""The one desk of this process."""

atexit.register(desk.close)
