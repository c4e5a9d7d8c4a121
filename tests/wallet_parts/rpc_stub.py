"""A JSON-RPC server on loopback that misbehaves as told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any

Answer = Callable[[dict[str, Any], int], bytes | bool | None]
SECRET_PATH = "/v2/api-key-4f3a9c"


def result(value: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 0, "result": value}).encode()


def on_our_chain(then: bytes | None) -> Answer:
    return lambda call, _: result("0x14a34") if call["method"] == "eth_chainId" else then


@contextlib.asynccontextmanager
async def rpc_server(answer: Answer, status: str = "200 OK") -> AsyncGenerator[str]:
    """Serve JSON-RPC on loopback.

    `answer` takes the call and its number on this connection, and returns the body, None to never
    answer, or False to drop the connection.
    """
    handlers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        with (
            contextlib.suppress(asyncio.IncompleteReadError, ConnectionError),
            contextlib.closing(writer),
        ):
            number = 0
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
                body = answer(json.loads(await reader.readexactly(length)), number)
                if body is None:
                    await asyncio.Event().wait()
                if not isinstance(body, bytes):
                    return
                number += 1
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
                writer.write(body)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{SECRET_PATH}"
    finally:
        server.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
