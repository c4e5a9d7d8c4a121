"""A whole server with every log on, driven through its bad days: no secret leaves it anywhere."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from sandbox.run import BUYER, BUYER_KEY, Sandbox
from tests.end_to_end.hosting import RawServer, authorization_of, error, raw_server, settle_in
from tests.meddler import PaidAnswer, meddler
from tests.secrets.canary import LEDGER, PASSPHRASE, QUERY, all_secrets, leaks, leaks_in_files
from wallet.keystore import Keystore

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals"),
]

# Loaded by the interpreter before anything of ours: every log there is, and on wish an accident
# whose text is the key.
EVERYTHING_SAID = """
import logging, os
logging.basicConfig(level=logging.DEBUG)
logging.getLogger().setLevel(logging.DEBUG)
real = os.urandom
def accident(size):
    if size == 10 and os.path.exists(os.environ["ACCIDENT"]):
        raise ZeroDivisionError(os.environ["CANARY"])
    return real(size)
os.urandom = accident
"""
KEYRING = """
import os
from keyring.backend import KeyringBackend
class Backend(KeyringBackend):
    priority = 1
    def get_password(self, service, username):
        return os.environ["CANARY"] if service == "purser" else None
    def set_password(self, service, username, password): pass
    def delete_password(self, service, username): pass
"""
FINISHED = "SELECT nonce FROM purchases WHERE signed_payment IS NULL AND nonce IS NOT NULL"
FLAGS = ("-X", "dev", "-X", "faulthandler", "-W", "default")


def prepare(folder: Path, home: Path, source: str) -> dict[str, str]:
    """Put the key where `source` says, and return what the server's environment adds."""
    modules = folder / "modules"
    modules.mkdir()
    (modules / "sitecustomize.py").write_text(EVERYTHING_SAID, encoding="utf-8")
    (modules / "canary_keyring.py").write_text(KEYRING, encoding="utf-8")
    env = {
        "PYTHONPATH": str(modules),
        "PYTHONASYNCIODEBUG": "1",
        "HTTPX_LOG_LEVEL": "trace",
        "MCP_LOG_LEVEL": "DEBUG",
        "ACCIDENT": str(folder / "accident"),
        "CANARY": BUYER_KEY,
        "PURSER_PRIVATE_KEY": BUYER_KEY if source == "env" else "",
    }
    if source == "keystore":
        Keystore(home, "keystore", environ={}).import_key(BUYER_KEY, PASSPHRASE)
        env["PURSER_PASSPHRASE"] = PASSPHRASE
    if source == "keyring":
        env["PYTHON_KEYRING_BACKEND"] = "canary_keyring.Backend"
        shown = {"address": BUYER, "source": "keyring"}
        (home / "wallet.json").write_text(json.dumps(shown), encoding="utf-8")
    return env


async def cancel_a_call(server: RawServer, arguments: dict[str, Any]) -> None:
    """Call, and take it back at once."""
    call = await server.ask("tools/call", {"name": "paid_fetch", "arguments": arguments})
    await server.send({"method": "notifications/cancelled", "params": {"requestId": call}})
    await server.request("ping", {})


async def live_through(server: RawServer, seller: str, broken: str, folder: Path) -> None:
    """Have every kind of failure: refusals, broken sellers, accidents, cancelled calls."""

    async def fetch(url: str, **more: Any) -> str:
        result = await server.call("paid_fetch", {"url": f"{url}?key={QUERY}"} | more)
        return error(result)["code"] if result.is_error else "fine"

    await server.initialize()
    assert await fetch(f"{seller}/article") == "fine"
    assert await fetch(f"{seller}/v1/article") == "fine"
    assert await fetch(f"{seller}/dear") != "fine"
    assert await fetch(f"{seller}/fails") != "fine"
    assert await fetch(f"{seller}/nowhere", max_price_usd="none") == "invalid_argument"
    assert await fetch(f"{broken}/article") == "upstream_error"
    assert await fetch("https://user:canary@127.0.0.1/") == "invalid_argument"
    await server.call("check_price", {"urls": [f"{seller}/article?key={QUERY}"]})
    await cancel_a_call(server, {"url": f"{seller}/article?cancelled={QUERY}"})
    (folder / "accident").touch()
    assert await fetch(f"{seller}/image.png") == "internal_error"
    (folder / "accident").unlink()
    for tool in ("check_balance", "list_receipts"):
        await server.call(tool, {})


@pytest.mark.parametrize(
    ("source", "end"),
    [("env", signal.SIGTERM), ("keystore", signal.SIGABRT), ("keyring", signal.SIGABRT)],
)
async def test_no_failure_and_no_death_shows_a_secret(
    tmp_path: Path, sandbox: Sandbox, source: str, end: signal.Signals
) -> None:
    before = len(sandbox.seen_payment_headers)

    def break_off(_: PaidAnswer) -> None:
        return None

    async with meddler(sandbox.seller_url, break_off) as seller:
        home = settle_in(tmp_path / "home", sandbox, sellers=[seller.url], key=source)
        env = prepare(tmp_path, home, source)
        async with raw_server(home, flags=FLAGS, env=env) as server:
            await live_through(server, sandbox.seller_url, seller.url, tmp_path)
            server.process.send_signal(end)
            with anyio.fail_after(60):
                assert await server.process.wait() == -end
    payments = sandbox.seen_payment_headers[before:]
    assert len(payments) >= 3
    secrets = all_secrets(payments)
    assert b"DEBUG" in server.stderr
    assert b"ZeroDivisionError" in server.stderr
    assert (b"Fatal Python error: Aborted" in server.stderr) == (end is signal.SIGABRT)
    assert leaks(server.stderr, secrets) == []
    secrets = all_secrets(payments, query=False)  # the books have the URLs that were asked for
    assert leaks(server.stdout, secrets) == []
    # A payment that is open, or brought no content, is kept to be shown again: in the ledger alone.
    with closing(sqlite3.connect(home / LEDGER)) as books:
        finished = {nonce for (nonce,) in books.execute(FINISHED)}
    used = [header for header in payments if authorization_of(header)["nonce"] in finished]
    assert 2 <= len(used) < len(payments)
    assert leaks_in_files(home, all_secrets(used, query=False)) == []
    (home / LEDGER).unlink()
    assert leaks_in_files(home, secrets) == []


async def test_a_wrong_passphrase_is_not_repeated_anywhere(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    home = settle_in(tmp_path / "home", sandbox, key="keystore", rpc_url="http://127.0.0.1:9")
    env = prepare(tmp_path, home, "keystore")
    wrong = PASSPHRASE.replace("4f", "f4")
    async with raw_server(home, flags=FLAGS, env=env | {"PURSER_PASSPHRASE": wrong}) as server:
        await server.initialize()
        refused = await server.call("paid_fetch", {"url": sandbox.seller_url + "/article"})
        assert error(refused)["code"] == "wallet_locked"
        await server.call("check_balance", {})
        assert await server.hang_up() == 0
    secrets = all_secrets([]) | {"the wrong passphrase": wrong}
    for said in (server.stdout, server.stderr):
        assert leaks(said, secrets) == []
    assert leaks_in_files(home, secrets) == []
