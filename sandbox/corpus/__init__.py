"""Documents of many kinds, written for Purser: what a seller may answer, with the text to expect.

An HTML page in `pages/` says itself what it is about: `<!--main-->` and `<!--/main-->` stand around
that, `<!--skip-->` and `<!--/skip-->` around what is not part of it. `<!--bytes NAME-->` on top has
the page sent in another charset; `header` tells it in the header too, and `as NAME` tells another.
"""

from __future__ import annotations

import functools
import html
import re
from dataclasses import dataclass
from pathlib import Path

from sandbox.corpus.files import FILES

_PAGES = Path(__file__).parent / "pages"
_BYTES = re.compile(r"<!--bytes (\S+)(?: (header)| as (\S+))?-->")
_MAIN = re.compile(r"<!--main-->(.*?)<!--/main-->", re.DOTALL)
_SKIP = re.compile(r"<!--skip-->.*?<!--/skip-->", re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")
_INLINE = re.compile(r"</?(?:a|b|i|em|strong|code|span|sup|sub|font)\b[^<>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its bytes as sent, and for HTML the markup of what it is about."""

    name: str
    content_type: str
    body: bytes
    main_html: str | None = None

    @property
    def gold(self) -> str:
        """Return what a reader should get of an HTML page: its main markup without the tags."""
        return html.unescape(_TAG.sub(" ", _INLINE.sub("", self.main_html or "")))


@functools.cache
def documents() -> tuple[Document, ...]:
    """Return the whole corpus, sorted by name."""
    pages = [_page(path) for path in _PAGES.glob("*.html")]
    others = [Document(name, content_type, make()) for name, (content_type, make) in FILES.items()]
    return tuple(sorted([*pages, *others], key=lambda one: one.name))


def _page(path: Path) -> Document:
    text = path.read_text(encoding="utf-8")
    charset, content_type = "utf-8", "text/html"
    told = _BYTES.match(text)
    if told is not None:
        charset, text = told[1], text[told.end() :]
        header = told[3] or (charset if told[2] else "")
        content_type += f"; charset={header}" if header else ""
    main = _SKIP.sub(" ", " ".join(_MAIN.findall(text)))
    return Document(path.name, content_type, text.encode(charset), main)
