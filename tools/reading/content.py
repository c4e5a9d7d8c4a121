"""What a body looks like to a model: text to read, an image, a sound, or a word about the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tools.reading.csv_text import csv_text
from tools.reading.html_page import html_to_text
from tools.reading.json_text import json_text, ndjson_text
from tools.reading.kinds import Kind, kind_of
from tools.reading.pdf import pdf_text
from tools.reading.strip import strip_tags, title_of
from tools.web.charset import clean, decode

Format = Literal["auto", "markdown", "text", "raw"]

# A tree takes about twenty times the page's size in memory.
MAX_HTML_BYTES = 1_000_000
HTML_GOES_ON = '[Purser: this page is very long; format="raw" shows the rest of it]'
TOO_SLOW = "It could not be read within the time and memory that reading may take."
_QUICK_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Rendered:
    """A body as a model gets it.

    `text` always says something; `data` holds the bytes of an image or a sound. `rows` says that
    each line of the text is a row or a record, which a page never cuts in half.
    """

    kind: Literal["text", "image", "audio", "binary"]
    text: str
    mime_type: str
    data: bytes = b""
    rows: bool = False


def render(
    body: bytes,
    content_type: str,
    url: str,
    format: Format = "auto",  # noqa: A002 - the tool's own argument name
) -> Rendered:
    """Turn a decoded body into text, an image or a sound; never fetches, never raises.

    HTML becomes Markdown (`auto`, `markdown`) or plain text (`text`), as far as its first
    `MAX_HTML_BYTES` go; PDF becomes text; JSON and tables of a size are shown with their shape on
    top, small ones compactly; other text passes through. `raw` is the body's own text, all
    of it; a PDF is then left to its file.
    Where `needs_care` is true, it may take seconds and hundreds of megabytes.
    """
    kind, mime = kind_of(body, content_type, url)
    match kind:
        case "image" | "audio":
            named = "An image" if kind == "image" else "A sound"
            return Rendered(kind, f"{named} ({mime}, {len(body)} bytes).", mime, body)
        case "binary":
            return _binary(mime, len(body))
        case "pdf" if format == "raw":
            return _binary(mime, len(body))
        case "pdf":
            found = pdf_text(body)
            if found.text:
                return Rendered("text", clean(found.text), mime)
            return _binary(mime, len(body), found.problem)
        case _:
            return _as_text(kind, mime, body, content_type, url, format)


def needs_care(body: bytes, content_type: str, url: str, format: Format) -> bool:  # noqa: A002
    """Tell whether reading a body may be made slow or large by whoever wrote it."""
    kind, _ = kind_of(body, content_type, url)
    if format == "raw":
        return False
    return kind in ("html", "pdf") or (
        kind in ("json", "ndjson", "csv") and len(body) > _QUICK_BYTES
    )


def render_simply(
    body: bytes,
    content_type: str,
    url: str,
    format: Format = "auto",  # noqa: A002
) -> Rendered:
    """Render what `render` could not in its bounds: in linear time, with its tags stripped."""
    kind, mime = kind_of(body, content_type, url)
    if kind == "pdf":
        return _binary(mime, len(body), TOO_SLOW)
    if kind != "html" or format == "raw":
        return Rendered("text", decode(body, content_type, is_html=kind == "html"), mime)
    page = decode(body[:MAX_HTML_BYTES], content_type, is_html=True)
    title = title_of(page)
    text = "\n\n".join(filter(None, [title, strip_tags(page)]))
    return Rendered("text", _closed(clean(text), body), mime)


def _as_text(
    kind: Kind,
    mime: str,
    body: bytes,
    content_type: str,
    url: str,
    format: Format,  # noqa: A002
) -> Rendered:
    if kind == "html" and format != "raw":
        return Rendered("text", _from_html(body, content_type, url, format), mime)
    text = decode(body, content_type, is_html=kind == "html")
    rows = kind in ("csv", "ndjson")
    if format != "raw":
        match kind:
            case "json":
                text, rows = json_text(text)
            case "ndjson":
                text, rows = ndjson_text(text)
            case "csv":
                text, rows = csv_text(text)
            case _:
                pass
    return Rendered("text", text, mime, rows=rows)


def _from_html(body: bytes, content_type: str, url: str, format: Format) -> str:  # noqa: A002
    form = "text" if format == "text" else "markdown"
    page = decode(body[:MAX_HTML_BYTES], content_type, is_html=True)
    text = clean(html_to_text(page, url, form))
    return _closed(text, body)


def _closed(text: str, body: bytes) -> str:
    return text if len(body) <= MAX_HTML_BYTES else f"{text}\n\n{HTML_GOES_ON}"


def _binary(mime: str, size_bytes: int, problem: str = "") -> Rendered:
    described = f"Binary content ({mime}, {size_bytes} bytes), which cannot be shown as text."
    return Rendered("binary", f"{described} {problem}".strip(), mime)
