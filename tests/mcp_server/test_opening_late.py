"""The toolbox, which takes long to load, is opened when no answer waits behind it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from server.late import Desk


class Opening:
    """Notes when the toolbox is opened."""

    def __init__(self) -> None:
        self.opened = anyio.Event()

    @asynccontextmanager
    async def __call__(self) -> AsyncGenerator[Any]:
        self.opened.set()
        yield cast("Any", object())


@pytest.mark.asyncio
async def test_an_answer_that_is_on_its_way_is_let_out_first() -> None:
    opening = Opening()
    desk = Desk(opening)
    async with desk.running():
        desk.want()
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        assert not opening.opened.is_set()
        with anyio.fail_after(5):
            await opening.opened.wait()


@pytest.mark.asyncio
async def test_a_call_that_needs_it_does_not_wait() -> None:
    opening = Opening()
    desk = Desk(opening)
    async with desk.running():
        desk.want()
        await desk.toolbox()
        assert opening.opened.is_set()
