"""Fixtures that more than one test folder uses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.run import Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Run one sandbox per test process: chain, facilitator, sellers and JSON-RPC on loopback."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def own_sandbox() -> Iterator[Sandbox]:
    """Run a chain of its own, for a test that moves its time or counts every transfer."""
    with Sandbox() as running:
        yield running
