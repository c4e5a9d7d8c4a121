"""HTML to Markdown or plain text: title, byline, and what the page is about; it never raises."""

from __future__ import annotations

import re
from typing import Literal

from tools.reading.choosing import choose, main_text
from tools.reading.facts import Facts, read_facts
from tools.reading.markdown import Writer
from tools.reading.strip import strip_tags, title_of
from tools.reading.tree import Element, parse, tidy

# Within these trafilatura's time and memory stay small; what is over one is read by its tags alone.
MAX_EXTRACT_CHARS = 400_000
MAX_TAGS = 20_000
MAX_ATTRIBUTES = 10_000
MAX_CELLS = 2_000
# The tree takes about twenty times the page's size in memory.
MAX_TREE_TAGS = 60_000
_LOST_SHARE = 0.3
_KNOWN_CHARS = 1_000
_CELL = re.compile(r"<t[dh]\b", re.IGNORECASE)
_INLINE_DATA = re.compile(r"data:[a-z]{1,20}/[^\"'<>\s]{200,}+", re.IGNORECASE)
_LONG_TAG = re.compile(r"<[a-zA-Z][^<>]{8000}")
# Possessive, so that a long run of spaces is walked once and not once for each of them.
_WIDE_SPAN = re.compile(r"(?:col|row)span\s*+=\s*+[\"']?+\s*+\d{3}", re.IGNORECASE)
_MARKS = re.compile(r"^(?:#{1,6} |\*\*)|\*\*$")
_EARLY = 4


def html_to_text(page: str, url: str, form: Literal["markdown", "text"]) -> str:
    """Return a page's main text under its title; never fetches anything, never raises.

    Args:
        page: the decoded HTML; a page made to be slow costs seconds, so run it where it can be
            killed (`tools.reading.apart`).
        url: what relative links start from.
        form: with Markdown's marks and links, or without.
    """
    plain = form == "text"
    page = _INLINE_DATA.sub("data:,", page)
    if page.count("<") > MAX_TREE_TAGS:
        return _headed(strip_tags(page), Facts(title_of(page)), "", plain=plain)
    root = parse(page)
    facts = Facts(title_of(page)) if root is None else read_facts(root)
    body = None if root is None else tidy(root, url)
    main = main_text(page, url) if is_extractable(page) else ""
    text, heading = ("", "") if body is None else _written(body, main, plain=plain)
    if body is not None and len(text) < _LOST_SHARE * len(main):
        text = main
    if not text:
        text = strip_tags(page)
    return _headed(text, facts, heading, plain=plain)


def is_extractable(page: str) -> bool:
    """Tell a page an author may have written from one made to keep the extractor busy."""
    return (
        len(page) <= MAX_EXTRACT_CHARS
        and page.count("<") <= MAX_TAGS
        and page.count("=") <= MAX_ATTRIBUTES
        and len(_CELL.findall(page)) <= MAX_CELLS
        and _WIDE_SPAN.search(page) is None
        and _LONG_TAG.search(page) is None
    )


def _written(body: Element, main: str, *, plain: bool) -> tuple[str, str]:
    """Return the chosen text, and the page's one main heading if it has but one."""
    try:
        left_out = choose(body, main)
        text = Writer(plain=plain, kept=lambda one: one not in left_out).write(body)
        headings = [" ".join("".join(one.itertext()).split()) for one in body.iter("h1")]
    except (RecursionError, ValueError):
        return "", ""
    return text, headings[0] if len(headings) == 1 else ""


def _headed(text: str, facts: Facts, heading: str, *, plain: bool) -> str:
    """Put title and byline on top, and take the title out of the text where that opens with it."""
    blocks = text.split("\n\n")
    title = heading if heading and _alike(heading, facts.title) else facts.title
    opening = _bare(blocks[0])
    if opening and title and "\n" not in opening and title.startswith(opening):
        title = opening
    if title:
        early = next((at for at, one in enumerate(blocks[:_EARLY]) if _bare(one) == title), None)
        if early is not None:
            del blocks[early]
    elif blocks[0].startswith("# "):
        title = _bare(blocks.pop(0))
    body = "\n\n".join(blocks).strip()
    byline = facts.byline(f"{title} {body[:_KNOWN_CHARS]}") if title and body else ""
    mark = "" if plain or not title else "# "
    return "\n\n".join(filter(None, [f"{mark}{title}", byline, body]))


def _bare(block: str) -> str:
    """Return a block without the marks of a heading or of emphasis around it."""
    return _MARKS.sub("", block).strip()


def _alike(heading: str, title: str) -> bool:
    """Tell whether a heading is the page's title, which often has the site's name added."""
    short, long = sorted((heading.casefold(), title.casefold()), key=len)
    return not title or short in long
