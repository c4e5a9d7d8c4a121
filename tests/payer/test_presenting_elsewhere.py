"""A stored payment goes to where it was made, wherever a seller sends a later caller."""

from __future__ import annotations

import asyncio
from pathlib import Path

import anyio
import httpx
import pytest

from sandbox.run import Sandbox
from tests.desk import Desk, open_desk
from tests.web.loopback import Seen, serve
from wallet.errors import ErrorKind, PurserError

pytestmark = pytest.mark.asyncio


def _asks_for_money(sandbox: Sandbox) -> bytes:
    challenge = httpx.get(sandbox.seller_url + "/article", trust_env=False)
    terms = challenge.headers["payment-required"]
    return f"HTTP/1.1 402 Pay\r\npayment-required: {terms}\r\ncontent-length: 0\r\n\r\n".encode()


def _is_paid(seen: Seen) -> bool:
    return seen.header("payment-signature") is not None


@pytest.mark.slow
async def test_a_caller_redirected_while_another_process_pays_shows_its_payment_nowhere_else(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    """The second process is led to another origin, and there meets the first one's purchase."""
    monkeypatch.setattr("wallet.repeats.JOIN_WAIT_S", 0)
    asks = await anyio.to_thread.run_sync(_asks_for_money, sandbox)
    led_away, paid, over = anyio.Event(), anyio.Event(), anyio.Event()

    async def elsewhere(_: Seen, writer: asyncio.StreamWriter) -> None:
        led_away.set()
        await paid.wait()
        writer.write(asks)

    async with serve(elsewhere) as there:
        payments: list[Seen] = []

        async def seller(seen: Seen, writer: asyncio.StreamWriter) -> None:
            if _is_paid(seen):
                payments.append(seen)
                paid.set()
                if len(payments) == 1:
                    await over.wait()
                writer.close()
            elif led_away.is_set():
                writer.write(asks)
            else:
                to = there.url("/trap")
                writer.write(
                    f"HTTP/1.1 302 F\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n".encode()
                )

        async with serve(seller) as here:
            urls = (here.url(), there.url())
            async with (
                open_desk(tmp_path, sandbox, urls=urls) as first,
                open_desk(tmp_path, sandbox, urls=urls) as second,
                anyio.create_task_group() as group,
            ):

                async def is_led_away() -> None:
                    await _fails(second, here.url("/article"))
                    over.set()

                group.start_soon(is_led_away)
                await led_away.wait()
                await _fails(first, here.url("/article"))
    assert [_is_paid(seen) for seen in there.seen] == [False]
    assert len(payments) == 2
    assert len({seen.header("payment-signature") for seen in payments}) == 1
    assert first.signatures + second.signatures == 1


async def _fails(desk: Desk, url: str) -> None:
    with pytest.raises(PurserError) as ended:
        await desk.buy(url)
    assert (ended.value.kind, ended.value.spent) == (ErrorKind.OUTCOME_UNKNOWN, "unknown")
