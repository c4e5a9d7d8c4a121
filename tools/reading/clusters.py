"""Where a text may be cut without parting what a reader sees as one character.

The rules are those of extended grapheme clusters (UAX #29 section 3.1.1), from the categories that
`unicodedata` knows. Where it knows less than the standard, two characters are kept together.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_CLUSTER = 64
"""Longer ones are made to be long, and are cut."""

_ZWNJ, _ZWJ = "\u200c", "\u200d"
_PREPENDED = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2\U000110bd\U000110cd")
_LIKE_MARKS = frozenset("\u0e33\u0eb3\uff9e\uff9f\u200c\u200d")
_VIRAMA = 9
_JAMO = (
    ("L", "\u1100", "\u115f"),
    ("L", "\ua960", "\ua97c"),
    ("V", "\u1160", "\u11a7"),
    ("V", "\ud7b0", "\ud7c6"),
    ("T", "\u11a8", "\u11ff"),
    ("T", "\ud7cb", "\ud7fb"),
)
# The small letters are whole syllables, without (v) and with (t) a final.
_HANGUL_GOES_ON = re.compile("L[LVvt]|[vV][VT]|[tT]T")


def cut_before(text: str, end: int, floor: int) -> int:
    """Return the last place at or before `end`, and after `floor`, that parts no character.

    Falls back on `end` where there is none within `LONGEST_CLUSTER` characters.
    """
    for at in range(end, max(floor, end - LONGEST_CLUSTER), -1):
        if is_boundary(text, at, floor):
            return at
    return end


def is_boundary(text: str, at: int, floor: int = 0) -> bool:
    """Tell whether a text may be cut in front of its character number `at`.

    `floor` is a place at or before `at` that is known to part no character.
    """
    if at <= 0 or at >= len(text):
        return True
    before, after = text[at - 1], text[at]
    if before == "\r" and after == "\n":
        return False
    if after < "\u0300":  # no mark and no part of anything is below the combining marks
        return not _joins_next(before)
    return not (
        _is_mark(after)
        or _joins_next(before)
        or _is_conjunct(text, at)
        or _is_pair(text, at, floor)
    )


def _is_mark(char: str) -> bool:
    return (
        unicodedata.category(char) in ("Mn", "Me", "Mc")
        or char in _LIKE_MARKS
        or "\U0001f3fb" <= char <= "\U0001f3ff"
    )


def _joins_next(char: str) -> bool:
    return char in (_ZWJ, _ZWNJ) or char in _PREPENDED


def _is_conjunct(text: str, at: int) -> bool:
    """Tell whether a virama or a Hangul syllable goes on (GB6 to GB9c)."""
    before, after = text[at - 1], text[at]
    if unicodedata.combining(before) == _VIRAMA:
        return unicodedata.category(after) == "Lo"
    return _HANGUL_GOES_ON.fullmatch(_hangul(before) + _hangul(after)) is not None


def _hangul(char: str) -> str:
    """Return what part of a Hangul syllable a character is: L, V, T, or the whole LV or LVT."""
    if "\uac00" <= char <= "\ud7a3":
        return "v" if (ord(char) - 0xAC00) % 28 == 0 else "t"
    return next((part for part, first, last in _JAMO if first <= char <= last), "-")


def _is_pair(text: str, at: int, floor: int) -> bool:
    """Tell whether two regional indicators are one flag (GB12, GB13)."""
    if not (_is_regional(text[at - 1]) and _is_regional(text[at])):
        return False
    first = at - 1
    while first > floor and _is_regional(text[first - 1]):
        first -= 1
    return (at - first) % 2 == 1


def _is_regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"
