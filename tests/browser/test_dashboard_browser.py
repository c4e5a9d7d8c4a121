"""A person in front of a real browser watches the money, with and without scripts and a mouse.

With `PURSER_PICTURES` set to a folder, the pictures of the documentation are written there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import anyio.to_thread
import pytest
from playwright.async_api import Browser, Page, expect

from server.dashboard.site import serve_dashboard
from tests.dashboard.dashboard_site import NOW, ask_approval, buy, lived, purchase, wallet
from wallet.ledger.sqlite import SqliteLedger

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.slow,
    pytest.mark.timeout(120),
]

ROOT = Path(__file__).resolve().parents[2]
PICTURES = os.environ.get("PURSER_PICTURES")
HOSTILE = "evil\"><script>document.title='mine'</script><img src=x onerror=alert(1)>"

# The contrast of each text with what is behind it (WCAG 2.2, 1.4.3), below what is asked for.
FAINT = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (one) => { const c = one / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const bright = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const found = rgb(getComputedStyle(at).backgroundColor);
      if (found.length < 4 || found[3] > 0.99) return found;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((part) => part.nodeType === 3 && part.data.trim());
    if (!own || !one.getClientRects().length || one.closest("title, desc")) continue;
    const style = getComputedStyle(one);
    const ink = rgb(one.closest("svg") ? style.fill : style.color);
    const [a, b] = [bright(ink), bright(behind(one))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.push(one.textContent.trim().slice(0, 40));
  }
  return faint;
}"""


@asynccontextmanager
async def desk(home: Path, chromium: Browser, **changes: Any) -> AsyncGenerator[Page]:
    """Serve the dashboard of a folder, and give a browser that has opened its link."""
    options: dict[str, Any] = {"viewport": {"width": 1200, "height": 900}, **changes}
    async with (
        wallet(home) as wired,
        serve_dashboard(wired) as pages,
        await chromium.new_context(**options) as own,
    ):
        tab = await own.new_page()
        faults: list[str] = []
        tab.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: faults.append(str(error)))
        await tab.goto(pages.link("/", life_s=60, session_life_s=600))
        await expect(tab.get_by_role("heading", name="What is left")).to_be_visible()
        yield tab
        assert faults == []


async def follow(tab: Page, name: str) -> None:
    """Follow a link, and wait until the page with its style is there."""
    async with tab.expect_navigation(wait_until="load"):
        await tab.get_by_role("link", name=name, exact=True).click()


