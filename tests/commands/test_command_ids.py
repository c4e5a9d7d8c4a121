"""The beginning of an id is enough where one thing begins so, and is never a guess."""

from __future__ import annotations

import time

import pytest

from tests.commands.command_line import CommandLine
from tests.ledger.ledger_kit import request
from wallet.approvals import ApprovalRequest, ApprovalState, terms_of
from wallet.ids import purchase_id
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import Delivery
from wallet.money import Usd

SECOND_MS = 1_700_000_000_000


def open_ledger(purser: CommandLine) -> SqliteLedger:
    return SqliteLedger(purser.home / "ledger.sqlite3")


def fetched(purser: CommandLine, at_ms: int) -> str:
    """Record one free fetch, and return its receipt's id."""
    made = purchase_id(at_ms, bytes(10))
    ledger = open_ledger(purser)
    ledger.record_free(
        purchase_id=made,
        key=f"{at_ms:064x}",
        principal="local",
        method="GET",
        url="https://shop.example/",
        host="shop.example",
        now=at_ms // 1000,
        delivery=Delivery(200, "text/plain", 1, "00" * 32),
    )
    ledger.close()
    return made


def asked(purser: CommandLine, approval_id: str, key: str, *, now: int | None = None) -> str:
    """Write a request for approval of this id, for a call of this key."""
    at = int(time.time()) if now is None else now
    hold = request(key, now=at)
    terms = terms_of(hold.key, hold.host, hold.scheme, hold.transfer, hold.headers)
    url = "https://a.example/x"
    wanted = ApprovalRequest(approval_id, terms, "local", "GET", url, Usd(600_000), at)
    ledger = open_ledger(purser)
    ledger.ask_approval(wanted)
    ledger.close()
    return approval_id


def state_of(purser: CommandLine, approval_id: str) -> ApprovalState:
    ledger = open_ledger(purser)
    try:
        found = ledger.get_approval(approval_id)
    finally:
        ledger.close()
    assert found is not None
    return found.state


def test_a_receipt_is_found_by_its_whole_id_or_by_how_it_alone_begins(purser: CommandLine) -> None:
    ids = [fetched(purser, SECOND_MS + 1_000 * number) for number in range(3)]
    assert ids[0][:8] == ids[2][:8]
    for one in ids:
        for text in (one, one[:13].upper()):
            assert purser("receipt", text, "--json").json()["id"] == one
    lone = fetched(purser, SECOND_MS * 2)
    assert purser("receipt", lone[:6], "--json").json()["id"] == lone


def test_of_several_that_begin_so_none_is_chosen_and_each_is_named(purser: CommandLine) -> None:
    ids = [fetched(purser, SECOND_MS + 1_000 * number) for number in range(12)]
    ran = purser("receipt", ids[0][:8])
    assert ran.code == 1
    assert "Several receipts begin so:" in ran.err
    assert f"\n    {ids[-1]}  2023-11-14T22:13:31Z  free\n" in ran.err
    assert [one in ran.err for one in ids] == [False] * 2 + [True] * 10
    assert "and more" in ran.err
    ran = purser("receipt", ids[0][:8], "--json")
    assert ran.json()["error"]["code"] == "invalid_argument"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ffffffff", "There is no receipt with this id"),
        ("no id at all", "There is no receipt with this id"),
        ("%", "its first 6 or more characters, is needed"),
        ("", "its first 6 or more characters, is needed"),
        ("018bc", "its first 6 or more characters, is needed"),
    ],
)
def test_what_begins_no_id_or_too_little_of_one_finds_nothing(
    purser: CommandLine, text: str, told: str
) -> None:
    made = fetched(purser, SECOND_MS)
    assert made.startswith("018bc")
    ran = purser("receipt", text)
    assert (ran.code, told in ran.err) == (1, True)
    assert "receipts` lists them." in ran.err


def test_a_request_is_denied_by_how_it_begins_with_or_without_its_mark(
    purser: CommandLine,
) -> None:
    first = asked(purser, "ap_0199a3f0-aaaa", "first")
    second = asked(purser, "ap_0199a3f1-bbbb", "second")
    ran = purser("deny", "0199a3")
    assert (ran.code, "Several requests begin so:" in ran.err) == (1, True)
    assert first in ran.err
    assert second in ran.err
    assert purser("deny", "ap_019").code == 1
    assert purser("deny", "ap_0199A3f0").code == 0
    assert (state_of(purser, first), state_of(purser, second)) == (
        ApprovalState.DENIED,
        ApprovalState.PENDING,
    )
    # What is over stands in nobody's way.
    assert purser("deny", "0199a3", "--json").json()["id"] == second


def test_a_script_that_is_asked_nothing_gives_the_whole_id(purser: CommandLine) -> None:
    waiting = asked(purser, "ap_0199a3f0-aaaa", "first")
    ran = purser("approve", "0199a3f0", "--yes")
    assert (ran.code, ran.out) == (2, "")
    assert f"the whole id: {waiting}" in ran.err
    assert state_of(purser, waiting) is ApprovalState.PENDING
    assert purser("approve", waiting, "--yes").code == 0
    assert state_of(purser, waiting) is ApprovalState.APPROVED
