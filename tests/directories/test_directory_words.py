"""What strangers wrote is bounded, printable, on one line, and spoils nothing but itself."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest

from sandbox.hostile.directories import places, words
from tests.directories.finding_kit import entries_of
from tools.directories.bazaar import MAX_BYTES, read_bazaar
from tools.directories.site import read_openapi, read_well_known
from tools.directories.words import MAX_INPUT_CHARS, one_line, small_input
from wallet.rails.codec import CodecError, as_object

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}


def texts(value: Any) -> list[str]:
    """Return every text inside, names of members included."""
    if isinstance(value, str):
        return [value]
    parts: list[Any] = []
    if fields := as_object(value):
        parts = [*fields, *fields.values()]
    elif isinstance(value, list | tuple):
        parts = [*value]  # pyright: ignore[reportUnknownVariableType]
    return [text for one in parts for text in texts(one)]


def test_no_text_keeps_a_line_break_or_a_character_nobody_sees() -> None:
    for entry in entries_of(words()):
        shown = (entry.name, entry.description, entry.tags, entry.input, entry.url)
        for text in texts(list(shown)):
            assert not {unicodedata.category(char) for char in text} & HIDDEN
            assert "\n" not in text


def test_every_text_is_bounded_and_every_input_small() -> None:
    read = entries_of(words())
    assert len(read) == len(words())
    for entry in read:
        assert len(entry.name) <= 200
        assert len(entry.description) <= 1_000
        assert len(entry.tags) <= 10
        assert all(len(tag) <= 40 for tag in entry.tags)
        assert len(json.dumps(entry.input, ensure_ascii=False)) <= 2 * MAX_INPUT_CHARS


def test_a_wide_input_becomes_the_names_of_its_members() -> None:
    wide = {"method": "GET", "body": {f"name-{number}": "x" * 70 for number in range(30)}}
    small = small_input(wide)
    assert small is not None
    assert small["body"][:2] == ["name-0", "name-1"]
    assert small_input({"queryParams": {"city": "Oslo"}}) == {"queryParams": {"city": "Oslo"}}
    assert small_input({}) is None
    assert small_input("text") is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        (" two\n\nlines\t", "two lines"),
        ("a\u202eb\u200bc\x00d\ufeff\U000e0041e", "abcde"),
        ("x" * 20, "x" * 7 + "..."),
        ("\u200b" * 1000 + "late", "..."),
        (7, ""),
        (None, ""),
        (["x"], ""),
    ],
)
def test_a_line_is_what_can_be_seen_of_a_text(text: object, line: str) -> None:
    assert one_line(text, 10) == line


def test_an_entry_that_is_none_spoils_no_other() -> None:
    (good,) = words()[:1]
    body = json.dumps({"items": [*places(), good]}).encode()
    heard = read_bazaar(body)
    assert heard.entries[-1].url == good["resource"]
    assert heard.left_out == len(places()) + 1 - len(heard.entries)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"items": 7}',
        b'{"items": [',
        b'{"items": [NaN]}',
        b"\xff",
        b"[" * 1000,
        b'{"items": [' + b"{}," * 300_000 + b"{}]}",
        b" " * MAX_BYTES + b'{"items": []}',
    ],
)
def test_a_document_that_is_no_list_is_refused_in_our_words(body: bytes) -> None:
    with pytest.raises(CodecError):
        read_bazaar(body)


def test_a_site_speaks_for_its_own_hosts_alone() -> None:
    site = "https://site.example"
    urls = ["/a", "https://api.site.example/b", "https://bank.example/c", "https://xsite.example/d"]
    heard = read_well_known(
        json.dumps({"resources": ["https://[", *urls, 7, "//bank.example/e"]}).encode(), site
    )
    assert [one.url for one in heard.entries] == [f"{site}/a", "https://api.site.example/b"]
    paths: Any = {"/x": {"get": {"x-payment-info": {"price": {}}}}}
    for server, base in (
        ("https://api.site.example/v1/", "https://api.site.example/v1"),
        ("/v2", f"{site}/v2"),
        ("https://bank.example", None),
        ("https://[", None),
        (7, None),
    ):
        document: Any = {"servers": [{"url": server}], "paths": paths}
        read = read_openapi(json.dumps(document).encode(), site).entries
        assert [one.url for one in read] == ([] if base is None else [f"{base}/x"])


def test_a_document_s_reference_leads_nowhere_else() -> None:
    secret = {"type": "object", "properties": {"text": {"type": "string"}}}
    for reference, found in (
        ("#/components/schemas/Text", {"text"}),
        ("#/components/schemas/Missing", set[str]()),
        ("https://bank.example/schema.json", {"$ref"}),
        (7, {"$ref"}),
    ):
        schema = {"$ref": reference}
        operation: Any = {
            "x-payment-info": {"price": {}},
            "requestBody": {"content": {"application/json": {"schema": schema}}},
        }
        document: Any = {
            "paths": {"/x": {"post": operation}},
            "components": {"schemas": {"Text": secret}},
        }
        (entry,) = read_openapi(json.dumps(document).encode(), "https://site.example").entries
        body = (entry.input or {})["body"]
        assert set(body.get("properties", body)) == found
