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


@pytest.fixture
def own_sandbox() -> Iterator[Sandbox]:
    """Run a sandbox for one test that moves the chain's clock on."""
    with Sandbox() as running:
        yield running
