"""A host and its person, for the tests of asking: in this process, or over stdio."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import httpx
from mcp.client import Client
from mcp.client.context import ClientRequestContext
from mcp_types import (
    ElicitRequestParams,
    ElicitRequestURLParams,
    ElicitResult,
    InputResponses,
)

from sandbox.run import Sandbox
from server.app import build_server
from server.asking import Asking
from server.settings import load_settings
from server.wiring import open_wired
from tests.end_to_end.hosting import environment, settle_in
from tools.context import Toolbox

Action = Literal["accept", "decline", "cancel"]
MODERN = "2026-07-28"
YES: InputResponses = {"approval": ElicitResult(action="accept", content={"answer": "approve"})}


@dataclass
class Person:
    """What sits at the host: answers each question alike, and remembers what it was shown."""

    action: Action = "accept"
    content: dict[str, Any] | None = None
    on_page: str | None = None
    shown: list[ElicitRequestParams] = field(default_factory=list[ElicitRequestParams])

    async def __call__(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult:
        """Answer a form, or open a URL and answer on its page."""
        self.shown.append(params)
        if isinstance(params, ElicitRequestURLParams) and self.on_page is not None:
            await answer_on_page(params.url, self.on_page)
        return ElicitResult(action=self.action, content=self.content)


async def answer_on_page(link: str, answer: str) -> str:
    """Open a link as a browser does, press a button, and return the page that follows."""
    origin = link.partition("/open")[0]
    async with httpx.AsyncClient(base_url=origin, trust_env=False) as browser:
        opened = await browser.get(link)
        path = re.findall(r"url=([^\"]+)", opened.text)[0]
        shown = await browser.get(path)
        csrf = re.findall(r'name="csrf" value="(\w+)"', shown.text)[0]
        form = {"csrf": csrf, "answer": answer}
        done = await browser.post(path, data=form, headers={"origin": origin})
        assert done.status_code == 303
        return (await browser.get(path)).text


def page(sandbox: Sandbox) -> dict[str, Any]:
    return {"url": f"{sandbox.seller_url}/article", "max_chars": 100}


def asking_home(tmp_path: Path, sandbox: Sandbox) -> Path:
    """Write the settings of a Purser that asks about everything, and keeps nothing to repeat."""
    home = settle_in(tmp_path / "home", sandbox, budget={"approval_above": "0.00"})
    with (home / "config.toml").open("a", encoding="utf-8") as config:
        config.write("[fetch]\nrepeat_window_s = 0\n")
    return home


@asynccontextmanager
async def host(
    tmp_path: Path,
    sandbox: Sandbox,
    era: str,
    person: Person | None,
    *,
    page_wait_s: float = 30,
    routes: str = '["form", "url"]',
) -> AsyncGenerator[tuple[Client, Path]]:
    """Connect a client to a server in this process that is wired as `purser serve` wires it."""
    home = asking_home(tmp_path, sandbox)
    variables = environment(home, PURSER_APPROVALS__ROUTES=routes)
    with patch.dict(os.environ, variables):
        settings = load_settings(home)
        asking = Asking(settings.approvals, page_wait_s=page_wait_s)

        @asynccontextmanager
        async def open_toolbox() -> AsyncGenerator[Toolbox]:
            async with open_wired(settings) as wired, asking.running(wired.parts):
                yield wired.toolbox

        server = build_server(open_toolbox, settings=settings, asking=asking)
        async with Client(server, mode=era, elicitation_callback=person) as client:
            yield client, home
