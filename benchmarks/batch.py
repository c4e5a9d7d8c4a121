"""Buy many pages through one channel, and see what it took beside other ways to buy them.

    uv run python benchmarks/batch.py [--pages 1000] [--others 100]

Purser through a channel, Purser with `exact`, and the official Python client both ways, against the
sandbox's seller in a process of its own. Purser's pages must be one deposit and one claim on the
chain, one request each after the first, and cost exactly their price; otherwise this fails.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
from beside import sandbox_beside

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from server.settings import load_settings  # noqa: E402
from server.wiring import Wired, open_wired  # noqa: E402
from tools.web.exchange import WebExchange  # noqa: E402
from tools.web.http import WebClient  # noqa: E402
from wallet.exchange import WebRequest  # noqa: E402

PRICE = 100  # $0.0001
USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
SETTLEMENT = "0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003"
LIMITS = """
[budget]
per_host_per_day = "1000"
per_day = "1000"
payments_per_minute = 100000
[batch]
deposit_pages = {pages}
"""
Fetch = Callable[[str], Awaitable[None]]


class CountingClient(WebClient):
    """The product's client; it counts the requests that leave."""

    requests = 0

    async def send(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request and count it."""
        self.requests += 1
        return await super().send(*args, **kwargs)


async def rpc(sandbox: dict[str, Any], method: str, *params: object) -> Any:
    """Ask the sandbox's chain."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return (await client.post(sandbox["rpc_url"], json=question)).json()["result"]


async def balance(sandbox: dict[str, Any]) -> int:
    """Return the buyer's USDC in atomic units."""
    data = "0x70a08231" + sandbox["address"][2:].rjust(64, "0")
    return int(await rpc(sandbox, "eth_call", {"to": USDC, "data": data}, "latest"), 16)


async def events(sandbox: dict[str, Any]) -> int:
    """Return how many events the settlement contract has emitted."""
    wanted = {"address": SETTLEMENT, "fromBlock": "0x0", "toBlock": "latest"}
    return len(await rpc(sandbox, "eth_getLogs", wanted))


async def seller(sandbox: dict[str, Any], action: str) -> Any:
    """Let the seller claim, or settle."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        return (await client.post(f"{sandbox['seller_url']}/batch/{action}")).json()


async def timed(fetch: Fetch, urls: list[str]) -> list[float]:
    """Fetch one after another; return the seconds each took."""
    took: list[float] = []
    for url in urls:
        begin = time.perf_counter()
        await fetch(url)
        took.append(time.perf_counter() - begin)
    return took


def purser_fetch(wired: Wired, client: WebClient) -> Fetch:
    """Return a fetch by the product's own payer."""

    async def fetch(url: str) -> None:
        exchange = WebExchange(client, WebRequest("GET", url), timeout_s=30)
        bought = await wired.toolbox.buyer.fetch(exchange, max_price=None, pay_again=False)
        assert bought.is_good
        assert bought.purchase.state == "settled"

    return fetch


def official_fetch(sandbox: dict[str, Any], pages: int) -> tuple[Fetch, httpx.AsyncClient]:
    """Return a fetch by the official Python client, which has a channel for these pages."""
    from eth_account import Account
    from x402 import x402Client
    from x402.http.clients.httpx import x402AsyncTransport

    evm = "x402.mechanisms.evm"
    exact: Any = import_module(f"{evm}.exact")
    batch: Any = import_module(f"{evm}.batch_settlement.client.scheme")
    config: Any = import_module(f"{evm}.batch_settlement.client.config")
    signers: Any = import_module(f"{evm}.signers")
    account: Any = Account
    signer = signers.EthAccountSignerWithRPC(
        account.from_key(sandbox["private_key"]), sandbox["rpc_url"]
    )
    client = x402Client()
    exact.register_exact_evm_client(client, signer)
    options = config.BatchSettlementEvmSchemeOptions(
        deposit_strategy=lambda _: pages * PRICE  # pyright: ignore[reportUnknownLambdaType]
    )
    client.register("eip155:*", batch.BatchSettlementEvmScheme(signer, options))
    http = httpx.AsyncClient(transport=x402AsyncTransport(client), timeout=30)

    async def fetch(url: str) -> None:
        answer = await http.get(url)
        assert answer.status_code == 200

    return fetch, http


async def through_one_channel(
    sandbox: dict[str, Any], fetch: Fetch, client: CountingClient, wired: Wired, pages: int
) -> list[float]:
    """Buy the pages, and check what the chain and the books say of them."""
    before, emitted = await balance(sandbox), await events(sandbox)
    urls = [f"{sandbox['seller_url']}/batch/page/{number}" for number in range(pages)]
    took = await timed(fetch, urls)
    assert client.requests == pages + 1, client.requests
    assert await events(sandbox) - emitted == 2, "one channel made, one deposit"
    assert before - await balance(sandbox) == pages * PRICE
    claims = await seller(sandbox, "claim")
    assert [claim["vouchers"] for claim in claims] == [1]
    (channel,) = await wired.parts.ledger.call(lambda ledger: ledger.channels.listed())
    assert channel.charged_atomic == channel.signed_max_atomic == pages * PRICE
    (day,) = (one for one in (await wired.toolbox.buyer.status()).caps if one.name == "per_day")
    assert (day.held.micros, day.settled.micros) == (0, pages * PRICE)
    assert await wired.parts.ledger.call(lambda ledger: ledger.check()) == []
    return took


async def compare(sandbox: dict[str, Any], home: Path, pages: int, others: int) -> None:
    """Run the ways in turn and print what they took."""
    text = LIMITS.format(pages=pages) + sandbox["config_toml"]
    wallet = '[wallet]\nschemes = ["exact", "batch-settlement"]\n'
    text = text.replace("[wallet]\n", wallet)
    (home / "config.toml").write_text(text, encoding="utf-8")
    environ = {"PURSER_PRIVATE_KEY": sandbox["private_key"], "PURSER_HOME": str(home)}
    os.environ.update(environ)
    settings = load_settings(home, environ)
    exact = [f"{sandbox['seller_url']}/api/weather?n={number}" for number in range(others)]
    async with open_wired(settings) as wired:
        client = CountingClient(settings.host_rules(), user_agent="purser/benchmark")
        try:
            fetch = purser_fetch(wired, client)
            took = await through_one_channel(sandbox, fetch, client, wired, pages)
            report(f"purser, {pages} pages through one channel", took[1:])
            print(f"  the first, with its deposit: {took[0] * 1000:.0f} ms")
            print(f"  requests: {pages + 1}; on chain: one deposit, one claim; spent exactly")
            report(f"purser, {others} pages with exact", await timed(fetch, exact))
        finally:
            await client.aclose()
    fetch, http = official_fetch(sandbox, others + 1)
    async with http:
        urls = [
            f"{sandbox['seller_url']}/batch/page/{1_000_000 + number}"
            for number in range(others + 1)
        ]
        took = await timed(fetch, urls)
        report(f"official client, {others} pages through a channel", took[1:])
        urls = [f"{url}-o" for url in exact]
        report(f"official client, {others} pages with exact", await timed(fetch, urls))


def report(name: str, took: list[float]) -> None:
    """Print pages per second and the middle of what a page took."""
    middle = sorted(took)[len(took) // 2] * 1000
    print(f"{name}: {len(took) / sum(took):.1f} pages/s, median {middle:.1f} ms", flush=True)


def main() -> None:
    """Start the sandbox in a process of its own and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--others", type=int, default=100)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, sandbox_beside() as sandbox:
        asyncio.run(compare(sandbox.told, Path(home), args.pages, args.others))


if __name__ == "__main__":
    main()
