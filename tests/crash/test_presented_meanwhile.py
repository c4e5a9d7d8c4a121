"""A second process presents a stored payment while the first is still trying to send it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest

from sandbox.run import Sandbox
from tests.crash.crash_kit import assert_books_hold, nonces
from tests.desk import Desk, open_desk
from tests.meddler import meddler
from tools.web.exchange import WebExchange
from wallet.errors import PurserError
from wallet.exchange import NeverSentError, WebRequest
from wallet.model import State

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]


class SlowToConnect(WebExchange):
    """An exchange whose paid request finds no connection, and takes its time to say so."""

    def __init__(self, desk: Desk, url: str) -> None:
        super().__init__(desk.client, WebRequest("GET", url))
        self.dialling = anyio.Event()
        self.given_up = anyio.Event()

    async def pay(self, payment_headers: Mapping[str, str]) -> Any:
        self.dialling.set()
        await self.given_up.wait()
        raise NeverSentError("no connection could be made")


async def test_a_payment_that_another_process_presents_is_not_freed_by_the_one_that_never_sent_it(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("wallet.repeats.JOIN_WAIT_S", 0)
    has_it, may_answer = anyio.Event(), anyio.Event()

    async def wait() -> None:
        has_it.set()
        await may_answer.wait()

    async with (
        meddler(sandbox.seller_url, before_paid=wait) as seller,
        open_desk(tmp_path, sandbox, urls=(seller.url,)) as first,
        open_desk(tmp_path, sandbox, urls=(seller.url,)) as second,
    ):
        exchange = SlowToConnect(first, seller.url + "/article")

        over = anyio.Event()

        async def dial() -> None:
            with pytest.raises(PurserError) as ended:
                await first.payer.fetch(exchange, max_price=None, pay_again=False)
            assert ended.value.spent == "unknown"
            over.set()

        async with anyio.create_task_group() as group:
            group.start_soon(dial)
            await exchange.dialling.wait()
            group.start_soon(second.buy, seller.url + "/article")
            await has_it.wait()
            exchange.given_up.set()
            await over.wait()
            may_answer.set()
        (purchase,) = await second.purchases()
        assert purchase.state is State.SETTLED
        await assert_books_hold(second, sandbox, nonces(seller.payments))
