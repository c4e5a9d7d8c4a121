"""`purser fetch` with many URLs: one table, one total, files of their own, honest exit codes."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import pytest

from sandbox.picture import ship_png
from sandbox.run import Sandbox
from server.commands.fetch_summary import object_of, print_told
from server.commands.progress import WAITING
from server.commands.screen import screen_lines
from tests.commands.command_line import CommandLine
from tools.bounds import FETCHED_URLS
from tools.many.outcome import Outcome, Page, Stopped
from wallet.errors import ErrorKind, PurserError


@pytest.fixture
def paid(sandbox: Sandbox) -> list[str]:
    """Return the payment headers that the seller sees from now on."""
    sandbox.seen_payment_headers.clear()
    return sandbox.seen_payment_headers


def outputs(data: dict[str, Any]) -> list[str | None]:
    return [None if page["output"] is None else Path(page["output"]).name for page in data["pages"]]


def test_each_content_is_in_a_file_and_the_table_says_which(
    shopper: CommandLine, sandbox: Sandbox, tmp_path: Path, paid: list[str]
) -> None:
    at, folder = sandbox.seller_url, tmp_path / "pages"
    pages = (f"{at}/free", f"{at}/image.png", f"{at}/no-such-page", f"{at}/free")
    ran = shopper("fetch", *pages, "--output-dir", str(folder))
    assert ran.code == 1
    rows = [line.split() for line in ran.out.splitlines()]
    assert rows[0] == ["PAGE", "PRICE", "RECEIPT", "FILE", "OR", "URL"]
    assert [(row[1], row[-1]) for row in rows[1:]] == [
        ("free", str(folder / "free.html")),
        ("$0.005", str(folder / "image.png")),
        ("free,", f"{at}/no-such-page"),
        ("as", f"{at}/free"),
    ]
    assert rows[3][2:4] == ["HTTP", "404"]
    assert "Answered HTTP 404: 3.\n" in ran.err
    assert ran.err.splitlines()[-1] == (
        "[Purser: 1 page bought; $0.005 spent now; free: 1; failed: 1; "
        "duplicates, fetched once: 1; $4.995 left today]"
    )
    assert (folder / "image.png").read_bytes() == ship_png()
    assert len(list(folder.iterdir())) == 2
    assert len(paid) == 1


def test_the_same_command_again_buys_and_writes_nothing_twice(
    shopper: CommandLine, sandbox: Sandbox, tmp_path: Path, paid: list[str]
) -> None:
    folder = tmp_path / "pages"
    urls = [f"{sandbox.seller_url}/api/weather?{number}" for number in range(3)]
    lines = "\n".join(["# weather", "", *urls[1:], ""])
    arguments = (urls[0], "--from", "-", "--output-dir", str(folder), "--json")
    first, again = (shopper("fetch", *arguments, stdin=lines) for _ in range(2))
    assert (first.code, again.code) == (0, 0)
    one, two = first.json(), again.json()
    assert outputs(one) == outputs(two) == ["weather_0.json", "weather_1.json", "weather_2.json"]
    assert (one["spent_usd"], two["spent_usd"]) == ("0.0003", "0.00")
    assert (one["counts"]["bought"], two["counts"]["earlier"]) == (3, 3)
    assert [page["reused"] for page in two["pages"]] == [True] * 3
    assert sorted(path.name for path in folder.iterdir()) == sorted(filter(None, outputs(one)))
    assert len(paid) == 3


def test_a_total_is_spent_to_the_cent_and_the_rest_refused_with_3(
    shopper: CommandLine, sandbox: Sandbox, paid: list[str]
) -> None:
    urls = [f"{sandbox.seller_url}/api/weather?total={number}" for number in range(4)]
    ran = shopper("fetch", *urls, "--max-total-usd", "0.0002", "--json")
    data = ran.json()
    assert (ran.code, data["spent_usd"], data["unclear_usd"]) == (3, "0.0002", "0.00")
    errors = [None if page["error"] is None else page["error"]["code"] for page in data["pages"]]
    assert errors == [None, None, "over_max_total", "over_max_total"]
    assert [page["number"] for page in data["pages"]] == [1, 2, 3, 4]
    assert len(paid) == 2
    told = shopper("fetch", *urls, "--max-total-usd", "0.0002").err
    assert "what is left of --max-total-usd (over_max_total): 3-4." in told
    assert "Raise --max-total-usd if the rest is worth it." in told


def test_the_pages_beyond_the_payments_of_a_minute_are_waited_for(
    shopper: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PURSER_BUDGET__PAYMENTS_PER_MINUTE", "2")
    monkeypatch.setattr("wallet.ledger.reserve._RATE_WINDOW_S", 1)
    monkeypatch.setattr("server.commands.fetch_batch.RATE_PAUSE_S", 0.2)
    urls = [f"{sandbox.seller_url}/api/weather?minute={number}" for number in range(5)]
    ran = shopper("fetch", *urls, "--json")
    assert (ran.code, ran.json()["counts"]["bought"]) == (0, 5)
    assert ran.err.splitlines().count(WAITING) == 1


def test_a_limit_for_each_page_refuses_the_dear_one_alone(
    shopper: CommandLine, sandbox: Sandbox
) -> None:
    urls = [f"{sandbox.seller_url}/article", f"{sandbox.seller_url}/api/weather"]
    ran = shopper("fetch", *urls, "--max-price-usd", "0.001")
    assert ran.code == 3
    assert [line.split()[1] for line in ran.out.splitlines()] == [
        "PRICE",
        "over_max_price",
        "$0.0001",
    ]
    receipt_id = ran.out.splitlines()[2].split()[2]
    assert "receipt ID --content` shows what came, for nothing." in ran.err
    content = shopper("receipt", receipt_id, "--content")
    assert (content.code, content.out[:26]) == (0, '{"harbour":"Port Ellery","')


def test_what_came_is_written_in_the_format_that_was_asked_for(
    shopper: CommandLine, sandbox: Sandbox, tmp_path: Path
) -> None:
    at, folder = sandbox.seller_url, tmp_path / "pages"
    pages = (f"{at}/free", f"{at}/shelf/ships.json")
    ran = shopper("fetch", *pages, "--output-dir", str(folder), "--format", "auto")
    assert ran.code == 0
    assert (folder / "free.md").read_text(encoding="utf-8").startswith("# Tide Tables")
    assert (folder / "ships.json").read_bytes().startswith(b"[")


def test_a_file_that_cannot_be_written_fails_and_the_content_is_stored(
    shopper: CommandLine, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("server.commands.folder.Folder.add", full)
    urls = [f"{sandbox.seller_url}/api/weather"]
    ran = shopper("fetch", *urls, "--output-dir", str(tmp_path / "pages"), "--json")
    (page,) = ran.json()["pages"]
    assert ran.code == 1
    assert (page["output"], page["output_problem"]) == (None, "No space left on device")
    assert shopper("receipt", page["receipt"]["id"], "--content").out.startswith('{"harbour"')


@pytest.mark.parametrize(
    ("columns", "lines_each", "to_files"),
    [(120, 1, False), (80, 2, False), (80, 2, True), (50, 3, False)],
)
def test_a_narrow_screen_gets_ids_whole_and_urls_on_lines_of_their_own(
    columns: int, lines_each: int, to_files: bool
) -> None:
    long = "https://shop.example/" + "x" * 100
    rows = [
        (["page", "price"], "receipt", "url"),
        (["1", "free, HTTP 404"], "0" * 36, long),
        (["2", "$0.01"], "1" * 36, "https://shop.example/short"),
    ]
    lines = screen_lines(rows, columns, whole=to_files)
    assert len(lines) == 3 * lines_each
    assert sum("0" * 36 in line for line in lines) == 1
    shown = lines[2 * lines_each - 1]
    assert (long in shown, shown.endswith("…")) == (to_files, not to_files)
    if not to_files:
        assert max(map(len, lines)) == columns
    if lines_each == 2:
        assert lines[-1] == "  https://shop.example/short"


def test_what_was_left_has_no_row_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pages = [Page(number, f"{URL}{number}") for number in range(2, 5)]
    refused = PurserError(ErrorKind.TIMEOUT, "It took too long.")
    outcome = Outcome(
        (Page(1, URL, error=refused), *pages, Page(5, pages[0].url, same_as=2)), Stopped.ASKED, None
    )
    args = argparse.Namespace(output_dir=None, max_total_usd=None)
    print_told(outcome, {}, args, 60)
    told = capsys.readouterr()
    assert [line.split()[0] for line in told.out.splitlines()] == ["PAGE", "1"]
    assert "Not fetched, because it was stopped: 2-4." in told.err
    data = object_of(outcome, {})
    assert len(data["pages"]) == 5
    print_told(Outcome(tuple(pages), Stopped.ASKED, None), {}, args, 60)
    assert capsys.readouterr().out == ""


URL = "https://shop.example/a"
WRONG = {
    "no scheme in a list": (
        ("--from", "-"),
        "a.example/x",
        "line 1: the URL has no scheme; did you",
    ),
    "no scheme": ((URL, "b.example"), "", "URL 2: the URL has no scheme; did you mean https://b"),
    "empty list": (("--from", "-"), "# nothing\n\n", "--from: standard input has no URLs"),
    "too many": (("--from", "-"), f"{URL}\n" * (FETCHED_URLS + 1), "there are 1,001 URLs"),
    "too long": (("--from", "-"), URL + "a" * 4_096, "line 1: the URL is too long"),
    "endless list": (("--from", "-"), "\n" * 8_000_001, "longer than 8,000,000 bytes"),
    "no file": (("--from", "no\x1b-file"), "", "--from: no-file cannot be read: No such"),
    "empty file": (("--from", os.devnull), "", f"--from: {os.devnull} has no URLs"),
    "blanks": (("--from", "-"), "not a url", "line 1: 'not a url' is no URL, such as"),
    "nothing": ((URL, ""), "", "URL 2: '' is no URL, such as"),
    "header": ((URL, URL + "b", "--header", "Authorization: x"), "", "every host in the list"),
    "body": ((URL, URL + "b", "--body", ""), "", "--body goes with one URL"),
    "method": ((URL, URL + "b", "--method", "PUT"), "", "--method goes with one URL"),
    "pay again": ((URL, URL + "b", "--pay-again"), "", "--pay-again goes with one URL"),
    "output": ((URL, URL + "b", "--output", "x"), "", "--output-dir DIR takes the files"),
    "force": ((URL, "--force", "--output-dir", "x"), "", "--force goes with --output;"),
    "format": ((URL, URL + "b", "--format", "raw"), "", "--format goes with one URL"),
    "concurrency": ((URL, "--concurrency", "17"), "", "a number from 1 to 16"),
    "folder": ((URL, "--output-dir", "no/such"), "", "--output-dir cannot be used: "),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_makes_no_sense_with_many_is_wrong_usage(purser: CommandLine, case: str) -> None:
    arguments, stdin, told = WRONG[case]
    ran = purser("fetch", *arguments, stdin=stdin)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert not purser.home.exists()


def test_a_file_is_overwritten_only_with_force_and_that_is_known_before_anything_is_paid(
    shopper: CommandLine, sandbox: Sandbox, tmp_path: Path, paid: list[str]
) -> None:
    target = tmp_path / "page"
    target.write_text("mine", encoding="utf-8")
    arguments = ("fetch", sandbox.seller_url + "/api/weather", "--output", str(target))
    ran = shopper(*arguments)
    assert (ran.code, paid, target.read_text(encoding="utf-8")) == (2, [], "mine")
    assert "--force overwrites it" in ran.err
    assert shopper(*arguments, "--force").code == 0
    assert target.read_bytes().startswith(b'{"harbour"')


def test_stored_content_goes_to_a_file_and_nothing_stored_is_said(
    shopper: CommandLine, sandbox: Sandbox, tmp_path: Path, paid: list[str]
) -> None:
    data = shopper("fetch", sandbox.seller_url + "/image.png", "--json").json()
    target = tmp_path / "ship.png"
    arguments = ("receipt", data["receipt"]["id"][:13], "--content", "--output", str(target))
    assert shopper(*arguments).code == 0
    assert target.read_bytes() == ship_png()
    assert shopper(*arguments).code == 2
    assert shopper("receipt", "01234567", "--output", str(target)).code == 2
    assert shopper("receipt", "01234567", "--content").code == 1
    assert len(paid) == 1
