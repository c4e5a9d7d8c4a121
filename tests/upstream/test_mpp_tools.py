"""A tool sold by MPP's own package, in both of its MCP dialects, settled on the local chain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from linking import content, linked, tool_call
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mpp import Challenge
from mpp.extensions.mcp.types import MCPChallenge, MCPCredential, MCPReceipt
from mpp.server.compose import MCP_URL_PREFIX
from mpp.server.http import Request

from sandbox.run import NETWORK, Sandbox
from sandbox.serve import Served
from tests.desk import open_desk
from tests.mpp_seller import PRICE, LocalFacilitator, official_engine
from wallet.errors import ErrorKind, PurserError
from wallet.model import Evidence
from wallet.money import Usd

REQUIRED, RECEIPT = "org.paymentauth/payment-required", "org.paymentauth/receipt"
CREDENTIAL = "org.paymentauth/credential"
PAYMENT_REQUIRED = -32042

pytestmark = pytest.mark.asyncio


class TideShop:
    """Sells one result under two names: asked for by an error, or by a failed result."""

    def __init__(self, sandbox: Sandbox) -> None:
        engine = official_engine(LocalFacilitator(sandbox), "required")
        self._charge = engine.charge(amount=PRICE)
        self.credentials: list[dict[str, Any]] = []

    def server(self) -> Server[Any]:
        return Server("tides", version="1", on_list_tools=self._list, on_call_tool=self._call)

    async def _list(self, *_: Any) -> types.ListToolsResult:
        schema = {"type": "object"}
        names = ("by_error", "by_result")
        return types.ListToolsResult(
            tools=[types.Tool(name=name, input_schema=schema) for name in names]
        )

    async def _call(
        self, context: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        meta: dict[str, Any] = dict(context.meta or {})
        sent = meta.get(CREDENTIAL, {})
        headers: dict[str, str] = {}
        if sent:
            self.credentials.append(sent)
            headers["Authorization"] = MCPCredential.from_dict(sent).to_core().to_authorization()
        url, route = f"{MCP_URL_PREFIX}tools/call", f"tool:{params.name}"
        verdict = await self._charge(Request("POST", url, headers=headers, route=route))
        if verdict.status == 200:
            receipt = MCPReceipt.from_core(
                receipt=verdict.receipt,
                challenge_id=sent["challenge"]["id"],
                method=sent["challenge"]["method"],
                settlement=None,
            )
            text = types.TextContent(type="text", text="High water at four.")
            return types.CallToolResult(content=[text], _meta=receipt.to_meta())
        return self._ask(params.name, verdict.challenge.headers.get_list("www-authenticate"))

    def _ask(self, tool: str, values: list[str]) -> types.CallToolResult:
        native = [_native(Challenge.from_www_authenticate(value)) for value in values]
        asked = {"httpStatus": 402, "challenges": native}
        if tool == "by_error":
            raise MCPError(PAYMENT_REQUIRED, "Payment Required", asked)
        text = types.TextContent(type="text", text=json.dumps(asked))
        return types.CallToolResult(content=[text], is_error=True, _meta={REQUIRED: asked})


def _native(challenge: Challenge) -> dict[str, Any]:
    return MCPChallenge.from_core(
        challenge,
        realm=challenge.realm,
        expires=challenge.expires,
        description=challenge.description,
    ).to_dict()


@pytest.fixture
def shop(sandbox: Sandbox) -> TideShop:
    return TideShop(sandbox)


@pytest.fixture
def tides_url(shop: TideShop) -> Iterator[str]:
    served = Served(shop.server().streamable_http_app(), 0, "mpp-tools", lifespan=True)
    served.start()
    yield f"{served.url}/mcp"
    served.stop()


@pytest.mark.parametrize("tool", ["by_error", "by_result"])
async def test_a_tool_that_asks_by_mpp_is_paid_once_and_again_costs_nothing(
    sandbox: Sandbox, shop: TideShop, tides_url: str, tmp_path: Path, tool: str
) -> None:
    before = sandbox.chain.transfer_count()
    async with linked(tides_url) as link, open_desk(tmp_path, sandbox) as desk:
        first = await desk.payer.fetch(tool_call(link, tool), max_price=None, pay_again=False)
        again = await desk.payer.fetch(tool_call(link, tool), max_price=None, pay_again=False)
        assert desk.signatures == 1
        assert await desk.check() == []
    assert content(first.body)[0]["text"] == "High water at four."
    assert (first.purchase.rail, first.purchase.evidence) == ("mpp", Evidence.VERIFIED)
    assert first.purchase.transfer is not None
    assert first.purchase.transfer.network_id == NETWORK
    assert first.purchase.amount_usd == Usd.parse(PRICE)
    assert again.reused
    assert sandbox.chain.transfer_count() - before == 1
    assert len(shop.credentials) == 1


async def test_a_tool_that_asks_by_mpp_is_refused_above_a_cap(
    sandbox: Sandbox, shop: TideShop, tides_url: str, tmp_path: Path
) -> None:
    rules = {"per_payment": Usd.parse("0.009999")}
    async with linked(tides_url) as link, open_desk(tmp_path, sandbox, rules=rules) as desk:
        with pytest.raises(PurserError) as refused:
            await desk.payer.fetch(tool_call(link, "by_error"), max_price=None, pay_again=False)
        assert desk.signatures == 0
    assert (refused.value.kind, refused.value.spent) == (ErrorKind.OVER_PAYMENT_CAP, "no")
    assert shop.credentials == []
