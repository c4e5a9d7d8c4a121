"""The hostile seller on the wire: three origins in one thread, and a record of every payment."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections import Counter
from typing import Any, Self
from urllib.parse import urlsplit

from sandbox.chain import LocalChain
from sandbox.hostile.cashier import Cashier
from sandbox.hostile.catalogue import SCENES
from sandbox.hostile.scene import Payment, Place, Play, Reply, Scene, Visit
from sandbox.hostile.wording import CANARY, asking, challenge, sell
from sandbox.serve import HOST

PLACES: tuple[Place, ...] = ("seller", "elsewhere", "forbidden")
PAYMENT_HEADERS = ("payment-signature", "x-payment")
MAX_HEAD_BYTES = 256 * 1024
DRIP_S = 0.05

_NOT_FOUND = Reply(404, (("content-type", "text/plain"),), CANARY.encode())
_CHUNK = b"1000\r\n" + b"x" * 4096 + b"\r\n"


class HostileSeller:
    """Plays the catalogue; a context manager that serves from a thread of its own.

    `urls` maps each place to its origin. `payments` lists every payment header that arrived
    anywhere, `sign_ins` what was signed in with; `connections` counts, by place, the connections
    that were made.
    """

    def __init__(self, chain: LocalChain, key: str) -> None:
        """Serve for one chain; `key` has gas money there."""
        self.urls: dict[Place, str] = {}
        self.payments: list[Payment] = []
        self.sign_ins: list[dict[str, Any]] = []
        self.connections: Counter[Place] = Counter()
        self._cashier = Cashier(chain, key)
        self._scenes = {scene.path: scene for scene in SCENES}
        self._asked: Counter[str] = Counter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hostile-seller", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def url(self, scene: Scene) -> str:
        """Return the URL at which a scene is played."""
        return self.urls["seller"] + scene.path

    def paid(self, path: str) -> list[Payment]:
        """Return the payments that arrived for a path, wherever they arrived."""
        return [one for one in self.payments if one.path == path]

    def forget(self) -> None:
        """Begin every scene anew: drop what was asked, paid, signed and counted so far."""
        self._asked.clear()
        self.payments.clear()
        self.sign_ins.clear()
        self.connections.clear()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        servers = [await self._listen(place) for place in PLACES]
        self._ready.set()
        await self._stopping.wait()
        for server in servers:
            server.close()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _listen(self, place: Place) -> asyncio.Server:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections[place] += 1
            try:
                await _send(await self._answer(place, reader), reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(handle, HOST, 0, limit=MAX_HEAD_BYTES)
        port = server.sockets[0].getsockname()[1]
        self.urls[place] = f"http://{HOST}:{port}"
        return server

    async def _answer(self, place: Place, reader: asyncio.StreamReader) -> Reply:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        path = urlsplit(first.split(" ")[1]).path
        parted = [line.partition(":") for line in lines]
        pairs = [(name.lower(), value.strip()) for name, _, value in parted]
        payments = [
            _read_payment(place, path, name, value)
            for name, value in pairs
            if name in PAYMENT_HEADERS
        ]
        self.payments += payments
        proofs = [json.loads(base64.b64decode(v)) for name, v in pairs if name == "sign-in-with-x"]
        self.sign_ins += proofs
        return self._play(
            place, path, payments[0] if payments else None, proofs[0] if proofs else None
        )

    def _play(
        self, place: Place, path: str, payment: Payment | None, sign_in: dict[str, Any] | None
    ) -> Reply:
        scene = self._scenes.get(path)
        if scene is None:
            return _NOT_FOUND
        visit = Visit(
            place=place,
            urls={one: url + path for one, url in self.urls.items()},
            asked=self._asked[path],
            payment=payment,
            cash=lambda: self._cashier.cash(_must_exist(payment)),
            foreign_hash=self._cashier.foreign_hash,
            sign_in=sign_in,
        )
        if place == "forbidden":
            return sell(visit) if payment else asking(challenge())
        if payment is None:
            self._asked[path] += 1
            return scene.ask(visit)
        play: Play = scene.paid or sell
        return play(visit)


def _must_exist(payment: Payment | None) -> Payment:
    if payment is None:
        raise ValueError("there is no payment to cash")
    return payment


def _read_payment(place: Place, path: str, name: str, value: str) -> Payment:
    return Payment(place, path, name, value, json.loads(base64.b64decode(value)))


async def _send(reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Write a reply and go on in its manner, until the buyer leaves."""
    writer.write(_bytes_of(reply))
    await writer.drain()
    if reply.then == "hang":
        await reader.read()
    while reply.then == "endless":
        writer.write(_CHUNK)
        await writer.drain()
    while reply.then == "drip":
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(DRIP_S)


def _bytes_of(reply: Reply) -> bytes:
    if reply.raw is not None:
        return reply.raw
    promised = len(reply.body) if reply.promised_bytes is None else reply.promised_bytes
    lines = [f"HTTP/1.1 {reply.status} {reply.reason}"]
    lines += [f"{name}: {value}" for name, value in reply.headers]
    lines += [f"content-length: {promised}", "connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1") + reply.body
