"""Bytes to text: which charset a body is in, decoded without ever failing, control-free."""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_PARAMETER = re.compile(
    r";\s*charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE | re.ASCII
)
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
_META_WINDOW_BYTES = 4096
_XML = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._:-]{1,40})")
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
# What is labelled as one of these is often the larger set, which browsers take (the same section).
_LARGER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift-jis": "cp932",
    "euc-kr": "cp949",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "big5": "big5hkscs",
}
# C0, DEL and C1 but not tab and newline; lone surrogates; what turns the direction of writing; tag
# characters and variation selectors, which show as nothing.
_PIECE_CHARS = 100_000
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    "\U000e0000-\U000e01ef]"
)


def decode(body: bytes, content_type: str, *, is_html: bool = False) -> str:
    """Decode by byte-order mark, Content-Type, HTML meta or XML declaration, UTF-8, windows-1252.

    UTF-8 that is labelled as Latin-1 is read as UTF-8, and the other way round.

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
    labels = _labels(body, content_type, is_html)
    if labels and labels[0] != "utf-8" and (labels[0] != "cp1252" or not _is_utf8(body)):
        return body.decode(labels[0], "replace")
    text = body.decode("utf-8", "replace")
    if "\ufffd" not in text or (labels and _has_letters_beyond_ascii(text)):
        return text
    # It is no UTF-8, whatever was said.
    other = next((name for name in labels if name != "utf-8"), "cp1252")
    return body.decode(other, "replace")


def _labels(body: bytes, content_type: str, is_html: bool) -> list[str]:
    """Return the charsets that the header, and then the document, claim to be in."""
    declared = _PARAMETER.search(content_type)
    names = [_codec(declared[1])] if declared else []
    pattern = _META if is_html else _XML
    found = pattern.search(body[:_META_WINDOW_BYTES]) or _XML.match(body)
    if found is not None:
        name = _codec(found[1].decode("ascii"))
        # Whoever could read this word was not reading UTF-16 (WHATWG HTML section 13.2.3.2).
        names.append("utf-8" if name is not None and name.startswith("utf-16") else name)
    return [name for name in names if name is not None]


def _is_utf8(body: bytes) -> bool:
    """Tell whether bytes are UTF-8 with more in it than ASCII, which no other text is by chance."""
    try:
        return not body.isascii() and bool(body.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _has_letters_beyond_ascii(text: str) -> bool:
    """Tell whether anything but ASCII was read: then the bytes are UTF-8 with a fault in it."""
    return not text.replace("\ufffd", "").isascii()


def _codec(label: str) -> str | None:
    """Return the codec for a charset label, or None when it names no character set."""
    try:
        name = codecs.lookup(label).name.replace("_", "-")
        b"x".decode(name, "replace")  # refuses codecs from bytes to bytes, such as base64
    except (LookupError, ValueError):
        return None
    if name in _NOT_CHARSETS:
        return None
    return "cp1252" if name in _LATIN else _LARGER.get(name, name)
