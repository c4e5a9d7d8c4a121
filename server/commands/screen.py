"""Lay out a list for a screen: ids are never broken, and what is long has a line of its own."""

from __future__ import annotations

from collections.abc import Sequence

LONG_CHARS = 30  # a narrower column for what is long would tell nothing
GAP = "  "


def screen_lines(
    rows: Sequence[tuple[Sequence[str], str, str]], width: int, *, whole: bool = False
) -> list[str]:
    """Lay rows out for a screen of `width` columns, the first of them the headings.

    Where a column for the long cells would be too narrow, each has the next line to itself; where
    the ids do not fit either, so have they.

    Args:
        rows: short cells, an id, and a long cell each, all cleaned.
        width: of the screen, in columns.
        whole: long cells are left to the screen to break, which otherwise are cut.
    """
    widths = [
        max(map(len, column)) for column in zip(*(cells for cells, _, _ in rows), strict=True)
    ]
    taken = sum(widths) + len(widths) * len(GAP) + max(len(its_id) for _, its_id, _ in rows)
    room = width - taken - len(GAP)
    fits = room >= LONG_CHARS and not (whole and any(len(text) > room for _, _, text in rows))
    id_width = max(len(its_id) for _, its_id, _ in rows)
    lines: list[str] = []
    for cells, its_id, text in rows:
        first = GAP.join(map(str.ljust, cells, widths))
        below = GAP + (text if whole else _cut(text, width - len(GAP)))
        if fits:
            lines.append(f"{first}{GAP}{its_id:<{id_width}}{GAP}{_cut(text, room)}")
        elif taken <= width:
            lines += [f"{first}{GAP}{its_id}", below]
        else:
            lines += [first.rstrip(), GAP + its_id, below]
    return lines


def _cut(text: str, columns: int) -> str:
    """Shorten a text to so many columns of a screen, with an ellipsis in place of the rest."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= columns:
        return text
    return set_cell_size(text, max(columns - 1, 0)).rstrip() + "…"
