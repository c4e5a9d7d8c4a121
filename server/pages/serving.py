"""Serve pages on 127.0.0.1, inside the running event loop, for as long as they are needed."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import uvicorn

from server.pages.gate import Gate
from server.pages.guard import OPEN_PATH, Guard

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

HOST = "127.0.0.1"

_STOP_TIMEOUT_S = 1
_CONNECTIONS_MAX = 100


@dataclass(frozen=True, slots=True)
class Pages:
    """A site that is being served at `origin`."""

    origin: str
    gate: Gate

    def link(self, path: str, *, life_s: float, session_life_s: float) -> str:
        """Return a URL that opens a session for `path` and what lies below it, once.

        Whoever has it has the session. It is shown to the person, and never to a model or a log.

        Args:
            path: a path of the site; `/` for all of it.
            life_s: how long the link can be used.
            session_life_s: how long the session lasts from then on.
        """
        token = self.gate.new_token(path, life_s=life_s, session_life_s=session_life_s)
        return f"{self.origin}{OPEN_PATH}?token={token}"


@asynccontextmanager
async def serve_pages(
    routes: Sequence[BaseRoute], *, port: int = 0, gate: Gate | None = None
) -> AsyncGenerator[Pages]:
    """Serve routes behind the guard until the block is left.

    Args:
        routes: what there is to see, by path without the session's root.
        port: 0 takes a free one.
        gate: keeps links and sessions; a test brings one with a clock of its own.

    Raises:
        OSError: the port is taken.
    """
    with _listening(port) as listener:
        host = f"{HOST}:{listener.getsockname()[1]}"
        pages = Pages(f"http://{host}", gate or Gate())
        server = _Server(_config(Guard(routes, pages.gate, host)))
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            try:
                await server.listening.wait()
                yield pages
            finally:
                server.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn's server inside somebody else's loop: it leaves signals alone, and says it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = anyio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none: they are the process's own business."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept requests."""
        await super().startup(sockets)
        self.listening.set()


def _config(app: Guard) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        interface="asgi3",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # it would write links down
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS_MAX,
        timeout_graceful_shutdown=_STOP_TIMEOUT_S,
    )


@contextmanager
def _listening(port: int) -> Generator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        yield listener
