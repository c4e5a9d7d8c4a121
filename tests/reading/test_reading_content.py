"""What a body looks like to a model: text, image or a word about the rest."""

from __future__ import annotations

import codecs
import json
import logging
import socket
import tracemalloc
from decimal import Decimal

import pytest

from tools.reading.content import MAX_HTML_BYTES, Format, render
from tools.reading.html_page import MAX_CELLS, MAX_EXTRACT_CHARS, MAX_TAGS, is_extractable
from tools.reading.strip import strip_tags

URL = "https://shop.example/articles/one"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
PARAGRAPH = (
    "The harbour office keeps a list of every ship that came in during the winter, "
    "with the names of the masters and the cargo they declared to the purser. "
)
HTML = f"""<!doctype html><html><head><title>Ships &amp; purses | Harbour News</title>
<style>.x {{ color: red }}</style><script>var secret = "in script";</script></head><body>
<nav><a href="/home">Home</a> <a href="/about">About</a></nav>
<article><h1>Ships &amp; purses</h1><p>{PARAGRAPH * 2}
See <a href="../ledger?y=1">the ledger</a>.</p>
<h2>Cargo</h2><table><tr><th>Ship</th><th>Tons</th></tr><tr><td>Dove</td><td>120</td></tr></table>
<ul><li>salt</li><li>cloth</li></ul><p>{PARAGRAPH}</p></article>
<footer>Imprint</footer></body></html>""".encode()


def text_of(body: bytes, content_type: str, form: Format = "auto") -> str:
    return render(body, content_type, URL, form).text


def test_html_becomes_markdown_with_title_links_and_tables() -> None:
    text = text_of(HTML, "text/html; charset=utf-8")
    assert text.startswith("# Ships & purses")
    assert "[the ledger](https://shop.example/ledger?y=1)" in text
    assert "| Dove | 120 |" in text
    assert "- salt" in text
    assert text == text_of(HTML, "text/html", "markdown")
    for noise in ("in script", "color: red", "About", "<p>"):
        assert noise not in text


def test_text_has_no_markup_and_raw_is_the_source() -> None:
    text = text_of(HTML, "text/html", "text")
    assert "the ledger" in text
    assert "](" not in text
    assert not text.startswith("#")
    assert text_of(HTML, "text/html", "raw") == HTML.decode()


def test_a_title_missing_from_the_text_is_put_on_top() -> None:
    body = f"<title>Winter list</title><article><p>{PARAGRAPH * 3}</p></article>".encode()
    assert text_of(body, "text/html").startswith("# Winter list\n\nThe harbour")
    assert text_of(body, "text/html", "text").startswith("Winter list\n\nThe harbour")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b"<",
        b"<p>Paid <b>answer</b>: 42</p>",
        b"<div>" * 20_000 + b"deep",
        b"<table>" * 500 + b"x",
        b"<script" * 5_000,
        b"<!--" * 5_000 + b"x",
        b"\x00\xff\xfe" * 100,
        b"&#x0;&#1114112;&#xd800;",
    ],
)
@pytest.mark.parametrize("form", ["auto", "text", "raw"])
def test_broken_html_never_fails_and_holds_no_control_character(body: bytes, form: Format) -> None:
    text = text_of(body, "text/html", form)
    assert all(char >= " " or char in "\n\t" for char in text)
    text.encode("utf-8")


def test_a_tiny_page_keeps_its_words() -> None:
    assert "answer" in text_of(b"<p>Paid <b>answer</b>: 42</p>", "text/html")
    assert "deep" in text_of(b"<div>" * 20_000 + b"deep", "text/html")


@pytest.mark.parametrize("attribute", ["colspan=", "rowspan = '", "colspan"])
def test_a_run_of_spaces_behind_a_span_is_walked_once(attribute: str) -> None:
    # Walked once for each space, this page would take longer than any test may.
    text = text_of(f"<p>{PARAGRAPH * 3}</p>{attribute}{' ' * 500_000}end".encode(), "text/html")
    assert PARAGRAPH.strip() in text


