"""Which parts of a page are what it is about: trafilatura's choice, and what that forgets.

trafilatura names the text of an article well, and drops some of what stands between: tables, code,
lists of terms, short lines, whole pages that are no article. Its answer is laid over the page's
tree here; what it took is kept, and so is what plainly belongs to that.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from importlib import import_module

from tools.reading.grid import is_data
from tools.reading.tree import Element, has_blocks, text_of

_LONG_CHARS = 25
_LEAST_SHARE = 0.4
_LINKY_SHARE = 0.6
_NOT_LETTERS = re.compile(r"[\W_]+")
_APART_TAGS = frozenset({"nav", "footer", "aside", "dialog", "search"})
_APART_ROLES = frozenset(
    {"navigation", "banner", "contentinfo", "complementary", "search", "dialog", "alert", "menu"}
)
_APART_NAMES = re.compile(
    r"(?:^|[-_\s])(?:nav|navbar|navigation|navbox|menu|footer|sidebar|side|cookies?|consent|gdpr"
    r"|banner|breadcrumbs?|share|sharing|social|related|recommended|newsletter|subscribe|signup"
    r"|promo|advert|advertisement|ads?|sponsored|popup|modal|toolbar|skip|pager|pagination|toc"
    r"|masthead|comments?|disqus|respond|editsection|trending|outbrain|taboola)(?:[-_\s]|$)",
    re.IGNORECASE,
)
_UNITS = frozenset(
    {
        *("p", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "dl", "figcaption", "hr", "select"),
        *("blockquote", "summary", "legend", "caption", "address"),
    }
)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


def main_text(page: str, url: str) -> str:
    """Return the page's main text as trafilatura sees it, one block a line; empty if it fails."""
    import trafilatura

    lxml_error: type[Exception] = import_module("lxml.etree").LxmlError
    # Its warnings quote the page's URL, which may hold a secret.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    if "<html" not in page[:2000].lower():
        page = f"<html><body>{page}</body></html>"
    try:
        found = trafilatura.extract(page, url=url, include_tables=True, include_comments=False)
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        lxml_error,
        MemoryError,
        RuntimeError,
        TypeError,
        ValueError,
    ):
        # It walks a hostile tree; whatever it trips over, the rules below still work.
        return ""
    return (found or "").strip()


def choose(body: Element, main: str) -> set[Element]:
    """Return the elements of a tidy tree to leave out.

    Args:
        body: of the page.
        main: the main text by trafilatura, or nothing.
    """
    apart = {element for element in body.iter() if _is_apart(element)}
    units = list(_units(body))
    inside = {unit: any(one in apart for one in _lineage(unit)) for unit in units}
    letters = {unit: _letters(text_of(unit)) for unit in units}
    known = _Known(main)
    taken = [unit for unit in units if known.has(letters[unit])]
    outside = sum(len(letters[unit]) for unit in units if not inside[unit])
    found = sum(len(letters[unit]) for unit in taken)
    if not taken or found < _LEAST_SHARE * outside:
        return _without_apart(body, units, inside)
    return set(units) - _kept(units, taken, inside)


def _kept(units: list[Element], taken: list[Element], inside: dict[Element, bool]) -> set[Element]:
    """Return what trafilatura took, with what belongs to it.

    That is what stands between, unless it stands apart or is a menu; what goes on in the same place
    or list; headings and code; and every table that is not part of the navigation.
    """
    kept = set(taken)
    places = {unit: at for at, unit in enumerate(units)}
    steady = [unit for unit in taken if not inside[unit]] or taken
    first, last = places[steady[0]], places[steady[-1]]
    beside = {unit.getparent() for unit in taken}
    homes = {home for unit in taken for home in _homes(unit)}
    for at, unit in enumerate(units):
        if unit.tag == "table":
            if not _in_tags(unit, ("nav", "footer")):
                kept.add(unit)
        elif unit in kept or inside[unit] or (unit.getparent() not in beside and _is_linky(unit)):
            continue
        elif (
            first <= at <= last
            or not homes.isdisjoint(_homes(unit))
            or (unit.tag == "h1" if at < first else unit.tag in ("pre", "dl"))
        ):
            kept.add(unit)
    return kept


def _homes(unit: Element) -> Iterator[Element]:
    """Yield where a unit stands, and where the list stands that it is part of."""
    yield unit.getparent()
    for outer in unit.iterancestors("ul", "ol", "dl", "figure", "blockquote"):
        yield outer
        yield outer.getparent()
        return


def _without_apart(
    body: Element, units: list[Element], inside: dict[Element, bool]
) -> set[Element]:
    """Return what to leave out of a page that is no article: what stands apart, unless all does."""
    main = next((one for one in body.iter("main") if len(text_of(one)) >= _LONG_CHARS), None)
    left_out = {unit for unit in units if inside[unit] and unit.tag != "table"}
    if main is not None:
        within = set(main.iter())
        left_out |= {unit for unit in units if unit not in within}
    said = sum(len(text_of(unit)) for unit in units if unit not in left_out)
    return left_out if said >= _LONG_CHARS or len(left_out) < len(units) else set()


def _units(body: Element) -> Iterator[Element]:
    """Yield the pieces that are kept or left out as a whole, in the order of the page."""
    waiting = [body]
    while waiting:
        element = waiting.pop()
        if (element.tag == "table" and is_data(element)) or (
            element is not body and (element.tag in _UNITS or not has_blocks(element))
        ):
            yield element
        else:
            waiting.extend(reversed(element))


def _lineage(element: Element) -> Iterator[Element]:
    yield element
    yield from element.iterancestors()


def _is_apart(element: Element) -> bool:
    """Tell what surrounds a page's content: navigation, footers, adverts, notices."""
    tag = element.tag
    if tag in ("html", "body", "main", "article"):
        return False
    if tag in _APART_TAGS or (element.get("role") or "").lower() in _APART_ROLES:
        return True
    if tag == "header" and next(element.iterancestors("article", "main"), None) is None:
        return next(element.iter("h1"), None) is None
    names = f"{(element.get('class') or '')[:300]} {(element.get('id') or '')[:100]}"
    return len(names) > 1 and _APART_NAMES.search(names) is not None


def _in_tags(element: Element, tags: tuple[str, ...]) -> bool:
    return next(element.iterancestors(*tags), None) is not None


def _is_linky(unit: Element) -> bool:
    """Tell whether most of a unit's text is links, as in a menu; headings may be all link."""
    if unit.tag in _HEADINGS or unit.tag in ("pre", "table"):
        return False
    whole = len(text_of(unit))
    linked = sum(len(text_of(link)) for link in unit.iter("a"))
    return whole > 0 and linked > _LINKY_SHARE * whole


def _letters(text: str) -> str:
    return _NOT_LETTERS.sub("", text.casefold())


class _Known:
    """What trafilatura took: long texts are looked for anywhere, short ones as whole lines."""

    def __init__(self, main: str) -> None:
        self._all = _letters(main)
        self._lines = {_letters(line) for line in main.splitlines()}

    def has(self, letters: str) -> bool:
        if not letters:
            return False
        if letters in self._lines:
            return True
        return len(letters) >= _LONG_CHARS and letters in self._all
