"""An agent's task or message, turned into the shape of a tool result for showing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from tools.upstream.answer import MAX_BLOCKS, read_result
from tools.upstream.plain import as_dict, as_list, write_json

_ID_CHARS = 100
_GOING_ON = ("submitted", "working", "input-required")


def as_tool_result(body: bytes, failed: bool) -> bytes:
    """Return what an agent answered as the JSON of a tool result: its parts, and its ids.

    Args:
        body: the stored task, message or error.
        failed: the agent says that it failed.
    """
    result = read_result(body)
    if result is None:
        return body
    # One more than is shown, so that the reader is told that there are more.
    content = [_block(part) for part in islice(_parts(result), MAX_BLOCKS + 1)]
    failure = as_dict(result.get("error"))
    if failure is not None:
        content.append({"type": "text", "text": str(failure.get("message", ""))[:2_000]})
    ids = _ids(result)
    if ids:
        content.append({"type": "text", "text": ids})
    return (write_json({"content": content, "isError": failed}) or "{}").encode("utf-8", "replace")


def _parts(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the parts of a message, or of a task's status and artifacts."""
    holders = [result, as_dict((as_dict(result.get("status")) or {}).get("message"))]
    holders += map(as_dict, (as_list(result.get("artifacts")) or [])[:MAX_BLOCKS])
    for holder in holders:
        for part in as_list((holder or {}).get("parts")) or []:
            yield as_dict(part) or {}


def _block(part: Mapping[str, Any]) -> dict[str, Any]:
    text = part.get("text")
    if isinstance(text, str):
        return {"type": "text", "text": text}
    file = as_dict(part.get("file")) or {}
    mime, data = file.get("mimeType"), file.get("bytes")
    if isinstance(mime, str) and mime.startswith("image/") and isinstance(data, str):
        return {"type": "image", "data": data, "mimeType": mime}
    shown = {**part, "file": {**file, "bytes": None}} if file else part
    return {"type": "text", "text": write_json(shown) or ""}


def _ids(result: Mapping[str, Any]) -> str:
    """Say how to go on with a conversation, or with a task that is not at its end."""
    state = (as_dict(result.get("status")) or {}).get("state")
    named = {"context_id": result.get("contextId"), "state": state}
    if state in _GOING_ON:
        named["task_id"] = result.get("id")
    told = [
        f"{name}: {value[:_ID_CHARS]}"
        for name, value in named.items()
        if isinstance(value, str) and value
    ]
    return "; ".join(told)
