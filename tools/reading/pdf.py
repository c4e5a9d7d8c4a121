"""PDF to text with pypdf, page by page, within bounds; run it where it can be killed."""

from __future__ import annotations

import io
import logging
import re
import struct
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pypdf import PdfReader

MAX_PAGES = 500
MAX_TEXT_CHARS = 2_000_000
SOFT_LIMIT_S = 6.0
"""When reading stops at the end of a page; the process is killed only some seconds later."""

ENCRYPTED = "This PDF is encrypted and opens only with a password, so its text cannot be read."
BROKEN = "This PDF is damaged, so its text cannot be read."
_MAX_FACT_CHARS = 300
_SPACES = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r"\n\s*\n\s*")


@dataclass(frozen=True, slots=True)
class PdfText:
    """A PDF's text; without any, `problem` says why in our words."""

    text: str = ""
    problem: str = ""


def pdf_text(body: bytes) -> PdfText:
    """Return the text of a PDF's pages, each under a line with its number; never raises."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    broken = (
        *(PyPdfError, ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError),
        *(OSError, RuntimeError, TypeError, ValueError, zlib.error, struct.error),
    )
    try:
        reader = PdfReader(io.BytesIO(body), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            return PdfText(problem=ENCRYPTED)
        count = len(reader.pages)
    except broken:
        return PdfText(problem=BROKEN)
    pages, unread = _read_pages(reader, count, broken)
    if not any(pages.values()):
        if len(unread) == count:
            return PdfText(problem=BROKEN)
        counted = f"{count} page{'s' if count != 1 else ''}"
        return PdfText(problem=f"This PDF has {counted} and no text: it may hold only pictures.")
    parts = [f"[page {number} of {count}]\n{text}".strip() for number, text in pages.items()]
    if unread:
        parts.append(f"[{len(unread)} damaged pages are left out]")
    if len(pages) + len(unread) < count:
        parts.append(f"[the pages after {max([*pages, *unread])} of {count} were not read]")
    return PdfText("\n\n".join([*_facts(reader, broken), *parts]))


def _read_pages(
    reader: PdfReader, count: int, broken: tuple[type[BaseException], ...]
) -> tuple[dict[int, str], list[int]]:
    """Return the text by page number, and the pages that could not be read."""
    started, read, unread = time.monotonic(), dict[int, str](), list[int]()
    room = MAX_TEXT_CHARS
    for number in range(1, min(count, MAX_PAGES) + 1):
        try:
            text = _tidy(reader.pages[number - 1].extract_text())
        except broken:
            unread.append(number)
            continue
        read[number] = text[:room]
        room -= len(text)
        if room <= 0 or time.monotonic() - started > SOFT_LIMIT_S:
            break
    return read, unread


def _tidy(text: str) -> str:
    """Drop needless white space."""
    text = _SPACES.sub(" ", text).replace(" \n", "\n").replace("\n ", "\n")
    return _BLANK_LINES.sub("\n\n", text).strip()


def _facts(reader: PdfReader, broken: tuple[type[BaseException], ...]) -> list[str]:
    """Return title and author as the file states them."""
    try:
        stated = reader.metadata
        title, author = (stated.title, stated.author) if stated else (None, None)
        facts = [" ".join(str(one or "").split()) for one in (title, author)]
    except broken:
        return []
    shown = [f"{mark}{fact}" for mark, fact in zip(("# ", "By "), facts, strict=True) if fact]
    return [fact for fact in shown if len(fact) <= _MAX_FACT_CHARS]
