"""The buyer that may die, for the tests of this folder."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.crash_kit import BuyerServer
from tests.crash.faults import build


@pytest.fixture(scope="session")
def buyer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuyerServer]:
    """Run one buyer per test process, with the library that spoils its file calls."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux":
        pytest.skip("file calls are spoilt by a library that only Linux preloads")
    if compiler is None:
        pytest.skip("there is no C compiler to build the library that spoils file calls")
    library = build(compiler, Path(tmp_path_factory.mktemp("faults")) / "faults.so")
    running = BuyerServer(library)
    yield running
    running.close()
