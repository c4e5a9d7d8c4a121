"""What was bought, what is left, what is open, and where money goes in."""

from __future__ import annotations

import csv
import io
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.evm import USDC_ADDRESS
from sandbox.run import BUYER, NETWORK, Sandbox
from server.commands.fund import qr_text
from server.commands.launcher import command_line
from server.commands.receipt import explorer_page
from server.commands.receipts import COLUMNS
from server.settings import load_settings
from tests.commands.command_line import CommandLine
from wallet.assets import find_network
from wallet.ids import purchase_id
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Delivery, SellerWord, SellerWords
from wallet.money import token_units
from wallet.receipts import receipt

ROOT = Path(__file__).resolve().parent.parent.parent


def open_ledger(purser: CommandLine) -> SqliteLedger:
    return SqliteLedger(purser.home / "ledger.sqlite3")


def fill(purser: CommandLine, urls: list[str]) -> list[str]:
    """Record a free fetch of each URL, a second apart; return the ids."""
    ledger = open_ledger(purser)
    ids: list[str] = []
    for number, url in enumerate(urls):
        at = 1_700_000_000 + number
        ids.append(purchase_id(at * 1000, bytes(10)))
        ledger.record_free(
            purchase_id=ids[-1],
            key=f"{number:064x}",
            principal="local",
            method="GET",
            url=url,
            host="shop.example",
            now=at,
            delivery=Delivery(200, "text/plain", 1, "00" * 32),
        )
    ledger.close()
    return ids


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def on_chain(sandbox: Sandbox) -> str:
    return token_units(sandbox.chain.balance_atomic(BUYER), 6)


def test_the_balance_shows_limits_holdings_and_open_payments(
    shopper: CommandLine, sandbox: Sandbox
) -> None:
    assert shopper("fetch", sandbox.seller_url + "/article").code == 0
    assert shopper("fetch", sandbox.seller_url + "/fails").code == 1
    ran = shopper("balance", "--json")
    assert (ran.code, ran.err) == (0, "")
    data: dict[str, Any] = ran.json()
    (held,) = data["open_holds"]
    used = {"settled_usd": "0.01", "held_usd": "0.01"}
    assert data == {
        "address": BUYER,
        "per_payment_limit_usd": "1.00",
        "hosts_today": [
            {
                "host": "127.0.0.1",
                "name": "per_host_per_day",
                "limit_usd": "2.00",
                "left_usd": "1.98",
            }
            | used
        ],
        "limits": [
            {"name": "per_day", "limit_usd": "5.00", "left_usd": "4.98"} | used,
            {"name": "total", "limit_usd": None, "left_usd": None} | used,
        ],
        "on_chain": [
            {"network": NETWORK, "asset": "USDC", "amount": on_chain(sandbox), "reason": None}
        ],
        "on_chain_reason": None,
        "channels": None,
        "open_holds": [
            {
                "receipt_id": held["receipt_id"],
                "state": "unknown",
                "amount_usd": "0.01",
                "host": "127.0.0.1",
                "created_at": held["created_at"],
                "valid_before": held["valid_before"],
            }
        ],
        "open_holds_total": 1,
        "pending_approvals": [],
        "pending_approvals_total": 0,
    }
    lines = shopper("balance").out.splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        f"Address {BUYER}",
        "One payment at most $1.00",
        "",
        "BUDGET LIMIT SPENT HELD LEFT",
        "today $5.00 $0.01 $0.01 $4.98",
        "ever no limit $0.01 $0.01 no limit",
        "today, 127.0.0.1 $2.00 $0.01 $0.01 $1.98",
        "",
        "NETWORK TOKEN BALANCE NOTE",
        f"{NETWORK} USDC {on_chain(sandbox)}",
        "",
        f"Open payments: 1. `{command_line()} reconcile` looks at them.",
        "RECEIPT HOST HELD SINCE (UTC) VALID UNTIL (UTC)",
        f"{held['receipt_id']} 127.0.0.1 $0.01 {held['created_at']} {held['valid_before']}",
    ]


def test_a_chain_that_cannot_be_read_is_unknown_and_never_zero(shopper: CommandLine) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    shopper.env["PURSER_NETWORK__EIP155_84532__RPC_URLS"] = f'["{url}"]'
    ran = shopper("balance", "--json")
    (row,) = ran.json()["on_chain"]
    assert (ran.code, row["amount"]) == (0, None)
    assert "127.0.0.1 cannot be reached" in row["reason"]
    assert f"{NETWORK}  USDC   unknown  " in shopper("balance").out


def test_a_locked_keystore_still_shows_its_address_and_holdings(
    shopper: CommandLine, sandbox: Sandbox
) -> None:
    del shopper.env["PURSER_PRIVATE_KEY"]
    shopper.env |= {"PURSER_WALLET__KEY": "keystore", "PURSER_PASSPHRASE": "long enough"}
    address = shopper("init", "--json").json()["address"]
    del shopper.env["PURSER_PASSPHRASE"]
    for command in ("balance", "fund"):
        data = shopper(command, "--json").json()
        assert data["address"] == address
    rows = shopper("balance", "--json").json()["on_chain"]
    assert rows == [{"network": NETWORK, "asset": "USDC", "amount": "0", "reason": None}]


