"""How fetched content is shown to a model: paged, marked as untrusted, with one footer line."""

from __future__ import annotations

import functools
import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from tools.answer import FileLink, InlineMedia, ToolAnswer
from wallet.exchange import is_good
from wallet.model import Purchase, State
from wallet.receipts import receipt

if TYPE_CHECKING:
    from pathlib import Path

    from tools.arguments import ContentFormat
    from tools.context import Shelf
    from tools.reading.content import Rendered

EXTRACTIONS_AT_ONCE = 2
MEDIA_MAX_BYTES = 3_500_000
"""Hosts refuse larger images; what is larger is described instead, with a link to its file."""

_NAMES = {"image": "image", "audio": "sound"}


@dataclass(frozen=True, slots=True)
class Content:
    """A stored or fresh body, and how the model wants to see it."""

    body: bytes
    content_type: str
    url: str
    http_status: int
    truncated: bool
    format: ContentFormat
    start: int
    max_chars: int


async def show(
    content: Content, purchase: Purchase, *, shelf: Shelf, reused: bool, money: str
) -> ToolAnswer:
    """Return one page of content, then the footer line, with the receipt beside it.

    What is no text comes as an image or a sound, or as a link to the stored file.

    Args:
        content: what to show and how; it is read in a worker thread and a process of its own.
        purchase: where it came from.
        shelf: where the content is stored.
        reused: it was bought earlier and cost nothing now.
        money: the footer's first words: what was paid, and what is left.
    """
    rendered = await anyio.to_thread.run_sync(
        functools.partial(_render, content), limiter=extraction_room()
    )
    notes = [money, *_delivery_notes(content)]
    media, file, text = None, None, ""
    if rendered.kind == "text":
        text, where = _page(rendered, content, purchase.id)
        notes.append(where)
    elif rendered.kind != "binary" and len(rendered.data) <= MEDIA_MAX_BYTES:
        media = InlineMedia(rendered.kind, rendered.mime_type, rendered.data)
        notes.append(f"the {_NAMES[rendered.kind]} is untrusted web content")
    else:
        path = await anyio.to_thread.run_sync(shelf.locate, purchase.id)
        text, file = _described(rendered, content.body, path, purchase.id)
        notes.append("the content cannot be shown here" + ("" if file else ", nor be stored"))
    if f'receipt_id="{purchase.id}"' not in notes[-1]:
        notes.append(f"receipt {purchase.id}")
    footer = f"[Purser: {'; '.join(notes)}]"
    return ToolAnswer(
        text=f"{text}\n{footer}" if text else footer,
        media=media,
        file=file,
        receipt=receipt(purchase, reused=reused),
    )


def _described(
    rendered: Rendered, body: bytes, path: Path | None, purchase_id: str
) -> tuple[str, FileLink | None]:
    """Say what the content is and where it lies; the media type is the seller's word."""
    lines = [rendered.text]
    if path is None:
        return mark_untrusted(rendered.text), None
    lines.append(f"File: {path}")
    lines.append(f"SHA-256: {hashlib.sha256(body).hexdigest()}")
    link = FileLink(path.as_uri(), f"purchase {purchase_id}", rendered.mime_type, len(body))
    return mark_untrusted("\n".join(lines)), link


@functools.cache
def extraction_room() -> anyio.CapacityLimiter:
    """Return the threads that extraction may take: a slow page never holds up a payment."""
    return anyio.CapacityLimiter(EXTRACTIONS_AT_ONCE)


def mark_untrusted(text: str, what: str = "web content") -> str:
    """Fence a text with a boundary that was drawn after the text was written."""
    boundary = secrets.token_hex(5)
    return f"[untrusted {what} {boundary}]\n{text}\n[end of {what} {boundary}]"


def money_words(purchase: Purchase, *, reused: bool) -> str:
    """Say in a few words what the purchase cost and how that is known."""
    price = f"${purchase.cost_usd}"
    match purchase.state:
        case State.FREE:
            return "free"
        case State.SETTLED if reused:
            return f"bought earlier for {price}, nothing spent now"
        case State.SETTLED:
            return f"paid {price} ({purchase.evidence})"
        case State.VOID:
            return "not paid"
        case State.HELD | State.SIGNED | State.UNKNOWN:
            return f"sent {price}, outcome unknown"


def _render(content: Content) -> Rendered:
    from tools.reading.apart import desk

    return desk.render(content.body, content.content_type, content.url, content.format)


def _page(rendered: Rendered, content: Content, purchase_id: str) -> tuple[str, str]:
    from tools.reading.paging import page

    part = page(rendered.text, content.start, content.max_chars, rows=rendered.rows)
    where = f"chars {part.start}-{part.end} of {part.total}"
    if part.end < part.total:
        wanted = "" if content.format == "auto" else f', format="{content.format}"'
        where += f'; more: read_purchase(receipt_id="{purchase_id}", start={part.end}{wanted})'
    return mark_untrusted(part.text), where


def _delivery_notes(content: Content) -> list[str]:
    notes: list[str] = []
    if not is_good(content.http_status):
        notes.append(f"HTTP {content.http_status}")
    if content.truncated:
        notes.append("cut short")
    return notes
