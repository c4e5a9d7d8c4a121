"""The whole way: a host's client, Purser as a process, a server of paid tools, the local chain."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import anyio
import pytest
from upstream_kit import Host, command_section, error, hosted, receipt, section, settle_in, text

from sandbox.run import Sandbox

TOOLS = "spec picture fails slow dear liar grow no.dots"


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_started_server_s_tools_are_paid_once_and_it_may_die_and_come_back(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    shop = command_section("shop", sandbox, tools=TOOLS, pid_file=pid_file)
    home = settle_in(tmp_path / "home", sandbox, shop)
    async with hosted(home) as host:
        tools = await host.tools("shop__spec")
        assert "paid_fetch" in tools
        assert not {"shop__no.dots", "shop__table"} & set(tools)
        assert "it costs $0.01" in (tools["shop__spec"].description or "")
        assert len(tools["shop__liar"].description or "") < 1_000
        await _buy_and_look(host)
        os.kill(int(pid_file.read_text()), 9)
        with anyio.fail_after(30):
            result = await host.call("shop__spec", harbour="Rye")
            while result.is_error:
                assert error(result)["spent"] == "no", text(result)
                result = await host.call("shop__spec", harbour="Rye")
    assert receipt(result)["evidence"] == "verified"
    log = (tmp_path / "home.stderr").read_text(encoding="utf-8")
    assert "left out no.dots: its name is not made of letters" in log
    assert "upstream shop is down: it ended the connection" in log


async def _buy_and_look(host: Host) -> None:
    first = await host.call("shop__spec", harbour="Ely")
    assert receipt(first)["evidence"] == "verified"
    assert receipt(first)["resource"] == "mcp://shop/spec"
    opening, words, _, footer = text(first).splitlines()
    assert opening.startswith("[untrusted text of shop ")
    assert words == "Fair at Ely, wind SW 4."
    assert footer.startswith("[Purser: paid $0.01 (verified); $4.99 left today; receipt ")
    again = await host.call("shop__spec", harbour="Ely")
    assert receipt(again) == receipt(first) | {"reused": True}
    assert "nothing spent now" in text(again)
    kept = await host.call("read_purchase", receipt_id=receipt(first)["id"])
    assert "Fair at Ely, wind SW 4." in text(kept)
    assert error(await host.call("shop__dear"))["code"] == "over_payment_cap"
    picture = await host.call("shop__picture")
    assert [block.type for block in picture.content] == ["text", "image", "text"]
    assert not (await host.call("shop__grow")).is_error
    assert "shop__table" in await host.tools("shop__table")
    table = await host.call("shop__table")
    assert table.structured_content == {"harbour": "Port Ellery", "tides": [4, 1, 3], "note": None}
    failed = await host.call("shop__fails")
    assert failed.is_error
    assert "the clerk dropped the ink" in text(failed)
    assert "reports that its tool failed" in text(failed)
    assert receipt(failed)["spent"] == "yes"
    reports: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        reports.append((progress, total, message))

    await host.client.call_tool("shop__slow", {}, progress_callback=hear)
    assert reports[-1] == (3, 3, "sail 3 of 3")


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_server_at_a_url_and_an_agent_are_paid_while_others_are_down_or_silent(
    sandbox: Sandbox, shop_url: str, agent_url: str, tmp_path: Path
) -> None:
    sleeper = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    home = settle_in(
        tmp_path / "home",
        sandbox,
        section("shop", url=shop_url, tools=["cloudflare", "no-such-tool"]),
        section("tight", url=shop_url, tools=["spec"], max_price_usd="0.005"),
        section("gone", url="http://127.0.0.1:9/mcp"),
        section("missing", command=[os.devnull]),
        section("silent", command=sleeper),
        section("clerk", a2a=agent_url),
        local=(shop_url.split("/")[2], agent_url.split("/")[2], "127.0.0.1:9"),
    )
    async with hosted(home) as host:
        await host.tools("tight__spec")
        tools = await host.tools("shop__cloudflare")
        exported = {name for name in tools if "__" in name}
        assert exported == {"shop__cloudflare", "tight__spec", "clerk__send_message"}
        paid = await host.call("shop__cloudflare")
        tight = await host.call("tight__spec")
        free = await host.call("clerk__send_message", text="hello")
        answered = await host.call("clerk__send_message", text="write this down")
        wrong = await host.call("clerk__send_message", text="x", max_price_usd="9")
    assert receipt(paid)["evidence"] == "verified"
    assert error(tight)["code"] == "over_max_price"
    assert receipt(free)["status"] == "free"
    assert "Good day." in text(free)
    assert receipt(answered)["evidence"] == "verified"
    assert "You said: write this down" in text(answered)
    assert error(wrong)["code"] == "invalid_argument"
    log = (tmp_path / "home.stderr").read_text(encoding="utf-8")
    assert "upstream gone is down: it cannot be reached" in log
    assert "upstream missing is down: its command cannot be started" in log
    assert "upstream shop: left out no-such-tool: is not listed" in log
