"""A tidy HTML tree as Markdown, or as the same text without marks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tools.reading.grid import grid, is_data, markdown_table, own_cells, own_rows
from tools.reading.tree import Element, has_blocks, is_block, text_of

MAX_DEPTH = 120
"""Deeper than this, an element is read as plain text: hostile pages nest, authors do not."""
_MAX_ALT_CHARS = 500
_LANGUAGE = re.compile(
    r"(?:^|\s)(?:language|lang|highlight-source|brush:)[-:\s]?\s*([\w+#-]{1,20})"
)
_TICKS = re.compile(r"`+")
_LINES = re.compile(r"\s*\n\s*")
_SPACES = re.compile(r"[^\S\n]+")
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "del": "~~", "s": "~~"}
_CODE = frozenset({"code", "kbd", "samp", "tt"})
_SMALL = {"sup": "^", "sub": "_"}

Kept = Callable[[Element], bool]


class Writer:
    """Writes one tree.

    Args:
        plain: no marks for headings, emphasis, links, images and code; tables stay tables.
        kept: whether an element is written at all.
    """

    def __init__(self, *, plain: bool, kept: Kept) -> None:
        self._plain = plain
        self._kept = kept

    def write(self, body: Element) -> str:
        """Return the text of a tree, its blocks parted by empty lines."""
        return "\n\n".join(block for block in self._blocks(body, 0) if block.strip())

    def _blocks(self, element: Element, depth: int) -> Iterator[str]:
        """Yield the blocks inside an element."""
        if depth > MAX_DEPTH:
            yield text_of(element)
        elif not has_blocks(element):
            yield self._paragraph(element)
        else:
            for child in element:
                if self._kept(child):
                    yield from self._block(child, depth + 1)

    def _block(self, element: Element, depth: int) -> Iterator[str]:
        tag = element.tag
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            text = _one_line(self._inline(element))
            yield text if self._plain or not text else f"{'#' * int(tag[1])} {text}"
        elif tag == "pre":
            yield self._pre(element)
        elif tag in ("ul", "ol", "menu"):
            yield "\n".join(self._items(element, depth))
        elif tag == "dl":
            yield "\n".join(self._terms(element, depth))
        elif tag == "table":
            yield from self._table(element, depth)
        elif tag == "blockquote":
            quoted = "\n\n".join(block for block in self._blocks(element, depth) if block.strip())
            yield quoted if self._plain else _indented(quoted, "> ", "> ")
        elif tag == "hr":
            yield "" if self._plain else "---"
        elif tag in ("select", "optgroup"):
            yield ", ".join(text_of(option) for option in element.iter("option"))
        elif tag == "summary" or (tag in ("dt", "legend") and not has_blocks(element)):
            text = self._paragraph(element)
            yield text if self._plain or not text else f"**{text}**"
        else:
            yield from self._blocks(element, depth)

    def _items(self, element: Element, depth: int) -> Iterator[str]:
        number = _first_number(element)
        for child in element:
            if not self._kept(child):
                continue
            inner = [block for block in self._blocks(child, depth + 1) if block.strip()]
            if child.tag in ("ul", "ol"):  # a list right inside a list, as many pages have it
                inner = [block for block in self._block(child, depth + 1) if block.strip()]
                yield from (_indented(block, "  ", "  ") for block in inner)
                continue
            if not inner:
                continue
            mark = f"{number}. " if element.tag == "ol" else "- "
            number += 1
            yield _indented(_joined_item(inner), mark, " " * len(mark))

    def _terms(self, element: Element, depth: int) -> Iterator[str]:
        """Yield a definition list: each term on its line, what it means below it."""
        for child in element.iterdescendants("dt", "dd"):
            if not self._kept(child) or _inside_inner_list(child, element):
                continue
            blocks = [block for block in self._blocks(child, depth + 1) if block.strip()]
            if not blocks:
                continue
            if child.tag == "dt":
                text = " ".join(blocks)
                yield text if self._plain else f"**{text.strip('*')}**"
            else:
                yield _indented("\n".join(blocks), ": ", "  ")

    def _table(self, table: Element, depth: int) -> Iterator[str]:
        if is_data(table):
            for child in table:
                if child.tag == "caption":
                    yield self._paragraph(child)
            yield markdown_table(grid(table, self._cell))
            return
        for row in own_rows(table):
            for cell in own_cells(row):
                if self._kept(cell):
                    yield from self._blocks(cell, depth + 1)

    def _cell(self, cell: Element) -> str:
        if not has_blocks(cell):
            return _one_line(self._inline(cell))
        inner = next(cell.iterdescendants("table"), None)
        if inner is None:
            parts = [self._cell_part(child) for child in cell if self._kept(child)]
            return "; ".join(filter(None, parts))
        rows = (", ".join(map(text_of, own_cells(row))) for row in cell.iterdescendants("tr"))
        outside = _one_line(cell.text or "")
        return "; ".join(filter(None, [outside, *rows]))

    def _cell_part(self, element: Element) -> str:
        if element.tag in ("ul", "ol"):
            return "; ".join(filter(None, (text_of(item) for item in element)))
        return text_of(element) if has_blocks(element) else _one_line(self._inline(element))

    def _pre(self, element: Element) -> str:
        for line_break in element.iter("br"):
            line_break.tail = "\n" + (line_break.tail or "")
        code = "".join(element.itertext()).strip("\n").rstrip()
        if self._plain or not code:
            return code
        longest = max((len(run) for run in _TICKS.findall(code)), default=0)
        fence = "`" * max(3, longest + 1)
        return f"{fence}{_language(element)}\n{code}\n{fence}"

    def _paragraph(self, element: Element) -> str:
        return _SPACES.sub(" ", _LINES.sub("\n", self._inline(element))).strip()

    def _inline(self, element: Element, depth: int = 0) -> str:
        """Return the text inside an element, with its marks; `\\n` stands for a line break."""
        if depth > MAX_DEPTH:
            return text_of(element)
        parts = [_spaced(element.text)]
        for child in element:
            parts += [self._mark(child, depth + 1), _spaced(child.tail)]
        return "".join(parts)

    def _mark(self, element: Element, depth: int) -> str:
        tag = element.tag
        if tag == "br":
            return "\n"
        if tag == "img":
            return self._image(element)
        if tag == "wbr":
            return ""
        text = text_of(element) if tag in _CODE else self._inline(element, depth)
        bare = text.strip()
        if is_block(element):
            return f" {text} "
        if not bare or self._plain:
            return f"{_SMALL.get(tag, '')}{text}" if bare and tag in _SMALL else text
        if tag == "a":
            bare = self._link(bare, element.get("href") or "")
        elif tag in _CODE:
            bare = f"`{bare}`" if "`" not in bare else f"`` {bare} ``"
        elif tag in _MARKS and "\n" not in bare and _MARKS[tag] not in bare:
            bare = f"{_MARKS[tag]}{bare}{_MARKS[tag]}"
        elif tag in _SMALL and bare.replace(" ", "").isalnum():
            bare = f"{_SMALL[tag]}{bare}"
        return f"{' ' * text[:1].isspace()}{bare}{' ' * text[-1:].isspace()}"

    def _link(self, text: str, href: str) -> str:
        text = _one_line(text)
        if not href or (text.startswith("![") and "](" not in text[2:]):
            return text
        return f"[{text}]({href})"

    def _image(self, element: Element) -> str:
        alt = _one_line(element.get("alt") or element.get("title") or "")[:_MAX_ALT_CHARS]
        if self._plain or not alt:
            return alt
        source = element.get("src") or ""
        alt = alt.replace("[", "(").replace("]", ")")
        return f"![{alt}]({source})" if source else alt


def _joined_item(blocks: list[str]) -> str:
    """Join the blocks of a list item: what is a list or a line of its own follows closely."""
    text = blocks[0]
    for block in blocks[1:]:
        close = block.startswith(("- ", "1. ")) or (len(block) < 200 and "\n" not in block)
        text += ("\n" if close else "\n\n") + block
    return text


def _indented(text: str, first: str, others: str) -> str:
    lines = text.split("\n")
    rest = [f"{others}{line}".rstrip() for line in lines[1:]]
    return "\n".join([f"{first}{lines[0]}", *rest])


def _inside_inner_list(element: Element, outer: Element) -> bool:
    parent = element.getparent()
    while parent is not None and parent is not outer:
        if parent.tag in ("dl", "dd"):
            return True
        parent = parent.getparent()
    return False


def _first_number(element: Element) -> int:
    start = element.get("start") or ""
    return int(start) if start.isascii() and start.isdecimal() and len(start) < 7 else 1


def _language(element: Element) -> str:
    """Return the language that a highlighter's class names, as `language-python` does."""
    for one in [element, *element.iter("code"), element.getparent()]:
        if one is not None and (found := _LANGUAGE.search((one.get("class") or "")[:200])):
            return found[1].lower()
    return ""


def _spaced(text: str | None) -> str:
    """Collapse white space as a browser does: a newline of the source is a space."""
    if not text:
        return ""
    inner = " ".join(text.split())
    if not inner:
        return " "
    return f"{' ' * text[0].isspace()}{inner}{' ' * text[-1].isspace()}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
