"""Content on the command line: as text or bytes, to a terminal, into a pipe, or to a file."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from server.commands.common import clean_block, say

if TYPE_CHECKING:
    from tools.arguments import ContentFormat

FORMATS = ("auto", "markdown", "text", "raw")
_NO_TEXT = (
    "The content is {} bytes that are no text. Run this again with --output FILE: "
    "what was bought is stored, and costs nothing now."
)
_DATA = ("json", "ndjson", "csv")


@dataclass(frozen=True, slots=True)
class Body:
    """What came for a URL."""

    data: bytes
    content_type: str
    url: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A body as it will be written: `text` is None when it is bytes that are no text."""

    data: bytes
    text: str | None


def add_content_arguments(parser: argparse.ArgumentParser, *, when_to_files: str) -> None:
    """Add `--format`, `--output` and `--force`; `when_to_files` says when raw is the default."""
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="how to show it: auto turns HTML into Markdown, raw leaves the bytes alone "
        f"(default auto; raw with {when_to_files})",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the content to a file that is not there"
    )
    parser.add_argument("--force", action="store_true", help="let --output overwrite a file")


def output_problem(path: Path | None, *, force: bool) -> str | None:
    """Return why a file cannot be written, as far as that is known before anything is paid."""
    if path is None:
        return "--force goes with --output" if force else None
    if path.is_dir() or not path.parent.is_dir():
        return "--output must name a file in a folder that exists"
    if not force and (path.is_file() or path.is_symlink()):
        return "the file that --output names is there already; --force overwrites it"
    return None


def show(body: Body, wanted: ContentFormat) -> Shown:
    """Turn a body into what was asked for; blocks, so it runs in a worker thread."""
    from tools.reading.apart import desk

    wanted = _as_data(body, wanted)
    rendered = desk.render(body.data, body.content_type, body.url, wanted)
    if rendered.kind != "text":
        return Shown(body.data, None)
    if wanted == "raw":
        return Shown(body.data, rendered.text)
    return Shown(rendered.text.encode("utf-8", "replace"), rendered.text)


def _as_data(body: Body, wanted: ContentFormat) -> ContentFormat:
    """Leave JSON, tables and PDF to a program as they are; a model is shown their shape."""
    from tools.reading.json_text import SMALL_CHARS
    from tools.reading.kinds import kind_of

    kind, _ = kind_of(body.data, body.content_type, body.url)
    data = kind in _DATA and len(body.data) > SMALL_CHARS
    file = kind == "pdf" and not sys.stdout.isatty()
    return "raw" if wanted == "auto" and (data or file) else wanted


def as_file(body: Body, wanted: ContentFormat) -> tuple[bytes, str]:
    """Return what goes into a file, and its media type; blocks like `show`."""
    from tools.reading.kinds import kind_of

    kind, mime = kind_of(body.data, body.content_type, body.url)
    if wanted == "raw" or (wanted == "auto" and kind in (*_DATA, "pdf")):
        return body.data, mime
    shown = show(body, wanted)
    if shown.text is None or (kind != "html" and shown.data == body.data):
        return shown.data, mime
    return shown.data, "text/markdown" if kind == "html" and wanted != "text" else "text/plain"


def print_content(shown: Shown) -> None:
    """Write the content: bytes into a pipe, and nothing that steers a terminal to a terminal."""
    if not sys.stdout.isatty():
        sys.stdout.flush()
        sys.stdout.buffer.write(shown.data)
        if shown.text is not None and not shown.data.endswith(b"\n"):
            sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()
    elif shown.text is not None:
        say(clean_block(shown.text))
    else:
        say(_NO_TEXT.format(len(shown.data)), sys.stderr)


def write_content(path: Path, data: bytes, *, force: bool) -> bool:
    """Write a file, over another one only with `force`; say on standard error why it failed."""
    try:
        # What is no file, a terminal or a pipe, cannot be lost by writing to it.
        with path.open("wb" if force or _is_special(path) else "xb") as file:
            file.write(data)
    except OSError as error:
        say(f"purser: the file cannot be written: {error.strerror}.", sys.stderr)
        say("  The content is stored: run the same command again soon, at no cost.", sys.stderr)
        return False
    return True


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()