def test_a_damaged_ledger_fails_with_its_reason(shopper: CommandLine) -> None:
    (shopper.home / "ledger.sqlite3").write_bytes(b"no ledger at all, but long enough" * 100)
    ran = shopper("receipts", "--json")
    assert ran.code == 1
    assert ran.json()["error"]["code"] == "ledger_unavailable"
    assert "Money moved: no." in ran.err


def test_settings_that_cannot_be_used_stop_every_command(shopper: CommandLine) -> None:
    shopper.env["PURSER_BUDGET__PER_DAY"] = "lots"
    for arguments in (("balance",), ("init",), ("receipts",), ("fetch", "https://example.com")):
        ran = shopper(*arguments)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith("purser: the settings cannot be used\nPURSER_BUDGET__PER_DAY: ")


def test_receipts_are_listed_newest_first_as_text_json_and_csv(
    shopper: CommandLine, sandbox: Sandbox
) -> None:
    base = sandbox.seller_url
    assert shopper("receipts").out == "No receipts.\n"
    for page in ("/free", "/article"):
        assert shopper("fetch", base + page).code == 0
    listed = shopper("receipts", "--json").json()
    seen = [(row["url"], row["status"], row["amount_usd"]) for row in listed["receipts"]]
    assert seen == [(base + "/article", "settled", "0.01"), (base + "/free", "free", "0.00")]
    assert listed["more"] is False
    table = shopper("receipts").out.splitlines()
    assert table[0].split() == ["TIME", "(UTC)", "STATUS", "PRICE", "REQUEST", "RECEIPT"]
    newest = listed["receipts"][0]
    assert table[1].split() == [
        *(newest["created_at"], "settled", "$0.01", "GET", base + "/article", newest["id"])
    ]
    rows = list(csv.DictReader(io.StringIO(shopper("receipts", "--csv").out)))
    as_text = [
        {name: "" if row[name] is None else str(row[name]) for name in COLUMNS}
        for row in listed["receipts"]
    ]
    assert rows == as_text


def test_receipts_can_be_narrowed(purser: CommandLine) -> None:
    ids = fill(purser, [f"https://shop.example/{number}" for number in range(3)])

    def found(*arguments: str) -> list[str]:
        return [row["id"] for row in purser("receipts", "--json", *arguments).json()["receipts"]]

    assert found("--host", "SHOP.example") == ids[::-1]
    assert found("--host", "other.example") == []
    assert found("--status", "settled") == []
    assert found("--since", "2023-11-14T22:13:22Z") == [ids[2]]
    assert found("--limit", "1") == [ids[2]]


def test_a_long_list_goes_on_past_one_page(purser: CommandLine) -> None:
    ids = fill(purser, [f"https://shop.example/{number}" for number in range(130)])
    listed = purser("receipts", "--json", "--limit", "120").json()
    assert [row["id"] for row in listed["receipts"]] == ids[:9:-1]
    assert listed["more"] is True
    assert purser("receipts", "--json", "--limit", "130").json()["more"] is False
    assert "There are more" in purser("receipts").err


def test_a_stored_url_cannot_steer_a_terminal(purser: CommandLine) -> None:
    (new_id,) = fill(purser, ["https://shop.example/\x1b[2J\x07\u202egnp.exe\r\nfake line"])
    for arguments in (("receipts",), ("receipt", new_id)):
        out = purser(*arguments).out
        assert not set("\x1b\x07\u202e\r") & set(out)
        assert "https://shop.example/[2Jgnp.exe fake line" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("--since", "yesterday"),
        ("--limit", "0"),
        ("--limit", "many"),
        ("--status", "lost"),
        ("--csv", "--json"),
    ],
)
def test_a_filter_that_makes_no_sense_is_wrong_usage(
    arguments: tuple[str, ...], purser: CommandLine
) -> None:
    ran = purser("receipts", *arguments)
    assert (ran.code, ran.out) == (2, "")


def test_a_receipt_shows_all_that_is_known(shopper: CommandLine, sandbox: Sandbox) -> None:
    assert shopper("fetch", sandbox.seller_url + "/article").code == 0
    (row,) = shopper("receipts", "--json").json()["receipts"]
    ledger = open_ledger(shopper)
    purchase = ledger.get(row["id"])
    ledger.close()
    assert purchase is not None
    data = receipt(purchase)
    unsigned = {"seller_offer": None, "seller_receipt": None}
    assert shopper("receipt", row["id"].upper(), "--json").json() == data | unsigned
    lines = dict(line.split("  ", 1) for line in shopper("receipt", row["id"]).out.splitlines())
    shown = {name: value.strip() for name, value in lines.items()}
    assert shown["Status"] == "settled (evidence: verified)"
    assert shown["Amount"] == "$0.01"
    assert shown["Token"] == f"USDC {USDC_ADDRESS}"
    assert shown["Transfer"] == data["tx_hash"]
    assert "Explorer" not in shown, "the transfer is on a chain of this machine alone"


