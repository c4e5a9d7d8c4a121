"""A small site to guard, and a browser's requests to it without a browser."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.pages.gate import Gate
from server.pages.guard import Guard, visit_of
from server.pages.layout import page
from server.pages.markup import tag
from server.pages.serving import Pages


@dataclass
class Clock:
    """Seconds that a test moves by hand."""

    now_s: float = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Site:
    """What is served, the client that asks, and each form that reached the page behind."""

    pages: Pages
    client: httpx.AsyncClient
    clock: Clock
    sent: list[dict[str, str]]
    guard: Guard

    def link(self, path: str = "/desk") -> str:
        """Return a link that lasts 60 seconds, to a session that lasts 600."""
        return self.pages.link(path, life_s=60, session_life_s=600)

    async def enter(self, path: str = "/desk") -> str:
        """Open a link, and return the path of the page behind it; the client has the cookie."""
        opened = await self.client.get(self.link(path))
        assert opened.status_code == 200
        found = re.search(r"url=([^\"]+)", opened.text)
        assert found is not None
        return found[1]

    async def fields(self, path: str) -> dict[str, str]:
        """Return what the form on a page sends."""
        shown = await self.client.get(path)
        return dict(re.findall(r'name="(\w+)" value="(\w+)"', shown.text))

    async def post(self, path: str, form: dict[str, str], **headers: str | None) -> httpx.Response:
        """Send a form as a browser does; None leaves a header out."""
        usual = {"origin": self.pages.origin, "sec-fetch-site": "same-origin"}
        wanted = {**usual, **{name.replace("_", "-"): value for name, value in headers.items()}}
        sent = {name: value for name, value in wanted.items() if value is not None}
        return await self.client.post(path, data=form, headers=sent)


@asynccontextmanager
async def small_site() -> AsyncGenerator[Site]:
    """Serve two desks with a form each, and a page that fails."""
    sent: list[dict[str, str]] = []

    async def desk(request: Request) -> Response:
        visit, action = visit_of(request), f"/{request.scope['path'].split('/', 3)[3]}"
        if request.method == "POST":
            sent.append(visit.form)
        return page("Desk", tag("form", visit.csrf(action), method="post"))

    async def fails(request: Request) -> Response:
        raise RuntimeError("the text of a secret")

    methods = ["GET", "POST"]
    routes = [
        Route("/desk", desk, methods=methods),
        Route("/desk/drawer", desk, methods=methods),
        Route("/deskling", desk),
        Route("/fails", fails),
    ]
    clock = Clock()
    pages = Pages("http://127.0.0.1:8402", Gate(clock))
    guard = Guard(routes, pages.gate, "127.0.0.1:8402")
    async with ask(guard, pages.origin) as client:
        yield Site(pages, client, clock, sent, guard)


def ask(app: Any, origin: str) -> httpx.AsyncClient:
    """Return a client with a cookie jar of its own."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=origin)
