"""Canonical JSON (RFC 8785) of values without floats: one spelling for each value."""

from __future__ import annotations

from typing import Any

from wallet.rails.codec import CodecError, as_array, as_object, encode_json

MAX_SAFE_INTEGER = 2**53 - 1


def canonical_json(value: object) -> str:
    """Write the canonical JSON text (RFC 8785) of strings, integers, booleans, null and containers.

    Numbers are integers that every implementation reads alike, of at most 2**53 - 1 either way.

    Raises:
        CodecError: the value holds anything else, or a lone surrogate.
    """
    text = encode_json(_ordered(value))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = ""
    if not text:
        raise CodecError("the value holds a lone surrogate")
    return text


def _ordered(value: object) -> object:
    fields, items = as_object(value), as_array(value)
    if fields is not None:
        return {name: _ordered(fields[name]) for name in sorted(fields, key=_utf16)}
    if items is not None:
        return [_ordered(item) for item in items]
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int) and -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return value
    raise CodecError("only strings and safe integers have one canonical spelling here")


def _utf16(name: Any) -> bytes:
    # RFC 8785 section 3.2.3 orders by UTF-16 code units, which differs from code points.
    if not isinstance(name, str):
        raise CodecError("only JSON values can be written")
    return name.encode("utf-16-be", "surrogatepass")
