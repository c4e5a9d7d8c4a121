"""Fixtures of the tests of channels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.run import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Run one sandbox per module, whose chain keeps real time."""
    with Sandbox() as running:
        yield running
