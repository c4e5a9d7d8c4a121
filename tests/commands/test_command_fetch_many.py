"""`purser fetch` with many URLs: one table, one total, files of their own, honest exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.picture import ship_png
from sandbox.run import Sandbox
from server.commands.progress import WAITING
from tests.commands.command_line import CommandLine
from tools.bounds import FETCHED_URLS


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


URL = "https://shop.example/a"
WRONG = {
    "no scheme in a list": (
        ("--from", "-"),
        "a.example/x",
        "line 1: the URL has no scheme; did you",
    ),
    "no scheme": ((URL, "b.example"), "", "URL 2: the URL has no scheme; did you mean https://b"),
    "empty list": (("--from", "-"), "# nothing\n\n", "there are 0 URLs"),
    "too many": (("--from", "-"), f"{URL}\n" * (FETCHED_URLS + 1), "there are 1,001 URLs"),
    "too long": (("--from", "-"), URL + "a" * 4_096, "line 1: the URL is too long"),
    "endless list": (("--from", "-"), "\n" * 8_000_001, "longer than 8,000,000 bytes"),
    "no file": (("--from", "no-such-file"), "", "--from: the file cannot be read"),
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
