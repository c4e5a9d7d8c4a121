"""The whole catalogue once more, through a real server process and a real MCP client."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp_types import CallToolResult

from sandbox.hostile.catalogue import SCENES
from sandbox.hostile.scene import Ending, Scene
from sandbox.hostile.seller import HostileSeller
from sandbox.hostile.wording import CANARY
from sandbox.run import Sandbox
from tests.end_to_end.hosting import books, connected, settle_in, structured, text
from tests.hostile.signatures import only_signature

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(240)]

AT_ONCE = 6
TIMEOUT_S = 8
WIDE = {"per_host_per_day": "500.00", "per_day": "500.00", "payments_per_minute": 100_000}
FENCED = re.compile(r"\[untrusted web content (\w+)\]\n.*?\n\[end of web content \1\]", re.DOTALL)
SPENT = {"settled": "yes", "free": "no"}


def outside_the_fence(result: CallToolResult) -> str:
    """Return everything a host gets from a result, but for what stands in the marked region."""
    whole = result.model_dump(mode="json", by_alias=True)
    for block in whole["content"]:
        if block["type"] == "text":
            block["text"] = FENCED.sub("", block["text"])
    return json.dumps(whole)


def end_of(result: CallToolResult) -> tuple[Any, str]:
    meta = result.meta or {}
    if result.is_error:
        return meta["purser/error"]["code"], meta["purser/error"]["spent"]
    return None, meta["purser/receipt"]["spent"]


async def buy(client: Client, hostile: HostileSeller, scene: Scene) -> CallToolResult:
    arguments: dict[str, Any] = {"url": hostile.url(scene)}
    if scene.quoted:
        quoted = await client.call_tool("check_price", {"urls": [arguments["url"]]})
        (row,) = structured(quoted)["prices"]
        arguments["max_price_usd"] = row["price_usd"]
    return await client.call_tool("paid_fetch", arguments)


async def play_all(client: Client, hostile: HostileSeller) -> dict[str, CallToolResult]:
    """Play every scene, a few at a time, and return what the host got for each path."""
    results: dict[str, CallToolResult] = {}
    turns = anyio.CapacityLimiter(AT_ONCE)

    async def play(scene: Scene) -> None:
        async with turns:
            results[scene.path] = await buy(client, hostile, scene)

    async with anyio.create_task_group() as group:
        for scene in sorted(SCENES, key=lambda one: not one.impatient):
            group.start_soon(play, scene)
    return results


async def test_every_scene_ends_the_same_through_a_real_server(
    tmp_path: Path, sandbox: Sandbox, hostile: HostileSeller
):
    sellers = (hostile.urls["seller"], hostile.urls["elsewhere"])
    home = settle_in(tmp_path / "home", sandbox, sellers=sellers, budget=WIDE)
    with (home / "config.toml").open("a", encoding="utf-8") as config:
        config.write(f"[fetch]\ntimeout_s = {TIMEOUT_S}\n")
    asked = [hostile.url(scene) for scene in SCENES if scene.threat == 3][:20]
    already = len(hostile.payments)
    before, shunned = sandbox.chain.transfer_count(), hostile.connections["forbidden"]
    async with connected(home) as client:
        results = await play_all(client, hostile)
        receipts = await client.call_tool("list_receipts", {"limit": 100})
        prices = await client.call_tool("check_price", {"urls": asked})

    arrived = hostile.payments[already:]
    rows = {row.url: row for row in books(home)}
    for scene in SCENES:
        ending, result = scene.expected, results[scene.path]
        assert end_of(result) == (ending.code, ending.spent), scene.path
        assert CANARY not in outside_the_fence(result), scene.path
        check(scene, ending, arrived, rows.get(hostile.url(scene)))
    expected_moves = sum(1 for scene in SCENES if scene.expected.moved_atomic)
    assert sandbox.chain.transfer_count() - before == expected_moves
    assert hostile.connections["forbidden"] == shunned
    for listed in (receipts, prices):
        assert not listed.is_error
        assert CANARY not in text(listed) + json.dumps(listed.structured_content)


def check(scene: Scene, ending: Ending, arrived: list[Any], row: Any) -> None:
    """Compare what reached the seller and what the ledger holds with the scene's ending."""
    payments = [one for one in arrived if one.path == scene.path]
    payment = only_signature(payments)
    assert {one.place for one in payments} <= {scene.paid_at}
    assert (0 if payment is None else int(payment.authorization["value"])) == ending.signed_atomic
    found = None if row is None else (row.state.value, row.evidence.value)
    assert found == (None if ending.state is None else (ending.state, ending.evidence)), scene.path
