"""A seller of the sandbox answers late when its URL asks for that, and only then."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from sandbox.delay import delayed
from sandbox.rpc import Receive, Scope, Send
from sandbox.run import Sandbox
from tests.desk import open_desk


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await send({"type": "http.response.start", "status": 402, "headers": []})
    await send({"type": "http.response.body", "body": b"pay"})


async def ask(query: str) -> tuple[int, list[float]]:
    """Return the status of an answer and how long was waited for it."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    transport = httpx.ASGITransport(delayed(hello, sleep))  # pyright: ignore[reportArgumentType]
    async with httpx.AsyncClient(transport=transport, base_url="http://seller") as client:
        return (await client.get(f"/page?{query}")).status_code, waits


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("query", "status", "waits"),
    [
        ("", 402, []),
        ("n=7&nodelay_ms=5", 402, []),
        ("n=7&delay_ms=250", 402, [0.25]),
        ("delay_ms=0", 402, [0.0]),
        ("delay_ms=5000", 402, [5.0]),
        ("delay_ms=5001", 400, []),
        ("delay_ms=", 400, []),
        ("delay_ms=-1", 400, []),
        ("delay_ms=1.5", 400, []),
        ("delay_ms=%D9%A7", 400, []),
        ("delay_ms=99999999999", 400, []),
    ],
)
async def test_an_answer_is_as_late_as_its_url_asks(
    query: str, status: int, waits: list[float]
) -> None:
    assert await ask(query) == (status, waits)


@pytest.mark.asyncio
async def test_every_seller_of_the_sandbox_can_be_late(tmp_path: Path, sandbox: Sandbox) -> None:
    url = sandbox.seller_url
    async with httpx.AsyncClient(base_url=url) as plain:
        for path in ("/article", "/batch/page/1", "/library/log.pdf", "/v1/article"):
            assert (await plain.get(path, params={"delay_ms": "1"})).status_code == 402
            assert (await plain.get(path, params={"delay_ms": "x"})).status_code == 400
        assert "delay_ms=250" in (await plain.get("/")).text
    async with open_desk(tmp_path, sandbox) as desk:
        bought = await desk.buy(f"{url}/api/weather?delay_ms=1")
        assert bought.purchase.state == "settled"
