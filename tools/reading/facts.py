"""What a page says of itself: title, author, date and site, each one short line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from tools.reading.tree import Element, text_of
from tools.upstream.plain import as_dict, as_list
from wallet.rails.codec import nests_deeper

MAX_TITLE_CHARS = 300
_MAX_FACT_CHARS = 100
_MAX_JSON_CHARS = 100_000
_MAX_JSON_DEPTH = 30
_MAX_JSON_NODES = 500
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_URL = re.compile(r"https?://", re.IGNORECASE)
_TITLES = ("og:title", "twitter:title", "dc.title")
_AUTHORS = ("author", "article:author", "dc.creator", "parsely-author", "byl")
_DATES = (
    *("article:published_time", "datepublished", "date", "dc.date", "dc.date.issued", "pubdate"),
    *("parsely-pub-date", "citation_publication_date"),
)
_SITES = ("og:site_name", "application-name")


@dataclass(frozen=True, slots=True)
class Facts:
    """A page's own words about itself; empty where it says nothing."""

    title: str = ""
    author: str = ""
    date: str = ""
    site: str = ""

    def byline(self, known: str) -> str:
        """Return author, date and site as one line, without what `known` text already says."""
        parts = (("By ", self.author), ("", self.date), ("", self.site))
        return " · ".join(mark + fact for mark, fact in parts if fact and not _says(known, fact))


def _says(text: str, fact: str) -> bool:
    pattern = rf"(?<!\w){re.escape(fact)}(?!\w)"
    return re.search(pattern, text, re.IGNORECASE) is not None


def read_facts(root: Element) -> Facts:
    """Return what a page's head, its structured data and its marked elements say; never raises."""
    meta = _meta(root)
    data = list(_json_ld(root))
    title = _first(meta, _TITLES) or _element_text(root, "title")
    author = _first(meta, _AUTHORS) or _json_author(data) or _marked_author(root)
    date = _first(meta, _DATES) or _json_value(data, "datePublished") or _marked_date(root)
    found = _DATE.search(date)
    return Facts(
        _short(title, MAX_TITLE_CHARS),
        "" if _URL.search(author) else _short(author.removeprefix("By ").removeprefix("by ")),
        found[0] if found else "",
        _short(_first(meta, _SITES)),
    )


def _meta(root: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for element in root.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("itemprop") or ""
        content = element.get("content")
        if name and content and len(found) < 200:
            found.setdefault(name.lower(), content)
    return found


def _first(meta: dict[str, str], names: tuple[str, ...]) -> str:
    return next((meta[name] for name in names if meta.get(name, "").strip()), "")


def _element_text(root: Element, tag: str) -> str:
    element = next(iter(root.iter(tag)), None)
    return "" if element is None else text_of(element)


def _json_ld(root: Element) -> Iterator[dict[str, Any]]:
    """Yield the objects of the page's JSON-LD, a bounded number of them."""
    nodes = 0
    for script in root.iter("script"):
        text = script.text or ""
        if script.get("type") != "application/ld+json" or len(text) > _MAX_JSON_CHARS:
            continue
        if nests_deeper(text, _MAX_JSON_DEPTH):
            continue
        try:
            waiting: list[Any] = [json.loads(text)]
        except (ValueError, RecursionError):
            continue
        while waiting and nodes < _MAX_JSON_NODES:
            nodes += 1
            node = waiting.pop(0)
            if (fields := as_dict(node)) is not None:
                yield fields
                waiting.append(fields.get("@graph"))
            waiting.extend((as_list(node) or [])[:_MAX_JSON_NODES])


def _json_value(data: list[dict[str, Any]], name: str) -> str:
    return next((value for one in data if isinstance(value := one.get(name), str)), "")


def _json_author(data: list[dict[str, Any]]) -> str:
    for one in data:
        author = one.get("author")
        people = cast("list[Any]", author) if isinstance(author, list) else [author]
        names = [
            name
            for person in people[:5]
            if isinstance(name := _name(person), str) and name
        ]  # fmt: skip
        if names:
            return ", ".join(names)
    return ""


def _name(person: object) -> object:
    return cast("dict[str, Any]", person).get("name") if isinstance(person, dict) else person


def _marked_author(root: Element) -> str:
    for element in root.iter("a", "span", "p", "div", "address"):
        marks = f"{element.get('rel') or ''} {element.get('itemprop') or ''}".split()
        if "author" in marks:
            return text_of(element)
    return ""


def _marked_date(root: Element) -> str:
    """Return the time that the first article, or the page when it has but one time, is marked."""
    article = next(iter(root.iter("article", "main")), root)
    times = [one.get("datetime") or "" for one in article.iter("time")]
    return times[0] if times else ""


def _short(text: str, longest: int = _MAX_FACT_CHARS) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else ""
