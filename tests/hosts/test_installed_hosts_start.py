"""From nothing to a paid call: install, then start what the host's file says, as the host does."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from sandbox.run import BUYER, BUYER_KEY, NETWORK, Sandbox
from tests.commands.command_line import CommandLine
from tests.end_to_end.hosting import ANSWER_TIMEOUT_S, books, receipt, structured
from tests.hosts.host_models import Starts, file_of, read_as_host

PASSPHRASE = "correct horse battery"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@asynccontextmanager
async def started(starts: Starts, folder: Path, **own: str) -> AsyncGenerator[Client]:
    """Start a server as hosts do: in a folder of no meaning, with few variables beside its own."""
    parameters = StdioServerParameters(
        command=starts.command,
        args=starts.args,
        env={
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "UV_OFFLINE": "1",
            **own,
            **starts.env,
        },
        cwd=folder,
    )
    with (folder / "stderr").open("w", encoding="utf-8") as log:
        async with Client(
            stdio_client(parameters, errlog=log),
            mode="legacy",
            read_timeout_seconds=ANSWER_TIMEOUT_S,
        ) as client:
            yield client


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["goose"])
async def test_what_a_host_reads_starts_a_purser_that_answers(
    host: str, purser: CommandLine, sandbox: Sandbox, tmp_path: Path
) -> None:
    purser.use(sandbox)
    assert purser("install", host).code == 0
    starts = read_as_host(host, file_of(host).read_text(encoding="utf-8"))
    async with started(starts, tmp_path, PURSER_PRIVATE_KEY=BUYER_KEY) as client:
        balance = structured(await client.call_tool("check_balance", {}))
    assert balance["address"] == BUYER


@pytest.mark.asyncio
async def test_three_commands_lead_from_nothing_to_a_paid_page(
    purser: CommandLine, sandbox: Sandbox, tmp_path: Path
) -> None:
    # One: a wallet. Here it is one that holds play money, so that `purser fund` is not needed.
    purser.env["PURSER_PASSPHRASE"] = PASSPHRASE
    made = purser("init", "--import", "--key", "keystore", "--network", NETWORK, stdin=BUYER_KEY)
    assert (made.code, purser.home.is_dir()) == (0, True)

    # Two: the host. The two settings point at the sandbox, which is on this machine.
    chain = NETWORK.replace(":", "_").upper()
    seller = json.dumps([urlsplit(sandbox.seller_url).netloc])
    variables = [
        f"PURSER_PASSPHRASE={PASSPHRASE}",
        f"PURSER_HOSTS__PRIVATE_OK={seller}",
        f"PURSER_NETWORK__{chain}__RPC_URLS={json.dumps([sandbox.rpc_url])}",
    ]
    flags = [word for one in variables for word in ("--env", one)]
    installed = purser("install", "claude-code", *flags)
    assert (installed.code, installed.err) == (0, "")
    assert not [name for name in os.environ if name.startswith("PURSER_")]

    # Three: the host starts, and its model asks for a page that costs a cent.
    starts = read_as_host("claude-code", file_of("claude-code").read_text(encoding="utf-8"))
    async with started(starts, tmp_path) as client:
        paid = await client.call_tool("paid_fetch", {"url": f"{sandbox.seller_url}/article"})
    told = receipt(paid)
    assert (told["status"], told["spent"], told["amount_usd"]) == ("settled", "yes", "0.01")
    (bought,) = books(purser.home)
    assert str(bought.id) == told["id"]
