"""`purser doctor` tells which upstream answers, and which of its tools are left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from upstream_kit import section, settle_in

from sandbox.run import Sandbox
from server.commands.doctor import check_upstreams
from server.settings import load_settings


@pytest.mark.asyncio
async def test_each_server_is_looked_at_and_no_agent_is_spoken_to(
    sandbox: Sandbox, shop_url: str, tmp_path: Path
) -> None:
    home = settle_in(
        tmp_path,
        sandbox,
        section("good", url=shop_url, tools=["spec", "table"]),
        section("some", url=shop_url, tools=["spec", "no.dots"]),
        section("gone", url="http://127.0.0.1:9/mcp"),
        section("missing", command=[os.devnull]),
        section("clerk", a2a="http://127.0.0.1:9/"),
        local=(shop_url.split("/")[2], "127.0.0.1:9"),
    )
    found = await check_upstreams(load_settings(home, {}))
    assert [(one.check, one.status, one.detail) for one in found] == [
        ("upstream good", "ok", "2 tools"),
        (
            "upstream some",
            "warn",
            "1 tools; left out no.dots: its name is not made of letters, digits, _ and -",
        ),
        ("upstream gone", "warn", "it cannot be reached"),
        ("upstream missing", "warn", "its command cannot be started"),
    ]
