"""A page of a text: whole rows, whole words, whole characters, and always some progress."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.reading.clusters import LONGEST_CLUSTER, cut_before, is_boundary
from tools.reading.csv_text import csv_text
from tools.reading.paging import page

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
FLAGS = "\U0001f1eb\U0001f1f7\U0001f1ef\U0001f1f5"
WHOLE = [
    "e\u0301",  # e with a combining acute accent
    "\u0928\u093f",  # Devanagari ni
    "\u0915\u094d\u0937",  # Devanagari ksha, one conjunct
    "\u0e01\u0e49\u0e33",  # Thai with two marks
    "\u1112\u1161\u11ab",  # Hangul in jamo
    "\uac00\u11a8",  # a Hangul syllable and a final
    "\U0001f44b\U0001f3fd",  # a hand with a skin tone
    "\u2764\ufe0f",  # a heart with a variation selector
    FAMILY,
    FLAGS[:2],
    "\u06dd\u0661",  # an Arabic sign that encloses what follows
    "\uff76\uff9e",  # half-width ga
]
TABLE = "Tides\n\n| Day | Height |\n|---|---|\n" + "".join(
    f"| {day} | {day * 7 % 50} metres above the mark |\n" for day in range(1, 60)
)
pieces = st.lists(
    st.sampled_from([*WHOLE, "a", "b", " ", "\n", "| x | y |\n", "> | q | r |\n", "  | s |\n"])
)


def pages_of(text: str, max_chars: int, *, rows: bool = False) -> list[str]:
    """Read a text to its end, checking at each page that it advances."""
    found: list[str] = []
    start = 0
    while start < len(text):
        part = page(text, start, max_chars, rows=rows)
        assert part.start == start < part.end <= start + max_chars
        assert part.total == len(text)
        found.append(part.text)
        start = part.end
    return found


def test_a_page_ends_at_a_newline_or_else_a_space() -> None:
    text = "one two\nthree four five"
    assert page(text, 0, 12).text == "one two\n"
    assert page(text, 8, 12).text == "three four "
    assert page(text, 8, 100).text == "three four five"
    assert page("x" * 500, 0, 300).end == 300


def test_a_page_outside_the_text_is_empty() -> None:
    assert page("abc", 7, 5) == page("abc", 3, 5)
    assert (page("abc", 7, 5).text, page("abc", 7, 5).end, page("", 0, 5).total) == ("", 3, 0)


@given(pieces.map("".join), st.integers(1, 60), st.booleans())
def test_pages_join_to_the_whole_text_and_always_advance(
    text: str, max_chars: int, rows: bool
) -> None:
    assert "".join(pages_of(text, max_chars, rows=rows)) == text


@given(st.text(max_size=100), st.integers(1, 40), st.booleans())
def test_any_text_at_all_is_read_to_its_end(text: str, max_chars: int, rows: bool) -> None:
    assert "".join(pages_of(text, max_chars, rows=rows)) == text


@given(st.lists(st.sampled_from([*WHOLE, "a", " "]), max_size=80), st.integers(8, 40))
def test_no_page_cuts_what_is_seen_as_one_character(parts: list[str], max_chars: int) -> None:
    text = "".join(parts)
    ends = {sum(map(len, parts[:count])) for count in range(len(parts) + 1)}
    at = 0
    for part in pages_of(text, max_chars):
        at += len(part)
        assert at in ends or text[at - 1] == "\u06dd"


@pytest.mark.parametrize("whole", WHOLE)
def test_a_text_is_cut_around_a_character_and_never_inside(whole: str) -> None:
    text = f"a{whole}b"
    places = [at for at in range(len(text) + 1) if is_boundary(text, at)]
    assert places == [0, 1, 1 + len(whole), len(text)]


def test_flags_are_cut_between_pairs() -> None:
    assert [at for at in range(5) if is_boundary(FLAGS, at)] == [0, 2, 4]
    assert not is_boundary("\r\n", 1)


@given(st.text(max_size=40), st.integers(0, 40))
def test_no_mark_is_parted_from_its_letter(text: str, at: int) -> None:
    if 0 < at < len(text) and unicodedata.category(text[at]) in ("Mn", "Me", "Mc"):
        assert not is_boundary(text, at)


def test_a_character_longer_than_any_is_cut_all_the_same() -> None:
    tower = "a" + "\u0301" * 500
    assert cut_before(tower, 400, 0) == 400
    assert "".join(pages_of(tower, 100)) == tower
    assert cut_before("a" + "\u0301" * 40 + "b", 41, 0) == 41
    assert cut_before("xa" + "\u0301" * (LONGEST_CLUSTER - 2), LONGEST_CLUSTER - 1, 0) == 1


@pytest.mark.parametrize("max_chars", [40, 41, 57, 100, 333])
def test_a_row_of_a_markdown_table_is_never_cut(max_chars: int) -> None:
    parts = pages_of(TABLE, max_chars)
    assert "".join(parts) == TABLE
    assert all(part.endswith("\n") for part in parts)


def test_a_row_longer_than_a_page_is_cut_and_read_on() -> None:
    text = f"| a |\n|---|\n| {'long ' * 50}|\n| b |\n"
    parts = pages_of(text, 60)
    assert "".join(parts) == text
    assert parts[0] == "| a |\n|---|\n"


@given(
    st.lists(
        st.lists(st.text("ab,\n\"|'; \u0301", max_size=6), min_size=2, max_size=3), max_size=30
    ),
    st.integers(60, 200),
)
def test_no_page_cuts_a_row_of_a_csv_file(rows: list[list[str]], max_chars: int) -> None:
    quoted = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    text, in_rows = csv_text("id,note\n" + "\n".join(quoted))
    if in_rows:
        for part in pages_of(text, max_chars, rows=True)[:-1]:
            assert part.endswith("\n") or len(text.split("\n", 1)[0]) >= max_chars