def ledger_of(home: Path) -> SqliteLedger:
    home.mkdir(mode=0o700, exist_ok=True)
    return SqliteLedger(home / "ledger.sqlite3", clock=lambda: NOW)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return the folder of a wallet that has bought one page."""
    ledger = ledger_of(tmp_path / "home")
    buy(ledger, purchase("api.example.com", 20_000, NOW - 3_600))
    ledger.close()
    return tmp_path / "home"


async def test_a_purchase_in_another_process_shows_by_itself(home: Path, chromium: Browser) -> None:
    code = (
        "import sys; from tests.dashboard.dashboard_site import *; "
        "buy(SqliteLedger(sys.argv[1]), purchase('later.example', 30_000, NOW - 5))"
    )
    async with desk(home, chromium) as tab:
        await expect(tab.locator("#live")).to_have_text("Live: follows the ledger")
        await expect(tab.locator("#recent")).not_to_contain_text("later.example")
        await tab.locator("#over-time summary").click()
        command = [sys.executable, "-c", code, str(home / "ledger.sqlite3")]
        await anyio.to_thread.run_sync(lambda: subprocess.run(command, cwd=ROOT, check=True))
        await expect(tab.locator("#recent")).to_contain_text("later.example", timeout=15_000)
        await expect(tab.locator("#limits")).to_contain_text("$0.05 spent")
        assert await tab.locator("#days").get_attribute("open") is not None


async def test_everything_is_there_without_scripts(home: Path, chromium: Browser) -> None:
    async with desk(home, chromium, java_script_enabled=False) as tab:
        await expect(tab.locator("#recent")).to_contain_text("api.example.com")
        await tab.get_by_role("link", name="Ask the chains").click()
        await expect(tab.locator("#balances")).to_contain_text("unknown")
        await tab.go_back()
        await tab.get_by_role("link", name="Reload").click()
        await expect(tab.get_by_role("heading", name="What is left")).to_be_visible()


async def test_the_chains_are_asked_after_the_page_is_there(home: Path, chromium: Browser) -> None:
    async with desk(home, chromium) as tab:
        await expect(tab.locator("#balances")).to_contain_text("41.25")


async def test_a_person_with_keys_alone_searches_and_opens_a_receipt(
    home: Path, chromium: Browser
) -> None:
    async with desk(home, chromium) as tab:
        await tab.get_by_role("link", name="Receipts", exact=True).focus()
        outline = await tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        await tab.keyboard.press("Enter")
        await tab.get_by_label("Host").focus()
        await tab.keyboard.type("api.example.com")
        await tab.keyboard.press("Enter")
        await expect(tab.locator("#receipts tbody tr")).to_have_count(1)
        await tab.locator("#receipts tbody a").focus()
        await tab.keyboard.press("Enter")
        await expect(tab.get_by_role("heading", level=1)).to_contain_text("$0.02")
        await expect(tab.locator("main")).to_contain_text("verified on the chain")


async def test_an_export_is_a_file(home: Path, chromium: Browser) -> None:
    async with desk(home, chromium) as tab:
        await follow(tab, "Receipts")
        async with tab.expect_download() as coming:
            await tab.get_by_role("link", name="CSV").click()
        file = await coming.value
        assert file.suggested_filename == "receipts.csv"


async def test_what_a_seller_wrote_runs_nothing(tmp_path: Path, chromium: Browser) -> None:
    ledger = ledger_of(tmp_path / "home")
    buy(ledger, purchase(HOSTILE, 20_000, NOW - 60, url=f"https://x.example/{HOSTILE * 40}"))
    ask_approval(ledger, 300_000, host=HOSTILE)
    ledger.close()
    async with desk(tmp_path / "home", chromium) as tab:
        assert await tab.title() == "Spending - Purser"
        assert await tab.locator("main img").count() == 0
        await expect(tab.locator("#recent")).to_contain_text(HOSTILE[:60])


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_can_be_read(
    tmp_path: Path, chromium: Browser, scheme: Literal["light", "dark"]
) -> None:
    lived(tmp_path / "home" / "ledger.sqlite3", 40)
    async with desk(tmp_path / "home", chromium, color_scheme=scheme) as tab:
        await expect(tab.locator("#balances")).to_contain_text("41.25")
        assert await tab.evaluate(FAINT) == []
        await follow(tab, "Receipts")
        assert await tab.evaluate(FAINT) == []


async def test_a_narrow_window_never_scrolls_sideways(tmp_path: Path, chromium: Browser) -> None:
    lived(tmp_path / "home" / "ledger.sqlite3", 40)
    narrow = {"width": 320, "height": 640}
    async with desk(tmp_path / "home", chromium, viewport=narrow) as tab:
        for name in ("Overview", "Receipts"):
            await follow(tab, name)
            assert await tab.evaluate("document.documentElement.scrollWidth") == 320


@pytest.mark.skipif(PICTURES is None, reason="PURSER_PICTURES names no folder to draw into")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_pictures_of_the_documentation_are_drawn(
    tmp_path: Path, chromium: Browser, scheme: Literal["light", "dark"]
) -> None:
    assert PICTURES is not None
    lived(tmp_path / "home" / "ledger.sqlite3")
    ledger = ledger_of(tmp_path / "home")
    ask_approval(ledger, 300_000)
    ledger.close()
    wide = {"width": 1200, "height": 1070}
    async with desk(tmp_path / "home", chromium, color_scheme=scheme, viewport=wide) as tab:
        await expect(tab.locator("#balances")).to_contain_text("41.25")
        await expect(tab.locator("#live")).to_have_text("Live: follows the ledger")
        await tab.screenshot(path=Path(PICTURES) / f"dashboard-{scheme}.png")
        if scheme == "light":
            await follow(tab, "Receipts")
            await tab.set_viewport_size({"width": 1200, "height": 760})
            await tab.screenshot(path=Path(PICTURES) / "dashboard-receipts.png")
