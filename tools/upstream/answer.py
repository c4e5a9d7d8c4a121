"""What a model sees of a tool result: the upstream's blocks, marked and bounded, and our line."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tools.showing import MEDIA_MAX_BYTES, mark_untrusted
from tools.upstream.plain import MAX_RESULT_DEPTH, as_dict, as_list, write_json
from tools.web.charset import clean
from wallet.rails.codec import nests_deeper

MAX_TEXT_CHARS = 20_000
MAX_BLOCKS = 50
_MIME = re.compile(r"(?:image|audio)/[a-z0-9.+-]{1,60}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of content: text, or base64 `data` of an image or a sound."""

    kind: Literal["text", "image", "audio"]
    text: str = ""
    data: str = ""
    mime_type: str = ""


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """A tool result for the model; `is_error` is the upstream's own word."""

    blocks: tuple[Block, ...]
    structured: dict[str, Any] | None = None
    is_error: bool = False
    receipt: dict[str, Any] = field(default_factory=dict[str, Any])


def read_result(body: bytes) -> dict[str, Any] | None:
    """Return a stored tool result, or None when it was cut short and is no JSON any more."""
    text = body.decode("utf-8", "replace")
    if nests_deeper(text, MAX_RESULT_DEPTH):
        return None
    try:
        return as_dict(json.loads(text))
    except ValueError:
        return None


def show_result(
    upstream: str, body: bytes, footer: list[str], receipt: dict[str, Any]
) -> UpstreamAnswer:
    """Return a result's blocks with one line of ours at the end.

    Text, and whatever a model would read as text, stands between boundaries that were drawn after
    it was written. A result that fails goes into one block, since some hosts show only the first.

    Args:
        upstream: the name of the server in the settings.
        body: the stored result.
        footer: what our line says, in order.
        receipt: the purchase's.
    """
    result = read_result(body)
    if result is None:
        result = {"content": [{"type": "text", "text": body.decode("utf-8", "replace")}]}
    blocks, notes = _blocks(as_list(result.get("content")) or [], f"text of {upstream}")
    structured = as_dict(result.get("structuredContent"))
    if structured is not None and len(write_json(structured) or "") > MAX_TEXT_CHARS:
        structured = None
        notes.append("structured content is too large to show")
    is_error = result.get("isError") is True
    if is_error:
        footer = [*footer, f"the upstream {upstream} reports that its tool failed"]
        structured = None
        blocks.sort(key=lambda block: block.kind != "text")
    line = f"[Purser: {'; '.join([*footer, *notes])}]"
    return UpstreamAnswer(_closed(blocks, line, is_error), structured, is_error, receipt)


def _closed(blocks: list[Block], line: str, in_one: bool) -> tuple[Block, ...]:
    """Add our line to the last text, or behind everything else."""
    texts = [block.text for block in blocks if block.kind == "text"]
    if in_one or len(texts) == len(blocks):
        others = [block for block in blocks if block.kind != "text"]
        return (Block("text", "\n".join([*texts, line])), *others)
    if blocks[-1].kind == "text":
        return (*blocks[:-1], Block("text", f"{blocks[-1].text}\n{line}"))
    return (*blocks, Block("text", line))


def _blocks(content: list[Any], what: str) -> tuple[list[Block], list[str]]:
    """Return the readable blocks in order, and what has to be said about the others."""
    blocks: list[Block] = []
    room, cut = MAX_TEXT_CHARS, False
    for entry in content[:MAX_BLOCKS]:
        block = as_dict(entry) or {}
        media = _media(block)
        if media is not None:
            blocks.append(media)
            continue
        text = clean(_text(block))
        cut = cut or len(text) > room
        if room:
            blocks.append(Block("text", mark_untrusted(text[:room], what)))
        room -= min(len(text), room)
    notes = ["cut short here; read_purchase shows all of it"] if cut else []
    if len(content) > MAX_BLOCKS:
        notes.append(f"only the first {MAX_BLOCKS} blocks are shown")
    return blocks, notes


def _media(block: Mapping[str, Any]) -> Block | None:
    """Return an image or a sound that hosts can show, or None."""
    kind, data, mime = block.get("type"), block.get("data"), block.get("mimeType")
    if kind not in ("image", "audio") or not isinstance(data, str) or not isinstance(mime, str):
        return None
    if _MIME.fullmatch(mime) is None or len(data) > MEDIA_MAX_BYTES * 4 // 3 + 4:
        return None
    try:
        base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
    return Block("image" if kind == "image" else "audio", data=data, mime_type=mime)


def _text(block: Mapping[str, Any]) -> str:
    """Return a block's text; any other block as JSON, without the bytes that nobody can read."""
    text = block.get("text")
    if block.get("type") == "text" and isinstance(text, str):
        return text
    described = {name: value for name, value in block.items() if name not in ("data", "blob")}
    return write_json(described) or ""
