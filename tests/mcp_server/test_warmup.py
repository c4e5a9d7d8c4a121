"""Slow imports start once the first request is answered, and hold up only those who need them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client
from stub_toolbox import ERAS, PAID, Stub

from server.registry import ENTRIES
from server.warmup import SLOW_MODULES, Warmup


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_modules_are_imported_in_order_after_the_first_answer(
    era: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    names = tuple(f"warm_{era.replace('-', '_')}_{letter}" for letter in "abc")
    log = tmp_path / "order"
    source = f"with open({str(log)!r}, 'a') as log:\n    log.write(__name__ + ' ')\n"
    for name in names:
        (tmp_path / f"{name}.py").write_text(source)
    warmup = Warmup(names)
    with anyio.fail_after(10):
        async with Client(Stub().server(warmup), mode=era) as client:
            await client.list_tools()
            await warmup.ready(names)
    assert log.read_text().split() == list(names)


@pytest.mark.asyncio
async def test_nothing_is_imported_before_a_request_is_answered() -> None:
    warmup = Warmup(("module_that_does_not_exist_1",))
    async with warmup.running():
        await anyio.wait_all_tasks_blocked()
        assert not warmup.started


@pytest.mark.asyncio
async def test_a_module_that_cannot_be_imported_is_only_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    warmup = Warmup(("module_that_does_not_exist_2", "colorsys"))
    with anyio.fail_after(10):
        async with warmup.running():
            await warmup.ready(("module_that_does_not_exist_2", "colorsys"))
    assert "could not import module_that_does_not_exist_2" in caplog.text
    assert "colorsys" in sys.modules


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_a_call_that_comes_first_waits_for_what_it_needs(era: Any) -> None:
    warmup = Warmup(("httpx", "eth_account"))
    with anyio.fail_after(30):
        async with Client(Stub().server(warmup), mode=era) as client:
            result = await client.call_tool("check_price", {"urls": [PAID.url]})
    assert not result.is_error
    assert "httpx" in sys.modules


def test_what_tools_need_is_what_is_warmed_up() -> None:
    assert {name for entry in ENTRIES for name in entry.needs} <= set(SLOW_MODULES)


@pytest.mark.slow
@pytest.mark.asyncio
async def test_importing_leaves_the_recursion_limit_alone() -> None:
    limit = sys.getrecursionlimit()
    warmup = Warmup(("eth_account",))
    with anyio.fail_after(30):
        async with warmup.running():
            await warmup.ready(("eth_account",))
    assert sys.getrecursionlimit() == limit
