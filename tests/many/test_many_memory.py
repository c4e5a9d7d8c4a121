"""Answers that nobody can use are not kept in memory by the errors that they led to."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest

from sandbox.run import Sandbox
from tests.desk import open_desk
from tests.many.many_kit import codes, fetch_all, toolbox_of
from tests.web.loopback import Seen, serve
from tools.web.wire import Answer
from wallet.exchange import WebResponse


def answers_alive() -> int:
    """Count the answers of sellers that something in this process keeps."""
    gc.collect()
    return sum(isinstance(one, WebResponse | Answer) for one in gc.get_objects())


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("head", "code"),
    [(b"402 Pay", "malformed_challenge"), (b"200 OK", "too_large")],
)
async def test_what_failing_pages_answered_is_let_go(
    tmp_path: Path, sandbox: Sandbox, head: bytes, code: str
) -> None:
    async def reply(_: Seen, writer: asyncio.StreamWriter) -> None:
        body = b"x" * 50_000
        writer.write(b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (head, len(body), body))

    async with (
        serve(reply) as site,
        open_desk(tmp_path, sandbox, urls=(site.url(),)) as desk,
    ):
        desk.client.max_body_bytes = 40_000
        before = answers_alive()
        outcome = await fetch_all(toolbox_of(desk), [site.url(f"/{one}") for one in range(8)])
        assert set(codes(outcome.pages)) == {code}
        assert answers_alive() - before <= 1
        assert len(outcome.pages) == 8
