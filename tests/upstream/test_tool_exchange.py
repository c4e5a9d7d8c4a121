"""A tool of another server bought like a page: one hold, one signature, one stored result."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from linking import Between, Reports, content, linked, tool_call

from sandbox.mcp_seller import Shop
from sandbox.run import SELLER, Sandbox
from sandbox.serve import Served
from server.upstream.session import MAX_LISTED
from tests.desk import open_desk
from tools.upstream.link import LinkBrokenError, RpcFailure, ToolReply
from tools.upstream.listing import MAX_LEFT_OUT
from tools.web.guard import HostRules
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import TransportFailedError
from wallet.model import Evidence, State
from wallet.money import Usd


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


Call = Callable[[], Awaitable[ToolReply | RpcFailure]]
DIALECTS = ("spec", "cloudflare", "rpc_x402", "rpc_data", "rpc_402", "text_v1")


@pytest.mark.asyncio
@pytest.mark.parametrize("tool", DIALECTS)
async def test_a_tool_is_paid_once_in_its_dialect_and_again_costs_nothing(
    sandbox: Sandbox, shop_url: str, tmp_path: Path, tool: str
) -> None:
    async with linked(shop_url) as shop, open_desk(tmp_path, sandbox) as desk:
        first = await desk.payer.fetch(
            tool_call(shop, tool, harbour="Ely"), max_price=None, pay_again=False
        )
        again = await desk.payer.fetch(
            tool_call(shop, tool, harbour="Ely"), max_price=None, pay_again=False
        )
        other = await desk.payer.fetch(
            tool_call(shop, tool, harbour="Rye"), max_price=None, pay_again=False
        )
        assert desk.signatures == 2
        assert await desk.check() == []
    assert first.purchase.evidence is Evidence.VERIFIED
    assert first.purchase.host == "shop"
    assert first.purchase.url == f"mcp://shop/{tool}"
    assert content(first.body)[0]["text"] == "Fair at Ely, wind SW 4."
    assert again.reused
    assert again.body == first.body
    assert again.purchase.id == first.purchase.id
    assert content(other.body)[0]["text"] == "Fair at Rye, wind SW 4."


@pytest.mark.asyncio
async def test_the_order_of_arguments_makes_no_other_call(shop_url: str) -> None:
    async with linked(shop_url) as shop:
        one, two = (
            tool_call(shop, "spec", a=1, b={"c": 2, "d": 3}),
            tool_call(shop, "spec", b={"d": 3, "c": 2}, a=1),
        )
        assert one.request == two.request
        assert one.request != tool_call(shop, "table", a=1, b={"c": 2, "d": 3}).request


@pytest.mark.asyncio
async def test_a_free_tool_is_free_and_a_dear_one_is_refused(
    sandbox: Sandbox, shop_url: str, tmp_path: Path
) -> None:
    async with linked(shop_url) as shop, open_desk(tmp_path, sandbox) as desk:
        free = await desk.payer.fetch(tool_call(shop, "free"), max_price=None, pay_again=False)
        with pytest.raises(PurserError) as refused:
            await desk.payer.fetch(tool_call(shop, "dear"), max_price=None, pay_again=False)
        assert desk.signatures == 0
    assert free.purchase.state is State.FREE
    assert refused.value.kind is ErrorKind.OVER_PAYMENT_CAP
    assert refused.value.spent == "no"


@pytest.mark.asyncio
async def test_every_tool_of_a_server_counts_in_one_host_budget(
    sandbox: Sandbox, shop_url: str, tmp_path: Path
) -> None:
    rules = {"per_host_per_day": Usd.parse("0.02")}
    async with linked(shop_url) as shop, open_desk(tmp_path, sandbox, rules=rules) as desk:
        for tool in ("spec", "table"):
            await desk.payer.fetch(tool_call(shop, tool), max_price=None, pay_again=False)
        with pytest.raises(PurserError) as refused:
            await desk.payer.fetch(tool_call(shop, "picture"), max_price=None, pay_again=False)
    assert refused.value.kind is ErrorKind.OVER_HOST_BUDGET


@pytest.mark.asyncio
async def test_a_tool_that_fails_after_it_was_paid_is_handed_over_as_failed(
    sandbox: Sandbox, shop_url: str, tmp_path: Path
) -> None:
    async with linked(shop_url) as shop, open_desk(tmp_path, sandbox) as desk:
        bought = await desk.payer.fetch(tool_call(shop, "fails"), max_price=None, pay_again=False)
    assert bought.purchase.state is State.SETTLED
    assert not bought.is_good
    assert content(bought.body)[0]["text"] == "the clerk dropped the ink"


@pytest.mark.asyncio
async def test_progress_of_a_paid_call_comes_through(
    sandbox: Sandbox, shop_url: str, tmp_path: Path
) -> None:
    reports = Reports()
    async with linked(shop_url) as shop, open_desk(tmp_path, sandbox) as desk:
        await desk.payer.fetch(
            tool_call(shop, "slow", progress=reports), max_price=None, pay_again=False
        )
    assert [(done, total) for done, total, _ in reports.seen] == [(1, 3), (2, 3), (3, 3)]
    assert reports.seen[0][2] == "sail 1 of 3"


@pytest.mark.asyncio
async def test_a_call_that_gets_no_answer_times_out_and_a_result_that_is_too_large_is_refused(
    shop_url: str,
) -> None:
    async with linked(shop_url) as shop:
        with pytest.raises(PurserError) as late:
            await tool_call(shop, "stuck", timeout_s=0.3).ask()
        with pytest.raises(PurserError) as large:
            await tool_call(shop, "free", max_bytes=20).ask()
        assert (await tool_call(shop, "free").ask()).status == 200
    assert late.value.kind is ErrorKind.TIMEOUT
    assert large.value.kind is ErrorKind.TOO_LARGE


@pytest.mark.asyncio
async def test_a_server_that_is_down_is_said_to_be_down_and_nothing_is_sent() -> None:
    async with linked("http://127.0.0.1:9/mcp") as shop:
        with pytest.raises(PurserError) as down:
            await tool_call(shop, "spec").ask()
    assert down.value.kind is ErrorKind.UPSTREAM_ERROR
    assert down.value.detail == "The upstream server shop is down: it cannot be reached."
    assert down.value.spent == "no"


@pytest.mark.asyncio
async def test_a_private_address_that_is_not_listed_is_not_contacted(shop_url: str) -> None:
    async with linked(shop_url, HostRules()) as shop:
        assert not shop.is_up
        assert shop.reason == "The URL names a private or special address"


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.parametrize("before", [True, False])
async def test_a_connection_that_breaks_under_a_payment_never_costs_a_second_one(
    sandbox: Sandbox, shop_url: str, tmp_path: Path, before: bool
) -> None:
    broken: list[bool] = []

    async def breaks_once(pays: bool, make: Call) -> ToolReply | RpcFailure:
        breaks = pays and not broken
        if breaks:
            broken.append(True)
        if not (breaks and before):
            reply = await make()
            if not breaks:
                return reply
        raise LinkBrokenError("broken")

    async with linked(shop_url) as shop, open_desk(tmp_path, sandbox) as desk:
        link = Between(breaks_once, shop)
        with pytest.raises(PurserError) as broke:
            await desk.payer.fetch(tool_call(link, "cloudflare"), max_price=None, pay_again=False)
        assert broke.value.spent == ("unknown" if before else "yes")
        again = desk.payer.fetch(tool_call(link, "cloudflare"), max_price=None, pay_again=False)
        if before:
            assert (await again).purchase.evidence is Evidence.VERIFIED
        else:
            with pytest.raises(PurserError) as lost:
                await again
            assert lost.value.spent == "yes"
        assert desk.signatures == 1
        assert len(await desk.purchases()) == 1


@pytest.mark.asyncio
async def test_a_call_cancelled_before_it_pays_signs_nothing(
    sandbox: Sandbox, shop_url: str, tmp_path: Path
) -> None:
    async with linked(shop_url) as shop, open_desk(tmp_path, sandbox) as desk:
        with anyio.move_on_after(0.3) as scope:
            await desk.payer.fetch(tool_call(shop, "stuck"), max_price=None, pay_again=False)
        assert scope.cancelled_caught
        assert desk.signatures == 0
        assert await desk.purchases() == []


@pytest.mark.asyncio
async def test_a_call_cancelled_after_the_payment_left_is_finished_and_recorded(
    sandbox: Sandbox, shop_url: str, tmp_path: Path
) -> None:
    async with linked(shop_url) as shop, open_desk(tmp_path, sandbox) as desk:
        with anyio.CancelScope() as scope:

            async def cancels(pays: bool, make: Call) -> ToolReply | RpcFailure:
                if pays:
                    scope.cancel()
                return await make()

            await desk.payer.fetch(
                tool_call(Between(cancels, shop), "spec"), max_price=None, pay_again=False
            )
        (purchase,) = await desk.purchases()
        assert purchase.state is State.SETTLED
        again = await desk.payer.fetch(tool_call(shop, "spec"), max_price=None, pay_again=False)
        assert again.reused
        assert desk.signatures == 1


@pytest.mark.asyncio
async def test_a_payment_whose_answer_never_comes_is_unknown() -> None:
    async def silent(pays: bool, _: Call) -> ToolReply | RpcFailure:
        if pays:
            await anyio.sleep_forever()
        return RpcFailure(402, "", {"x402": {"x402Version": 2, "accepts": []}})

    exchange = tool_call(Between(silent), "spec", timeout_s=0.2)
    assert (await exchange.ask()).status == 402
    with pytest.raises(TransportFailedError):
        await exchange.pay({"PAYMENT-SIGNATURE": "e30="})


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("odd", "kept"),
    [
        ({"wind": float("nan"), "gusts": [float("-inf")]}, {"wind": None, "gusts": [None]}),
        (nested(150), nested(150)),
        ({"says": "NaN"}, {"says": "NaN"}),
    ],
    ids=["numbers that JSON lacks", "deep", "words"],
)
async def test_a_paid_result_that_is_hardly_json_is_kept(
    sandbox: Sandbox, shop_url: str, tmp_path: Path, odd: Any, kept: Any
) -> None:
    async def adds(pays: bool, make: Call) -> ToolReply | RpcFailure:
        reply = await make()
        if not pays:
            return reply
        assert isinstance(reply, ToolReply)
        return ToolReply({**reply.result, "structuredContent": odd})

    async with linked(shop_url) as shop, open_desk(tmp_path, sandbox) as desk:
        bought = await desk.payer.fetch(
            tool_call(Between(adds, shop), "spec", harbour="Ely"), max_price=None, pay_again=False
        )
    assert bought.is_good
    assert content(bought.body)[0]["text"] == "Fair at Ely, wind SW 4."
    assert json.loads(bought.body)["structuredContent"] == kept


@pytest.mark.asyncio
async def test_a_server_with_tools_without_end_is_read_to_a_bound(sandbox: Sandbox) -> None:
    shop = Shop(f"{sandbox.seller_url}/facilitator", SELLER, ["spec"] * (MAX_LISTED + 100))
    served = Served(shop.server().streamable_http_app(), 0, "sandbox-tools", lifespan=True)
    served.start()
    async with linked(f"{served.url}/mcp") as link:
        listing = link.listing
    served.stop()
    assert len(listing.tools) == 1
    assert listing.left_out[-1] == f"{MAX_LISTED - 1 - MAX_LEFT_OUT} more tools"
