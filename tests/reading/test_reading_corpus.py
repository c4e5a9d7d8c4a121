"""On the corpus: no crash, no lost table, and at least as good as trafilatura alone."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import trafilatura

from sandbox.corpus import Document, documents
from sandbox.corpus.scoring import Score, lost_tables, score, tables_of
from tools.reading.content import render
from tools.reading.paging import page
from tools.web.charset import decode

URL = "https://corpus.example/shelf/page.html"
PAGES = [one for one in documents() if one.main_html is not None]


@dataclass(frozen=True)
class Read:
    """One page, as read by Purser and by trafilatura alone."""

    document: Document
    ours: str
    alone: str


@pytest.fixture(scope="module")
def read() -> list[Read]:
    """Return every HTML page of the corpus, read both ways."""
    found: list[Read] = []
    for one in PAGES:
        source = decode(one.body, one.content_type, is_html=True)
        alone = trafilatura.extract(
            source, url=URL, include_links=True, include_comments=False, output_format="markdown"
        )
        found.append(Read(one, render(one.body, one.content_type, URL).text, alone or ""))
    return found


def total(scores: list[Score]) -> int:
    return sum(one.f1 for one in scores)


def test_the_corpus_is_large_and_varied() -> None:
    assert len(documents()) >= 60
    assert len(PAGES) >= 45
    assert len({one.content_type.partition(";")[0] for one in documents()}) >= 14
    assert sum(len(tables_of(one.main_html or "")) for one in PAGES) >= 15


@pytest.mark.slow
def test_pages_are_read_at_least_as_well_as_by_trafilatura_alone(read: list[Read]) -> None:
    ours = total([score(one.ours, one.document.gold) for one in read])
    alone = total([score(one.alone, one.document.gold) for one in read])
    assert ours >= alone
    assert ours >= 970 * len(read)


def test_no_page_is_read_badly(read: list[Read]) -> None:
    poor = {
        one.document.name: found.f1
        for one in read
        if (found := score(one.ours, one.document.gold)).f1 < 840
    }
    assert poor == {}


def test_no_table_is_lost(read: list[Read]) -> None:
    lost = {one.document.name: lost_tables(one.ours, one.document.main_html or "") for one in read}
    assert not any(lost.values()), lost
    # The measure can tell: trafilatura alone does lose some.
    assert any(lost_tables(one.alone, one.document.main_html or "") for one in read)


def test_what_is_hidden_from_people_is_not_read(read: list[Read]) -> None:
    hidden = next(one.ours for one in read if one.document.name == "hidden-parts.html")
    assert "trailers are parked" in hidden.casefold()
    for words in ("Assistant", "Pay again", "decoration"):
        assert words not in hidden


@pytest.mark.parametrize("document", documents(), ids=lambda one: one.name)
def test_every_document_is_read_in_every_format(document: Document) -> None:
    for form in ("auto", "text", "raw"):
        shown = render(document.body, document.content_type, f"{URL}/{document.name}", form)
        assert shown.text.strip()
        assert "\ufffd" not in shown.text
        at, parts = 0, list[str]()
        while at < len(shown.text):
            part = page(shown.text, at, 5_000, rows=shown.rows)
            parts.append(part.text)
            at = part.end
        assert "".join(parts) == shown.text
