"""The beginning or end of an id is enough where it fits one thing, and is never a guess."""

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


def fetched(
    purser: CommandLine,
    at_ms: int,
    entropy: bytes = bytes(10),
    url: str = "https://shop.example/",
) -> str:
    """Record one free fetch, and return its receipt's id."""
    made = purchase_id(at_ms, entropy)
    ledger = open_ledger(purser)
    ledger.record_free(
        purchase_id=made,
        key=f"{at_ms:044x}{entropy.hex()}",
        principal="local",
        method="GET",
        url=url,
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
    assert "Several receipts begin or end so:" in ran.err
    named = f"\n    {ids[-1]}  2023-11-14T22:13:31Z  free  GET https://shop.example/\n"
    assert named in ran.err
    assert [one in ran.err for one in ids] == [False] * 2 + [True] * 10
    assert "and more" in ran.err
    ran = purser("receipt", ids[0][:8], "--json")
    assert ran.json()["error"]["code"] == "invalid_argument"


def test_a_receipt_is_found_by_how_it_alone_ends(purser: CommandLine) -> None:
    ids = [fetched(purser, SECOND_MS, bytes(9) + bytes([number])) for number in range(3)]
    fetched(purser, SECOND_MS + 1, b"\xff" * 10, f"https://shop.example/?{ids[1][-12:]}")
    for one in ids:
        assert purser("receipt", one[-6:].upper(), "--json").json()["id"] == one
    assert purser("receipt", ids[0][-5:]).code == 1


def test_what_begins_one_id_and_ends_another_is_ambiguous(purser: CommandLine) -> None:
    begin = fetched(purser, SECOND_MS)
    url = "https://shop.example/\x1b[2J\u202e" + "x" * 100
    end = fetched(purser, SECOND_MS * 2, bytes(7) + bytes.fromhex(begin[:6]), url)
    assert begin[:6] == end[-6:]
    ran = purser("receipt", begin[:6])
    assert ran.code == 1
    assert f"    {begin}  " in ran.err
    (line,) = [one for one in ran.err.splitlines() if end in one]
    request = line.partition("GET ")[2]
    assert request.startswith("https://shop.example/[2Jxxx")
    assert request.endswith("...")
    assert len("GET " + request) == 60


def test_ids_that_end_so_are_found_on_every_page_of_the_books(
    purser: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.commands.ids._AT_ONCE", 2)
    monkeypatch.setattr("server.commands.ids.MOST_NAMED", 1)
    wanted = fetched(purser, SECOND_MS, b"\xab" * 10)
    for number in range(1, 5):
        fetched(purser, SECOND_MS + number, url=f"https://shop.example/{wanted[-8:]}")
    assert purser("receipt", wanted[-8:], "--json").json()["id"] == wanted


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ffffffff", "There is no receipt with this id"),
        ("no id at all", "There is no receipt with this id"),
        ("%", "its first or last 6 or more characters, is needed"),
        ("", "its first or last 6 or more characters, is needed"),
        ("018bc", "its first or last 6 or more characters, is needed"),
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
    assert (ran.code, "Several requests begin or end so:" in ran.err) == (1, True)
    assert f"{first}  " in ran.err
    assert "  $0.60  GET https://a.example/x\n" in ran.err
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
    assert purser("approve", "f0-aaaa", "--yes").code == 2
    assert purser("approve", waiting, "--yes").code == 0
    assert state_of(purser, waiting) is ApprovalState.APPROVED
