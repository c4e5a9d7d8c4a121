"""An HTML page as a tidy tree: invisible parts gone, lazy images filled in, loose text wrapped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from urllib.parse import urljoin, urlsplit

Element = Any
"""An lxml element; lxml has no types of its own."""

BLOCKS = frozenset(
    {
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "body",
            "caption",
            "center",
            "dd",
            "details",
        ),
        *("dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1"),
        *("h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "html", "legend", "li", "main"),
        *("menu", "nav", "ol", "optgroup", "option", "p", "pre", "search", "section", "select"),
        *("summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul", "frameset"),
        *("noframes", "colgroup", "col", "textarea"),
    }
)
_INVISIBLE = frozenset(
    {
        *("script", "style", "template", "svg", "head", "object", "embed", "applet", "canvas"),
        *("audio", "video", "map", "datalist", "input", "button", "progress", "meter", "link"),
        *("meta", "param", "source", "track", "base", "textarea", "rp"),
    }
)
_HIDDEN_STYLE = re.compile(r"(?:display\s*+:\s*+none|visibility\s*+:\s*+hidden)", re.IGNORECASE)
_LAZY = ("data-src", "data-original", "data-lazy-src", "data-url", "data-srcset", "srcset")
_MAX_URL_CHARS = 2_000
_KEPT_SCHEMES = frozenset({"http", "https", "mailto", "tel", "ftp"})


def parse(page: str) -> Element | None:
    """Return the root of a page's tree, or None when nothing can be made of it.

    Nothing is fetched, entities of a document type are not known to an HTML parser, and lxml's own
    limits on depth and size stay on.
    """
    lxml_html: Any = import_module("lxml.html")
    parser = lxml_html.HTMLParser(
        encoding="utf-8",
        remove_comments=True,
        remove_pis=True,
        no_network=True,
        huge_tree=False,
    )
    try:
        root = lxml_html.document_fromstring(page.encode("utf-8", "replace"), parser=parser)
    except (lxml_html.etree.LxmlError, ValueError, AssertionError):
        return None
    # What nests deeper than the parser goes is lost to the tree.
    lost = any("depth" in str(entry.message).lower() for entry in parser.error_log)
    return None if lost else root


def tidy(root: Element, url: str) -> Element | None:
    """Make a tree ready for reading, in place, and return its body; `url` resolves its links."""
    base = base_url(root, url)
    body = next((one for one in root.iter("body", "frameset")), None)
    if body is None:
        return None
    for frame in list(body.iter("noscript")):
        _open_noscript(frame)
    for frame in list(body.iter("iframe", "frame")):
        _frame_to_link(frame)
    for element in list(body.iter("noframes")):
        _open_noframes(element)
    for link in list(body.iter("a")):
        _link_inside(link)
    for term in list(body.iter("dt", "dd")):
        if term.getparent().tag in ("dt", "dd"):  # the one before was not closed
            term.getparent().addnext(term)
    for element in list(body.iter()):
        if not isinstance(element.tag, str):
            drop(element)
            continue
        _fill_image(element)
        if element is not body and is_hidden(element):
            drop(element)
    for element in body.iter("a", "img"):
        name = "href" if element.tag == "a" else "src"
        element.set(name, absolute(element.get(name) or "", base))
    _wrap_loose_text(body)
    return body


def base_url(root: Element, url: str) -> str:
    """Return what relative links start from: the page's own `<base>`, or the page."""
    base = next(iter(root.iter("base")), None)
    href = (base.get("href") or "") if base is not None else ""
    return absolute(href, url) or url


def absolute(href: str, base: str) -> str:
    """Return a link that works outside its page, or nothing for one that does not."""
    href = "".join(href.split())
    if not href or href.startswith("#") or len(href) > _MAX_URL_CHARS:
        return ""
    try:
        whole = urljoin(base, href)
        scheme = urlsplit(whole).scheme.lower()
    except ValueError:
        return ""
    if scheme not in _KEPT_SCHEMES or len(whole) > _MAX_URL_CHARS:
        return ""
    return whole.replace("(", "%28").replace(")", "%29").replace("<", "%3C").replace(">", "%3E")


def is_hidden(element: Element) -> bool:
    """Tell whether a browser shows nothing for an element."""
    if element.tag in _INVISIBLE or element.get("hidden") is not None:
        return True
    if element.get("aria-hidden") == "true":
        return True
    style = element.get("style")
    return style is not None and _HIDDEN_STYLE.search(style[:1_000]) is not None


def drop(element: Element) -> None:
    """Remove an element with everything in it; the text behind it stays."""
    parent = element.getparent()
    if parent is None:
        return
    tail = element.tail
    if tail:
        before = element.getprevious()
        if before is None:
            parent.text = (parent.text or "") + tail
        else:
            before.tail = (before.tail or "") + tail
    element.tail = None
    parent.remove(element)


