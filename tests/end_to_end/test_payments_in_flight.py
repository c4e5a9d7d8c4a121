"""The host cancels, hangs up or dies while a payment is under way: the books follow the money."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from sandbox.run import Sandbox
from tests.end_to_end.hosting import (
    Gate,
    authorization_of,
    books,
    error,
    raw_server,
    receipt,
    settle_in,
    start_buying,
    structured,
    text,
)
from tests.meddler import meddler
from wallet.assets import find_network
from wallet.model import Evidence, State

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(240)]


def nonces(payments: list[str]) -> set[str]:
    return {authorization_of(header)["nonce"] for header in payments}


def clock_ahead(folder: Path, seconds: int) -> dict[str, str]:
    """Return the environment of a process whose clock shows a later time than ours."""
    code = f"import time\nreal = time.time_ns\ntime.time_ns = lambda: real() + {seconds} * 10**9\n"
    (folder / "later").mkdir()
    (folder / "later" / "sitecustomize.py").write_text(code, encoding="utf-8")
    return {"PYTHONPATH": str(folder / "later")}


async def test_a_cancelled_payment_is_recorded_and_a_repeat_reads_what_it_bought(
    tmp_path: Path, sandbox: Sandbox
):
    gate = Gate()
    async with meddler(sandbox.seller_url, before_paid=gate) as seller:
        home = settle_in(tmp_path / "home", sandbox, sellers=[seller.url])
        async with raw_server(home) as server:
            call = await start_buying(server, seller.url + "/article")
            await gate.wait()
            cancelled = {"requestId": call, "reason": "the user changed their mind"}
            await server.send({"method": "notifications/cancelled", "params": cancelled})
            await server.request("ping", {})
            gate.opened.set()
            again = await server.call("paid_fetch", {"url": seller.url + "/article"})
            assert (receipt(again)["status"], receipt(again)["reused"]) == ("settled", True)
            assert "turning the book around" in text(again)
            assert await server.hang_up() == 0
        (purchase,) = books(home)
        assert (purchase.state, purchase.evidence) == (State.SETTLED, Evidence.VERIFIED)
        assert len(seller.payments) == 1


async def test_a_host_that_hangs_up_during_a_payment_finds_it_in_the_books(
    tmp_path: Path, sandbox: Sandbox
):
    gate = Gate()
    async with meddler(sandbox.seller_url, before_paid=gate) as seller:
        home = settle_in(tmp_path / "home", sandbox, sellers=[seller.url])
        async with raw_server(home) as server:
            await start_buying(server, seller.url + "/article")
            await gate.wait()
            assert server.process.stdin is not None
            await server.process.stdin.aclose()
            gate.opened.set()
            with anyio.fail_after(60):
                assert await server.process.wait() == 0
        (purchase,) = books(home)
        assert (purchase.state, purchase.evidence) == (State.SETTLED, Evidence.VERIFIED)
        assert purchase.delivery is not None
        assert len(seller.payments) == 1


async def test_a_server_killed_while_paying_settles_its_books_when_it_is_started_again(
    tmp_path: Path, sandbox: Sandbox
):
    gate = Gate()
    async with meddler(sandbox.seller_url, before_paid=gate) as seller:
        home = settle_in(tmp_path / "home", sandbox, sellers=[seller.url])
        before = sandbox.chain.transfer_count()
        async with raw_server(home) as server:
            await start_buying(server, seller.url + "/article")
            await gate.wait()
            server.process.kill()
            await server.process.wait()
        (left,) = books(home)
        assert left.state is State.SIGNED
        gate.opened.set()
        async with raw_server(home) as server:
            await server.initialize()
            for _ in range(2):
                repeated = await server.call("paid_fetch", {"url": seller.url + "/article"})
                assert repeated.is_error
                assert error(repeated)["spent"] == "yes"
                assert error(repeated)["receipt_id"] == left.id
            balance = structured(await server.call("check_balance", {}))
            assert balance["open_holds"] == []
            assert await server.hang_up() == 0
        (purchase,) = books(home)
        assert purchase.id == left.id
        assert (purchase.state, purchase.evidence) == (State.SETTLED, Evidence.VERIFIED)
        assert len(nonces(seller.payments)) == len(set(seller.payments)) == 1
        assert sandbox.chain.transfer_count() - before == 1


async def test_a_payment_lost_with_its_server_is_held_until_the_chain_proves_it_dead(
    tmp_path: Path, own_sandbox: Sandbox
):
    sandbox, gate = own_sandbox, Gate()
    async with meddler(sandbox.seller_url, withhold=True, before_paid=gate) as seller:
        home = settle_in(tmp_path / "home", sandbox, sellers=[seller.url])
        async with raw_server(home) as server:
            await start_buying(server, seller.url + "/article")
            await gate.wait()
            server.process.kill()
            await server.process.wait()
        gate.opened.set()
        async with raw_server(home) as server:
            await server.initialize()
            balance = structured(await server.call("check_balance", {}))
            (hold,) = balance["open_holds"]
            assert hold["amount_usd"] == "0.01"
            (day,) = (cap for cap in balance["limits"] if cap["name"] == "per_day")
            assert (day["held_usd"], day["left_usd"]) == ("0.01", "4.99")
            server.process.kill()
        (held,) = books(home)
        assert held.state is State.SIGNED
        assert held.transfer is not None
        network = find_network(held.transfer.network_id)
        assert network is not None
        later_s = 120 + network.finality_margin_s + 5
        sandbox.chain.advance_time(later_s)
        async with raw_server(home, env=clock_ahead(tmp_path, later_s)) as server:
            await server.initialize()
            with anyio.fail_after(60):
                while balance["open_holds"]:  # until the upkeep after the start has looked
                    balance = structured(await server.call("check_balance", {}))
        (voided,) = books(home)
        assert (voided.id, voided.state) == (held.id, State.VOID)
        assert len(nonces(seller.payments)) == 1
        assert sandbox.chain.transfer_count() == 0
