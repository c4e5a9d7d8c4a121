"""Serve an ASGI app on loopback from a daemon thread, silently."""

from __future__ import annotations

import asyncio
import os
import socket
import threading

import uvicorn

from sandbox.rpc import AsgiApp

HOST = "127.0.0.1"

_STOP_TIMEOUT_S = 30  # payments that are already queued are settled first


class _Server(uvicorn.Server):
    """uvicorn's server, saying when it accepts requests."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then tell the thread that waits."""
        await super().startup(sockets)
        self._ready.set()


class Served:
    """One ASGI app on one port, run by uvicorn on an event loop of its own thread.

    Each app has its thread, so that a queue of settlements at the seller, which are plain
    computation, does not hold up a read of the chain.
    """

    def __init__(self, app: AsgiApp, port: int, name: str, *, lifespan: bool = False) -> None:
        """Bind `port` (0 takes a free one). Raises: OSError, with the address as its filename.

        `lifespan` starts and ends the app by the protocol's own events, for one that needs them.
        """
        self._socket = _listen(port)
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"
        self._ready = threading.Event()
        self._server = _Server(_uvicorn_config(app, lifespan), self._ready)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread and wait until the app accepts requests.

        Raises:
            RuntimeError: the thread ended instead.
        """
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self.stop()
            raise RuntimeError("the sandbox could not serve") from self._failure

    def ask_to_stop(self) -> None:
        """Let the server end; `stop` waits for it."""
        self._server.should_exit = True

    def stop(self) -> None:
        """End the server, join its thread and close its socket.

        Raises:
            RuntimeError: the thread still runs after `_STOP_TIMEOUT_S`.
        """
        self.ask_to_stop()
        if self._thread.ident is not None:
            self._thread.join(_STOP_TIMEOUT_S)
        self._socket.close()
        if self._thread.is_alive():
            raise RuntimeError("the sandbox's thread did not end")

    def _run(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._socket]))
        except BaseException as e:  # noqa: BLE001 - carried over to the thread that waits
            self._failure = e
        finally:
            self._ready.set()


def _listen(port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only where the protocol is spelled out; without it, a response's
    # body waits some 40 ms for the acknowledgement of its headers.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((HOST, port))
    except OSError as error:
        sock.close()
        raise OSError(error.errno, error.strerror, f"{HOST}:{port}") from error
    return sock


def _uvicorn_config(app: AsgiApp, lifespan: bool) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        interface="asgi3",
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on" if lifespan else "off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
