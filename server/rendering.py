"""Turn answers and errors into protocol results; the only place where their text is made."""

from __future__ import annotations

import base64
from typing import Any

from mcp_types import (
    AudioContent,
    CallToolResult,
    ContentBlock,
    ImageContent,
    ResourceLink,
    TextContent,
)

from tools.answer import FileLink, InlineMedia, ToolAnswer
from wallet.errors import ErrorKind, PurserError, Spent

ERROR_TEXT_MAX = 999
RECEIPT_META = "purser/receipt"
RECEIPTS_META = "purser/receipts"
ERROR_META = "purser/error"

_OFFERS_IN_TEXT = 4
_MONEY = {
    "no": "No money moved.",
    "yes": "Money moved.",
    "unknown": "Whether money moved: unknown.",
}


def answer_result(answer: ToolAnswer) -> CallToolResult:
    """Return a tool's answer as a result: text first, then what it shows; receipt in `_meta`."""
    content: list[ContentBlock] = [TextContent(type="text", text=answer.text)]
    if answer.media is not None:
        content.append(_media(answer.media))
    if answer.file is not None:
        content.append(_link(answer.file))
    meta: dict[str, Any] = {}
    if answer.receipt is not None:
        meta[RECEIPT_META] = answer.receipt
    if answer.receipts is not None:
        meta[RECEIPTS_META] = answer.receipts
    if answer.error is not None:
        meta[ERROR_META] = answer.error.meta()
    return CallToolResult(
        content=content,
        structured_content=answer.structured,
        is_error=answer.failed,
        _meta=meta or None,
    )


def _media(media: InlineMedia) -> ImageContent | AudioContent:
    data = base64.b64encode(media.data).decode("ascii")
    if media.kind == "image":
        return ImageContent(type="image", data=data, mime_type=media.mime_type)
    return AudioContent(type="audio", data=data, mime_type=media.mime_type)


def _link(file: FileLink) -> ResourceLink:
    return ResourceLink(
        type="resource_link",
        uri=file.uri,
        name=file.name,
        mime_type=file.mime_type,
        size=file.size_bytes,
    )


def error_result(error: PurserError) -> CallToolResult:
    """Return an error as a result: one text block under 1,000 characters and `_meta`."""
    return CallToolResult(
        content=[TextContent(type="text", text=error_text(error))],
        is_error=True,
        _meta={ERROR_META: error.meta()},
    )


def error_text(error: PurserError) -> str:
    """Say what happened, whether money moved, what to do and whether to retry, on one line.

    Some hosts show the model only this text, so ids and the reasons of offers are in it too.
    """
    from server.commands.launcher import for_person

    row, meta = error.kind.value, error.meta()
    told = [
        f"{row.title} ({row.code}): {for_person(_sentence(error.detail))}",
        _MONEY[error.spent],
        row.hint,
        "Retry: yes." if meta["retryable"] else "Retry: no.",
    ]
    if error.receipt_id is not None:
        told.append(f"Receipt: {error.receipt_id}.")
    if error.approval_id is not None:
        told.append(f"Approval: {error.approval_id}.")
    if len(error.offers) > 1:
        told += [_offer(offer) for offer in error.offers[:_OFFERS_IN_TEXT]]
    return clip(" ".join(told), ERROR_TEXT_MAX)


def internal_error(*, spent: Spent) -> PurserError:
    """Return the error for an exception nobody foresaw; it tells nothing of the exception."""
    detail = "An unexpected failure; Purser's log on stderr says where."
    if spent == "unknown":
        detail += (
            " To learn what became of a payment, make the same call again:"
            " an open payment is reported and never made twice."
        )
    return PurserError(ErrorKind.INTERNAL_ERROR, detail, spent)


def clip(text: str, max_chars: int) -> str:
    """Put a text on one line of at most `max_chars` characters."""
    line = " ".join(text.split())
    return line if len(line) <= max_chars else line[: max_chars - 3] + "..."


def _sentence(text: str) -> str:
    text = clip(text, 500)
    return text if text.endswith((".", "!", "?")) else text + "."


def _offer(offer: dict[str, Any]) -> str:
    return clip(f"Offer {offer.get('index')}: {offer.get('reason')}.", 100)
