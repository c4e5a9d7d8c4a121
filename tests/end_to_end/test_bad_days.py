"""Bad arguments, bad settings, and what the machine under Purser can do to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.run import BUYER_KEY, Sandbox
from tests.end_to_end.hosting import (
    SERVE,
    books,
    connected,
    environment,
    error,
    raw_server,
    receipt,
    settle_in,
    structured,
    text,
)
from tests.meddler import PaidAnswer, meddler
from wallet.keystore import Keystore
from wallet.model import State

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX limits")

BAD_URLS = {
    "": "invalid_argument",
    "not a url": "invalid_argument",
    "https://": "invalid_argument",
    "https://user:word@example.com/": "invalid_argument",
    "https://example.com:99999/": "invalid_argument",
    "https://exa mple.com/": "invalid_argument",
    "http://example.com/": "insecure_url",
    "ftp://example.com/": "insecure_url",
    "file:///etc/passwd": "invalid_argument",
    "https://localhost/": "private_address",
    "https://10.0.0.1/": "private_address",
    "https://169.254.169.254/latest/meta-data": "private_address",
    "https://2130706433/": "private_address",
    "https://0x7f.1/": "private_address",
    "https://[::1]/": "private_address",
    "https://[::ffff:10.0.0.1]/": "private_address",
    "https://[64:ff9b::7f00:1]/": "private_address",
}


def bad_arguments() -> list[dict[str, Any]]:
    prices: list[Any] = ["-1", "1e-3", "NaN", "0.0000001", "free", "", True, -1, [1], "1,00"]
    rest: list[dict[str, Any]] = [
        {"body": "x"},
        {"method": "TRACE"},
        {"headers": {"X-PAYMENT": "abc"}},
        {"headers": {"PAYMENT-SIGNATURE": "abc"}},
        {"headers": {"Host": "other.example"}},
        {"headers": {"a": "b\r\nc: d"}},
        {"start": -1},
        {"max_chars": 0},
        {"pay_again": "yes"},
        {"approval_id": "x", "pay_again": True},
    ]
    return [{"max_price_usd": price} for price in prices] + rest


@pytest.mark.asyncio
async def test_a_bad_argument_is_named_and_nothing_is_signed(tmp_path: Path, sandbox: Sandbox):
    home = settle_in(tmp_path / "home", sandbox)
    url = sandbox.seller_url + "/article"
    before = len(sandbox.seen_payment_headers)
    async with connected(home) as client:
        misspelt = await client.call_tool("paid_fetch", {"url": url, "max_prise_usd": "0.001"})
        assert error(misspelt)["code"] == "invalid_argument"
        assert "did you mean max_price_usd?" in text(misspelt)
        for arguments in bad_arguments():
            result = await client.call_tool("paid_fetch", {"url": url} | arguments)
            found = error(result)
            assert (found["code"], found["spent"]) == ("invalid_argument", "no"), arguments
            assert "No money moved." in text(result)
            assert any(name in text(result) for name in (*arguments, "header")), arguments
    assert len(sandbox.seen_payment_headers) == before
    assert not (home / "ledger.sqlite3").exists() or books(home) == []


@pytest.mark.asyncio
async def test_a_bad_url_is_refused_with_its_reason_and_is_never_contacted(
    tmp_path: Path, sandbox: Sandbox
):
    home = settle_in(tmp_path / "home", sandbox)
    async with connected(home) as client:
        found = {url: error(await client.call_tool("paid_fetch", {"url": url})) for url in BAD_URLS}
        after = await client.call_tool("paid_fetch", {"url": sandbox.seller_url + "/free"})
    assert {url: one["code"] for url, one in found.items()} == BAD_URLS
    assert {one["spent"] for one in found.values()} == {"no"}
    assert receipt(after)["status"] == "free"


@pytest.mark.parametrize(
    ("broken", "key", "reason"),
    [
        ("[budget]\nper_day = 5.0\n", "budget.per_day", "in quotes"),
        ('[budget]\nper_dya = "5.00"\n', "budget.per_dya", "did you mean per_day?"),
        ('[wallet]\nnetworks = ["eip155:424242"]\n', "wallet.networks", "entry 1"),
        ('[budget]\nper_day = "5.00\n', "config.toml", "not valid TOML"),
    ],
)
def test_a_broken_config_stops_the_start_with_file_key_and_reason(
    tmp_path: Path, broken: str, key: str, reason: str
):
    (tmp_path / "config.toml").write_text(broken, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, *SERVE],
        env=environment(tmp_path),
        input=b"",
        capture_output=True,
        check=False,
    )
    said = ran.stderr.decode()
    assert (ran.returncode, ran.stdout) == (1, b"")
    assert str(tmp_path / "config.toml") in said
    assert key in said
    assert reason in said
    assert "Traceback" not in said


@pytest.mark.asyncio
async def test_a_locked_wallet_still_reads_free_pages_and_quotes_but_signs_nothing(
    tmp_path: Path, sandbox: Sandbox
):
    home = settle_in(tmp_path / "home", sandbox, key="keystore")
    address = Keystore(home, "keystore", environ={}).import_key(BUYER_KEY, "a long passphrase")
    url = sandbox.seller_url + "/article"
    before = len(sandbox.seen_payment_headers)
    async with connected(home) as client:
        for _ in range(2):
            locked = await client.call_tool("paid_fetch", {"url": url})
            assert (error(locked)["code"], error(locked)["spent"]) == ("wallet_locked", "no")
        free = await client.call_tool("paid_fetch", {"url": sandbox.seller_url + "/free"})
        assert receipt(free)["status"] == "free"
        (row,) = structured(await client.call_tool("check_price", {"urls": [url]}))["prices"]
        assert row["price_usd"] == "0.01"
        balance = structured(await client.call_tool("check_balance", {}))
        assert (balance["address"], balance["open_holds"]) == (address, [])
    assert len(sandbox.seen_payment_headers) == before
    assert {one.state for one in books(home)} <= {State.FREE, State.VOID}
    async with connected(home, env={"PURSER_PASSPHRASE": "a long passphrase"}) as client:
        assert receipt(await client.call_tool("paid_fetch", {"url": url}))["spent"] == "yes"


@pytest.mark.asyncio
async def test_without_a_chain_payments_are_claimed_and_the_balance_is_not_zero_but_unread(
    tmp_path: Path, sandbox: Sandbox
):
    home = settle_in(tmp_path / "home", sandbox, rpc_url="http://127.0.0.1:9")
    async with connected(home) as client:
        bought = await client.call_tool("paid_fetch", {"url": sandbox.seller_url + "/article"})
        balance = structured(await client.call_tool("check_balance", {}))
    assert (receipt(bought)["status"], receipt(bought)["evidence"]) == ("settled", "claimed")
    (holding,) = balance["on_chain"]
    assert holding["amount"] is None
    assert "cannot be reached" in holding["reason"]
    home = settle_in(home, sandbox)
    async with connected(home) as client:
        wanted = {"receipt_id": receipt(bought)["id"], "max_chars": 100}
        again = receipt(await client.call_tool("read_purchase", wanted))
        while again["evidence"] == "claimed":  # until the upkeep after the start has looked
            again = receipt(await client.call_tool("read_purchase", wanted))
    assert (again["status"], again["evidence"]) == ("settled", "verified")


@pytest.mark.asyncio
async def test_without_a_ledger_nothing_is_signed(tmp_path: Path, sandbox: Sandbox):
    home = settle_in(tmp_path / "home", sandbox)
    (home / "ledger.sqlite3").mkdir()
    before = len(sandbox.seen_payment_headers)
    async with connected(home) as client:
        for tool, arguments in (
            ("paid_fetch", {"url": sandbox.seller_url + "/article"}),
            ("check_balance", {}),
            ("list_receipts", {}),
        ):
            found = error(await client.call_tool(tool, arguments))
            assert (found["code"], found["spent"]) == ("ledger_unavailable", "no")
        urls = {"urls": [sandbox.seller_url + "/article"]}
        (row,) = structured(await client.call_tool("check_price", urls))["prices"]
        assert (row["would_pay"], row["error"]) == (False, "ledger_unavailable")
    assert len(sandbox.seen_payment_headers) == before


def limited_to(size_bytes: int) -> list[str]:
    """Return a command that runs the rest with a limit on the size of every file it writes."""
    code = (
        "import os, resource, sys; "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size_bytes}, {size_bytes})); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    return [sys.executable, "-c", code]


@posix
@pytest.mark.asyncio
async def test_a_full_disk_stops_signing_and_the_books_stay_whole(tmp_path: Path, sandbox: Sandbox):
    home = settle_in(tmp_path / "home", sandbox)
    url = sandbox.seller_url + "/article"
    async with connected(home) as client:
        bought = receipt(await client.call_tool("paid_fetch", {"url": url}))
    before = len(sandbox.seen_payment_headers)
    async with connected(home, wrapper=limited_to(0)) as client:
        refused = error(await client.call_tool("paid_fetch", {"url": url + "?another"}))
        assert (refused["code"], refused["spent"]) == ("ledger_unavailable", "no")
        assert refused["retryable"]
        stored = await client.call_tool("read_purchase", {"receipt_id": bought["id"]})
        assert receipt(stored) == bought | {"reused": True}
    assert len(sandbox.seen_payment_headers) == before
    assert [one.id for one in books(home)] == [bought["id"]]


@posix
@pytest.mark.asyncio
async def test_content_too_large_for_the_disk_is_still_delivered_once_and_never_paid_twice(
    tmp_path: Path, sandbox: Sandbox
):
    def swell(answer: PaidAnswer) -> PaidAnswer:
        answer.drop("content-type")
        answer.headers.append(("content-type", "text/plain"))
        answer.body = b"a large answer " * 100_000
        return answer

    async with meddler(sandbox.seller_url, swell) as seller:
        home = settle_in(tmp_path / "home", sandbox, sellers=[seller.url])
        wanted = {"url": seller.url + "/article", "max_chars": 1_000}
        async with connected(home, wrapper=limited_to(1_000_000)) as client:
            first = await client.call_tool("paid_fetch", wanted)
            assert receipt(first)["spent"] == "yes"
            assert any("could not be stored" in note for note in receipt(first)["notes"])
            assert "a large answer a large answer" in text(first)
            again = error(await client.call_tool("paid_fetch", wanted))
            assert (again["spent"], again["receipt_id"]) == ("yes", receipt(first)["id"])
        assert len(seller.payments) == 2
        assert len(set(seller.payments)) == 1
        assert len(books(home)) == 1


@pytest.mark.asyncio
async def test_a_purchases_folder_that_cannot_be_written_stops_payments(
    tmp_path: Path, sandbox: Sandbox
):
    home = settle_in(tmp_path / "home", sandbox)
    before = len(sandbox.seen_payment_headers)
    async with connected(home) as client:
        await client.call_tool("check_balance", {})
        shutil.rmtree(home / "purchases")
        (home / "purchases").write_bytes(b"")
        refused = await client.call_tool("paid_fetch", {"url": sandbox.seller_url + "/article"})
        assert (error(refused)["code"], error(refused)["spent"]) == ("ledger_unavailable", "no")
    assert len(sandbox.seen_payment_headers) == before
    assert books(home) == []


@pytest.mark.asyncio
async def test_a_purchases_folder_that_cannot_be_made_stops_the_start_in_one_breath(
    tmp_path: Path, sandbox: Sandbox
):
    home = settle_in(tmp_path / "home", sandbox)
    (home / "purchases").write_bytes(b"")
    async with raw_server(home) as server:
        assert await server.process.wait() == 1
    said = server.stderr.decode()
    assert (server.stdout, "ledger_unavailable" in said) == (b"", True)
    assert "Bought content cannot be stored" in said
    assert "Traceback" not in said
