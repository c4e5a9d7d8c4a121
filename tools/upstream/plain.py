"""Plain JSON values of an upstream, moved into the strict codec of the rails and back."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, cast

from wallet.rails.codec import CodecError, decode_base64, encode_header, nests_deeper, parse_json

MAX_RESULT_DEPTH = 100
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_MAX_BASE64URL_CHARS = 64 * 1024
_NOT_FINITE = re.compile(r"NaN|Infinity")


def as_dict(value: object) -> dict[str, Any] | None:
    """Return a JSON object as a typed dict, or None when it is anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def as_list(value: object) -> list[Any] | None:
    """Return a JSON array as a typed list, or None when it is anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else None


def read_text(text: object) -> dict[str, Any] | None:
    """Return the object that a JSON text holds, or None; bounded like every foreign JSON."""
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return None
    try:
        parse_json(text)
    except CodecError:
        return None
    return _load_object(text)


def write_json(value: object) -> str | None:
    """Return a value as compact JSON; None when it is no JSON, or nested without measure."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return None if nests_deeper(text, MAX_RESULT_DEPTH) else text


def keep_json(value: object) -> str | None:
    """Return what a server answered as JSON text, however deep; None when it is no JSON.

    `NaN` and the infinities, which JSON lacks and some servers write all the same, become null.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if _NOT_FINITE.search(text) is None:
            return text
        finite = json.loads(text, parse_constant=lambda _: None)
        return json.dumps(finite, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return None


def to_header(value: Mapping[str, Any]) -> str | None:
    """Return an object as an x402 header carries it (base64 of JSON), or None if it is too odd."""
    text = write_json(value)
    try:
        return None if text is None else encode_header(parse_json(text))
    except CodecError:
        return None


def from_header(text: str) -> dict[str, Any] | None:
    """Return the object in an x402 header that a rail of ours wrote, or None."""
    try:
        data = decode_base64(text)
        parse_json(data)
    except CodecError:
        return None
    return _load_object(data)


def to_base64url(value: Mapping[str, Any]) -> str | None:
    """Return an object as unpadded base64url of JSON with sorted keys (RFC 8785 for our values)."""
    text = write_json(value)
    if text is None:
        return None
    ordered = json.dumps(
        json.loads(text), ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )
    try:
        return base64.urlsafe_b64encode(ordered.encode()).decode("ascii").rstrip("=")
    except UnicodeEncodeError:
        return None


def from_base64url(text: object) -> dict[str, Any] | None:
    """Return the object in unpadded base64url of JSON, or None."""
    if not isinstance(text, str) or len(text) > _MAX_BASE64URL_CHARS:
        return None
    if _BASE64URL.fullmatch(text) is None:
        return None
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        parse_json(data)
    except (binascii.Error, CodecError):
        return None
    return _load_object(data)


def _load_object(text: str | bytes) -> dict[str, Any] | None:
    """Read JSON that the strict codec let through; it takes longer numbers than Python reads."""
    try:
        return as_dict(json.loads(text))
    except ValueError:
        return None
