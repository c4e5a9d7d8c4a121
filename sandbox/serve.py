"""Serve ASGI apps on loopback from one daemon thread, silently."""

from __future__ import annotations

import asyncio
import os
import socket
import threading

import uvicorn

from sandbox.rpc import AsgiApp

HOST = "127.0.0.1"

_STOP_TIMEOUT_S = 10


class Servers:
    """Some ASGI apps served by uvicorn on one event loop in one daemon thread."""

    def __init__(self, apps: list[tuple[AsgiApp, int]]) -> None:
        """Bind a port for each app; 0 takes a free one. Raises: OSError when one is taken."""
        self._sockets: list[socket.socket] = []
        try:
            for _, port in apps:
                self._sockets.append(_listen(port))
        except OSError:
            self._close_sockets()
            raise
        self.urls = [f"http://{HOST}:{s.getsockname()[1]}" for s in self._sockets]
        self._servers = [uvicorn.Server(_uvicorn_config(app)) for app, _ in apps]
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="purser-sandbox", daemon=True)

    def start(self) -> None:
        """Start the thread and wait until every app accepts requests.

        Raises:
            RuntimeError: the thread ended instead.
        """
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self.stop()
            raise RuntimeError("the sandbox could not serve") from self._failure

    def stop(self) -> None:
        """End the servers, join the thread and close the sockets.

        Raises:
            RuntimeError: the thread still runs after `_STOP_TIMEOUT_S`.
        """
        for server in self._servers:
            server.should_exit = True
        self._thread.join(_STOP_TIMEOUT_S)
        self._close_sockets()
        if self._thread.is_alive():
            raise RuntimeError("the sandbox's thread did not end")

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as e:  # noqa: BLE001 - carried over to the thread that waits
            self._failure = e
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        pairs = zip(self._servers, self._sockets, strict=True)
        tasks = [asyncio.create_task(server.serve(sockets=[sock])) for server, sock in pairs]
        while not all(server.started for server in self._servers):
            await asyncio.sleep(0.001)
            if any(task.done() for task in tasks):
                break
        else:
            self._ready.set()
        await asyncio.gather(*tasks)

    def _close_sockets(self) -> None:
        for sock in self._sockets:
            sock.close()


def _listen(port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only where the protocol is spelled out; without it, a response's
    # body waits some 40 ms for the acknowledgement of its headers.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((HOST, port))
    except OSError:
        sock.close()
        raise
    return sock


def _uvicorn_config(app: AsgiApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        interface="asgi3",
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
