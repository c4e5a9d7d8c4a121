"""What a body looks like to a model: text to read, an image to see, or a word about the rest."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

from tools.web.charset import clean, decode
from tools.web.extract import html_to_text
from wallet.rails.codec import nests_deeper

Format = Literal["auto", "markdown", "text", "raw"]

_MIME = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}", re.ASCII)
_UNTYPED = frozenset({"", "application/octet-stream", "binary/octet-stream", "unknown/unknown"})
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_TEXTUAL = frozenset(
    f"application/{name}"
    for name in (
        *("xml", "javascript", "x-javascript", "ecmascript", "yaml", "x-yaml", "toml", "sql"),
        *("x-ndjson", "ndjson", "jsonl", "json-seq", "graphql", "x-www-form-urlencoded", "rtf"),
        *("x-sh", "x-tex", "markdown", "csv"),
    )
)
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
# Stripping tags takes about twenty times the page's size in memory.
MAX_HTML_BYTES = 1_000_000
HTML_GOES_ON = '[Purser: this page is very long; format="raw" shows the rest of it]'
MAX_JSON_DEPTH = 200
MAX_COMPACTED_CHARS = 500_000
_JSON_TOKENS = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")|\s+')


@dataclass(frozen=True, slots=True)
class Rendered:
    """A body as a model gets it: `text` always says something, `data` holds an image's bytes."""

    kind: Literal["text", "image", "binary"]
    text: str
    mime_type: str
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Page:
    """Characters `start` to `end` of a text of `total`; `end` is where the next page starts."""

    text: str
    start: int
    end: int
    total: int


def render(
    body: bytes,
    content_type: str,
    url: str,
    format: Format = "auto",  # noqa: A002 - the tool's own argument name
) -> Rendered:
    """Turn a decoded body into text or an image; synchronous, so run it in a worker thread.

    HTML becomes Markdown (`auto`, `markdown`) or plain text (`text`), as far as its first
    `MAX_HTML_BYTES` go; JSON is written compactly, other text passes through; `raw` is the body's
    own text, all of it. Never fetches, never raises.
    """
    mime = _sniff(body, _mime(content_type))
    if mime.startswith("image/") and (image := _image_type(body)) is not None:
        return Rendered("image", f"An image ({image}, {len(body)} bytes).", image, body)
    if mime in _HTML:
        if format == "raw":
            return Rendered("text", decode(body, content_type, is_html=True), mime)
        return Rendered("text", _from_html(body, content_type, url, format), mime)
    if mime == "application/json" or mime.endswith("+json"):
        text = decode(body, content_type)
        return Rendered("text", text if format == "raw" else _compact_json(text), mime)
    if mime.startswith("text/") or mime.endswith("+xml") or mime in _TEXTUAL:
        return Rendered("text", decode(body, content_type), mime)
    description = f"Binary content ({mime}, {len(body)} bytes), which cannot be shown as text."
    return Rendered("binary", description, mime)


def _from_html(body: bytes, content_type: str, url: str, format: Format) -> str:  # noqa: A002
    form = "text" if format == "text" else "markdown"
    page = decode(body[:MAX_HTML_BYTES], content_type, is_html=True)
    text = clean(html_to_text(page, url, form))
    return text if len(body) <= MAX_HTML_BYTES else f"{text}\n\n{HTML_GOES_ON}"


def page(text: str, start: int, max_chars: int) -> Page:
    """Cut out at most `max_chars` characters (1 or more) from `start`, keeping words whole.

    The cut falls behind the last newline, or else the last space, of the final 200 characters.
    A `start` outside the text gives an empty page at its nearest end.
    """
    total = len(text)
    start = min(max(start, 0), total)
    end = min(start + max(max_chars, 1), total)
    if end < total:
        window = max(start, end - 200)
        newline, space = text.rfind("\n", window, end), text.rfind(" ", window, end)
        border = newline if newline >= 0 else space
        end = border + 1 if border >= 0 else end
    return Page(text[start:end], start, end, total)


def _mime(content_type: str) -> str:
    """Return the bare media type, or a neutral one where the server's is not well-formed."""
    mime = content_type.partition(";")[0].strip().lower()
    return mime if not mime or _MIME.fullmatch(mime) else "application/octet-stream"


def _sniff(body: bytes, mime: str) -> str:
    """Guess only where the server says nothing; a stated type is believed."""
    if mime not in _UNTYPED:
        return mime
    if (image := _image_type(body)) is not None:
        return image
    head = body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "text/html"
    if b"\x00" in body[:4096]:
        return "application/octet-stream"
    try:
        body[:4096].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end < min(len(body), 4096) - 4:  # not merely a character cut by the window
            return "application/octet-stream"
    return "application/json" if head[:1] in (b"{", b"[") else "text/plain"


def _image_type(body: bytes) -> str | None:
    for magic, mime in _IMAGES:
        if body.startswith(magic):
            return mime
    return "image/webp" if body[:4] == b"RIFF" and body[8:12] == b"WEBP" else None


def _compact_json(text: str) -> str:
    """Drop the space between tokens and touch nothing else: numbers keep every digit."""
    if len(text) > MAX_COMPACTED_CHARS or nests_deeper(text, MAX_JSON_DEPTH):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return _JSON_TOKENS.sub(lambda match: match[1] or "", text)
