"""Bytes to text: which charset a body is in, decoded without ever failing, control-free."""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_PARAMETER = re.compile(
    r";\s*charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE | re.ASCII
)
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
_META_WINDOW_BYTES = 4096
# Python codecs that are not character sets of the web, some of them slow on purpose-made input.
_NOT_CHARSETS = frozenset(
    {
        "idna",
        "mbcs",
        "oem",
        "punycode",
        "raw-unicode-escape",
        "undefined",
        "unicode-escape",
        "utf-7",
    }
)
# Browsers read these labels as windows-1252 (WHATWG Encoding section 4.2).
_LATIN = frozenset({"ascii", "iso8859-1"})
# C0, DEL and C1 but not tab and newline; lone surrogates; what turns the direction of writing; tag
# characters and variation selectors, which show as nothing.
_PIECE_CHARS = 100_000
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    "\U000e0000-\U000e01ef]"
)


def decode(body: bytes, content_type: str, *, is_html: bool = False) -> str:
    """Decode by byte-order mark, Content-Type, HTML meta, UTF-8, then windows-1252.

    Newlines become `\\n`; control characters other than `\\n` and tab are removed.
    """
    return clean(_decode(body, content_type, is_html))


def clean(text: str) -> str:
    """Unify newlines and drop control characters, lone surrogates and invisible tags."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _CONTROL.search(text) is None:
        return text
    # A substitution lists every match before it joins them, so a hostile text is cleaned in pieces.
    starts = range(0, len(text), _PIECE_CHARS)
    return "".join(_CONTROL.sub("", text[at : at + _PIECE_CHARS]) for at in starts)


def _decode(body: bytes, content_type: str, is_html: bool) -> str:
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    declared = _PARAMETER.search(content_type)
    label = declared[1] if declared else None
    if label is None and is_html:
        found = _META.search(body[:_META_WINDOW_BYTES])
        label = found[1].decode("ascii") if found else None
    name = _codec(label) if label else None
    if name is not None:
        return body.decode(name, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def _codec(label: str) -> str | None:
    """Return the codec for a charset label, or None when it names no character set."""
    try:
        name = codecs.lookup(label).name.replace("_", "-")
        b"x".decode(name, "replace")  # refuses codecs from bytes to bytes, such as base64
    except (LookupError, ValueError):
        return None
    if name in _NOT_CHARSETS:
        return None
    return "cp1252" if name in _LATIN else name
