"""Buy many pages by `fetch_many`, several at a time and one by one, and check every sum.

    uv run python benchmarks/many.py [--pages 200] [--concurrency 8] [--delay-ms 0 250] [--rounds 2]

Each round goes through all ways, in another order each time, over a real MCP client on stdio. What
was spent must agree in the answer, in the ledger, at the seller and on the chain, to the atomic
unit; and a total for part of the pages must stop at exactly that part. Otherwise it exits 1.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import re
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from beside import SandboxBeside, sandbox_beside  # noqa: E402
from mcp.client import Client  # noqa: E402
from mcp.client.stdio import StdioServerParameters  # noqa: E402

from wallet.ledger.base import PurchaseFilter  # noqa: E402
from wallet.ledger.sqlite import SqliteLedger  # noqa: E402
from wallet.model import State  # noqa: E402
from wallet.money import Usd  # noqa: E402

SERVE = [sys.executable, "-P", "-m", "purser_mcp", "serve"]
PRICE = Usd.parse("0.0001")
REACH, REACH_AT_ONCE, REACH_DELAY_MS = 4, 8, 250
"""So many times as fast, with so many at a time, where a request takes as long as on the web."""
LIMITS = """
[budget]
per_host_per_day = "1000"
per_day = "1000"
payments_per_minute = 100000
[fetch]
timeout_s = 600
per_host_concurrency = {at_once}
"""
SPENT = re.compile(r"\[Purser: (\d+) pages? bought; \$([0-9.]+) spent now of max_total_usd")


class WrongError(Exception):
    """Two books disagree."""


@dataclass(frozen=True)
class Took:
    """What a purchase took: `sandbox_cpu_s` is what seller, facilitator and chain computed."""

    seconds: float
    sandbox_cpu_s: float


@dataclass(frozen=True)
class Shop:
    """A running Purser and the seller that it buys from."""

    client: Client
    seller: SandboxBeside
    home: Path
    pages: int
    numbers: itertools.count[int]

    def urls(self, delay_ms: int) -> list[str]:
        """Return URLs of pages that nobody bought yet."""
        late = f"&delay_ms={delay_ms}" if delay_ms else ""
        batch = next(self.numbers)
        return [
            f"{self.seller.told['seller_url']}/api/weather?n={batch}-{n}{late}"
            for n in range(self.pages)
        ]

    def books(self) -> tuple[int, int, int]:
        """Return how many settled purchases the ledger has, their sum, and what is still held."""
        with closing(SqliteLedger(self.home / "ledger.sqlite3")) as ledger:
            if faults := ledger.check():
                raise WrongError(str(faults))
            wanted = PurchaseFilter(states=(State.SETTLED,), limit=1_000_000)
            costs = [one.cost_usd.micros for one in ledger.list_purchases(wanted) if one.cost_usd]
            held = sum(one.held.micros for one in ledger.day_balances(int(time.time())))
            return len(costs), sum(costs), held

    async def bought_exactly(self, pages: int, buy: Callable[[], Awaitable[int]]) -> Took:
        """Return how long a purchase took, once every book agrees on its `pages`.

        Raises:
            WrongError: one does not.
        """
        before, books = self.seller.counts(), self.books()
        begin = time.perf_counter()
        told = await buy()
        took_s = time.perf_counter() - begin
        *seen, cpu_ns = (now - then for now, then in zip(self.seller.counts(), before, strict=True))
        grown = [now - then for now, then in zip(self.books(), books, strict=True)]
        cost = pages * PRICE.micros
        if (told, seen, grown) != (cost, [pages, pages, pages, cost], [pages, cost, 0]):
            raise WrongError(f"{pages} pages: told {told}, seller {seen}, ledger {grown}")
        return Took(took_s, cpu_ns / 1e9)

    async def many(self, urls: list[str], at_once: int, total: Usd) -> int:
        """Buy by one call, and return how many millionths of a dollar it says it spent."""
        arguments = {"urls": urls, "max_total_usd": str(total), "concurrency": at_once}
        result = await self.client.call_tool("fetch_many", arguments)
        block = result.content[0]
        found = None if block.type != "text" else SPENT.match(block.text)
        if found is None:
            raise WrongError(str(result.content)[:500])
        return Usd.parse(found[2]).micros

    async def singly(self, urls: list[str]) -> int:
        """Buy by one call for each page, and return what their receipts add up to."""
        spent = 0
        for url in urls:
            result = await self.client.call_tool("paid_fetch", {"url": url})
            receipt = (result.meta or {})["purser/receipt"]
            spent += Usd.parse(receipt["amount_usd"]).micros
        return spent


Way = Callable[[list[str]], Awaitable[int]]


def ways_of(shop: Shop, at_once: int) -> dict[str, Way]:
    """Return the ways to buy pages; the first is compared with the others."""
    plenty = Usd(2 * shop.pages * PRICE.micros)
    return {
        f"fetch_many, {at_once} at a time": lambda urls: shop.many(urls, at_once, plenty),
        "fetch_many, one at a time": lambda urls: shop.many(urls, 1, plenty),
        "paid_fetch, one after another": shop.singly,
    }


async def measure(shop: Shop, at_once: int, delay_ms: int, rounds: int) -> dict[str, list[Took]]:
    """Buy all pages each way in every round; return the seconds of each."""
    ways = ways_of(shop, at_once)
    names = list(ways)
    took: dict[str, list[Took]] = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            buy = partial(ways[name], shop.urls(delay_ms))
            took[name].append(await shop.bought_exactly(shop.pages, buy))
    return took


async def stop_at(shop: Shop, at_once: int, pages: int) -> None:
    """Buy with a total for `pages` of them, twice: the second call finds nothing left of it."""
    urls = shop.urls(0)
    total = Usd(pages * PRICE.micros)
    await shop.bought_exactly(pages, lambda: shop.many(urls, at_once, total))
    await shop.bought_exactly(0, lambda: shop.many(urls, at_once, total))


async def run(seller: SandboxBeside, home: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Measure every delay and return the figures."""
    at_once: int = args.concurrency
    config = LIMITS.format(at_once=min(at_once, 16)) + seller.told["config_toml"]
    (home / "config.toml").write_text(config, encoding="utf-8")
    env = os.environ | {"PURSER_HOME": str(home), "PURSER_PRIVATE_KEY": seller.told["private_key"]}
    command = shlex.split(args.server) if args.server else SERVE
    serve = StdioServerParameters(command=command[0], args=command[1:], env=env)
    figures: dict[str, Any] = {"pages": args.pages, "concurrency": at_once, "delays_ms": {}}
    async with Client(serve) as client:
        shop = Shop(client, seller, home, args.pages, itertools.count())
        await shop.singly(shop.urls(0)[:3])  # what a first call loads, and its connection
        for delay_ms in args.delay_ms:
            took = await measure(shop, at_once, delay_ms, args.rounds)
            figures["delays_ms"][delay_ms] = {
                "took": {name: [asdict(one) for one in all_] for name, all_ in took.items()},
                "times_as_fast": {name: ratio(took, name) for name in list(took)[1:]},
            }
            if not args.json:
                report(took, args.pages, delay_ms)
        part = args.pages * 3 // 5
        await stop_at(shop, at_once, part)
        figures["stopped_at"] = part
    return figures


