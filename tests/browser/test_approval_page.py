"""A person in front of a real browser approves, denies, waits too long, and clicks twice."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.approval_site import BODY, PAYEE, URL, ApprovalSite, approval_site
from tests.web.loopback import always, serve
from wallet.approvals import ApprovalState

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.slow,
    pytest.mark.timeout(120),
]

PICTURES = os.environ.get("PURSER_PICTURES")
"""A folder that the pictures of the documentation are written into."""


@asynccontextmanager
async def desk(tmp_path: Path, chromium: Browser) -> AsyncGenerator[tuple[ApprovalSite, Page]]:
    """Give a site with one request, and a browser that has opened its page."""
    async with approval_site(tmp_path) as site:
        await site.ask()
        async with await chromium.new_context(viewport={"width": 820, "height": 900}) as context:
            tab = await context.new_page()
            await tab.goto(site.link())
            heading = tab.get_by_role("heading", level=1)
            await expect(heading).to_have_text("Pay $0.75 to api.example.com?")
            yield site, tab


async def test_the_terms_are_shown_whole_and_approve_is_recorded(tmp_path: Path, chromium: Browser):
    async with desk(tmp_path, chromium) as (site, tab):
        shown = await tab.inner_text("main")
        for words in (f"POST {URL}", "0.75 USDC", PAYEE, "Base", BODY, "Written by the model"):
            assert words in shown
        assert "$5.00" in shown.replace("\u00a0", " ")
        assert await tab.locator("pre b").count() == 0
        assert "token=" not in tab.url
        await tab.get_by_role("button", name="Approve").click()
        await expect(tab.get_by_role("status")).to_contain_text("Approved.")
        assert await site.state() is ApprovalState.APPROVED
        await tab.get_by_role("button", name="Take it back").click()
        await expect(tab.get_by_role("status")).to_contain_text("Denied.")
        assert await site.state() is ApprovalState.DENIED


async def test_a_person_with_keys_alone_denies(tmp_path: Path, chromium: Browser):
    async with desk(tmp_path, chromium) as (site, tab):
        for name in ("Approve", "Deny"):
            while True:
                await tab.keyboard.press("Tab")
                focused = await tab.evaluate("document.activeElement.textContent")
                if focused in ("Approve", "Deny"):
                    break
            assert focused == name
            outline = await tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid"
        await tab.keyboard.press("Enter")
        await expect(tab.get_by_role("status")).to_contain_text("Denied.")
        assert await site.state() is ApprovalState.DENIED


async def test_a_double_click_answers_once(tmp_path: Path, chromium: Browser):
    async with desk(tmp_path, chromium) as (site, tab):
        await tab.get_by_role("button", name="Approve").dblclick()
        await expect(tab.get_by_role("status")).to_contain_text("Approved.")
        assert await site.state() is ApprovalState.APPROVED


async def test_a_second_tab_sees_the_answer_of_the_first(tmp_path: Path, chromium: Browser):
    async with desk(tmp_path, chromium) as (site, tab):
        other = await tab.context.new_page()
        await other.goto(tab.url)
        await tab.get_by_role("button", name="Deny").click()
        await expect(tab.get_by_role("status")).to_contain_text("Denied.")
        await other.get_by_role("button", name="Approve").click()
        await expect(other.get_by_role("status")).to_contain_text("Denied.")
        assert await site.state() is ApprovalState.DENIED


async def test_a_page_that_is_answered_too_late_says_so(tmp_path: Path, chromium: Browser):
    async with desk(tmp_path, chromium) as (site, tab):
        site.ahead_s[0] = 901
        await tab.get_by_role("button", name="Approve").click()
        await expect(tab.get_by_role("status")).to_contain_text("Expired.")
        assert await tab.get_by_role("button").count() == 0
        assert await site.state() is ApprovalState.EXPIRED


async def test_without_the_link_or_with_a_used_one_there_is_a_hint(
    tmp_path: Path, chromium: Browser
):
    async with desk(tmp_path, chromium) as (site, tab):
        link = site.link()
        await tab.goto(link)
        async with await chromium.new_context() as context:
            stranger = await context.new_page()
            for url in (link, tab.url, site.pages.origin):
                answer = await stranger.goto(url)
                assert answer is not None
                assert answer.status == 403
                assert "purser approvals --open" in await stranger.inner_text("main")
        assert await site.state() is ApprovalState.PENDING


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_another_site_can_link_to_a_page_and_can_do_nothing_more(
    tmp_path: Path, chromium: Browser, name: str
):
    async with desk(tmp_path, chromium) as (site, tab):
        target = tab.url
        token = await tab.locator("input[name=csrf]").get_attribute("value")
        page = (
            f'<a href="{site.link()}">open</a>'
            f'<form method="post" action="{target}"><input name="csrf" value="{token}">'
            '<button name="answer" value="approve">win</button></form>'
            f'<iframe src="{target}"></iframe>'
        )
        async with serve(always(200, [("content-type", "text/html")], page.encode())) as evil:
            other = await tab.context.new_page()
            await other.goto(evil.url().replace("127.0.0.1", name))
            assert len(other.frames) == 2
            assert await other.frames[-1].get_by_role("button").count() == 0
            await other.get_by_role("button", name="win").click()
            await expect(other.get_by_role("heading")).to_have_text("Not from here")
            assert await site.state() is ApprovalState.PENDING
            await other.goto(evil.url().replace("127.0.0.1", name))
            await other.get_by_role("link", name="open").click()
            await expect(other.get_by_role("button", name="Approve")).to_be_visible()


async def test_the_list_leads_to_each_page_that_waits(tmp_path: Path, chromium: Browser):
    async with approval_site(tmp_path) as site:
        await site.ask()
        await site.ask("ap_two", "https://api.example.com/<b>two</b>", "GET")
        async with await chromium.new_context() as context:
            tab = await context.new_page()
            await tab.goto(site.list_link())
            await expect(tab.get_by_role("listitem")).to_have_count(2)
            await tab.get_by_role("listitem").filter(has_text="two").get_by_role("link").click()
            await tab.get_by_role("button", name="Deny").click()
            await expect(tab.get_by_role("status")).to_contain_text("Denied.")
            assert await site.state("ap_two") is ApprovalState.DENIED
            assert await site.state() is ApprovalState.PENDING


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_is_readable_by_day_and_by_night(
    tmp_path: Path, chromium: Browser, scheme: Literal["light", "dark"]
):
    async with desk(tmp_path, chromium) as (_, tab):
        problems: list[str] = []
        tab.on("console", lambda message: problems.append(message.text))
        await tab.emulate_media(color_scheme=scheme)
        await tab.reload()
        ground = await tab.evaluate("getComputedStyle(document.body).backgroundColor")
        shades = [int(one) for one in re.findall(r"[0-9]+", ground)[:3]]
        assert (min(shades) > 200) if scheme == "light" else (max(shades) < 60)
        assert problems == []
        folder = Path(PICTURES) if PICTURES else tmp_path
        picture = folder / f"approval-{scheme}.png"
        await tab.screenshot(path=picture, full_page=True)
        assert picture.stat().st_size < 200_000
