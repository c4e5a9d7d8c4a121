"""Stdout carries JSON-RPC and nothing else; stderr, which hosts keep in files, holds no secret."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from sandbox.run import BUYER_KEY, Sandbox
from tests.end_to_end.hosting import (
    RawServer,
    authorization_of,
    error,
    raw_server,
    receipt,
    settle_in,
    text,
)

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(240)]

# Loaded by the interpreter before anything of ours: a user who turns on every log there is.
EVERY_LOG = """
import logging
logging.basicConfig(level=logging.DEBUG)
logging.getLogger().setLevel(logging.DEBUG)
"""
WARNINGS = ("-W", "default")


def key_in_disguise() -> dict[str, str]:
    digits = BUYER_KEY.removeprefix("0x")
    raw = bytes.fromhex(digits)
    return {
        "as it is": digits,
        "upper case": digits.upper(),
        "reversed": digits[::-1],
        "bytes reversed": raw[::-1].hex(),
        "base64": base64.b64encode(raw).decode(),
        "base64 of the text": base64.b64encode(digits.encode()).decode()[:80],
        "base64 of the text with 0x": base64.b64encode(BUYER_KEY.encode()).decode()[:80],
        "decimal": str(int(digits, 16)),
        "python bytes": repr(raw)[2:-1],
    }


def check_stdout(server: RawServer) -> None:
    assert server.stdout.endswith(b"\n")
    for line in server.stdout.splitlines():
        message = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        assert {"result", "error", "method"} & set(message)


def check_secrets(where: str, said: str, payments: list[str]) -> None:
    secrets = key_in_disguise()
    for number, header in enumerate(payments):
        signature = authorization_of(header)["signature"].removeprefix("0x")
        secrets |= {f"signature {number}": signature, f"header {number}": header}
    found = [name for name, secret in secrets.items() if secret in said]
    assert found == [], f"{where} holds a secret"


async def test_with_every_log_and_warning_on_stdout_stays_clean_and_stderr_holds_no_secret(
    tmp_path: Path, sandbox: Sandbox
):
    (tmp_path / "logging").mkdir()
    (tmp_path / "logging" / "sitecustomize.py").write_text(EVERY_LOG, encoding="utf-8")
    home = settle_in(tmp_path / "home", sandbox)
    env = {
        "PYTHONPATH": str(tmp_path / "logging"),
        "PYTHONASYNCIODEBUG": "1",
        "HTTPX_LOG_LEVEL": "trace",
        "MCP_LOG_LEVEL": "DEBUG",
    }
    before = len(sandbox.seen_payment_headers)
    async with raw_server(home, flags=("-X", "dev", *WARNINGS), env=env) as server:
        await server.initialize()
        for path in ("/article", "/v1/article", "/fails", "/dear", "/free"):
            await server.call("paid_fetch", {"url": sandbox.seller_url + path, "max_chars": 200})
        secret_url = {"url": f"https://127.0.0.1/?key={BUYER_KEY}", BUYER_KEY: BUYER_KEY}
        refused = await server.call("paid_fetch", secret_url)
        assert error(refused)["code"] == "invalid_argument"
        await server.call("check_balance", {})
        assert await server.hang_up() == 0
    payments = sandbox.seen_payment_headers[before:]
    assert len(payments) == 3
    check_stdout(server)
    logged = server.stderr.decode()
    assert "DEBUG" in logged, "every log is on"
    check_secrets("stderr", logged, payments)
    check_secrets("stdout", server.stdout.decode(), payments)
    for kept in home.rglob("*"):
        if kept.is_file():
            check_secrets(kept.name, kept.read_bytes().decode("latin-1"), [])


async def test_an_ordinary_session_logs_nothing_at_all(tmp_path: Path, sandbox: Sandbox):
    home = settle_in(tmp_path / "home", sandbox)
    async with raw_server(home) as server:
        await server.initialize()
        for path in ("/article", "/free", "/dear"):
            await server.call("paid_fetch", {"url": sandbox.seller_url + path})
        assert await server.hang_up() == 0
    assert server.stderr == b""
    check_stdout(server)


async def test_broken_messages_are_survived_and_answered_by_nothing_but_json_rpc(
    tmp_path: Path, sandbox: Sandbox
):
    home = settle_in(tmp_path / "home", sandbox)
    async with raw_server(home, flags=WARNINGS) as server:
        await server.initialize()
        for line in (
            b"this is not JSON",
            b"",
            b"\xff\xfe\x00",
            b"null",
            b"[" * 50_000,
            b'{"jsonrpc": "2.0", "id": null, "method": 5}',
            b'{"jsonrpc": "2.0", "id": 900, "method": "tools/call"}',
            b'{"jsonrpc": "2.0", "id": 901, "method": "no/such/method", "params": {}}',
            b'{"jsonrpc": "2.0", "id": 902, "result": {}}',
        ):
            await server.send_line(line)
        unknown = await server.request("tools/call", {"name": "no_such_tool", "arguments": {}})
        assert "error" in unknown or unknown["result"]["isError"]
        nested = await server.call(
            "paid_fetch", {"url": sandbox.seller_url + "/free", "headers": "[" * 50_000}
        )
        assert error(nested)["code"] == "invalid_argument"
        bought = await server.call("paid_fetch", {"url": sandbox.seller_url + "/api/weather"})
        assert receipt(bought)["evidence"] == "verified"
        assert await server.hang_up() == 0
    check_stdout(server)


async def test_a_call_that_crashes_is_an_answer_and_not_the_end(tmp_path: Path, sandbox: Sandbox):
    (tmp_path / "trap").mkdir()
    # An accident nobody foresaw, with a text that must not get out.
    trap = (
        "import os\nreal = os.urandom\n"
        "def broken(size):\n"
        "    if size == 10:\n"
        f"        raise ZeroDivisionError({BUYER_KEY!r})\n"
        "    return real(size)\n"
        "os.urandom = broken\n"
    )
    (tmp_path / "trap" / "sitecustomize.py").write_text(trap, encoding="utf-8")
    home = settle_in(tmp_path / "home", sandbox)
    before = len(sandbox.seen_payment_headers)
    env = {"PYTHONPATH": str(tmp_path / "trap")}
    async with raw_server(home, flags=WARNINGS, env=env) as server:
        await server.initialize()
        crashed = await server.call("paid_fetch", {"url": sandbox.seller_url + "/article"})
        assert error(crashed)["code"] == "internal_error"
        assert "ZeroDivisionError" not in text(crashed)
        await server.call("check_balance", {})
        assert await server.hang_up() == 0
    check_stdout(server)
    check_secrets("stdout", server.stdout.decode(), [])
    check_secrets("stderr", server.stderr.decode(), [])
    assert "ZeroDivisionError at" in server.stderr.decode()
    assert len(sandbox.seen_payment_headers) == before


async def test_end_of_input_ends_the_process_even_before_the_first_message(
    tmp_path: Path, sandbox: Sandbox
):
    home = settle_in(tmp_path / "home", sandbox)
    async with raw_server(home) as server:
        assert await server.hang_up() == 0
    assert (server.stdout, server.stderr) == (b"", b"")
