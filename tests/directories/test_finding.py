"""Finding services: what comes of honest directories, bought from and judged by a real wallet."""

from __future__ import annotations

import base64
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from sandbox.directory import LISTED, declaration
from sandbox.hostile.directories import listing, offer
from sandbox.run import NETWORK, SELLER, Sandbox
from sandbox.wares import BY_PATH, SHOP
from tests.directories.finding_kit import open_finder
from tests.web.loopback import Reply, Seen, serve
from tools.directories.asking import Source
from wallet.money import Usd

FIELDS = [
    *("url", "method", "price_usd", "price_reason", "stated_price", "rail", "scheme", "network"),
    *("asset", "payable", "refusal", "reason", "pay_to", "paid_before", "quality", "listed_in"),
    "untrusted",
]


def bazaar(sandbox: Sandbox) -> Source:
    return Source("bazaar", f"{sandbox.seller_url}/directory")


@pytest.mark.asyncio
async def test_a_service_is_found_with_its_price_and_how_to_call_it(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with open_finder(tmp_path, sandbox, bazaar(sandbox)) as finder:
        found = await finder.find("weather forecast")
        signatures = finder.desk.signatures
    assert list(found) == ["services", "matches", "answered", "notes"]
    first = found["services"][0]
    assert list(first) == FIELDS
    assert first | {"untrusted": None} == {
        "url": f"{sandbox.seller_url}/api/weather",
        "method": "GET",
        "price_usd": "0.0001",
        "price_reason": None,
        "stated_price": None,
        "rail": "x402",
        "scheme": "exact",
        "network": NETWORK,
        "asset": "USDC",
        "payable": True,
        "refusal": None,
        "reason": "would pay $0.0001",
        "pay_to": SELLER,
        "paid_before": {"host": 0, "payee": 0},
        "quality": {
            "unique_payers_30d": 15,
            "calls_30d": 42,
            "last_called_at": "2026-11-21T08:00:00Z",
        },
        "listed_in": [sandbox.seller_url.removeprefix("http://")],
        "untrusted": None,
    }
    assert first["untrusted"]["name"] == "Harbour weather"
    assert found["notes"] == []
    assert signatures == 0


@pytest.mark.asyncio
async def test_how_a_post_is_called_is_shown_within_the_mark(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with open_finder(tmp_path, sandbox, bazaar(sandbox)) as finder:
        (row,) = (await finder.find("summary clerk", limit=1))["services"]
    assert row["method"] == "POST"
    body = BY_PATH["/api/summarise"].body
    assert body
    assert row["untrusted"]["input"]["body"] == dict(body)


@pytest.mark.asyncio
async def test_what_was_bought_before_is_counted_by_host_and_payee(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with open_finder(tmp_path, sandbox, bazaar(sandbox)) as finder:
        await finder.desk.buy(f"{sandbox.seller_url}/api/weather")
        found = await finder.find("weather essay")
    rows = {row["url"].rpartition("/")[2]: row["paid_before"] for row in found["services"]}
    assert rows["weather"] == rows["article"] == {"host": 1, "payee": 1}


@pytest.mark.asyncio
async def test_limits_decide_what_is_payable_and_say_why_not(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    source = bazaar(sandbox)
    async with open_finder(tmp_path, sandbox, source, rules={"per_day": Usd(5_000)}) as finder:
        rows = (await finder.find("essay chart weather"))["services"]
    verdicts = {row["url"].rpartition("/")[2]: (row["payable"], row["refusal"]) for row in rows}
    assert verdicts["weather"] == (True, None)
    assert verdicts["article"] == (False, "over_day_budget")
    assert verdicts["dear"] == (False, "over_payment_cap")


@pytest.mark.asyncio
async def test_a_network_that_is_not_enabled_is_found_and_not_payable(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    source, rules = bazaar(sandbox), {"networks": ("eip155:8453",)}
    async with open_finder(tmp_path, sandbox, source, rules=rules) as finder:
        row = (await finder.find("weather"))["services"][0]
        nothing = await finder.find("weather", network="eip155:8453")
    assert (row["payable"], row["refusal"]) == (False, "unsupported_network")
    assert row["price_usd"] == "0.0001"
    assert nothing["services"] == []


@pytest.mark.asyncio
async def test_what_is_known_to_cost_more_is_left_out(tmp_path: Path, sandbox: Sandbox) -> None:
    sources = (bazaar(sandbox), Source("site", sandbox.seller_url))
    async with open_finder(tmp_path, sandbox, *sources) as finder:
        rows = (await finder.find("essay chart weather picture", max_price="0.01"))["services"]
    prices = {row["url"].rpartition("/")[2]: row["price_usd"] for row in rows}
    assert prices["weather"] == "0.0001"
    assert prices["article"] == "0.01"
    assert "dear" not in prices or prices["dear"] is None


@pytest.mark.asyncio
async def test_a_site_s_own_words_and_a_bazaar_s_become_one_service(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    sources = (Source("site", sandbox.seller_url), bazaar(sandbox))
    async with open_finder(tmp_path, sandbox, *sources) as finder:
        rows = (await finder.find("weather"))["services"]
        alone = await finder.find("breaks after it is paid")
    urls = [row["url"] for row in rows]
    assert len(urls) == len(set(urls))
    (weather,) = (row for row in rows if row["url"].endswith("/weather"))
    assert weather["price_usd"] == "0.0001"
    (fails,) = (row for row in alone["services"] if row["url"].endswith("/fails"))
    assert (fails["price_usd"], fails["stated_price"]) == (None, "0.01 USD")
    assert fails["payable"] is None
    assert "only stated" in fails["price_reason"]


@pytest.mark.asyncio
async def test_a_catalog_s_services_are_judged_by_chain_and_method(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    source = Source("mpp", f"{sandbox.seller_url}/directory/services")
    async with open_finder(tmp_path, sandbox, source) as finder:
        rows = {row["url"]: row for row in (await finder.find("tide tables"))["services"]}
    day = rows["https://tides.example.com/v1/tides/:harbour"]
    year = rows["https://tides.example.com/v1/year"]
    assert (day["rail"], day["price_usd"], day["payable"]) == ("mpp", "0.03", True)
    assert (year["price_usd"], year["stated_price"]) == (None, "0.0005 pathUSD")
    assert year["payable"] is False
    assert "Tempo" in year["price_reason"]


@pytest.mark.asyncio
async def test_the_same_search_is_answered_from_disk_until_it_is_old(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with open_finder(tmp_path, sandbox, bazaar(sandbox)) as finder:
        first = await finder.find("weather")
        assert len(finder.web.asked) == 1
        assert await finder.find("weather") == first
        assert len(finder.web.asked) == 1
        finder.now.s += 3600
        assert await finder.find("weather") == first
        assert len(finder.web.asked) == 2
        await finder.find("weather", refresh=True)
        assert len(finder.web.asked) == 3


@pytest.mark.asyncio
async def test_an_old_copy_is_confirmed_by_its_tag_and_not_sent_again(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async def reply(seen: Seen, writer: Any) -> None:
        body = json.dumps({"resources": []}).encode()
        if seen.header("if-none-match") == '"one"':
            writer.write(b'HTTP/1.1 304 Not Modified\r\netag: "one"\r\n\r\n')
        else:
            head = f'HTTP/1.1 200 OK\r\netag: "one"\r\ncontent-length: {len(body)}\r\n\r\n'
            writer.write(head.encode() + body)

    async with serve(reply) as site:
        async with open_finder(tmp_path, sandbox, Source("bazaar", site.url(""))) as finder:
            for _ in range(3):
                assert (await finder.find())["notes"] == []
                finder.now.s += 3600
    assert [seen.header("if-none-match") for seen in site.seen] == [None, '"one"', '"one"']
    assert all("/discovery/search?query=harbour&limit=20" in seen.path for seen in site.seen)
    assert all(seen.header("accept") == "application/json" for seen in site.seen)


@pytest.mark.asyncio
async def test_a_directory_that_fails_or_is_silent_stops_no_other(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async def silent(_: Seen, __: Any) -> None:
        await anyio.sleep_forever()

    async def failing(_: Seen, writer: Any) -> None:
        writer.write(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n")

    async with serve(silent) as first, serve(failing) as second:
        sources = (Source("bazaar", first.url("")), Source("mpp", second.url("")), bazaar(sandbox))
        async with open_finder(tmp_path, sandbox, *sources, timeout_s=1) as finder:
            found = await finder.find("weather")
    assert found["services"][0]["url"].endswith("/api/weather")
    assert found["answered"] == 1
    assert found["notes"] == [
        f"{first.authority} did not answer in time",
        f"{second.authority} answers HTTP 503",
    ]


@pytest.mark.asyncio
async def test_an_earlier_copy_stands_in_for_a_directory_that_is_down(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    answers = [b"200 OK", b"500 Broken"]
    body = json.dumps({"services": []}).encode()

    async def reply(_: Seen, writer: Any) -> None:
        head = f"\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        writer.write(b"HTTP/1.1 " + answers.pop(0) + head + body)

    async with serve(reply) as site:
        async with open_finder(tmp_path, sandbox, Source("mpp", site.url("/"))) as finder:
            assert (await finder.find())["notes"] == []
            found = await finder.find(refresh=True)
    assert found["notes"] == [f"{site.authority} gives no usable answer; an earlier copy was used"]


@pytest.mark.asyncio
async def test_an_answer_that_cannot_be_read_never_replaces_a_good_copy(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    bodies = [b'{"services": [', b'{"services": []}', b'{"services": 7}']

    async def reply(_: Seen, writer: Any) -> None:
        body = bodies.pop(0)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    async with serve(reply) as site:
        async with open_finder(tmp_path, sandbox, Source("mpp", site.url("/"))) as finder:
            assert "cannot be read" in (await finder.find())["notes"][0]
            assert (await finder.find())["notes"] == []
            broken = await finder.find(refresh=True)
            after = await finder.find()
    assert broken["notes"] == [f"{site.authority} gives no usable answer; an earlier copy was used"]
    assert after["notes"] == []
    assert bodies == []


@pytest.mark.asyncio
async def test_a_remembered_price_names_the_directory_that_said_it(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    def replying(amount: str) -> Reply:
        items = [listing("twice", offer(amount=amount))]
        body = json.dumps({"resources": items}).encode()

        async def reply(_: Seen, writer: Any) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

        return reply

    async with serve(replying("10000")) as cheap, serve(replying("20000")) as dear:
        sources = (Source("bazaar", cheap.url("")), Source("bazaar", dear.url("")))
        async with open_finder(tmp_path, sandbox, *sources) as finder:
            (row,) = (await finder.find())["services"]
            listed = (await finder.directories.listed([row["url"]]))[row["url"]]
    assert row["listed_in"] == [dear.authority, cheap.authority]
    assert (listed["price_usd"], listed["directory"]) == ("0.02", dear.authority)


@pytest.mark.asyncio
async def test_without_a_directory_the_user_is_told_where_to_name_one(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with open_finder(tmp_path, sandbox) as finder:
        found = await finder.find()
    assert found["services"] == []
    assert "[directories]" in found["notes"][0]


@pytest.mark.asyncio
async def test_a_listed_price_is_remembered_for_check_price(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    url = f"{sandbox.seller_url}/api/weather"
    async with open_finder(tmp_path, sandbox, bazaar(sandbox)) as finder:
        assert await finder.directories.listed([url]) == {}
        await finder.find("weather")
        listed = await finder.directories.listed([url, "https://other.example/"])
    assert listed[url]["price_usd"] == "0.0001"
    assert list(listed) == [url]


@pytest.mark.slow
def test_what_the_sellers_declare_is_what_the_official_package_declares() -> None:
    """The official facilitator's own check takes each declaration, and a client's copy of it."""
    official: Any = import_module("x402.extensions.bazaar")
    for ware in SHOP:
        declared = declaration(ware)["bazaar"]
        result = official.validate_discovery_extension_spec(declared)
        assert result.valid, (ware.route, result.errors)
        payload = {
            "x402Version": 2,
            "resource": {"url": "https://example.com/x", "description": ware.title},
            "extensions": {"bazaar": declared},
        }
        found = official.extract_discovery_info(payload, {}, validate=True)
        assert found is not None
        assert found.method == ware.method


@pytest.mark.slow
@pytest.mark.asyncio
async def test_our_payment_carries_the_declaration_that_the_official_catalog_reads(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    official: Any = import_module("x402.extensions.bazaar")
    async with open_finder(tmp_path, sandbox, bazaar(sandbox)) as finder:
        await finder.desk.buy(f"{sandbox.seller_url}/api/weather")
    payload = json.loads(base64.b64decode(sandbox.seen_payment_headers[-1]))
    found = official.extract_discovery_info(payload, payload["accepted"], validate=True)
    assert found is not None
    assert found.resource_url == f"{sandbox.seller_url}/api/weather"


@pytest.mark.slow
@pytest.mark.asyncio
async def test_the_official_client_reads_the_same_directory_alike(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    official: Any = import_module("x402.extensions.bazaar")
    http: Any = import_module("x402.http")

    def ask() -> tuple[Any, Any]:
        url = f"{sandbox.seller_url}/directory"
        config = http.FacilitatorConfig(url=url)
        with official.with_bazaar(http.HTTPFacilitatorClientSync(config)) as client:
            listed = client.extensions.bazaar.list_resources()
            wanted = official.SearchDiscoveryResourcesParams(query="weather")
            return listed, client.extensions.bazaar.search(wanted)

    listed, searched = await anyio.to_thread.run_sync(ask)
    assert listed.pagination.total == len(listed.items) == len(LISTED)
    async with open_finder(tmp_path, sandbox, bazaar(sandbox)) as finder:
        rows = (await finder.find("weather"))["services"]
    assert {one.resource for one in searched.resources} == {row["url"] for row in rows}
