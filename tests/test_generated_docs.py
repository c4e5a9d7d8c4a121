"""Generated pages, and the generated tables of the README, say what the code says."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
GENERATE: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "generate.py"))
PAGES: dict[str, Callable[[], str]] = GENERATE["PAGES"]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    stored = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert stored == PAGES[name](), f"run: uv run python docs/generate.py {name}"


@pytest.mark.parametrize("name", GENERATE["BLOCKS"])
def test_a_generated_table_of_the_readme_is_up_to_date(name: str) -> None:
    stored = (ROOT / "README.md").read_text(encoding="utf-8")
    block: str = GENERATE["BLOCKS"][name]()
    written: str = GENERATE["with_block"](stored, name, block)
    assert stored == written, "run: uv run python docs/generate.py readme"
