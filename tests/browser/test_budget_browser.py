"""The view of check_balance speaks with a host as MCP Apps (SEP-1865, 2026-01-26) asks for.

The host here is a page that frames the view under the policy that a host has to set, answers its
requests and hands it a result.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, FrameLocator, Page, expect

from server.budget_view import budget_page

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.slow,
    pytest.mark.timeout(120),
]

PICTURES = os.environ.get("PURSER_PICTURES")
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'none'"
)
HOSTILE = "<img src=x onerror=\"parent.postMessage('mine','*')\">\u202e" + "x" * 300


def cap(name: str, limit: str | None, settled: str, held: str, left: str | None) -> dict[str, Any]:
    amounts = {"limit_usd": limit, "settled_usd": settled, "held_usd": held, "left_usd": left}
    return {"name": name, **amounts}


BALANCE: dict[str, Any] = {
    "address": "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A",
    "per_payment_limit_usd": "0.50",
    "limits": [
        cap("per_day", "2.00", "0.758", "0.068", "1.174"),
        cap("total", "25.00", "9.31", "0.068", "15.622"),
    ],
    "hosts_today": [
        {"host": "papers.example.edu"} | cap("per_host_per_day", "0.60", "0.50", "0.06", "0.04"),
        {"host": "img.example.net"} | cap("per_host_per_day", "0.60", "0.10", "0.00", "0.50"),
    ],
    "on_chain": [
        {"network": "eip155:8453", "asset": "USDC", "amount": "41.25", "reason": None},
        {"network": "eip155:84532", "asset": "USDC", "amount": None, "reason": "no answer"},
    ],
    "on_chain_reason": None,
    "channels": {"open": 2, "deposited_usd": "0.10", "spent_usd": "0.04", "left_usd": "0.06"},
    "open_holds": [{"host": "maps.example.io", "amount_usd": "0.008"}],
    "open_holds_total": 1,
    "pending_approvals": [],
    "pending_approvals_total": 0,
}

HOST = """(async ({ view, result, theme }) => {
  window.heard = [];
  document.body.innerHTML = '<iframe sandbox="allow-scripts"></iframe>';
  const frame = document.querySelector("iframe");
  const send = (message) =>
    frame.contentWindow.postMessage({ jsonrpc: "2.0", ...message }, "*");
  window.send = send;
  addEventListener("message", ({ source, data }) => {
    if (source !== frame.contentWindow) return;
    window.heard.push(data);
    if (data.method === "ui/initialize") {
      send({ id: data.id, result: {
        protocolVersion: "2026-01-26", hostInfo: { name: "host", version: "1" },
        hostCapabilities: { serverTools: {} }, hostContext: { theme } } });
    } else if (data.method === "ui/notifications/initialized") {
      send({ method: "ui/notifications/tool-input", params: { arguments: {} } });
      send({ method: "ui/notifications/tool-result", params: result });
    } else if (data.method === "ui/notifications/size-changed") {
      frame.style.height = data.params.height + "px";
    } else if (data.method === "tools/call") {
      const again = structuredClone(result);
      again.structuredContent.limits[0].left_usd = "1.00";
      send({ id: data.id, result: again });
    }
  });
  frame.style.cssText = "width:100%;border:0";
  frame.srcdoc = view;
})"""


@asynccontextmanager
async def host(
    chromium: Browser, data: Any, theme: Literal["light", "dark"] = "light", **result: Any
) -> AsyncGenerator[tuple[Page, FrameLocator]]:
    """Frame the view in a host that hands it a result, as structured data and as text."""
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    view = budget_page().replace("<head>", f"<head>{policy}", 1)
    content = [{"type": "text", "text": json.dumps(data)}]
    handed = {"content": content, "structuredContent": data, **result}
    async with await chromium.new_context(viewport={"width": 560, "height": 640}) as context:
        tab = await context.new_page()
        faults: list[str] = []
        tab.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: faults.append(str(error)))
        await tab.evaluate(HOST, {"view": view, "result": handed, "theme": theme})
        yield tab, tab.frame_locator("iframe")
        assert faults == []


async def test_the_view_greets_its_host_and_shows_what_it_is_handed(chromium: Browser) -> None:
    async with host(chromium, BALANCE) as (tab, view):
        main = view.locator("main")
        for words in ("$1.174", "left of $2.00", "$0.758 spent, $0.068 held", "maps.example.io"):
            await expect(main).to_contain_text(words)
        await expect(main).to_contain_text("unknown: no answer")
        await expect(main).to_contain_text("$0.10 deposited, $0.04 spent, $0.06 left")
        heard: list[dict[str, Any]] = await tab.evaluate("window.heard")
        assert [one["method"] for one in heard if "initial" in one.get("method", "")] == [
            "ui/initialize",
            "ui/notifications/initialized",
        ]
        assert heard[0]["params"]["protocolVersion"] == "2026-01-26"
        others = {one["method"] for one in heard if "initial" not in one["method"]}
        assert others == {"ui/notifications/size-changed"}


async def test_a_host_that_passes_text_alone_is_enough(chromium: Browser) -> None:
    async with host(chromium, BALANCE, structuredContent=None) as (_, view):
        await expect(view.locator("main")).to_contain_text("left of $2.00")


@pytest.mark.parametrize(
    "result", [{"isError": True}, {"structuredContent": {"limits": "none"}, "content": []}]
)
async def test_what_is_no_balance_is_said_to_be_none(
    chromium: Browser, result: dict[str, Any]
) -> None:
    async with host(chromium, BALANCE, **result) as (_, view):
        await expect(view.locator("main")).to_have_text("The balance could not be read.")


async def test_what_a_seller_wrote_is_only_text(chromium: Browser) -> None:
    row = {"host": HOSTILE} | cap("per_host_per_day", "0.60", "0.10", "0.00", "0.50")
    async with host(chromium, BALANCE | {"hosts_today": [row]}) as (tab, view):
        item = view.locator("li").first
        await expect(item).to_contain_text("<img src=x")
        assert len(await item.inner_text()) < 140
        assert "\u202e" not in await item.inner_text()
        assert await view.locator("img").count() == 0
        assert "mine" not in await tab.evaluate("window.heard")


async def test_the_balance_is_asked_for_again_only_when_told_to(chromium: Browser) -> None:
    async with host(chromium, BALANCE) as (tab, view):
        await expect(view.locator("main")).to_contain_text("$1.174")
        await view.get_by_role("button", name="Refresh").click()
        await expect(view.locator("main")).to_contain_text("$1.00")
        called = [
            one for one in await tab.evaluate("window.heard") if one["method"] == "tools/call"
        ]
        assert [one["params"] for one in called] == [{"name": "check_balance", "arguments": {}}]


async def test_the_view_follows_its_host_s_theme_and_takes_its_leave(chromium: Browser) -> None:
    async with host(chromium, BALANCE, "dark") as (tab, view):
        await expect(view.locator("html")).to_have_attribute("data-theme", "dark")
        change = {"method": "ui/notifications/host-context-changed", "params": {"theme": "light"}}
        await tab.evaluate("(message) => window.send(message)", change)
        await expect(view.locator("html")).to_have_attribute("data-theme", "light")
        await tab.evaluate("() => window.send({ id: 'bye', method: 'ui/resource-teardown' })")
        await tab.wait_for_function("window.heard.some((one) => one.id === 'bye' && one.result)")


@pytest.mark.skipif(PICTURES is None, reason="PURSER_PICTURES names no folder to draw into")
async def test_the_picture_of_the_documentation_is_drawn(chromium: Browser) -> None:
    assert PICTURES is not None
    async with host(chromium, BALANCE) as (tab, view):
        await expect(view.locator("main")).to_contain_text("left of $2.00")
        await tab.locator("iframe").screenshot(path=Path(PICTURES) / "budget-view.png")
