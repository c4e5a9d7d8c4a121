"""The host is killed, or ends its server, while a payment is under way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from sandbox.run import Sandbox
from tests.crash.crash_kit import buy, cashed, nonces, reopened
from tests.end_to_end.hosting import (
    SERVE,
    Gate,
    books,
    environment,
    raw_server,
    settle_in,
    start_buying,
)
from tests.meddler import meddler
from wallet.model import Evidence, State
from wallet.reconcile import reconcile_all

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.name != "posix", reason="POSIX signals and pipes"),
]


async def test_a_host_that_is_killed_leaves_a_payment_that_is_recorded_to_its_end(
    tmp_path: Path, sandbox: Sandbox
):
    gate = Gate()
    async with meddler(sandbox.seller_url, before_paid=gate) as seller:
        home = settle_in(tmp_path / "home", sandbox, sellers=[seller.url])
        async with await anyio.open_process(
            [sys.executable, *SERVE], env=environment(home), stderr=subprocess.DEVNULL
        ) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            for line in greeting_and_call(seller.url + "/article"):
                await server.stdin.send(json.dumps(line).encode() + b"\n")
            await gate.wait()
            await server.stdin.aclose()
            await server.stdout.aclose()  # nobody reads the result any more
            gate.opened.set()
            with anyio.fail_after(60):
                await server.wait()
        (purchase,) = books(home)
        assert (purchase.state, purchase.evidence) == (State.SETTLED, Evidence.VERIFIED)
        assert purchase.delivery is not None
        assert len(nonces(seller.payments)) == 1


def greeting_and_call(url: str) -> list[dict[str, Any]]:
    """Return what a host says up to its first purchase."""
    client = {"name": "short-lived", "version": "0"}
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
    call = {"name": "paid_fetch", "arguments": {"url": url}}
    return [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call},
    ]


async def test_a_server_told_to_end_while_paying_is_reconciled_at_the_next_start(
    tmp_path: Path, sandbox: Sandbox
):
    gate = Gate()
    async with meddler(sandbox.seller_url, before_paid=gate) as seller:
        home = settle_in(tmp_path / "home", sandbox, sellers=[seller.url])
        async with raw_server(home) as server:
            await start_buying(server, seller.url + "/article")
            await gate.wait()
            server.process.send_signal(signal.SIGTERM)
            with anyio.fail_after(60):
                await server.process.wait()
        (left,) = books(home)
        assert left.state is State.SIGNED
        gate.opened.set()
        (nonce,) = nonces(seller.payments)
        await cashed(sandbox, nonce)
        async with reopened(home, sandbox, seller.url) as desk:
            assert (await reconcile_all(desk.parts)).settled == (left.id,)
            assert (await buy(desk, seller.url + "/article")).spent == "yes"
        assert nonces(seller.payments) == {nonce}