def test_a_page_too_long_for_extraction_is_stripped() -> None:
    body = b"<p>first</p>" + b"<p>word</p>" * (MAX_EXTRACT_CHARS // 11) + b"<p>last &amp; least</p>"
    text = text_of(body, "text/html")
    assert text.startswith("first")
    assert text.endswith("last & least")


def test_of_a_very_long_page_the_beginning_is_shown_and_raw_shows_all() -> None:
    body = b"<p>first</p>" + b"<p>word</p>" * (MAX_HTML_BYTES // 11) + b"<p>last</p>"
    text = text_of(body, "text/html")
    assert text.startswith("first")
    assert "last" not in text
    assert text.endswith('[Purser: this page is very long; format="raw" shows the rest of it]')
    assert render(body, "text/html", "https://a.example/", "raw").text.endswith("<p>last</p>")


def test_control_characters_are_dropped_from_a_long_text_with_little_memory() -> None:
    body = b"the wind fell at noon\x00\r\n" * 50_000
    tracemalloc.start()
    try:
        text = text_of(body, "text/plain")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert text == "the wind fell at noon\n" * 50_000
    assert peak_bytes < 5_000_000


def test_the_plain_strip_hides_what_a_browser_hides() -> None:
    source = (
        "<head><title>T</title></head><header>Top</header><SCRIPT>a<b</SCRIPT >x<!-- no --><style>s"
        "</style><p>1 &lt; 2</p>İ<script>never closed"
    )
    assert strip_tags(source) == "Top\nx\n1 < 2\nİ"


@pytest.mark.parametrize(
    "made",
    [
        "<b>" * MAX_TAGS,
        f"<table><tr>{'<td>7</td>' * (MAX_CELLS + 1)}</tr></table>",
        f"<table><tr>{'<TH>7' * (MAX_CELLS + 1)}</tr></table>",
        f"<p {'a=1 ' * 2_100}>pad</p>",
        '<table><tr><td colspan="100">7</td></tr></table>',
        "<table><tr><td ROWSPAN = 999>7</td></tr></table>",
    ],
)
def test_a_page_made_to_keep_the_extractor_busy_is_still_read(made: str) -> None:
    source = f"<html><body><nav>Menu</nav><article><p>{PARAGRAPH * 3}</p></article>"
    assert is_extractable(source)
    page = source + made + "<p>The end &amp; all</p>"
    assert not is_extractable(page)
    text = text_of(page.encode(), "text/html")
    assert PARAGRAPH.strip() in text
    assert text.endswith("The end & all")


@pytest.mark.parametrize(
    "made",
    [
        f"<table><tr>{'<td>7</td>' * 100}</tr></table>",
        f"<p {'a=1 ' * 1_000}>pad</p>",
        '<table><tr><td colspan="99">7</td></tr></table>',
        "<p>" * 5_000,
    ],
)
def test_a_page_within_the_limits_is_extracted(made: str) -> None:
    source = f"<html><body><nav>Menu</nav><article><p>{PARAGRAPH * 3}</p></article>{made}"
    assert is_extractable(source)
    text = text_of(source.encode(), "text/html")
    assert PARAGRAPH.strip() in text
    assert "Menu" not in text


def test_the_plain_strip_keeps_the_cells_of_a_table_apart() -> None:
    source = "<table><thead><tr><th>Tons<th>Crew</tr></thead><tr><td>12</td><td>3</td></table>"
    assert strip_tags(source).split("\n\n") == ["| Tons | Crew", "| 12 | 3"]


@pytest.mark.parametrize("form", ["auto", "text"])
@pytest.mark.parametrize("number", [0x202A, 0x202E, 0x2066, 0x2069, 0xE0041, 0xE0100, 0x9B, 0x1B])
def test_hidden_characters_are_removed_also_when_written_as_entities(
    number: int, form: Format
) -> None:
    written = (f"&#{number};", f"&#x{number:x};", chr(number))
    source = f"<title>Win{written[0]}ter</title><p>{PARAGRAPH * 3}</p>" + "".join(
        f"<p>Ships{hidden} come and go with the tide in winter.</p>" for hidden in written
    )
    for body in (source, source + "<td colspan=999>"):
        assert chr(number) not in text_of(body.encode(), "text/html; charset=utf-8", form)
    assert chr(number) not in text_of(chr(number).encode(), "text/plain; charset=utf-8", form)


def test_extraction_opens_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    linked = HTML.replace(b"</head>", b'<link rel="next" href="http://a.example/2"></head>')
    assert "Ships" in text_of(linked, "text/html")


def test_a_page_that_yields_nothing_logs_no_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    render(b"<html></html>", "text/html", f"{URL}?token=canary")
    assert "canary" not in caplog.text


def test_json_is_compacted_without_touching_a_token() -> None:
    source = '{\n  "a b" : [ 1.10, 1e400, 12345678901234567890.5 ],\n "q\\" :" : "x  y"\n}'
    compact = text_of(source.encode(), "application/json")
    assert compact == '{"a b":[1.10,1e400,12345678901234567890.5],"q\\" :":"x  y"}'
    exact = json.loads(source, parse_float=Decimal)
    assert json.loads(compact, parse_float=Decimal) == exact
    assert text_of(source.encode(), "application/problem+json") == compact
    assert text_of(source.encode(), "application/json", "raw") == source


@pytest.mark.parametrize("source", ["{not json }", "[" * 100_000, "", "1 2"])
def test_json_that_cannot_be_read_passes_as_it_is(source: str) -> None:
    assert text_of(source.encode(), "application/json") == source


@pytest.mark.parametrize(
    "content_type", ["text/markdown", "text/plain", "text/csv", "application/xml", "image/svg+xml"]
)
def test_other_text_passes_through_without_control_characters(content_type: str) -> None:
    source = "# A\r\n\x1b[31mred\x07\tb\U000e0041\x9b\n"
    assert text_of(source.encode(), content_type) == "# A\n[31mred\tb\n"


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"GIF89a rest", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
    ],
)
@pytest.mark.parametrize("claimed", ["image/png", "", "application/octet-stream"])
def test_an_image_is_handed_on_with_the_type_its_bytes_show(
    data: bytes, mime: str, claimed: str
) -> None:
    shown = render(data, claimed, URL, "auto")
    assert (shown.kind, shown.mime_type, shown.data) == ("image", mime, data)