def ratio(took: dict[str, list[Took]], other: str) -> float:
    """Return how many times as fast the first way is as another: the middle of the rounds."""
    first = next(iter(took.values()))
    pairs = zip(took[other], first, strict=True)
    return round(statistics.median(slow.seconds / fast.seconds for slow, fast in pairs), 2)


def report(took: dict[str, list[Took]], pages: int, delay_ms: int) -> None:
    """Print what each way took, and how they compare."""
    print(f"{pages} paid pages, {len(next(iter(took.values())))} rounds, {delay_ms} ms a request")
    for name, rounds in took.items():
        middle = statistics.median(one.seconds for one in rounds)
        cpu_ms = statistics.median(one.sandbox_cpu_s for one in rounds) / pages * 1000
        print(
            f"  {name:30} {middle:7.2f} s  {pages / middle:6.1f} pages/s,"
            f" {middle / pages * 1000:6.1f} ms a page; the sandbox computed {cpu_ms:.1f} ms of it",
            flush=True,
        )
    for name in list(took)[1:]:
        print(f"  {ratio(took, name):5.2f} times as fast as {name}", flush=True)


def main() -> int:
    """Start the sandbox in a process of its own, measure, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--delay-ms", type=int, nargs="+", default=[0, 250])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON alone")
    parser.add_argument("--server", help="start Purser by another command, as under a profiler")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, sandbox_beside() as seller:
        try:
            figures = asyncio.run(run(seller, Path(home), args))
        except WrongError as error:
            print(f"wrong: {error}", file=sys.stderr)
            return 1
    if args.json:
        print(json.dumps(figures))
    else:
        print(f"a total for {figures['stopped_at']} of {args.pages} bought exactly those, once")
    missed = [
        (delay_ms, name)
        for delay_ms, one in figures["delays_ms"].items()
        for name, times in one["times_as_fast"].items()
        if delay_ms >= REACH_DELAY_MS and args.concurrency >= REACH_AT_ONCE and times < REACH
    ]
    for delay_ms, name in missed:
        print(f"less than {REACH} times as fast as {name}, {delay_ms} ms", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
