"""After an answer a person knows what happens next, and finds the way to what else waits."""

from __future__ import annotations

import html
import json
import os
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import pytest

from tests.browser.approval_site import approval_site
from tests.dashboard.dashboard_site import ask_approval, site
from wallet.consent import record_answer
from wallet.ledger.sqlite import SqliteLedger


@asynccontextmanager
async def visit(link: str) -> AsyncGenerator[tuple[httpx.AsyncClient, str]]:
    """Open a link as a browser does; give the client, and the page that it leads to."""
    origin = link.partition("/open")[0]
    async with httpx.AsyncClient(base_url=origin, trust_env=False) as client:
        found = re.search(r"url=([^\"]+)\"", (await client.get(link)).text)
        assert found is not None
        yield client, found[1]


@pytest.mark.asyncio
async def test_a_session_of_the_list_leads_back_to_it_and_says_how_many_wait(
    tmp_path: Path,
) -> None:
    async with approval_site(tmp_path) as served, visit(served.list_link()) as (client, listed):
        for number, told in (
            (1, "(nothing else waits)"),
            (2, "(one more waits)"),
            (3, "(2 more wait)"),
        ):
            await served.ask(f"ap_{number}")
            page = (await client.get(f"{listed}/ap_{number}")).text
            assert f'<a href="{listed}">All payments that wait for you</a> {told}' in page
        await record_answer(served.parts, "ap_2", approve=True)
        assert "(2 more wait)" in (await client.get(f"{listed}/ap_2")).text
        assert (await client.get(listed)).status_code == 200


@pytest.mark.asyncio
async def test_a_session_of_one_request_is_shown_no_way_to_the_others(tmp_path: Path) -> None:
    async with approval_site(tmp_path) as served:
        await served.ask()
        await served.ask("ap_other")
        async with visit(served.link()) as (client, page):
            assert "All payments" not in (await client.get(page)).text
            assert (await client.get(page.removesuffix("/ap_one"))).status_code == 403


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("approve", "told"),
    [
        (True, "If it no longer waits, the same call, made again before the time below, pays."),
        (False, "Denied. Nothing is paid, and until the time below the same call is refused"),
    ],
)
async def test_after_an_answer_the_page_says_what_happens_next(
    tmp_path: Path, approve: bool, told: str
) -> None:
    async with approval_site(tmp_path) as served:
        await served.ask()
        async with visit(served.link()) as (client, page):
            before = (await client.get(page)).text
            assert "You can close this page" not in before
            assert "still waits; else the same call, made again before 2" in before
            await record_answer(served.parts, "ap_one", approve=approve)
            text = re.sub(r"<[^>]+>", "", (await client.get(page)).text)
            assert told in text
            assert "You can close this page." in text


def launcher(folder: Path) -> None:
    """Put a `purser` on a PATH that is the Purser under test."""
    folder.mkdir()
    path = folder / "purser"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m purser_mcp "$@"\n')
    path.chmod(0o755)


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.skipif(os.name != "posix", reason="the command is run by sh here")
async def test_the_command_on_the_dashboard_reaches_its_wallet_from_any_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / 'a person\'s "home" $HOME'
    home.mkdir(mode=0o700)
    launcher(tmp_path / "bin")
    ledger = SqliteLedger(home / "ledger.sqlite3")
    asked = ask_approval(ledger, 300_000)
    ledger.close()
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    with monkeypatch.context() as patched:
        patched.setenv("PURSER_HOME", str(home))
        patched.setenv("PATH", path)
        patched.delenv("UV", raising=False)
        async with site(home) as served:
            shown = re.search(r"<code>([^<]+ approve [^<]+)</code>", await served.get("/"))
    assert shown is not None
    command = html.unescape(shown[1])
    assert command.endswith(f" approve {asked}")
    environ = {
        "PATH": path,
        "HOME": str(tmp_path),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    listing = command.replace(f" approve {asked}", " approvals --all --json")
    ran = await anyio.run_process(["/bin/sh", "-c", listing], cwd=tmp_path, env=environ)
    (row,) = json.loads(ran.stdout)["approvals"]
    assert row["id"] == asked