@pytest.mark.parametrize(
    ("servers", "is_public"),
    [
        (["https://rpc.example.com"], True),
        (["http://127.0.0.1:8545"], False),
        (["http://localhost:8545"], False),
        (["https://rpc.example.com", "http://[::1]:8545"], False),
    ],
)
def test_a_transaction_has_a_public_page_unless_its_chain_is_on_this_machine(
    servers: list[str], is_public: bool, tmp_path: Path
) -> None:
    text = f'[network."{NETWORK}"]\nrpc_urls = {json.dumps(servers)}\n'
    settings = load_settings(tmp_path, {}, config_text=text)
    page = explorer_page(settings, find_network(NETWORK), "0xabc")
    assert page == ("https://sepolia.basescan.org/tx/0xabc" if is_public else None)


def test_what_a_seller_signed_is_exported_whole(shopper: CommandLine, sandbox: Sandbox) -> None:
    assert shopper("fetch", sandbox.seller_url + "/article").code == 0
    (row,) = shopper("receipts", "--json").json()["receipts"]
    text = '{"format":"jws","signature":"e30.e30.e30"}'
    ledger = open_ledger(shopper)
    ledger.keep_words(row["id"], SellerWords(receipt=SellerWord(text, ("a remark",))))
    ledger.close()
    data = shopper("receipt", row["id"], "--json").json()
    assert data["seller_receipt"] == json.loads(text)
    assert data["seller_offer"] is None
    assert data["notes"][-1] == "a remark"
    assert "receipt, shown by --json" in shopper("receipt", row["id"]).out


@pytest.mark.slow
def test_reconciling_frees_an_authorization_that_has_died_unused(
    purser: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox() as sandbox:
        purser.use(sandbox)
        failed = purser("fetch", sandbox.seller_url + "/fails", "--json").json()
        held_id = failed["error"]["receipt_id"]
        nothing: dict[str, list[str]] = {
            "settled": [],
            "verified": [],
            "voided": [],
            "still_open": [],
        }
        ran = purser("reconcile", "--json")
        assert (ran.code, ran.json()) == (0, nothing | {"still_open": [held_id]})
        assert "$0.01   open: could settle until " in purser("reconcile").out
        sandbox.chain.advance_time(7_200)
        assert purser("reconcile", "--json").json() == nothing | {"still_open": [held_id]}
        now_ns = time.time_ns
        monkeypatch.setattr("time.time_ns", lambda: now_ns() + 7_200 * 10**9)
        text = purser("reconcile").out.splitlines()
        assert text[1].split(maxsplit=3) == [
            *(held_id, "127.0.0.1", "$0.01", "void: the money never moved, and never can")
        ]
        assert purser("reconcile", "--json").json() == nothing
        assert purser("receipt", held_id, "--json").json()["status"] == "void"
        assert purser("balance", "--json").json()["limits"][0]["left_usd"] == "5.00"


def test_reconciling_without_open_payments_says_so(shopper: CommandLine) -> None:
    assert shopper("reconcile").out == "No payment is open, and none waits to be verified.\n"


def test_fund_shows_where_to_send_what(shopper: CommandLine, sandbox: Sandbox) -> None:
    assert shopper("fund", "--json").json() == {
        "address": BUYER,
        "suggested_usd": "5.00",
        "networks": [
            {
                "network": "Base Sepolia",
                "network_id": NETWORK,
                "testnet": True,
                "asset": "USDC",
                "contract": USDC_ADDRESS,
                "amount": on_chain(sandbox),
                "reason": None,
            }
        ],
    }
    out = shopper("fund").out
    assert qr_text(BUYER, "utf-8") in out
    assert f"\nAddress: {BUYER}\n" in out
    assert "Send USDC on Base Sepolia (eip155:84532), and on no other network." in out
    assert "faucet" in out
    assert "$5.00 is one day's budget" in out


def test_both_drawings_of_a_qr_code_are_the_same_code() -> None:
    halves, wide = qr_text(BUYER, "utf-8").splitlines(), qr_text(BUYER, "cp1252").splitlines()
    drawn: list[str] = []
    for line in halves:
        drawn.append("".join("##" if char in "█▀" else "  " for char in line))
        drawn.append("".join("##" if char in "█▄" else "  " for char in line))
    assert {len(line) for line in wide} == {2 * len(wide)}
    assert set("".join(wide)) == {"#", " "}
    assert drawn[: len(wide)] == wide


@pytest.mark.slow
def test_a_console_without_unicode_gets_ascii(shopper: CommandLine, sandbox: Sandbox) -> None:
    env = {**os.environ, **shopper.env, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    ran = subprocess.run(
        [sys.executable, "-m", "purser_mcp", "fund"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        check=True,
    )
    assert qr_text(BUYER, "cp1252") in ran.stdout.decode("ascii").replace("\r\n", "\n")
