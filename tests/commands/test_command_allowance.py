"""`purser allowance` tells what Permit2 may take, and a transaction that really changes it."""

from __future__ import annotations

import pytest

from sandbox.run import Sandbox
from tests.commands.command_line import CommandLine


def test_the_transaction_that_is_shown_sets_the_allowance_that_is_read(
    shopper: CommandLine, sandbox: Sandbox
) -> None:
    key, address = sandbox.open_account(0)
    sandbox.give_gas(key)
    shopper.env["PURSER_PRIVATE_KEY"] = key
    before = shopper("allowance", "--set", "1.25", "--json").json()
    assert before["address"].lower() == address.lower()
    (row,) = [one for one in before["allowances"] if one["asset"] == "USDC"]
    assert (row["allowed"], row["reason"]) == ("0", None)
    sent = row["transaction"]
    call = bytes.fromhex(sent["data"].removeprefix("0x"))
    sandbox.chain.transact(key, sent["to"], call)
    assert "Permit2 may take at most 1.25 USDC" in shopper("allowance").out


def test_the_transaction_is_shown_whole_and_not_sent(shopper: CommandLine) -> None:
    data = shopper("allowance", "--set", "2", "--json").json()["allowances"][0]["transaction"]
    shown = shopper("allowance", "--set", "2").out
    assert data["data"] in shown.replace("\n", "").replace(" ", "")
    assert "Purser does not send it" in shown


def test_an_allowance_that_cannot_be_read_is_not_shown_as_zero(shopper: CommandLine) -> None:
    shopper.env["PURSER_NETWORK__EIP155:84532__RPC_URLS"] = '["http://127.0.0.1:9"]'
    ran = shopper("allowance", "--json")
    rows = ran.json()["allowances"]
    assert (ran.code, {one["allowed"] for one in rows}) == (1, {None})
    assert all(one["reason"] for one in rows)
    ran = shopper("allowance")
    assert (ran.code, ran.out) == (1, "")
    assert "How much USDC on Base Sepolia Permit2 may take from 0x" in ran.err
    assert "is not known: eip155:84532 cannot be read" in ran.err


@pytest.mark.parametrize("amount", ["-1", "much", "1e3", ""])
def test_an_amount_that_is_none_is_refused(shopper: CommandLine, amount: str) -> None:
    assert shopper("allowance", f"--set={amount}").code == 2
