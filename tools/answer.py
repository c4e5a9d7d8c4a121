"""What a tool hands back: plain data that the server turns into a protocol result."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class InlineImage:
    """An image to show: its media type and its raw bytes."""

    mime_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """One answer: a text block, perhaps an image, perhaps structured data, perhaps a receipt.

    Structured data is only ever the same data as the text: some hosts show one, some the other.
    """

    text: str
    image: InlineImage | None = None
    structured: dict[str, Any] | None = None
    receipt: dict[str, Any] | None = None


def structured_answer(data: dict[str, Any]) -> ToolAnswer:
    """Return an answer whose text is the JSON of its structured data."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return ToolAnswer(text=text, structured=data)
