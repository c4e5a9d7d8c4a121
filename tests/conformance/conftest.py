"""The official suite takes its time, and some of its scenarios want a quiet machine."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip this folder's tests unless the command line names it, as `.ci/run` does."""
    named = (Path(word.partition("::")[0]).resolve() for word in config.args)
    if any(path == HERE or HERE in path.parents for path in named):
        return
    by_name = pytest.mark.skip(reason="run by name: uv run pytest -n0 tests/conformance")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(by_name)
