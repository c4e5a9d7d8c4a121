"""`purser channels` and `purser channel`: what is held where, and how it comes back."""

from __future__ import annotations

import pytest

from sandbox.run import Sandbox
from tests.commands.command_line import CommandLine

PAGE = "/batch/page/1"


@pytest.fixture
def reader(shopper: CommandLine, sandbox: Sandbox) -> CommandLine:
    """Return a command line whose wallet may use channels and has bought nothing."""
    shopper.env["PURSER_WALLET__SCHEMES"] = '["exact", "batch-settlement"]'
    shopper.env["PURSER_PRIVATE_KEY"], _ = sandbox.open_account(1_000_000)
    return shopper


def test_without_channels_there_is_nothing_to_list(reader: CommandLine) -> None:
    ran = reader("channels")
    assert (ran.code, ran.out) == (0, "No channel is open.\n")
    assert reader("channels", "--json").json() == {"channels": []}


def test_a_channel_is_listed_refunded_and_still_held(reader: CommandLine, sandbox: Sandbox) -> None:
    assert reader("fetch", f"{sandbox.seller_url}{PAGE}").code == 0
    (row,) = reader("channels", "--json").json()["channels"]
    assert (row["state"], row["evidence"]) == ("open", "verified")
    assert (row["deposited"], row["charged"]) == ("0.01", "0.0001")
    sums = {"deposited_usd": "0.01", "spent_usd": "0.0001", "left_usd": "0.0099"}
    assert {name: row[name] for name in sums} == sums
    shown = reader("channels").out
    assert row["id"] in shown
    assert "deposited $0.01 (verified), spent $0.0001, left $0.0099" in shown
    assert "asks a seller for the rest" in shown

    asked = reader("channel", "refund", row["id"], "--json").json()
    assert asked["state"] == "closing"
    assert asked["left_usd"] == "0.0099"
    again = reader("channel", "refund", row["id"])
    assert again.code == 0
    assert "a refund was asked for" in again.out
    assert "asks a seller for the rest" not in reader("channels").out


def test_the_balance_sums_channels_up(reader: CommandLine, sandbox: Sandbox) -> None:
    assert reader("fetch", f"{sandbox.seller_url}{PAGE}").code == 0
    data = reader("balance", "--json").json()
    sums = {"deposited_usd": "0.01", "spent_usd": "0.0001", "left_usd": "0.0099"}
    assert data["channels"] == {"open": 1} | sums
    assert data["limits"][0]["held_usd"] == "0.0099"
    told = "Payment channels: 1, deposited $0.01, spent $0.0001, left $0.0099."
    assert told in reader("balance").out
    assert "  in channels            $0.0099\n" in reader("report").out


def test_a_withdrawal_shows_both_transactions_and_sends_none(
    reader: CommandLine, sandbox: Sandbox
) -> None:
    assert reader("fetch", f"{sandbox.seller_url}{PAGE}").code == 0
    (row,) = reader("channels", "--json").json()["channels"]
    for text in (row["id"][:8], row["id"][2:8].upper()):
        assert reader("channel", "withdraw", text, "--json").code == 0
    steps = reader("channel", "withdraw", row["id"], "--json").json()
    assert steps["amount_atomic"] == 9_900
    assert steps["delay_s"] == 900
    assert steps["first"].startswith("0xcf5cf3dc")
    assert steps["second"].startswith("0xe88377b1")
    shown = reader("channel", "withdraw", row["id"]).out
    assert steps["first"] in shown.replace("\n", "").replace(" ", "")
    assert reader("fetch", f"{sandbox.seller_url}/batch/page/2").code != 0


def test_an_unknown_channel_is_named_as_such(reader: CommandLine) -> None:
    ran = reader("channel", "refund", "0x" + "00" * 32)
    assert ran.code != 0
    assert "There is no channel with this id" in ran.err
    assert reader("channel", "burn", "0x00").code == 2
