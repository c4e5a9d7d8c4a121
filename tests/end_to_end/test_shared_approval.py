"""One approval, four server processes, and a person who answers from a shell meanwhile."""

from __future__ import annotations

import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from sandbox.run import SELLER, Sandbox
from tests.end_to_end.hosting import (
    authorization_of,
    books,
    connected,
    environment,
    error,
    settle_in,
    structured,
)

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(240)]

CALLS = 20
PROCESSES = 4


def answer(home: Path, approval_id: str) -> None:
    """Approve from a shell, as a script of the person does."""
    command = [sys.executable, "-P", "-m", "purser_mcp", "approve", approval_id, "--yes"]
    subprocess.run(command, env=environment(home), check=True, capture_output=True, timeout=60)


async def test_twenty_calls_over_four_processes_with_one_approval_move_money_once(
    tmp_path: Path, sandbox: Sandbox
):
    home = settle_in(tmp_path / "home", sandbox, budget={"approval_above": "0.009999"})
    with (home / "config.toml").open("a", encoding="utf-8") as config:
        config.write("[fetch]\nrepeat_window_s = 0\n")
    balance, headers = sandbox.chain.balance_atomic(SELLER), len(sandbox.seen_payment_headers)
    call = {"url": f"{sandbox.seller_url}/article", "max_chars": 100}
    codes: list[str] = []
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(home)) for _ in range(PROCESSES)]
        refused = error(await clients[0].call_tool("paid_fetch", call))
        assert (refused["code"], refused["spent"]) == ("approval_required", "no")
        (waiting,) = structured(await clients[1].call_tool("check_balance", {}))[
            "pending_approvals"
        ]
        assert waiting["approval_id"] == refused["approval_id"]
        await anyio.to_thread.run_sync(answer, home, refused["approval_id"])

        async def pay(number: int) -> None:
            result = await clients[number % PROCESSES].call_tool("paid_fetch", call)
            codes.append(error(result)["code"] if result.is_error else "paid")

        async with anyio.create_task_group() as group:
            for number in range(CALLS):
                group.start_soon(pay, number)
    # Those that come while the payment is open join it or are told that it is.
    assert "paid" in codes
    assert set(codes) <= {"paid", "approval_required", "outcome_unknown"}
    assert sandbox.chain.balance_atomic(SELLER) - balance == 10_000
    seen = sandbox.seen_payment_headers[headers:]
    assert len({authorization_of(one)["nonce"] for one in seen}) == 1
    (purchase,) = books(home)
    assert purchase.approval_id == refused["approval_id"]
