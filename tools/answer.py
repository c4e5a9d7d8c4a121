"""What a tool hands back: plain data that the server turns into a protocol result."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from wallet.errors import PurserError


@dataclass(frozen=True, slots=True)
class InlineMedia:
    """An image or a sound for the host to show or play: its media type and its raw bytes."""

    kind: Literal["image", "audio"]
    mime_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class FileLink:
    """A stored file: where it lies on this machine, as a `file:` URI, and what it is."""

    uri: str
    name: str
    mime_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """One answer: a text block, perhaps an image, a sound or a file, structured data, a receipt.

    Structured data is only ever the same data as the text: some hosts show one, some the other.
    `receipts` are those of a call of many pages. `failed` marks an answer that holds nothing that
    was asked for, with the first `error`, if there was one.
    """

    text: str
    media: InlineMedia | None = None
    file: FileLink | None = None
    structured: dict[str, Any] | None = None
    receipt: dict[str, Any] | None = None
    receipts: list[dict[str, Any]] | None = None
    failed: bool = False
    error: PurserError | None = None


def structured_answer(data: dict[str, Any]) -> ToolAnswer:
    """Return an answer whose text is the JSON of its structured data."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return ToolAnswer(text=text, structured=data)
