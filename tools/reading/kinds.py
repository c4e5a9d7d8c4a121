"""What a body is: by its stated media type, and by its first bytes where that says nothing."""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal["html", "json", "ndjson", "csv", "pdf", "text", "image", "audio", "binary"]

_MIME = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}", re.ASCII)
_UNTYPED = frozenset(
    {
        "",
        "application/octet-stream",
        "binary/octet-stream",
        "unknown/unknown",
        "application/unknown",
    }
)
_KINDS: dict[str, Kind] = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/json": "json",
    "text/json": "json",
    "text/csv": "csv",
    "application/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/pdf": "pdf",
    "application/x-pdf": "pdf",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/x-jsonlines": "ndjson",
}
_TEXTUAL = frozenset(
    f"application/{name}"
    for name in (
        *("xml", "javascript", "x-javascript", "ecmascript", "yaml", "x-yaml", "toml", "sql"),
        *("json-seq", "graphql", "x-www-form-urlencoded", "rtf", "x-sh", "x-tex", "markdown"),
        "x-subrip",
    )
)
_SUFFIXES: dict[str, str] = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
}
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_HTML_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body")
_BOMS = (b"\xff\xfe", b"\xfe\xff")
_SNIFFED_BYTES = 4_096
_CONTROLS = frozenset({*range(9), 11, *range(14, 27), *range(28, 32)})


def kind_of(body: bytes, content_type: str, url: str = "") -> tuple[Kind, str]:
    """Return the kind of a body and its media type, in a form that holds no prose.

    A stated type is believed, as far as the bytes can be that: what is said to be text and is not
    is binary, and an image or a sound is what its first bytes show.
    """
    mime = _sniffed(body, _bare(content_type), url)
    shown = magic_type(body)
    top = mime.partition("/")[0]
    if top in ("image", "audio") and shown is not None and shown.partition("/")[0] == top:
        return ("image" if top == "image" else "audio"), shown
    if mime == "application/ogg" and shown == "audio/ogg":
        return "audio", shown
    kind = _KINDS.get(mime)
    if kind == "pdf":
        return ("pdf" if b"%PDF-" in body[:1_024] else "binary"), mime
    if kind is None and mime.endswith("+json"):
        kind = "json"
    if kind is None and (top == "text" or mime.endswith("+xml") or mime in _TEXTUAL):
        kind = "text"
    if kind is None or not _can_be_text(body, content_type):
        return "binary", mime
    return kind, mime


def magic_type(body: bytes) -> str | None:
    """Return the media type that a file's first bytes show, if they show one of ours."""
    for magic, mime in _MAGIC:
        if body.startswith(magic):
            return mime
    if body[:4] == b"RIFF":
        return _RIFF.get(body[8:12])
    return "audio/mp4" if body[4:12] in (b"ftypM4A ", b"ftypM4B ") else None


def _bare(content_type: str) -> str:
    """Return the bare media type, or a neutral one where the server's is not well-formed."""
    mime = content_type.partition(";")[0].strip().lower()
    return mime if not mime or _MIME.fullmatch(mime) else "application/octet-stream"


def _sniffed(body: bytes, mime: str, url: str) -> str:
    """Guess only where the server says nothing."""
    if mime not in _UNTYPED:
        return mime
    if (shown := magic_type(body)) is not None:
        return shown
    head = body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(_HTML_STARTS):
        return "text/html"
    sample = body[:_SNIFFED_BYTES]
    if b"\x00" in sample:
        return "application/octet-stream"
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end < min(len(body), _SNIFFED_BYTES) - 4:  # not merely cut by the sample's end
            return "application/octet-stream"
    path = url.partition("?")[0].partition("#")[0].lower()
    named = next((type_ for suffix, type_ in _SUFFIXES.items() if path.endswith(suffix)), None)
    return named or ("application/json" if head[:1] in (b"{", b"[") else "text/plain")


def _can_be_text(body: bytes, content_type: str) -> bool:
    """Tell text from bytes that only claim to be: packed data is full of control characters."""
    sample = body[:_SNIFFED_BYTES]
    if (
        sample.startswith(_BOMS)
        or "utf-16" in content_type.lower()
        or "utf-32" in content_type.lower()
    ):
        return True
    controls = sum(byte in _CONTROLS for byte in sample)
    return controls * 20 <= len(sample) or len(sample) < 64
