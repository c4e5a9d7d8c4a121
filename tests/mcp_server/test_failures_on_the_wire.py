"""A failure is a result the model can read: what happened, whether money moved, what to do."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from mcp.client import Client
from mcp_types import CallToolResult, TextContent
from stub_toolbox import ERAS, PAID, PAID_ID, Stub

from server.rendering import error_text
from wallet.errors import ErrorKind, PurserError, Spent
from wallet.ledger.base import LedgerUnavailableError

URL = PAID.url
SECRET = "canary-51c0"
MONEY = {
    "no": "No money moved.",
    "yes": "Money moved.",
    "unknown": "Whether money moved: unknown.",
}


async def _fail(era: Any, failure: Exception, tool: str = "paid_fetch") -> CallToolResult:
    stub = Stub()
    stub.buyer.answers[URL] = failure
    stub.buyer.quotes[URL] = failure
    arguments: dict[str, Any] = {"urls": [URL]} if tool == "check_price" else {"url": URL}
    async with Client(stub.server(), mode=era) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    # Some hosts show the first block of an error, and no structured data beside it.
    assert len(result.content) == 1
    assert result.structured_content is None
    return result


def _text(result: CallToolResult) -> str:
    assert isinstance(result.content[0], TextContent)
    assert len(result.content[0].text) < 1_000
    return result.content[0].text


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("kind", ErrorKind)
async def test_every_error_of_the_table_says_what_happened_and_what_to_do(
    era: Any, kind: ErrorKind
) -> None:
    offers = [{"index": index, "reason": "the network is not enabled"} for index in range(20)]
    failure = PurserError(
        kind, "It went wrong", "unknown", PAID_ID, approval_id="appr-1", offers=offers
    )
    result = await _fail(era, failure)
    text, row = _text(result), kind.value
    assert text.startswith(f"{row.title} ({row.code}): It went wrong. ")
    for told in (MONEY["unknown"], row.hint, PAID_ID, "appr-1", "Offer 0: the network is not"):
        assert told in text
    assert ("Retry: yes." in text) is row.retryable
    assert result.meta is not None
    assert result.meta["purser/error"] == failure.meta()
    assert set(result.meta["purser/error"]) == {
        *("code", "title", "hint", "retryable", "spent", "receipt_id", "approval_id", "offers")
    }


@pytest.mark.parametrize("spent", ["no", "yes", "unknown"])
def test_the_text_says_whether_money_moved(spent: Spent) -> None:
    text = error_text(PurserError(ErrorKind.TIMEOUT, "Late", spent))
    assert [words for words in MONEY.values() if words in text] == [MONEY[spent]]


def test_a_text_is_one_line_however_long_the_detail() -> None:
    text = error_text(PurserError(ErrorKind.TIMEOUT, "a\n\r\t b " * 500, "no", PAID_ID))
    assert len(text) < 1_000
    assert "\n" not in text
    assert PAID_ID in text


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("tool", "spent"), [("paid_fetch", "unknown"), ("check_price", "no")])
async def test_an_unforeseen_failure_leaks_nothing(
    era: Any, tool: str, spent: Spent, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        result = await _fail(era, RuntimeError(f"{URL}?key={SECRET} 0x{'ab' * 65}"), tool)
    text = _text(result)
    assert SECRET not in text
    assert "RuntimeError" not in text
    assert MONEY[spent] in text
    assert result.meta is not None
    assert result.meta["purser/error"]["code"] == "internal_error"
    assert result.meta["purser/error"]["spent"] == spent
    assert SECRET not in caplog.text
    assert "abab" not in caplog.text
    assert "RuntimeError at" in caplog.text


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_a_ledger_that_cannot_be_read_is_named(era: Any) -> None:
    result = await _fail(era, LedgerUnavailableError(f"{SECRET}/ledger.sqlite3"))
    assert result.meta is not None
    error = result.meta["purser/error"]
    assert (error["code"], error["spent"]) == ("ledger_unavailable", "unknown")
    assert SECRET not in _text(result)
