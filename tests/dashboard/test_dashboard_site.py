"""The dashboard shows what the ledger has, to nobody but its person, and only shows."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from server.dashboard import receipt_pages
from server.dashboard.site import dashboard_routes, watch_of
from tests.dashboard.dashboard_site import (
    NOW,
    Site,
    ask_approval,
    buy,
    purchase,
    site,
    wallet,
)
from tests.ledger.ledger_kit import put_unknown
from wallet.ledger.sqlite import SqliteLedger
from wallet.model import SellerWord, SellerWords

HOSTILE = "=cmd|'/c calc'!A1\"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e"


def ledger_of(home: Path) -> SqliteLedger:
    home.mkdir(mode=0o700, exist_ok=True)
    return SqliteLedger(home / "ledger.sqlite3", clock=lambda: NOW)


def fill(home: Path, count: int = 3) -> list[str]:
    """Buy so many pages, a minute apart; return the ids, newest first."""
    ledger = ledger_of(home)
    made = [
        buy(ledger, purchase(f"host{number % 3}.example", 10_000, NOW - 60 * number)).id
        for number in range(count)
    ]
    ledger.close()
    return made


@pytest_asyncio.fixture
async def watched(tmp_path: Path) -> AsyncGenerator[Site]:
    """Serve the pages of a wallet that has bought three."""
    fill(tmp_path / "home")
    async with site(tmp_path / "home") as served:
        yield served


@pytest.mark.asyncio
async def test_no_page_is_there_without_the_link(watched: Site) -> None:
    watched.client.cookies.clear()
    for path in ("/", "/receipts", "/receipts.csv", "/changes", "/balances"):
        assert "host0.example" not in await watched.get(path, 403)
        assert (await watched.client.get(path)).status_code == 403


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1:1"}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
    ],
)
async def test_nothing_is_shown_to_another_site(
    watched: Site, headers: dict[str, str], status: int
) -> None:
    answer = await watched.client.get(watched.root + "/", headers=headers)
    assert answer.status_code == status
    assert "host0.example" not in answer.text


@pytest.mark.asyncio
async def test_every_route_only_reads(tmp_path: Path) -> None:
    async with wallet(tmp_path / "home") as wired:
        routes = dashboard_routes(wired, watch_of(wired))
    assert {method for route in routes for method in route.methods or ()} == {"GET", "HEAD"}
    assert len(routes) == 7


@pytest.mark.asyncio
async def test_the_overview_shows_limits_spending_and_what_is_open(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path / "home")
    buy(ledger, purchase("api.example.com", 400_000, NOW - 60))
    put_unknown(ledger, purchase("lost.example", 50_000, NOW - 30))
    asked = ask_approval(ledger, 300_000)
    ledger.close()
    async with site(tmp_path / "home") as served:
        shown = re.sub(r"<[^>]+>", " ", await served.get("/"))
        text = re.sub(r"\s+", " ", html.unescape(shown))
        page = await served.get("/")
    assert "$2.05 left of $2.50" in text
    assert "$0.40 spent, $0.05 held" in text
    assert "api.example.com $0.40 of $1.00" in text
    assert "2026-11-21 17:59 $0.05 unknown lost.example 2026-11-21 18:01" in text
    assert f"approve {asked}" in text
    assert "POST https://reports.example.com/annual?year=2026" in text
    assert not re.search(r"<form|<button|<input", page)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("asked", "days"), [("7", 7), ("90", 90), ("", 30), ("36500", 30), ("-1", 30), ("x", 30)]
)
async def test_spending_is_shown_over_one_of_three_times(
    watched: Site, asked: str, days: int
) -> None:
    page = await watched.get(f"/?days={asked}")
    assert f"held over {days} days" in page


@pytest.mark.asyncio
async def test_what_a_seller_wrote_is_only_text_and_has_an_end(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path / "home")
    wanted = purchase(HOSTILE, 10_000, NOW - 60, url=f"https://x.example/{HOSTILE * 90}")
    made = buy(ledger, wanted)
    ledger.keep_words(
        made.id,
        SellerWords(offer=SellerWord('{"a": "</pre><script>\\u202e\u202e"}', ("kept",))),
    )
    put_unknown(ledger, purchase(HOSTILE, 10_000, NOW - 30, key="other"))
    ledger.close()
    async with site(tmp_path / "home") as served:
        for path in ("/", "/receipts", f"/receipts/{made.id}"):
            page = await served.get(path)
            assert "script&gt;" in page
            assert not re.search(r"<script(?! src=\"/static/)|<img(?! src=\"/static/)", page)
            assert "\u202e" not in page
            assert len(page) < 60_000
        rows = list(csv.reader(io.StringIO(await served.get("/receipts.csv"))))
        hosts = [row[rows[0].index("host")] for row in rows[1:]]
        assert [host[:2] for host in hosts] == ["'=", "'="]
        assert (
            HOSTILE
            in (await served.client.get(served.root + "/receipts.json")).json()["receipts"][1][
                "resource"
            ]
        )


@pytest.mark.asyncio
async def test_receipts_are_paged_through_without_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt_pages, "PAGE_ROWS", 4)
    made = fill(tmp_path / "home", 12)
    async with site(tmp_path / "home") as served:
        seen: list[str] = []
        path: str | None = "/receipts"
        while path is not None:
            page = await served.get(path)
            seen += re.findall(r"/receipts/([0-9a-f-]{36})\"", page)
            older = re.search(r'href="([^"]+)"[^>]*>Older', page)
            path = None if older is None else html.unescape(older[1]).removeprefix(served.root)
    assert seen == made


@pytest.mark.asyncio
async def test_receipts_are_found_by_host_status_text_and_day(tmp_path: Path) -> None:
    fill(tmp_path / "home")
    ledger = ledger_of(tmp_path / "home")
    put_unknown(ledger, purchase("lost.example", 50_000, NOW - 5 * 86_400, key="lost"))
    ledger.close()
    async with site(tmp_path / "home") as served:

        async def hosts(query: str) -> set[str]:
            return set(re.findall(r'class="host">([^<]+)<', await served.get(f"/receipts?{query}")))

        every = {"host0.example", "host1.example", "host2.example", "lost.example"}
        assert await hosts("") == await hosts("host=&status=&text=&since=&until=") == every
        assert await hosts("host=HOST1.example") == {"host1.example"}
        assert await hosts("status=unknown") == {"lost.example"}
        assert await hosts("text=HOST2") == {"host2.example"}
        assert await hosts("since=2026-11-21") == every - {"lost.example"}
        assert await hosts("until=2026-11-16") == {"lost.example"}
        assert await hosts("status=void") == set()
        rows = (await served.get("/receipts.csv?status=unknown")).splitlines()
        assert len(rows) == 2


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "query", ["status=all", "since=yesterday", "until=2026-99-99", "until=9999-12-31"]
)
async def test_a_search_that_makes_no_sense_says_so(watched: Site, query: str) -> None:
    for path in ("/receipts", "/receipts.csv", "/receipts.json"):
        assert "makes no sense" in await watched.get(f"{path}?{query}", 400)


@pytest.mark.asyncio
async def test_a_receipt_has_a_page_of_its_own_with_its_evidence(tmp_path: Path) -> None:
    (made,) = fill(tmp_path / "home", 1)
    async with site(tmp_path / "home") as served:
        page = await served.get(f"/receipts/{made}")
        assert "verified on the chain" in page
        assert re.search(r'href="https://[^"]+/tx/0x[0-9a-f]{64}" rel="noreferrer"', page)
        assert "No such receipt" in await served.get("/receipts/none", 404)


@pytest.mark.asyncio
async def test_a_chain_that_cannot_be_read_is_unknown_and_never_nothing(watched: Site) -> None:
    page = await watched.get("/balances")
    assert re.findall(r'data-label="balance">([^<]+)<', page) == ["41.25", "unknown"]
    await watched.get("/balances")
    chains = watched.wired.toolbox.chain
    assert getattr(chains, "asked") == 1  # noqa: B009 -- of the stand-in


@pytest.mark.asyncio
async def test_a_ledger_that_cannot_be_read_is_told_as_that(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "ledger.sqlite3").write_bytes(b"no ledger at all" * 100)
    async with site(home) as served:
        for path in ("/", "/receipts", "/receipts/x", "/receipts.csv"):
            assert "ledger cannot be read" in await served.get(path, 503)


@pytest.mark.asyncio
async def test_a_wallet_that_has_bought_nothing_has_pages_too(tmp_path: Path) -> None:
    async with site(tmp_path / "home") as served:
        page = await served.get("/")
        assert "left of $2.50" in page
        assert "Nothing was bought." in page
        assert "Nothing here." in await served.get("/receipts")
