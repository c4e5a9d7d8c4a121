"""A dishonest go-between: passes requests on to the real seller and spoils the paid answer."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.abc
import httpx

PAYMENT_HEADERS = ("payment-signature", "x-payment")


@dataclass
class PaidAnswer:
    """What the real seller answered to a paid request, for a trick to change."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    promised_bytes: int | None = None
    """A content-length that is not the body's: the connection closes before it is met."""

    def drop(self, name: str) -> None:
        self.headers = [(key, value) for key, value in self.headers if key.lower() != name.lower()]

    def settlement(self) -> dict[str, Any]:
        found = (value for key, value in self.headers if key.lower() == "payment-response")
        raw = next(found, None)
        return {} if raw is None else json.loads(base64.b64decode(raw))

    def forge(self, **changes: Any) -> None:
        changed = self.settlement() | changes
        self.drop("payment-response")
        raw = base64.b64encode(json.dumps(changed).encode()).decode()
        self.headers.append(("PAYMENT-RESPONSE", raw))


Trick = Callable[[PaidAnswer], "PaidAnswer | None"]
"""Return the answer to send on, or None to close the connection without one."""


@dataclass
class Meddler:
    """The go-between's view: its address, and each payment header that came by."""

    url: str
    trick: Trick
    """May be changed while it runs, as may `withhold`."""
    payments: list[str] = field(default_factory=list[str])
    challenge: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    withhold: bool = False
    """Answer a paid request by the trick alone; the real seller never sees the payment."""


@asynccontextmanager
async def meddler(
    seller_url: str,
    trick: Trick = lambda answer: answer,
    *,
    challenge: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    withhold: bool = False,
    before_paid: Callable[[], Awaitable[None]] | None = None,
) -> AsyncGenerator[Meddler]:
    """Run a go-between on loopback. `challenge` rewrites the v2 challenge the buyer sees."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    state = Meddler(f"http://127.0.0.1:{port}", trick, challenge=challenge, withhold=withhold)

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream, httpx.AsyncClient(trust_env=False) as client:
            method, path, headers, body = await _read_request(stream)
            paid = next((v for k, v in headers if k.lower() in PAYMENT_HEADERS), None)
            if paid is not None:
                state.payments.append(paid)
                if before_paid is not None:
                    await before_paid()
            answer = PaidAnswer(200, [("content-type", "text/plain")], b"withheld")
            if paid is None or not state.withhold:
                sent = [(k, v) for k, v in headers if k.lower() not in ("host", "connection")]
                got = await client.request(method, seller_url + path, headers=sent, content=body)
                answer = PaidAnswer(got.status_code, list(got.headers.items()), got.content)
            changed: PaidAnswer | None = answer
            if paid is not None:
                changed = state.trick(answer)
            elif challenge is not None:
                _rewrite_challenge(answer, challenge)
            if changed is not None:
                await stream.send(_raw(changed))

    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        yield state
        group.cancel_scope.cancel()


def _rewrite_challenge(
    answer: PaidAnswer, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    raw = next(value for key, value in answer.headers if key.lower() == "payment-required")
    changed = change(json.loads(base64.b64decode(raw)))
    answer.drop("payment-required")
    text = base64.b64encode(json.dumps(changed).encode()).decode()
    answer.headers.append(("PAYMENT-REQUIRED", text))


async def _read_request(
    stream: anyio.abc.SocketStream,
) -> tuple[str, str, list[tuple[str, str]], bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive()
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = [(key, value.strip()) for key, _, value in (line.partition(":") for line in lines)]
    length = int(next((v for k, v in headers if k.lower() == "content-length"), "0"))
    while len(body) < length:
        body += await stream.receive()
    return method, path, headers, body


def _raw(answer: PaidAnswer) -> bytes:
    skipped = ("content-length", "transfer-encoding", "connection", "content-encoding")
    lines = [f"HTTP/1.1 {answer.status} Meddled"]
    lines += [f"{key}: {value}" for key, value in answer.headers if key.lower() not in skipped]
    promised = len(answer.body) if answer.promised_bytes is None else answer.promised_bytes
    lines += [f"content-length: {promised}", "connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1") + answer.body
