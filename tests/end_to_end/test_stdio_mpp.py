"""A real MCP client over stdio buys from a seller of MPP's own package."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.run import BUYER, SELLER, Sandbox
from tests.end_to_end.hosting import ERAS, connected, error, receipt, settle_in, structured, text
from tests.mpp_seller import PAGE, mpp_seller, without

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(240)]


async def test_a_page_is_bought_by_mpp_and_a_foreign_dialect_is_explained(
    tmp_path: Path, sandbox: Sandbox
):
    with mpp_seller(sandbox) as seller:
        home = settle_in(tmp_path / "home", sandbox, sellers=(seller.url,))
        before = sandbox.chain.balance_atomic(SELLER)
        async with connected(home, ERAS[1]) as client:
            page = await client.call_tool("paid_fetch", {"url": seller.url + "/tides"})
            again = await client.call_tool("paid_fetch", {"url": seller.url + "/tides"})
            seller.change = lambda headers: [
                *without("payment-required", "www-authenticate")(headers),
                ("crawler-price", "USD 0.02"),
            ]
            crawl = {"url": seller.url + "/crawl"}
            refused = await client.call_tool("paid_fetch", crawl)
            priced = structured(await client.call_tool("check_price", {"urls": [crawl["url"]]}))
    shown = receipt(page)
    assert (shown["rail"], shown["evidence"], shown["spent"]) == ("mpp", "verified", "yes")
    assert (shown["payer"], shown["pay_to"], shown["amount_usd"]) == (BUYER, SELLER, "0.01")
    assert PAGE.decode() in text(page)
    assert (receipt(again)["reused"], receipt(again)["id"]) == (True, shown["id"])
    assert sandbox.chain.balance_atomic(SELLER) - before == 10_000
    assert len(seller.payments) == 1
    told = error(refused)
    assert (told["code"], told["spent"]) == ("no_payable_offer", "no")
    assert "Cloudflare pay-per-crawl for 0.02 USD, and it needs a crawler" in text(refused)
    (row,) = priced["prices"][0]["offers"]
    assert (row["rail"], row["amount"]) == ("cloudflare", "0.02 USD")
