"""Fixtures of the tests of directories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from sandbox.hostile.directories import add_hostile_directories
from sandbox.serve import Served


@pytest.fixture(scope="session")
def hostile_url() -> Iterator[str]:
    """Serve the hostile directories on loopback."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    add_hostile_directories(app)
    served = Served(app, 0, "hostile-directories")
    served.start()
    yield f"{served.url}/hostile"
    served.stop()
