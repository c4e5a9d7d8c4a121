"""An agent paid by message: x402 v1 and v2, once, and never twice when something breaks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from linking import client_for

from sandbox.a2a_agent import Agent
from sandbox.run import Sandbox
from tests.desk import open_desk
from tools.upstream.a2a import Message, MessageExchange
from tools.web.guard import HostRules
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import NeverSentError, TransportFailedError
from wallet.model import Evidence, State


class BreaksOnce(MessageExchange):
    """Loses the answer to its first payment, after the agent has taken it."""

    broke = False

    async def pay(self, payment_headers: Mapping[str, str]) -> Any:
        answer = await super().pay(payment_headers)
        if not BreaksOnce.broke:
            BreaksOnce.broke = True
            raise TransportFailedError("broken")
        return answer


@asynccontextmanager
async def said(
    url: str, text: str, kind: type[MessageExchange] = MessageExchange, **ids: str
) -> AsyncGenerator[MessageExchange]:
    """Prepare one message to the agent."""
    async with client_for(url) as client:
        yield kind("clerk", url, client, Message(text, **ids), timeout_s=20)


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["write this down", "write this down in v1"])
async def test_an_agent_is_paid_once_by_message_and_a_repeat_is_free(
    sandbox: Sandbox, agent: Agent, agent_url: str, tmp_path: Path, text: str
) -> None:
    async with open_desk(tmp_path, sandbox) as desk:
        async with said(agent_url, text) as message:
            first = await desk.payer.fetch(message, max_price=None, pay_again=False)
        async with said(agent_url, text) as message:
            again = await desk.payer.fetch(message, max_price=None, pay_again=False)
        assert desk.signatures == 1
        assert await desk.check() == []
    assert first.purchase.evidence is Evidence.VERIFIED
    assert (first.purchase.host, first.purchase.url) == ("clerk", "a2a://clerk/send_message")
    assert f"You said: {text}".encode() in first.body
    assert again.reused
    assert len(agent.seen) == 1
    assert agent.seen[0]["x402Version"] == (1 if "v1" in text else 2)


@pytest.mark.asyncio
async def test_an_agent_that_fails_its_task_after_it_was_paid_is_shown_as_failed(
    sandbox: Sandbox, agent_url: str, tmp_path: Path
) -> None:
    async with open_desk(tmp_path, sandbox) as desk, said(agent_url, "refuse this") as message:
        bought = await desk.payer.fetch(message, max_price=None, pay_again=False)
    assert bought.purchase.state is State.SETTLED
    assert not bought.is_good
    assert b"I would rather not." in bought.body


@pytest.mark.asyncio
async def test_what_came_of_a_paid_answer_that_is_too_long_is_kept(
    sandbox: Sandbox, agent_url: str, tmp_path: Path
) -> None:
    async with open_desk(tmp_path, sandbox) as desk, client_for(agent_url) as client:
        client.max_body_bytes = 6_000
        long = Message("so " * 4_000)
        message = MessageExchange("clerk", agent_url, client, long, timeout_s=20)
        bought = await desk.payer.fetch(message, max_price=None, pay_again=False)
    assert bought.purchase.evidence is Evidence.VERIFIED
    assert bought.truncated
    assert len(bought.body) == 6_000
    assert b'"result":' in bought.body


@pytest.mark.asyncio
async def test_an_answer_that_is_lost_is_not_paid_for_again(
    sandbox: Sandbox, agent: Agent, agent_url: str, tmp_path: Path
) -> None:
    BreaksOnce.broke = False
    async with open_desk(tmp_path, sandbox) as desk:
        for _ in range(2):
            async with said(agent_url, "write", BreaksOnce) as message:
                with pytest.raises(PurserError) as lost:
                    await desk.payer.fetch(message, max_price=None, pay_again=False)
            assert lost.value.spent == "yes"
        assert desk.signatures == 1
    payloads = [one["payload"] for one in agent.seen]
    assert len(payloads) == 2
    assert payloads[0] == payloads[1]


@pytest.mark.asyncio
async def test_an_agent_at_a_private_address_is_not_contacted(agent: Agent, agent_url: str) -> None:
    async with client_for(agent_url, HostRules()) as client:
        message = MessageExchange("clerk", agent_url, client, Message("hello"), timeout_s=5)
        with pytest.raises(PurserError) as refused:
            await message.ask()
        with pytest.raises(NeverSentError):
            await message.pay({"PAYMENT-SIGNATURE": "e30="})
    assert refused.value.kind is ErrorKind.PRIVATE_ADDRESS
    assert agent.tasks == {}


@pytest.mark.asyncio
async def test_an_agent_that_is_not_there_is_an_upstream_error() -> None:
    async with said("http://127.0.0.1:9/", "hello") as message:
        with pytest.raises(PurserError) as gone:
            await message.ask()
    assert gone.value.kind is ErrorKind.UPSTREAM_ERROR
    assert gone.value.spent == "no"


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"text": ""},
        {"text": 7},
        {"text": "x" * 100_001},
        {"text": "x", "task_id": ""},
        {"text": "x", "context_id": ["c"]},
        {"text": "x", "max_price_usd": "9"},
    ],
)
def test_a_message_of_another_form_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(PurserError) as refused:
        Message.of(arguments)
    assert refused.value.kind is ErrorKind.INVALID_ARGUMENT
