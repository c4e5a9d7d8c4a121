"""One hostile seller per test process, cashing on the sandbox's chain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.hostile.seller import HostileSeller
from sandbox.run import THIEF_KEY, Sandbox


@pytest.fixture(scope="session")
def hostile_server(sandbox: Sandbox) -> Iterator[HostileSeller]:
    """Run the hostile seller beside the sandbox."""
    with HostileSeller(sandbox.chain, THIEF_KEY) as seller:
        yield seller


@pytest.fixture
def hostile(hostile_server: HostileSeller) -> HostileSeller:
    """Return a hostile seller that nobody has visited; some scenes change from visit to visit."""
    hostile_server.forget()
    return hostile_server
