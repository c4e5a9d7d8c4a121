"""HTML tables as rows of cells, and rows of cells as Markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tools.reading.tree import Element, text_of

MAX_COLUMNS = 200
MAX_ROWS = 20_000
_MAX_LAYOUT_CELL_CHARS = 400
_PRESENTATION = frozenset({"presentation", "none"})


def own_rows(table: Element) -> list[Element]:
    """Return the rows of a table but not of the tables inside it, header first, footer last."""
    heads: list[Element] = []
    bodies: list[Element] = []
    feet: list[Element] = []
    for child in table:
        if child.tag == "tr":
            bodies.append(child)
        elif child.tag in ("thead", "tbody", "tfoot"):
            place = {"thead": heads, "tbody": bodies, "tfoot": feet}[child.tag]
            place.extend(row for row in child if row.tag == "tr")
    return [*heads, *bodies, *feet][:MAX_ROWS]


def own_cells(row: Element) -> list[Element]:
    """Return a row's cells."""
    return [cell for cell in row if cell.tag in ("td", "th")]


def is_data(table: Element) -> bool:
    """Tell a table of data from one that only arranges a page.

    A caption or header cells settle it. Without them, what spans one row or one column, holds
    another table, headings, or cells of many sentences arranges.
    """
    if (table.get("role") or "").strip().lower() in _PRESENTATION:
        return False
    rows = [own_cells(row) for row in own_rows(table)]
    cells = [cell for row in rows for cell in row]
    if any(child.tag in ("caption", "thead") for child in table):
        return bool(cells)
    if any(cell.tag == "th" for cell in cells):
        return True
    if len(rows) < 2 or max(map(len, rows), default=0) < 2:
        return False
    arranged = ("table", "h1", "h2", "h3", "form", "article", "section", "nav", "ul", "p")
    if any(next(cell.iterdescendants("table", "h1", "h2", "form"), None) is not None
           for cell in cells):  # fmt: skip
        return False
    return not any(
        len(text_of(cell)) > _MAX_LAYOUT_CELL_CHARS and next(cell.iter(*arranged), None) is not None
        for cell in cells
    )


def grid(table: Element, show: Callable[[Element], str]) -> list[list[str]]:
    """Return a table's cells as rows of equal length.

    A cell over several rows is said in each of them, one over several columns once.
    """
    rows: list[list[str]] = []
    above: dict[int, tuple[int, str]] = {}
    for row in own_rows(table):
        line: list[str] = []
        cells = own_cells(row)
        while cells or any(column >= len(line) for column in above):
            column = len(line)
            if column >= MAX_COLUMNS:
                break
            if column in above:
                left, text = above.pop(column)
                line.append(text)
                if left > 1:
                    above[column] = (left - 1, text)
                # Columns that were left behind for this row are still to come.
                continue
            if not cells:
                line.append("")
                continue
            cell = cells.pop(0)
            text = show(cell)
            wide, tall = span(cell, "colspan"), span(cell, "rowspan")
            for extra in range(min(wide, MAX_COLUMNS - column)):
                said = "" if extra else text
                line.append(said)
                if tall > 1:
                    above[column + extra] = (tall - 1, said)
        rows.append(line)
    width = max((len(line) for line in rows), default=0)
    filled = [line + [""] * (width - len(line)) for line in rows]
    return [line for line in filled if any(line)]


def span(cell: Element, name: str) -> int:
    """Return how many columns or rows a cell takes, 1 where that cannot be read."""
    value = (cell.get(name) or "").strip()
    readable = value.isascii() and value.isdecimal() and len(value) < 6
    return max(1, min(int(value), 1_000)) if readable else 1


def markdown_table(rows: Sequence[Sequence[str]], *, tight: bool = False) -> str:
    """Write rows as a Markdown table, the first one as its header.

    Args:
        rows: cells of one line each, of equal number in every row.
        tight: without the spaces beside the cells, for a table that is long.
    """
    if not rows:
        return ""
    edge, between = ("|", "|") if tight else ("| ", " | ")
    lines = [edge + between.join(map(in_cell, row)) + edge[::-1] for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)


def in_cell(text: str) -> str:
    """Return a cell's text on one line, with what would end the cell escaped."""
    return " ".join(text.split()).replace("|", "\\|")
