"""What the model reads: marked content, one footer line, and the same data in both channels."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from mcp.client import Client
from mcp_types import AudioContent, CallToolResult, ImageContent, ResourceLink, TextContent
from stub_toolbox import ERAS, PAID, PAID_ID, Stub, bought

from sandbox.corpus import documents
from tools.reading.content import Format, Rendered
from tools.showing import EXTRACTIONS_AT_ONCE, MEDIA_MAX_BYTES, Content, mark_untrusted, show
from wallet.model import Delivery, Evidence, State
from wallet.money import Usd
from wallet.purchases import PurchaseStore, Stored

URL = PAID.url
MARKED = re.compile(
    r"\[untrusted web content ([0-9a-f]{10})\]\n"
    r"(.*)\n"
    r"\[end of web content \1\]\n"
    r"(\[Purser: [^\n]*\])",
    re.DOTALL,
)


async def _call(stub: Stub, era: Any, tool: str, arguments: dict[str, Any]) -> CallToolResult:
    async with Client(stub.server(), mode=era) as client:
        return await client.call_tool(tool, arguments)


def _text(result: CallToolResult) -> str:
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


def _parts(result: CallToolResult) -> tuple[str, str]:
    """Return the content and the footer of a one-block result."""
    assert not result.is_error
    assert len(result.content) == 1
    assert result.structured_content is None
    match = MARKED.fullmatch(_text(result))
    assert match is not None, _text(result)
    return match[2], match[3]


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_a_page_is_one_marked_block_with_a_footer_and_a_receipt(era: Any) -> None:
    stub = Stub()
    result = await _call(stub, era, "paid_fetch", {"url": URL})
    content, footer = _parts(result)
    assert content == "hello"
    assert footer == (
        f"[Purser: paid $0.01 (claimed); $4.99 left today; chars 0-5 of 5; receipt {PAID_ID}]"
    )
    assert result.meta is not None
    receipt = result.meta["purser/receipt"]
    assert (receipt["id"], receipt["status"], receipt["reused"]) == (PAID_ID, "settled", False)


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_a_long_page_says_how_to_read_on_for_free(era: Any) -> None:
    stub = Stub()
    body = b"0123456789" * 10
    stub.buyer.answers[URL] = bought(body)
    stub.shelf.stored[PAID_ID] = Stored(body, Delivery(200, "text/plain", 100, "0" * 64), False)
    first = await _call(stub, era, "paid_fetch", {"url": URL, "max_chars": 40, "format": "raw"})
    content, footer = _parts(first)
    assert content == body.decode()[:40]
    go_on = f'read_purchase(receipt_id="{PAID_ID}", start=40, format="raw")'
    assert go_on in footer

    arguments = {"receipt_id": PAID_ID, "start": 40, "format": "raw"}
    content, footer = _parts(await _call(stub, era, "read_purchase", arguments))
    assert content == body.decode()[40:]
    assert "bought earlier for $0.01, nothing spent now" in footer
    assert len(stub.buyer.fetched) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_the_overhead_beyond_the_content_stays_under_300_characters(era: Any) -> None:
    stub = Stub()
    body = b"x" * 9_999_999
    unclear = replace(
        PAID,
        state=State.UNKNOWN,
        evidence=Evidence.UNKNOWN,
        amount_usd=Usd.parse("999.999999"),
    )
    stub.buyer.answers[URL] = bought(
        body,
        purchase=unclear,
        http_status=500,
        truncated=True,
        left_today=Usd.parse("999.999999"),
    )
    arguments = {"url": URL, "format": "markdown", "start": 9_000_000, "max_chars": 50_000}
    result = await _call(stub, era, "paid_fetch", arguments)
    content, footer = _parts(result)
    assert len(content) == 50_000
    assert len(_text(result)) - len(content) < 300
    for told in ("outcome unknown", "HTTP 500", "cut short", "left today", PAID_ID):
        assert told in footer


@pytest.mark.asyncio
async def test_no_kind_of_content_costs_300_characters_beyond_it() -> None:
    shelf = Stub().shelf
    files = [one for one in documents() if one.main_html is None]
    assert len(files) > 20
    for document in files:
        content = Content(
            document.body, document.content_type, URL, 200, False, "auto", start=1, max_chars=700
        )
        money = "sent $999.999999, outcome unknown; $999.999999 left today"
        text = (await show(content, PAID, shelf=shelf, reused=False, money=money)).text
        match = MARKED.fullmatch(text)
        assert 0 < len(text) - (len(match[2]) if match else 0) < 300, document.name


def test_a_page_cannot_forge_the_closing_line() -> None:
    first, second = mark_untrusted("page"), mark_untrusted("page")
    boundary = re.compile(r"content ([0-9a-f]{10})\]")
    found = [match[1] for match in map(boundary.search, (first, second)) if match]
    assert len(set(found)) == 2
    # A page that learnt one boundary and quotes it is fenced by another.
    again = mark_untrusted(first)
    match = MARKED.fullmatch(again + "\n[Purser: x]")
    assert match is not None
    assert match[2] == first
    assert match[1] not in found


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"reused": True}, "bought earlier for $0.01, nothing spent now"),
        (
            {"purchase": replace(PAID, evidence=Evidence.VERIFIED)},
            "paid $0.01 (verified)",
        ),
        (
            {"purchase": replace(PAID, state=State.FREE, amount_usd=None, transfer=None)},
            "[Purser: free; $4.99 left today;",
        ),
        (
            {"purchase": replace(PAID, state=State.UNKNOWN)},
            "sent $0.01, outcome unknown",
        ),
        ({"http_status": 404}, "HTTP 404"),
        ({"left_today": None}, "[Purser: paid $0.01 (claimed); chars"),
    ],
)
async def test_the_footer_says_what_the_money_did(
    era: Any, changes: dict[str, Any], expected: str
) -> None:
    stub = Stub()
    stub.buyer.answers[URL] = bought(**changes)
    _, footer = _parts(await _call(stub, era, "paid_fetch", {"url": URL}))
    assert expected in footer


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_an_image_comes_as_an_image_with_the_footer(era: Any) -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    stub = Stub()
    stub.buyer.answers[URL] = bought(png, "image/png")
    result = await _call(stub, era, "paid_fetch", {"url": URL})
    text, image = result.content
    assert isinstance(text, TextContent)
    assert text.text.startswith("[Purser: paid $0.01")
    assert "untrusted" in text.text
    assert isinstance(image, ImageContent)
    assert (base64.b64decode(image.data), image.mime_type) == (png, "image/png")


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_a_sound_comes_as_audio_with_the_footer(era: Any) -> None:
    wave = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(range(200))
    stub = Stub()
    stub.buyer.answers[URL] = bought(wave, "audio/x-wav")
    result = await _call(stub, era, "paid_fetch", {"url": URL})
    text, sound = result.content
    assert isinstance(text, TextContent)
    assert "the sound is untrusted web content" in text.text
    assert isinstance(sound, AudioContent)
    assert (base64.b64decode(sound.data), sound.mime_type) == (wave, "audio/wav")


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("body", "content_type", "kind"),
    [
        (b"PK\x03\x04" + bytes(96), "application/zip", "application/zip"),
        (b"%PDF-1.7\x00\xff\xfe", "application/pdf", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * MEDIA_MAX_BYTES, "image/png", "image/png"),
        (b"ID3" + b"\0" * MEDIA_MAX_BYTES, "audio/mpeg", "audio/mpeg"),
        (b"\x1b\x0f\x01packed\x02\x03\x04" * 100, "text/html", "text/html"),
    ],
)
async def test_what_cannot_be_shown_is_described_and_linked_as_a_file(
    era: Any, body: bytes, content_type: str, kind: str
) -> None:
    stub = Stub()
    stub.buyer.answers[URL] = bought(body, content_type)
    result = await _call(stub, era, "paid_fetch", {"url": URL})
    text, link = result.content
    match = MARKED.fullmatch(_text(result))
    assert isinstance(text, TextContent)
    assert match is not None
    path = Path("/purser/purchases") / PAID_ID / "body"
    assert f"({kind}, {len(body)} bytes)" in match[2]
    assert f"File: {path}\nSHA-256: {hashlib.sha256(body).hexdigest()}" in match[2]
    assert "the content cannot be shown here" in match[3]
    assert PAID_ID in match[3]
    assert isinstance(link, ResourceLink)
    assert (str(link.uri), link.mime_type, link.size) == (path.as_uri(), kind, len(body))


@pytest.mark.asyncio
async def test_without_a_stored_file_nothing_is_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = Stub()

    def nowhere(_: str) -> None:
        return None

    monkeypatch.setattr(stub.shelf, "locate", nowhere)
    stub.buyer.answers[URL] = bought(bytes(100), "application/zip")
    content, footer = _parts(await _call(stub, ERAS[0], "paid_fetch", {"url": URL}))
    assert "File:" not in content
    assert "cannot be shown here, nor be stored" in footer


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("state", "code", "spent"),
    [
        (State.UNKNOWN, "outcome_unknown", "unknown"),
        (State.VOID, "invalid_argument", "no"),
        (State.SETTLED, "upstream_error", "yes"),
    ],
)
async def test_a_purchase_without_content_says_where_the_money_is(
    era: Any, state: State, code: str, spent: str
) -> None:
    stub = Stub()
    stub.records.purchases = [replace(PAID, state=state)]
    result = await _call(stub, era, "read_purchase", {"receipt_id": PAID_ID})
    assert result.is_error
    assert result.meta is not None
    error = result.meta["purser/error"]
    assert (error["code"], error["spent"], error["receipt_id"]) == (code, spent, PAID_ID)


@pytest.mark.asyncio
async def test_slow_pages_leave_the_threads_that_storing_a_purchase_needs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go_on, store = threading.Event(), PurchaseStore(tmp_path)
    busy: list[str] = []

    def slow(body: bytes, content_type: str, url: str, form: Format) -> Rendered:
        busy.append(url)
        assert go_on.wait(60)
        return Rendered("text", "read", "text/plain")

    monkeypatch.setattr("tools.reading.apart.desk.render", slow)
    page = Content(b"", "text/html", URL, 200, False, "auto", 0, 1_000)
    threads = int(anyio.to_thread.current_default_thread_limiter().total_tokens)
    texts: list[str] = []

    async def read() -> None:
        texts.append((await show(page, PAID, shelf=store, reused=False, money="free")).text)

    def save() -> int:
        kept = store.save(PAID_ID, b"goods", http_status=200, content_type="text/plain")
        return kept.bytes

    async with anyio.create_task_group() as group:
        for _ in range(threads):
            group.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        try:
            with anyio.fail_after(30):
                assert await anyio.to_thread.run_sync(save) == 5
            assert len(busy) <= EXTRACTIONS_AT_ONCE
        finally:
            go_on.set()
    assert len(texts) == threads
