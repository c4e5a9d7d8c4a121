"""The page of reports, whose table of words is generated."""

from __future__ import annotations

from pathlib import Path

from page_parts import table, with_block

from wallet.money_words import WORDS

PAGE = Path(__file__).with_name("reports.md")


def reports_page() -> str:
    """Return the page as it is written, with its table made anew."""
    rows = [[one.word, one.means, f"`{one.field}`"] for one in WORDS]
    words = table(["word", "what it is", "in JSON"], rows)
    return with_block(PAGE.read_text(encoding="utf-8"), "words", words)
