"""What generated pages are made of: tables, and marked blocks in pages written by hand."""

from __future__ import annotations


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def with_block(page: str, name: str, content: str) -> str:
    """Return a page with the generated block of this name replaced.

    Raises:
        ValueError: the page does not have exactly one such block.
    """
    begin, end = f"<!-- generated:{name} -->", f"<!-- /generated:{name} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"the page needs one block {name}")
    before, rest = page.split(begin)
    return f"{before}{begin}\n{content}\n{end}{rest.split(end)[1]}"
