"""Strict reading of hostile base64 and JSON, and compact writing; texts of errors are our own."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast

MAX_BASE64_CHARS = 64 * 1024
MAX_JSON_CHARS = 256 * 1024
MAX_DEPTH = 32
MAX_INT_CHARS = 78
MAX_LONG_DEPTH = 200
MAX_LONG_PARTS = 200_000

_BASE64 = re.compile(r"([A-Za-z0-9+/]*)(={0,2})", re.ASCII)
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
# A quote always matches, closed or not, so the scan stays linear on any input.
_STRUCTURE = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


class CodecError(Exception):
    """Bytes that cannot be read; neither the text nor the cause holds any of the input."""


@dataclass(frozen=True, slots=True)
class NumberLiteral:
    """A JSON number that is not a canonical integer of at most 78 characters, kept as spelled."""

    text: str


def decode_base64(text: str) -> bytes:
    """Decode standard base64 (x402 v2 section 6, HTTP transport), at most 64 KiB of text.

    Padding may be absent as a whole; nothing else is forgiven: no whitespace, no other
    alphabet, no partial padding, no stray bits in the last character.

    Raises:
        CodecError: anything else.
    """
    if len(text) > MAX_BASE64_CHARS:
        raise CodecError("the base64 text is longer than 64 KiB")
    match = _BASE64.fullmatch(text)
    if match is None:
        raise CodecError("the text is not standard base64")
    digits, padding = match.groups()
    missing = "=" * (-len(digits) % 4)
    if padding not in ("", missing):
        raise CodecError("the base64 padding is wrong")
    data = _b64decode(digits + missing)
    if data is None or base64.b64encode(data).decode("ascii") != digits + missing:
        raise CodecError("the base64 text is cut short or not canonical")
    return data


def decode_base64url(text: str, max_chars: int = MAX_BASE64_CHARS) -> bytes:
    """Decode unpadded base64url (RFC 4648 section 5), at most `max_chars` of text.

    Nothing is forgiven: no padding, no whitespace, no other alphabet, no stray bits at the end.

    Raises:
        CodecError: anything else.
    """
    if len(text) > max_chars:
        raise CodecError("the base64url text is too long")
    if _BASE64URL.fullmatch(text) is None:
        raise CodecError("the text is not unpadded base64url")
    data = _b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))
    if data is None or encode_base64url(data) != text:
        raise CodecError("the base64url text is cut short or not canonical")
    return data


def encode_base64url(data: bytes) -> str:
    """Write unpadded base64url (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def parse_json(data: bytes | str) -> Any:
    """Read one JSON text of at most 256 KiB and 32 levels (RFC 8259, stricter where it is vague).

    Duplicate keys, NaN, infinities, lone surrogates and a byte order mark are errors. Numbers
    become `int` when canonical and at most 78 characters long, else `NumberLiteral`; never float.

    Raises:
        CodecError: the text is not such JSON.
    """
    if len(data) > MAX_JSON_CHARS:
        raise CodecError("the JSON text is longer than 256 KiB")
    text = data if isinstance(data, str) else _utf8_decode(data)
    if text is None:
        raise CodecError("the text is not UTF-8")
    if nests_deeper(text, MAX_DEPTH):
        raise CodecError("the JSON text is nested deeper than 32 levels")
    value = _loads(text)
    if (isinstance(data, str) or "\\u" in text) and _utf8_encode(encode_json(value)) is None:
        raise CodecError("the JSON text holds a lone surrogate")
    return value


def parse_long_json(data: bytes, max_bytes: int) -> Any:
    """Read a long JSON document that many strangers wrote in, such as a directory.

    As `parse_json`, but up to `max_bytes`, 200 levels and 200,000 objects and arrays, and lone
    surrogates stay in its texts: one entry must not spoil the others. Who shows a text cleans it.

    Raises:
        CodecError: the text is not such JSON.
    """
    if len(data) > max_bytes:
        raise CodecError("the JSON text is too long")
    if data.count(b"{") + data.count(b"[") > MAX_LONG_PARTS:
        raise CodecError("the JSON text has too many parts")
    text = _utf8_decode(data)
    if text is None:
        raise CodecError("the text is not UTF-8")
    if nests_deeper(text, MAX_LONG_DEPTH):
        raise CodecError("the JSON text is nested too deeply")
    return _loads(text)


def encode_json(value: object) -> str:
    """Write compact JSON; `NumberLiteral` comes out as it was spelled.

    Raises:
        CodecError: the value is not made of JSON types; floats are not.
    """
    parts: list[str] = []
    _write(value, parts)
    return "".join(parts)


def encode_header(value: object) -> str:
    """Write padded standard base64 of compact UTF-8 JSON, as x402 headers carry it.

    Raises:
        CodecError: the value is not made of JSON types.
    """
    data = _utf8_encode(encode_json(value))
    if data is None:
        raise CodecError("the value holds a lone surrogate")
    return base64.b64encode(data).decode("ascii")


def as_object(value: object) -> dict[str, Any] | None:
    """Return a parsed JSON object as a typed dict, or None when it is anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def as_array(value: object) -> list[Any] | None:
    """Return a parsed JSON array as a typed list, or None when it is anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else None


def nests_deeper(text: str, levels: int) -> bool:
    """Tell whether a JSON text opens more than `levels` brackets at once, without recursing.

    Ask this before `json.loads`: a library may have raised the process's recursion limit, and then
    deep nesting crashes the interpreter instead of raising an error.
    """
    depth = 0
    for match in _STRUCTURE.finditer(text):
        mark = match.group()
        if mark in "[{":
            depth += 1
            if depth > levels:
                return True
        elif mark in "]}":
            depth -= 1
    return False


def _loads(text: str) -> Any:
    # The decode error keeps the whole document, so ours is raised outside its handler.
    try:
        return json.loads(
            text,
            parse_int=_read_int,
            parse_float=NumberLiteral,
            parse_constant=_refuse_constant,
            object_pairs_hook=_read_object,
        )
    except json.JSONDecodeError:
        pass
    raise CodecError("the text is not JSON")


def _read_int(literal: str) -> int | NumberLiteral:
    if len(literal) > MAX_INT_CHARS or literal == "-0":
        return NumberLiteral(literal)
    return int(literal)


def _refuse_constant(_: str) -> NoReturn:
    raise CodecError("the JSON text holds a number that is not finite")


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise CodecError("the JSON text repeats a key")
    return value


def _write(value: object, parts: list[str]) -> None:
    if value is None or isinstance(value, (str, bool, int)):
        parts.append(json.dumps(value, ensure_ascii=False))
    elif isinstance(value, NumberLiteral):
        parts.append(value.text)
    elif isinstance(value, Mapping):
        _write_object(cast("Mapping[object, object]", value), parts)
    elif isinstance(value, (list, tuple)):
        parts.append("[")
        for position, item in enumerate(cast("list[object]", value)):
            if position:
                parts.append(",")
            _write(item, parts)
        parts.append("]")
    else:
        raise CodecError("only JSON values can be written")


def _write_object(value: Mapping[object, object], parts: list[str]) -> None:
    parts.append("{")
    for position, (key, item) in enumerate(value.items()):
        if not isinstance(key, str):
            raise CodecError("only JSON values can be written")
        if position:
            parts.append(",")
        parts.append(json.dumps(key, ensure_ascii=False) + ":")
        _write(item, parts)
    parts.append("}")


def _b64decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def _utf8_decode(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _utf8_encode(text: str) -> bytes | None:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return None