def is_block(element: Element) -> bool:
    """Tell whether an element starts a line of its own."""
    return element.tag in BLOCKS


def has_blocks(element: Element) -> bool:
    """Tell whether a block stands anywhere inside an element."""
    return len(element) > 0 and any(inner.tag in BLOCKS for inner in element.iterdescendants())


def text_of(element: Element) -> str:
    """Return an element's text with every run of space as one."""
    return " ".join(words(element))


def words(element: Element) -> Iterator[str]:
    """Yield the words of an element's text; neighbouring blocks never run into one word."""
    if not len(element):
        yield from (element.text or "").split()
        return
    if next(element.iterdescendants("br", "img", *BLOCKS), None) is None:
        yield from "".join(element.itertext()).split()
        return
    pieces: list[str] = []
    for event, inner in _walk(element):
        apart = inner is not element and (is_block(inner) or inner.tag in ("br", "img"))
        if event == "start":
            pieces.append(" " if apart else "")
            pieces.append(inner.text or "")
        else:
            pieces.append(" " if apart else "")
            pieces.append((inner.tail or "") if inner is not element else "")
    yield from "".join(pieces).split()


def _walk(element: Element) -> Iterator[tuple[str, Element]]:
    yield from import_module("lxml.etree").iterwalk(element, events=("start", "end"))


def _open_noscript(element: Element) -> None:
    """Take a lazy image's picture out of its noscript; what else is said there is dropped."""
    image = next(iter(element.iter("img")), None)
    if image is None or image.get("width") in ("0", "1"):
        drop(element)
        return
    element.tag = "span"
    before = element.getprevious()
    if before is not None and before.tag == "img" and not before.tail:
        drop(before)


def _open_noframes(element: Element) -> None:
    """Take what is said to readers without frames, which the parser leaves as text."""
    inner = parse(element.text) if (element.text or "").strip() else None
    element.text, element.tag = None, "div"
    for child in () if inner is None else list(next(iter(inner.iter("body")), inner)):
        element.append(child)


def _link_inside(link: Element) -> None:
    """Move a link that stands around blocks into the first of them that holds text."""
    if not has_blocks(link):
        return
    href = link.get("href") or ""
    link.tag = "div"
    for block in link.iterdescendants(*BLOCKS):
        if has_blocks(block) or not text_of(block) or next(block.iter("a"), None) is not None:
            continue
        inner = block.makeelement("a", {"href": href})
        inner.text, block.text = block.text, None
        inner.extend(list(block))
        block.append(inner)
        return


def _frame_to_link(element: Element) -> None:
    """Show a frame as a link to what it would have shown; small ones count visitors."""
    source = element.get("src") or ""
    if not source or element.get("width") in ("0", "1") or element.get("height") in ("0", "1"):
        drop(element)
        return
    title = element.get("title") or element.get("name") or "embedded page"
    tail = element.tail
    element.clear()
    element.tag, element.tail = "p", tail
    link = element.makeelement("a", {"href": source})
    link.text = title
    element.append(link)


def _fill_image(element: Element) -> None:
    """Give a lazy image the address that a script would have given it."""
    if element.tag != "img":
        return
    source = element.get("src") or ""
    if source and not source.startswith("data:") and "placeholder" not in source.lower():
        return
    for name in _LAZY:
        address = next(iter((element.get(name) or "").partition(",")[0].split()), "")
        if address and not address.startswith("data:"):
            element.set("src", address)
            return


def _wrap_loose_text(body: Element) -> None:
    """Put each run of text and inline elements that stands beside blocks into a paragraph."""
    holders = [one for one in body.iter() if any(is_block(child) for child in one)]
    for holder in holders:
        if holder.tag in ("table", "thead", "tbody", "tfoot", "tr", "ul", "ol", "dl", "select"):
            continue
        _wrap_in(holder)


def _wrap_in(holder: Element) -> None:
    children = list(holder)
    run = holder.makeelement("p", {"data-loose": "1"})
    run.text, holder.text = holder.text, None
    at = 0
    for child in children:
        if is_block(child) or (len(child) and has_blocks(child)):
            at += _place(holder, run, at) + 1
            run = holder.makeelement("p", {"data-loose": "1"})
            run.text, child.tail = child.tail, None
        else:
            run.append(child)
    _place(holder, run, at)


def _place(holder: Element, run: Element, at: int) -> int:
    """Insert a paragraph unless it is empty, and return how many elements were inserted."""
    if not len(run) and not (run.text or "").strip():
        return 0
    holder.insert(at, run)
    return 1
