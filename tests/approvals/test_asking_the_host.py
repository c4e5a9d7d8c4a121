"""A host that can ask its user does, in both protocol eras, and no answer of it pays twice."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolResult,
    ElicitRequestFormParams,
    ElicitRequestURLParams,
    InputRequiredResult,
)

from sandbox.run import SELLER, Sandbox
from server.approval_terms import Spoken, SpokenWords, facts_of, question_text
from server.asking import Asking
from server.rendering import error_result
from server.settings_models import Approvals
from tests.approvals.asking_kit import MODERN, YES, Action, Person, asking_home, host, page
from tests.end_to_end.hosting import ERAS, books, connected, error, receipt, text
from wallet.approvals import Approval, ApprovalState, Terms, approval_row
from wallet.errors import ErrorKind, PurserError
from wallet.ledger.base import LedgerUnavailableError
from wallet.model import State
from wallet.money import Usd
from wallet.parts import Parts

BASE_USDC = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.mark.parametrize("era", ERAS)
async def test_a_form_that_is_approved_pays_once_on_what_it_showed(
    tmp_path: Path, sandbox: Sandbox, era: str
):
    person = Person(content={"answer": "approve"})
    async with host(tmp_path, sandbox, era, person) as (client, home):
        told = receipt(await client.call_tool("paid_fetch", page(sandbox)))
        (shown,) = person.shown
        assert isinstance(shown, ElicitRequestFormParams)
        for words in ("$0.01 (0.01 USDC)", "127.0.0.1", page(sandbox)["url"], SELLER, "limits"):
            assert words in shown.message
        assert shown.requested_schema["properties"]["answer"]["enum"] == ["deny", "approve"]
        assert (told["status"], told["amount_usd"]) == ("settled", "0.01")
    (purchase,) = books(home)
    assert purchase.approval_id is not None


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
    async with host(tmp_path, sandbox, era, person, routes='["url"]') as (client, home):
        result = await client.call_tool("paid_fetch", page(sandbox))
        (shown,) = person.shown
        assert isinstance(shown, ElicitRequestURLParams)
        assert shown.url.startswith("http://127.0.0.1:")
        assert (error(result)["code"] if result.is_error else "paid") == ends
        assert "token=" not in result.model_dump_json() + shown.message
        again = await client.call_tool("paid_fetch", {"url": shown.url})
        assert error(again)["code"] in ("private_address", "insecure_url")
        assert len(books(home)) == (ends == "paid")


@pytest.mark.parametrize("era", ERAS)
async def test_a_host_that_cannot_ask_gets_the_command_for_the_person(
    tmp_path: Path, sandbox: Sandbox, era: str
):
    async with host(tmp_path, sandbox, era, None) as (client, home):
        result = await client.call_tool("paid_fetch", page(sandbox))
        told = error(result)
        assert told["code"] == "approval_required"
        words = text(result)
        assert f"approve {told['approval_id']}`" in words
        assert f"PURSER_HOME={home}" in words
        assert "token=" not in words
    assert books(home) == []


async def test_with_no_route_allowed_no_host_is_asked(tmp_path: Path, sandbox: Sandbox):
    person = Person(content={"answer": "approve"})
    async with host(tmp_path, sandbox, MODERN, person, routes="[]") as (client, home):
        assert (
            error(await client.call_tool("paid_fetch", page(sandbox)))["code"]
            == "approval_required"
        )
        assert person.shown == []
    assert books(home) == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_page_that_nobody_answers_ends_in_the_command(
    tmp_path: Path, sandbox: Sandbox, era: str
):
    person = Person()
    async with host(tmp_path, sandbox, era, person, page_wait_s=0, routes='["url"]') as (client, _):
        result = await client.call_tool("paid_fetch", page(sandbox))
        assert error(result)["code"] == "approval_required"
        assert "purser" in text(result)
        assert len(person.shown) == 1


async def test_over_stdio_a_replayed_form_pays_once_and_a_long_request_goes_to_a_page(
    tmp_path: Path, sandbox: Sandbox
):
    home, person = asking_home(tmp_path, sandbox), Person(on_page="approve")
    balance = sandbox.chain.balance_atomic(SELLER)
    async with connected(home, MODERN, asked=person) as client:
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
        assert sandbox.chain.balance_atomic(SELLER) - balance == 10_000
        long = {"url": f"{sandbox.seller_url}/article?{'x' * 1_500}", "max_chars": 100}
        assert receipt(await client.call_tool("paid_fetch", long))["status"] == "settled"
        (shown,) = person.shown
        assert isinstance(shown, ElicitRequestURLParams)
    assert len([one for one in books(home) if one.state is not State.VOID]) == 2
    assert "token=" not in (tmp_path / "home.stderr").read_text(encoding="utf-8")


@pytest.mark.parametrize("era", ERAS)
async def test_a_body_of_which_a_form_would_show_only_the_start_goes_to_a_page(
    tmp_path: Path, sandbox: Sandbox, era: str
):
    person = Person(on_page="deny")
    async with host(tmp_path, sandbox, era, person) as (client, _):
        seller = f"{sandbox.seller_url}/api/summarise"
        hidden = {"url": seller, "method": "POST", "body": '{"text": "' + "\u200b" * 2_000 + 'A."}'}
        result = await client.call_tool("paid_fetch", hidden)
        assert error(result)["code"] == "approval_denied"
    assert [type(one) for one in person.shown] == [ElicitRequestURLParams]


@pytest.mark.parametrize("era", ERAS)
async def test_a_form_shows_the_headers_that_the_model_gave(
    tmp_path: Path, sandbox: Sandbox, era: str
):
    person = Person(content={"answer": "approve"})
    async with host(tmp_path, sandbox, era, person) as (client, _):
        shipped = page(sandbox) | {"headers": {"X-Ship-To": "Oslo", "X-Copies": "9"}}
        assert receipt(await client.call_tool("paid_fetch", shipped))["status"] == "settled"
        crowded = page(sandbox) | {"headers": {"X-Pad": "x" * 2_000, "X-Ship-To": "Rome"}}
        person.on_page = "deny"
        assert error(await client.call_tool("paid_fetch", crowded))["code"] == "approval_denied"
    form, link = person.shown
    assert isinstance(form, ElicitRequestFormParams)
    lines = form.message.split("\n")
    assert {"The model's header X-Ship-To: Oslo", "The model's header X-Copies: 9"} <= set(lines)
    assert isinstance(link, ElicitRequestURLParams)


async def test_a_page_shows_headers_where_they_are_known_and_else_their_number():
    words, approval = SpokenWords(), an_approval("https://shop.example/", "2 " + "cd" * 32)
    row = approval_row(approval, 0)
    unseen = dict(facts_of(row))["Headers"]
    assert unseen.startswith("2 headers, not shown")
    words.keep(approval, {"url": approval.url, "headers": {"X-A": "one", "X-B": "\u202etwo"}})
    spoken = words.of("ap_x")
    assert "Headers" not in dict(facts_of(row, spoken))
    assert spoken is not None
    assert spoken.headers == Spoken("headers", "X-A: one\nX-B: \u202etwo", 18)
    assert "The model's header X-B: two" in question_text(row, (), spoken).split("\n")
    words.keep(approval, {"url": approval.url})
    assert dict(facts_of(row, words.of("ap_x")))["Headers"] == unseen
    bare = words.of("ap_x")
    assert bare is not None
    assert f"Headers: {unseen}." in question_text(row, (), bare).split("\n")


def an_approval(url: str, headers: str = "") -> Approval:
    terms = Terms("ab" * 32, "shop.example", "exact", "eip155:8453", BASE_USDC, "0x", 1, headers)
    return Approval(
        "ap_x", terms, "", "TOOL", url, Usd(1), 0, 900, ApprovalState.PENDING, None, None
    )


@pytest.mark.parametrize("url", ["mcp://shop/order", "a2a://shop/send_message"])
async def test_a_tool_with_an_argument_called_url_is_asked_about_with_every_argument(url: str):
    words, arguments = SpokenWords(), {"url": "https://shop.example", "body": "", "copies": 900}
    words.keep(an_approval(url), arguments)
    spoken = words.of("ap_x")
    assert spoken is not None
    assert (spoken.what, json.loads(spoken.start)) == ("arguments", arguments)


async def test_over_stdio_an_older_host_asks_by_a_form_and_by_a_page(
    tmp_path: Path, sandbox: Sandbox
):
    home = asking_home(tmp_path, sandbox)
    person = Person(content={"answer": "approve"}, on_page="deny")
    async with connected(home, "legacy", asked=person) as client:
        told = receipt(await client.call_tool("paid_fetch", page(sandbox)))
        assert told["status"] == "settled"
        long = {"url": f"{sandbox.seller_url}/article?{'x' * 1_500}"}
        denied = error(await client.call_tool("paid_fetch", long))
        assert denied["code"] == "approval_denied"
    assert [type(one) for one in person.shown] == [ElicitRequestFormParams, ElicitRequestURLParams]
    assert len(books(home)) == 1


class NoLedger:
    """A wallet whose ledger cannot be read."""

    async def call(self, function: object) -> None:
        raise LedgerUnavailableError("the disk is gone")


async def test_a_ledger_that_fails_while_asking_leaves_the_refusal_as_it_is():
    refused = error_result(
        PurserError(ErrorKind.APPROVAL_REQUIRED, "It waits.", approval_id="ap_x")
    )
    asking = Asking(Approvals())
    context = Context[None, Any](request_context=None, mcp_server=None)

    async def run() -> CallToolResult:
        return refused

    async with asking.running(cast("Parts", SimpleNamespace(ledger=NoLedger()))):
        assert await asking.call({}, context, run) is refused