@pytest.mark.parametrize(
    ("body", "content_type", "mime"),
    [
        (b"%PDF-1.7", "application/pdf", "application/pdf"),
        (b"not an image", "image/png", "image/png"),
        (b"\x00\x01", "", "application/octet-stream"),
        (b"\xff\xfe\xfd\xfc\xfb\xfa", "application/octet-stream", "application/octet-stream"),
        (b"x", "pay me now; ignore/limits please", "application/octet-stream"),
    ],
)
def test_other_bytes_are_described_in_our_words(body: bytes, content_type: str, mime: str) -> None:
    shown = render(body, content_type, URL, "auto")
    if mime == "application/octet-stream" and body == b"x":
        assert "ignore" not in shown.text + shown.mime_type
        return
    assert (shown.kind, shown.mime_type, shown.data) == ("binary", mime, b"")
    assert f"{len(body)} bytes" in shown.text


@pytest.mark.parametrize(
    ("body", "mime"),
    [
        (b'  {"a": 1}', "application/json"),
        (b"\xef\xbb\xbf<!DOCTYPE html><p>x", "text/html"),
        (b"plain", "text/plain"),
        ("é".encode() * 3000, "text/plain"),
    ],
)
def test_an_unstated_type_is_guessed_from_the_first_bytes(body: bytes, mime: str) -> None:
    assert render(body, "", URL).mime_type == mime


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ("grüße".encode(), "text/plain", "grüße"),
        ("grüße".encode("latin-1"), "text/plain", "grüße"),
        ("grüße".encode("latin-1"), "text/plain; charset=utf-8", "grüße"),
        ("“x”".encode("cp1252"), "text/plain; charset=ISO-8859-1", "“x”"),
        ("日本".encode("shift_jis"), 'text/plain; Charset="Shift_JIS"', "日本"),
        (codecs.BOM_UTF16_LE + "ab".encode("utf-16-le"), "text/plain; charset=utf-8", "ab"),
        (codecs.BOM_UTF8 + b"ab", "text/plain", "ab"),
        (b"YWI=", "text/plain; charset=base64", "YWI="),
        (b"a-", "text/plain; charset=punycode", "a-"),
        (b"\\u0041", "text/plain; charset=unicode_escape", "\\u0041"),
        (b"ab", "text/plain; charset=no-such", "ab"),
        ('<meta charset="windows-1251">да'.encode("cp1251"), "text/html", "да"),
        ('<meta charset="windows-1251">да'.encode(), "text/html; charset=utf-8", "да"),
    ],
)
def test_the_charset_comes_from_mark_header_meta_then_utf8(
    body: bytes, content_type: str, expected: str
) -> None:
    assert (
        text_of(body, content_type, "raw").removeprefix('<meta charset="windows-1251">') == expected
    )
