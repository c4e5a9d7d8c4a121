"""Answer late when asked to: a stand-in for the network and for settling on a real chain."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from sandbox.rpc import AsgiApp, Receive, Scope, Send

LONGEST_MS = 5_000
_NUMBER = re.compile(r"[0-9]{1,4}")
_REFUSAL = f"delay_ms must be 0 to {LONGEST_MS}".encode()


def delayed(app: AsgiApp, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> AsgiApp:
    """Return an app that hears a request with `?delay_ms=N` N milliseconds later.

    The price comes late as well as what was paid for. Any value but 0 to 5000 is answered 400,
    before a price is asked.
    """

    async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
        wanted = _wanted(scope)
        if wanted is not None:
            if not _NUMBER.fullmatch(wanted) or int(wanted) > LONGEST_MS:
                await _refuse(send)
                return
            await sleep(int(wanted) / 1000)
        await app(scope, receive, send)

    return waiting


def _wanted(scope: Scope) -> str | None:
    """Return the first `delay_ms` of the query, None where there is none."""
    query = bytes(scope.get("query_string", b"")).decode("latin-1")
    if "delay_ms" not in query:
        return None
    pairs = parse_qsl(query, keep_blank_values=True)
    return next((value for name, value in pairs if name == "delay_ms"), None)


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(_REFUSAL))]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": _REFUSAL})
