"""Time one paid request four ways against the same seller, in turn, in one run.

Two raw requests with a signed header; the official Python client; the official client behind a
one-tool MCP server over stdio; and Purser's `paid_fetch` over stdio, receipt verified.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from beside import sandbox_beside
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

LIMITS = '[budget]\nper_host_per_day = "1000"\nper_day = "1000"\npayments_per_minute = 100000\n'
TYPES = {
    "TransferWithAuthorization": [
        {"name": "from", "type": "address"},
        {"name": "to", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "validAfter", "type": "uint256"},
        {"name": "validBefore", "type": "uint256"},
        {"name": "nonce", "type": "bytes32"},
    ]
}
Fetch = Callable[[str], Awaitable[None]]


def raw_fetch(client: httpx.AsyncClient, key: str) -> Fetch:
    """Return a buyer of two requests and one signature: the least a payment can take."""
    from eth_account import Account

    account = Account.from_key(key)

    async def fetch(url: str) -> None:
        asked = await client.get(url)
        challenge = json.loads(base64.b64decode(asked.headers["payment-required"]))
        offer = challenge["accepts"][0]
        message: dict[str, Any] = {
            "from": account.address,
            "to": offer["payTo"],
            "value": int(offer["amount"]),
            "validAfter": 0,
            "validBefore": int(time.time()) + 60,
            "nonce": secrets.token_bytes(32),
        }
        domain = {
            "name": offer["extra"]["name"],
            "version": offer["extra"]["version"],
            "chainId": int(offer["network"].split(":")[1]),
            "verifyingContract": offer["asset"],
        }
        signed = account.sign_typed_data(domain, TYPES, message)
        shown = {name: str(value) for name, value in message.items()}
        shown["nonce"] = "0x" + message["nonce"].hex()
        payment = {
            "x402Version": 2,
            "payload": {"authorization": shown, "signature": "0x" + signed.signature.hex()},
            "accepted": offer,
            "resource": challenge["resource"],
        }
        header = base64.b64encode(json.dumps(payment).encode()).decode()
        paid = await client.get(url, headers={"PAYMENT-SIGNATURE": header})
        assert paid.status_code == 200

    return fetch


def official_transport(key: str) -> httpx.AsyncBaseTransport:
    """Return the official Python client's paying transport."""
    from eth_account import Account
    from x402 import x402Client
    from x402.http.clients.httpx import x402AsyncTransport
    from x402.mechanisms.evm.exact import (  # pyright: ignore[reportMissingTypeStubs]
        register_exact_evm_client,  # pyright: ignore[reportUnknownVariableType]
    )
    from x402.mechanisms.evm.signers import (  # pyright: ignore[reportMissingTypeStubs]
        EthAccountSigner,
    )

    client = x402Client()
    register_exact_evm_client(client, EthAccountSigner(Account.from_key(key)))
    return x402AsyncTransport(client)


OFFICIAL_TOOL = """
import os, sys
sys.path.insert(0, sys.argv[1])
import httpx
from mcp.server.mcpserver import MCPServer
from paid_fetch import official_transport
server = MCPServer("official", log_level="ERROR")
client = httpx.AsyncClient(transport=official_transport(os.environ["KEY"]), timeout=30)
@server.tool(structured_output=False)
async def fetch(url: str) -> str:
    "Fetch a page and pay for it."
    answer = await client.get(url)
    assert answer.status_code == 200
    return answer.text
server.run("stdio")
"""


def tool_fetch(client: Client) -> Fetch:
    """Return a fetch through the official client's one-tool MCP server."""

    async def fetch(url: str) -> None:
        assert not (await client.call_tool("fetch", {"url": url})).is_error

    return fetch


def plain_fetch(client: httpx.AsyncClient) -> Fetch:
    """Return a fetch whose transport pays."""

    async def fetch(url: str) -> None:
        assert (await client.get(url)).status_code == 200

    return fetch


def purser_fetch(client: Client) -> Fetch:
    """Return a fetch through the MCP server; each must come back verified."""

    async def fetch(url: str) -> None:
        result = await client.call_tool("paid_fetch", {"url": url})
        assert not result.is_error, result.content
        receipt = (result.meta or {})["purser/receipt"]
        assert receipt["evidence"] == "verified"

    return fetch


async def compare(sandbox: dict[str, Any], home: Path, rounds: int, warm: int, width: int) -> None:
    """Run the four in turn, `width` requests at once, and print what they took."""
    (home / "config.toml").write_text(LIMITS + sandbox["config_toml"], encoding="utf-8")
    key: str = sandbox["private_key"]
    env = os.environ | {"PURSER_HOME": str(home), "PURSER_PRIVATE_KEY": key}
    serve = StdioServerParameters(
        command=sys.executable, args=["-P", "-m", "purser_mcp", "serve"], env=env
    )
    official_tool = StdioServerParameters(
        command=sys.executable,
        args=["-c", OFFICIAL_TOOL, str(Path(__file__).parent)],
        env=os.environ | {"KEY": key},
    )
    async with (
        httpx.AsyncClient(trust_env=False, timeout=30) as raw,
        httpx.AsyncClient(transport=official_transport(key), timeout=30) as official,
        Client(official_tool) as tool,
        Client(serve) as purser,
    ):
        ways = {
            "two raw requests": raw_fetch(raw, key),
            "official client": plain_fetch(official),
            "official as a tool": tool_fetch(tool),
            "purser over stdio": purser_fetch(purser),
        }
        took_ms: dict[str, list[float]] = {name: [] for name in ways}
        names = list(ways)
        for number in range(rounds + warm):
            for name in names[number % 4 :] + names[: number % 4]:
                base = f"{sandbox['seller_url']}/api/weather?n={number}-{names.index(name)}"
                urls = [f"{base}-{one}" for one in range(width)]
                took = await asyncio.gather(*(timed(ways[name], url) for url in urls))
                if number >= warm:
                    took_ms[name] += took
    report(took_ms, width)


async def timed(fetch: Fetch, url: str) -> float:
    """Return the milliseconds one fetch took."""
    begin = time.perf_counter()
    await fetch(url)
    return (time.perf_counter() - begin) * 1000


def report(took_ms: dict[str, list[float]], width: int) -> None:
    """Print medians and Purser's ratio to the official client."""
    count = len(took_ms["official client"])
    print(f"{count} paid requests each, {width} at once, milliseconds for one")
    for name, values in took_ms.items():
        ordered = sorted(values)
        p95 = ordered[int(len(ordered) * 0.95)]
        print(
            f"  {name:18} min {ordered[0]:6.1f}  median {statistics.median(values):6.1f}"
            f"  p95 {p95:6.1f}"
        )
    ours = took_ms["purser over stdio"]
    for name in ("official client", "official as a tool"):
        theirs = took_ms[name]
        ratio = statistics.median(ours) / statistics.median(theirs)
        paired = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        print(f"  purser / {name}: ratio of medians {ratio:.3f}, median of pairs {paired:.3f}")


def main() -> None:
    """Start the sandbox in a process of its own and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--warm", type=int, default=10)
    parser.add_argument("--at-once", type=int, default=1, help="requests of one kind in flight")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, sandbox_beside() as sandbox:
        asyncio.run(compare(sandbox.told, Path(home), args.rounds, args.warm, args.at_once))


if __name__ == "__main__":
    main()
