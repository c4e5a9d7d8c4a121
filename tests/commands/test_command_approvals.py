"""A person is asked: what waits is listed, shown whole, and answered once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.evm import USDC_ADDRESS
from sandbox.run import NETWORK, SELLER, Sandbox
from server.commands.launcher import command_line
from tests.commands.command_line import CommandLine
from tests.ledger.ledger_kit import request
from wallet.approvals import LIFE_S, ApprovalRequest, terms_of
from wallet.ledger.sqlite import SqliteLedger
from wallet.money import Usd

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "https://a.example/\x1b[2Jpaid\u202e?" + "x" * 5_000


@pytest.fixture
def url(shopper: CommandLine, sandbox: Sandbox) -> str:
    """Return a page of one cent, above a threshold of nothing."""
    shopper.env["PURSER_BUDGET__APPROVAL_ABOVE"] = "0.00"
    return sandbox.seller_url + "/article"


def asked(shopper: CommandLine, url: str) -> dict[str, Any]:
    """Fetch, and return the error, which nothing was paid for."""
    ran = shopper("fetch", url, "--json")
    assert ran.code == 3
    return ran.json()["error"]


def put(purser: CommandLine, url: str, now: int, method: str = "GET") -> str:
    """Write a request into the ledger and return its id."""
    hold = request("call", now=now)
    terms = terms_of(hold.key, hold.host, hold.scheme, hold.transfer, hold.headers)
    wanted = ApprovalRequest("ap_x", terms, "local", method, url, Usd(600_000), now)
    ledger = SqliteLedger(purser.home / "ledger.sqlite3")
    try:
        return ledger.ask_approval(wanted).current.id
    finally:
        ledger.close()


def test_a_payment_is_asked_for_listed_approved_and_made(shopper: CommandLine, url: str) -> None:
    error = asked(shopper, url)
    assert (error["code"], error["spent"]) == ("approval_required", "no")
    approval_id = error["approval_id"]
    (row,) = shopper("approvals", "--json").json()["approvals"]
    assert {name: row[name] for name in ("id", "state", "amount_usd", "url", "pay_to")} == {
        "id": approval_id,
        "state": "pending",
        "amount_usd": "0.01",
        "url": url,
        "pay_to": SELLER,
    }
    (waiting,) = shopper("balance", "--json").json()["pending_approvals"]
    assert (waiting["approval_id"], waiting["url"]) == (approval_id, url)
    approved = shopper("approve", approval_id, "--yes")
    assert (approved.code, approved.err) == (0, "")
    for told in (approval_id, "$0.01 (0.01 USDC)", f"GET {url}", "127.0.0.1", SELLER, NETWORK):
        assert told in approved.out
    assert USDC_ADDRESS in approved.out
    assert shopper("fetch", url).code == 0
    assert shopper("approvals").out == "Nothing waits for you.\n"
    (used,) = shopper("approvals", "--all", "--json").json()["approvals"]
    assert used["state"] == "consumed"
    assert f"approved by the user: {approval_id}" in shopper("receipt", used["receipt_id"]).out


def test_the_refusal_tells_a_person_what_to_type(shopper: CommandLine, url: str) -> None:
    ran = shopper("fetch", url)
    assert (ran.code, ran.out) == (3, "")
    (row,) = shopper("approvals", "--json").json()["approvals"]
    assert f"`{command_line()} approve {row['id']}`" in ran.err
    assert row["id"] in shopper("approvals").out


def test_a_denied_payment_is_not_made_and_not_asked_again(shopper: CommandLine, url: str) -> None:
    approval_id = asked(shopper, url)["approval_id"]
    denied = shopper("deny", approval_id, "--json")
    assert (denied.code, denied.json()["state"]) == (0, "denied")
    assert asked(shopper, url)["code"] == "approval_denied"
    assert shopper("approvals", "--json").json() == {"approvals": []}
    for answer, code in ((("approve", "--yes"), 3), (("deny",), 0)):
        ran = shopper(answer[0], approval_id, *answer[1:])
        assert ran.code == code


def test_an_approval_can_be_taken_back_until_it_is_used(shopper: CommandLine, url: str) -> None:
    approval_id = asked(shopper, url)["approval_id"]
    for _ in range(2):
        assert shopper("approve", approval_id, "--yes").code == 0
    denied = shopper("deny", approval_id)
    assert (denied.code, "A denial stands until then" in denied.out) == (0, True)
    assert asked(shopper, url)["code"] == "approval_denied"


def test_a_used_approval_takes_no_answer(shopper: CommandLine, url: str) -> None:
    approval_id = asked(shopper, url)["approval_id"]
    shopper("approve", approval_id, "--yes")
    shopper("fetch", url)
    for answer in (("approve", "--yes"), ("deny",)):
        ran = shopper(answer[0], approval_id, *answer[1:])
        assert (ran.code, ran.out) == (1, "")
        assert "has been used" in ran.err


def test_without_a_terminal_nobody_is_asked_and_nothing_is_approved(
    shopper: CommandLine, url: str
) -> None:
    approval_id = asked(shopper, url)["approval_id"]
    for extra in ((), ("--json",)):
        ran = shopper("approve", approval_id, *extra, stdin="y\n")
        assert (ran.code, ran.out) == (2, "")
        assert "--yes" in ran.err
    (row,) = shopper("approvals", "--json").json()["approvals"]
    assert row["state"] == "pending"


@pytest.mark.parametrize("command", [("approve", "--yes"), ("deny",)])
def test_an_unknown_id_is_an_error(shopper: CommandLine, command: tuple[str, ...]) -> None:
    ran = shopper(command[0], "ap_nowhere", *command[1:])
    assert (ran.code, ran.out) == (1, "")
    assert "There is no request with this id" in ran.err


def test_a_request_that_ran_out_cannot_be_approved_and_is_listed_as_expired(
    shopper: CommandLine,
) -> None:
    approval_id = put(shopper, "https://a.example/", 1_000)
    assert shopper("approvals", "--json").json() == {"approvals": []}
    (row,) = shopper("approvals", "--all", "--json").json()["approvals"]
    assert (row["state"], row["expires_at"]) == ("expired", "1970-01-01T00:31:40Z")
    assert row["created_at"] == "1970-01-01T00:16:40Z"
    assert LIFE_S == 900
    assert shopper("approve", approval_id, "--yes").code == 3
    assert shopper("deny", approval_id).code == 3


def test_a_hostile_url_steers_no_terminal_and_stays_bounded(shopper: CommandLine) -> None:
    approval_id = put(shopper, HOSTILE, int(time.time()))
    for command in (("approvals",), ("approve", approval_id, "--yes"), ("deny", approval_id)):
        out = shopper(*command).out
        assert "https://a.example/[2Jpaid?xxx" in out
        assert not set("\x1b\u202e") & set(out)
        assert max(map(len, out.splitlines())) < 10_100


def test_what_is_agreed_to_is_shown_whole_and_pushes_no_price_off_the_screen(
    shopper: CommandLine,
) -> None:
    url = "https://a.example/?" + "x" * 8_000 + "&to=attacker"
    lines = shopper(
        "approve", put(shopper, url, int(time.time()), "POST"), "--yes"
    ).out.splitlines()
    request = next(number for number, line in enumerate(lines) if line.endswith(f"POST {url}"))
    below = "\n".join(lines[request + 1 :])
    for told in ("$0.6", "api.example.com", "not shown"):
        assert told in below
    assert len(below) < 1_000


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal")
@pytest.mark.parametrize(("typed", "code", "state"), [("y", 0, "approved"), ("", 1, "pending")])
def test_in_a_terminal_the_terms_are_shown_before_the_question(
    shopper: CommandLine, url: str, typed: str, code: int, state: str
) -> None:
    approval_id = asked(shopper, url)["approval_id"]
    ours, theirs = os.openpty()
    try:
        os.write(ours, f"{typed}\n".encode())
        ran = subprocess.run(
            [sys.executable, "-m", "purser_mcp", "approve", approval_id],
            cwd=ROOT,
            env=os.environ | shopper.env,
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert ran.returncode == code
    assert SELLER in ran.stdout
    assert "Pay $0.01 to 127.0.0.1, once, on exactly these terms? [y/N]" in ran.stderr
    (row,) = shopper("approvals", "--all", "--json").json()["approvals"]
    assert row["state"] == state


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal")
def test_one_interrupt_at_the_question_ends_the_command_and_approves_nothing(
    shopper: CommandLine, url: str
) -> None:
    approval_id = asked(shopper, url)["approval_id"]
    ours, theirs = os.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "purser_mcp", "approve", approval_id],
            cwd=ROOT,
            env=os.environ | shopper.env,
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stderr is not None
            shown = b""
            while b"[y/N]" not in shown and (more := os.read(process.stderr.fileno(), 4_096)):
                shown += more
            process.send_signal(signal.SIGINT)
            try:
                code = process.wait(30)
            finally:
                process.kill()
            rest = process.stderr.read()
    finally:
        os.close(ours)
        os.close(theirs)
    assert (code, rest) == (130, b"")
    (row,) = shopper("approvals", "--json").json()["approvals"]
    assert row["state"] == "pending"
