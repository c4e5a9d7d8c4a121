"""Tools that answer with data say the same in text and as structured content."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from mcp.client import Client
from mcp_types import CallToolResult, TextContent
from stub_toolbox import ERAS, PAID, PAID_ID, WALLET, Stub

from wallet.errors import ErrorKind, PurserError
from wallet.model import State
from wallet.money import Usd
from wallet.quotes import Quote, QuotedOffer

URL = PAID.url


async def _call(stub: Stub, era: Any, tool: str, arguments: dict[str, Any]) -> CallToolResult:
    async with Client(stub.server(), mode=era) as client:
        return await client.call_tool(tool, arguments)


def _text(result: CallToolResult) -> str:
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "tool", ["check_price", "check_balance", "list_receipts", "find_paid_services"]
)
async def test_structured_tools_say_the_same_in_text(era: Any, tool: str) -> None:
    arguments = {"check_price": {"urls": [URL]}, "find_paid_services": {"query": "x"}}.get(tool, {})
    result = await _call(Stub(), era, tool, arguments)
    assert result.structured_content is not None
    assert len(result.content) == 1
    compact = json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":"))
    assert _text(result) == compact


def _offer(price: str, allowed: bool = True) -> QuotedOffer:
    return QuotedOffer(
        index=0,
        rail="x402",
        scheme="exact",
        network="eip155:8453",
        asset_symbol="USDC",
        amount_usd=Usd.parse(price),
        amount=price,
        pay_to=WALLET,
        payment_flow="authorization",
        allowed=allowed,
        refusal=None if allowed else ErrorKind.OVER_PAYMENT_CAP,
        reason="allowed" if allowed else "too dear",
    )


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_prices_come_cheapest_first_and_a_failing_url_is_its_own_row(era: Any) -> None:
    stub = Stub()
    host = "https://seller.example/"
    stub.buyer.quotes = {
        f"{host}dear": Quote(f"{host}dear", False, (_offer("0.30"),), 0, None, "would pay $0.30"),
        f"{host}over": Quote(
            f"{host}over", False, (_offer("0.02", False),), None, ErrorKind.OVER_PAYMENT_CAP, "no"
        ),
        f"{host}cheap": Quote(f"{host}cheap", False, (_offer("0.01"),), 0, None, "would pay"),
        f"{host}down": PurserError(ErrorKind.TIMEOUT, "No answer in 45 s."),
    }
    urls = [f"{host}{name}" for name in ("down", "over", "dear", "cheap", "free", "cheap")]
    result = await _call(stub, era, "check_price", {"urls": [*urls, "http://plain.example/"]})
    assert result.structured_content is not None
    rows = result.structured_content["prices"]
    shown = [(row["url"].removeprefix(host), row["price_usd"], row["would_pay"]) for row in rows]
    assert shown == [
        ("free", "0.00", False),
        ("cheap", "0.01", True),
        ("dear", "0.30", True),
        ("over", "0.02", False),
        ("down", None, False),
        ("http://plain.example/", None, False),
    ]
    assert [row.get("error") for row in rows[4:]] == ["timeout", "insecure_url"]
    assert rows[3]["refusal"] == "over_payment_cap"
    assert stub.buyer.fetched == []


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_an_unreadable_balance_is_null_with_a_reason(era: Any) -> None:
    result = await _call(Stub(), era, "check_balance", {})
    assert result.structured_content == {
        "address": WALLET,
        "per_payment_limit_usd": "1.00",
        "hosts_today": [
            {
                "host": "api.example.com",
                "name": "per_host_per_day",
                "limit_usd": "2.00",
                "settled_usd": "1.00",
                "held_usd": "0.00",
                "left_usd": "1.00",
            }
        ],
        "limits": [
            {
                "name": "per_day",
                "limit_usd": "5.00",
                "settled_usd": "1.00",
                "held_usd": "0.00",
                "left_usd": "4.00",
            },
            {
                "name": "total",
                "limit_usd": None,
                "settled_usd": "1.00",
                "held_usd": "0.00",
                "left_usd": None,
            },
        ],
        "on_chain": [
            {"network": "eip155:8453", "asset": "USDC", "amount": "12.5", "reason": None},
            {
                "network": "eip155:84532",
                "asset": "USDC",
                "amount": None,
                "reason": "the chain cannot be read",
            },
        ],
        "on_chain_reason": None,
        "channels": None,
        "open_holds": [
            {
                "receipt_id": PAID_ID,
                "state": "unknown",
                "amount_usd": "0.01",
                "host": "seller.example",
                "created_at": "2026-11-18T11:06:40Z",
                "valid_before": "2026-11-18T11:08:40Z",
            }
        ],
        "open_holds_total": 1,
        "pending_approvals": [],
        "pending_approvals_total": 0,
    }


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_a_wallet_that_cannot_be_unlocked_shows_no_balance_at_all(era: Any) -> None:
    stub = Stub()
    stub.buyer.address = None
    result = await _call(stub, era, "check_balance", {})
    assert result.structured_content is not None
    assert result.structured_content["on_chain"] is None
    assert "key cannot be reached" in result.structured_content["on_chain_reason"]


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_receipts_are_listed_in_pages_that_miss_and_repeat_nothing(era: Any) -> None:
    stub = Stub()
    ids = [PAID_ID[:-1] + digit for digit in "987654321"]
    stub.records.purchases = [replace(PAID, id=one) for one in ids]
    seen: list[str] = []
    cursor: str | None = None
    async with Client(stub.server(), mode=era) as client:
        while True:
            arguments: dict[str, Any] = {"limit": 4, "cursor": cursor, "host": "Seller.Example"}
            page = (await client.call_tool("list_receipts", arguments)).structured_content
            assert page is not None
            seen += [row["id"] for row in page["receipts"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
            assert PAID_ID[:8] not in cursor
    assert seen == ids


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_receipts_are_filtered_by_status_and_time(era: Any) -> None:
    stub = Stub()
    other = PAID_ID[:-1] + "0"
    stub.records.purchases.append(replace(PAID, id=other, state=State.SIGNED, created_at=0))
    for arguments, expected in (
        ({"status": "unknown"}, [other]),
        ({"status": "settled"}, [PAID_ID]),
        ({"since": "2026-11-18"}, [PAID_ID]),
        ({"since": "2026-11-18T12:06:41+01:00"}, []),
        ({"host": "other.example"}, []),
    ):
        page = (await _call(stub, era, "list_receipts", arguments)).structured_content
        assert page is not None
        assert [row["id"] for row in page["receipts"]] == expected
