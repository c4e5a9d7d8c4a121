"""A host that can ask its user does, in both protocol eras, and no answer of it pays twice."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from mcp.client import Client
from mcp.client.context import ClientRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolResult,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitRequestURLParams,
    ElicitResult,
    InputRequiredResult,
    InputResponses,
)

from sandbox.run import SELLER, Sandbox
from tests.end_to_end.hosting import ERAS, books, connected, error, receipt, settle_in, text
from wallet.model import State

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(120)]

Action = Literal["accept", "decline", "cancel"]
MODERN = "2026-07-28"


@dataclass
class Person:
    """What sits at the host: answers each question alike, and remembers what it was shown."""

    action: Action = "accept"
    content: dict[str, Any] | None = None
    on_page: str | None = None
    shown: list[ElicitRequestParams] = field(default_factory=list[ElicitRequestParams])

    async def __call__(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult:
        """Answer a form, or open a URL and answer on its page."""
        self.shown.append(params)
        if isinstance(params, ElicitRequestURLParams) and self.on_page is not None:
            await answer_on_page(params.url, self.on_page)
        return ElicitResult(action=self.action, content=self.content)


async def answer_on_page(link: str, answer: str) -> str:
    """Open a link as a browser does, press a button, and return the page that follows."""
    origin = link.partition("/open")[0]
    async with httpx.AsyncClient(base_url=origin, trust_env=False) as browser:
        opened = await browser.get(link)
        path = re.findall(r"url=([^\"]+)", opened.text)[0]
        shown = await browser.get(path)
        csrf = re.findall(r'name="csrf" value="(\w+)"', shown.text)[0]
        form = {"csrf": csrf, "answer": answer}
        done = await browser.post(path, data=form, headers={"origin": origin})
        assert done.status_code == 303
        return (await browser.get(path)).text


def page(sandbox: Sandbox) -> dict[str, Any]:
    return {"url": f"{sandbox.seller_url}/article", "max_chars": 100}


@asynccontextmanager
async def host(
    tmp_path: Path, sandbox: Sandbox, era: str, person: Person | None, **env: str
) -> AsyncGenerator[tuple[Client, Path]]:
    """Connect a host to a Purser that asks about everything, and keeps nothing to repeat."""
    home = settle_in(tmp_path / "home", sandbox, budget={"approval_above": "0.00"})
    with (home / "config.toml").open("a", encoding="utf-8") as config:
        config.write("[fetch]\nrepeat_window_s = 0\n")
    async with connected(home, era, env=env, asked=person) as client:
        yield client, home


async def pay(client: Client, sandbox: Sandbox) -> CallToolResult:
    return await client.call_tool("paid_fetch", page(sandbox))


@pytest.mark.parametrize("era", ERAS)
async def test_a_form_that_is_approved_pays_once_on_what_it_showed(
    tmp_path: Path, sandbox: Sandbox, era: str
):
    person = Person(content={"answer": "approve"})
    async with host(tmp_path, sandbox, era, person) as (client, home):
        told = receipt(await pay(client, sandbox))
        (shown,) = person.shown
        assert isinstance(shown, ElicitRequestFormParams)
        for words in ("$0.01 (0.01 USDC)", "127.0.0.1", page(sandbox)["url"], SELLER, "limits"):
            assert words in shown.message
        assert shown.requested_schema["properties"]["answer"]["enum"] == ["deny", "approve"]
        assert (told["status"], told["amount_usd"]) == ("settled", "0.01")
    (purchase,) = books(home)
    assert purchase.approval_id is not None


YES: InputResponses = {"approval": ElicitResult(action="accept", content={"answer": "approve"})}

REFUSALS: dict[str, tuple[Action, dict[str, Any] | None, str]] = {
    "chosen": ("accept", {"answer": "deny"}, "approval_denied"),
    "declined": ("decline", None, "approval_denied"),
    "cancelled": ("cancel", None, "approval_denied"),
    "empty": ("accept", None, "approval_required"),
    "elsewhere": ("accept", {"approve": "approve"}, "approval_required"),
    "shouted": ("accept", {"answer": "APPROVE"}, "approval_required"),
    "boolean": ("accept", {"answer": True}, "approval_required"),
}


@pytest.mark.parametrize("era", ERAS)
async def test_whatever_is_not_an_approval_pays_nothing(tmp_path: Path, sandbox: Sandbox, era: str):
    person = Person()
    async with host(tmp_path, sandbox, era, person) as (client, home):
        for number, (action, content, code) in enumerate(REFUSALS.values()):
            person.action, person.content = action, content
            call = page(sandbox) | {"url": f"{sandbox.seller_url}/article?number={number}"}
            told = error(await client.call_tool("paid_fetch", call))
            assert (told["code"], told["spent"]) == (code, "no"), (action, content)
        assert len(person.shown) == len(REFUSALS)
    assert books(home) == []


async def test_a_retry_that_is_replayed_three_times_pays_once(tmp_path: Path, sandbox: Sandbox):
    person = Person(content={"answer": "approve"})
    balance = sandbox.chain.balance_atomic(SELLER)
    async with host(tmp_path, sandbox, MODERN, person) as (client, home):
        session, call = client.session, page(sandbox) | {"pay_again": True}
        asked = await session.call_tool("paid_fetch", call, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult)
        codes: list[str] = []
        for _ in range(4):
            result = await session.call_tool(
                "paid_fetch",
                call,
                input_responses=YES,
                request_state=asked.request_state,
                allow_input_required=True,
            )
            assert isinstance(result, CallToolResult)
            codes.append(error(result)["code"] if result.is_error else "paid")
        assert codes[0] == "paid"
        assert set(codes[1:]) <= {"paid", "approval_required"}
    assert len([one for one in books(home) if one.state is not State.VOID]) == 1
    assert sandbox.chain.balance_atomic(SELLER) - balance == 10_000


async def test_an_answer_moved_to_another_call_approves_nothing(tmp_path: Path, sandbox: Sandbox):
    person = Person(content={"answer": "approve"})
    async with host(tmp_path, sandbox, MODERN, person) as (client, home):
        session, call = client.session, page(sandbox)
        asked = await session.call_tool("paid_fetch", call, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult)
        other = call | {"url": f"{call['url']}?other"}
        for arguments, state in ((other, asked.request_state), (call, "form:ap_x")):
            with pytest.raises(MCPError, match="requestState"):
                await session.call_tool(
                    "paid_fetch",
                    arguments,
                    input_responses=YES,
                    request_state=state,
                    allow_input_required=True,
                )
        without = await session.call_tool(
            "paid_fetch", call, input_responses=YES, allow_input_required=True
        )
        assert isinstance(without, InputRequiredResult)
    assert books(home) == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("answer", "ends"), [("approve", "paid"), ("deny", "approval_denied")])
async def test_a_page_is_opened_by_the_host_and_its_answer_decides(
    tmp_path: Path, sandbox: Sandbox, era: str, answer: str, ends: str
):
    person = Person(on_page=answer)
    routes = {"PURSER_APPROVALS__ROUTES": '["url"]'}
    async with host(tmp_path, sandbox, era, person, **routes) as (client, home):
        result = await pay(client, sandbox)
        (shown,) = person.shown
        assert isinstance(shown, ElicitRequestURLParams)
        assert shown.url.startswith("http://127.0.0.1:")
        assert (error(result)["code"] if result.is_error else "paid") == ends
        assert "token=" not in result.model_dump_json() + shown.message
        again = await client.call_tool("paid_fetch", {"url": shown.url})
        assert error(again)["code"] in ("private_address", "insecure_url")
    assert "token=" not in (tmp_path / "home.stderr").read_text(encoding="utf-8")
    assert len(books(home)) == (ends == "paid")


@pytest.mark.parametrize("era", ERAS)
async def test_a_host_that_cannot_ask_gets_the_command_for_the_person(
    tmp_path: Path, sandbox: Sandbox, era: str
):
    async with host(tmp_path, sandbox, era, None) as (client, home):
        result = await pay(client, sandbox)
        told = error(result)
        assert told["code"] == "approval_required"
        words = text(result)
        assert f"approve {told['approval_id']}`" in words
        assert f"PURSER_HOME={home}" in words
        assert "token=" not in words
    assert books(home) == []


async def test_with_no_route_allowed_no_host_is_asked(tmp_path: Path, sandbox: Sandbox):
    person = Person(content={"answer": "approve"})
    off = {"PURSER_APPROVALS__ROUTES": "[]"}
    async with host(tmp_path, sandbox, MODERN, person, **off) as (client, home):
        assert error(await pay(client, sandbox))["code"] == "approval_required"
        assert person.shown == []
    assert books(home) == []
