"""How fetched content is shown to a model: paged, marked as untrusted, with one footer line."""

from __future__ import annotations

import functools
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from tools.answer import InlineImage, ToolAnswer
from wallet.exchange import is_good
from wallet.model import Purchase, State
from wallet.receipts import receipt

if TYPE_CHECKING:
    from tools.arguments import ContentFormat
    from tools.web.content import Rendered

EXTRACTIONS_AT_ONCE = 2
IMAGE_MAX_BYTES = 3_500_000
"""Hosts refuse larger images; one that is larger is stored and described instead."""


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


async def show(content: Content, purchase: Purchase, *, reused: bool, money: str) -> ToolAnswer:
    """Return one page of content, then the footer line, with the receipt beside it.

    Args:
        content: what to show and how; extraction runs in a worker thread.
        purchase: where it came from.
        reused: it was bought earlier and cost nothing now.
        money: the footer's first words: what was paid, and what is left.
    """
    rendered = await anyio.to_thread.run_sync(
        functools.partial(_render, content), limiter=_extraction_room()
    )
    notes = [money, *_delivery_notes(content)]
    image, text = None, ""
    if rendered.kind == "image" and len(rendered.data) <= IMAGE_MAX_BYTES:
        image = InlineImage(rendered.mime_type, rendered.data)
        notes.append("the image is untrusted web content")
    elif rendered.kind == "text":
        text, where = _page(rendered.text, content, purchase.id)
        notes.append(where)
    else:
        # The media type is the seller's word, so it stays within the boundary too.
        text = mark_untrusted(rendered.text)
        notes.append("the content is stored, but cannot be shown here")
    if f'receipt_id="{purchase.id}"' not in notes[-1]:
        notes.append(f"receipt {purchase.id}")
    footer = f"[Purser: {'; '.join(notes)}]"
    return ToolAnswer(
        text=f"{text}\n{footer}" if text else footer,
        image=image,
        receipt=receipt(purchase, reused=reused),
    )


@functools.cache
def _extraction_room() -> anyio.CapacityLimiter:
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
    from tools.web.content import render

    return render(content.body, content.content_type, content.url, content.format)


def _page(text: str, content: Content, purchase_id: str) -> tuple[str, str]:
    from tools.web.content import page

    part = page(text, content.start, content.max_chars)
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
