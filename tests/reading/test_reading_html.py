"""What an HTML page's parts become: tables, code, lists, links, pictures, and who wrote it."""

from __future__ import annotations

import pytest

from tools.reading.html_page import html_to_text

URL = "https://shop.example/articles/one"
FILL = (
    "The harbour office keeps a list of every ship that came in during the winter, with the names "
    "of the masters and the cargo they declared to the purser. "
)


def read(inner: str, head: str = "") -> str:
    """Return the Markdown of an article with these parts between two paragraphs."""
    page = f"<html><head>{head}</head><body><article><p>First. {FILL * 2}</p>{inner}<p>Last. {FILL}"
    return html_to_text(f"{page}</p></article></body></html>", URL, "markdown")


def middle(inner: str, head: str = "") -> str:
    """Return what stands between the two paragraphs."""
    text = read(inner, head)
    return text[text.index("purser.\n\n") + 9 : text.index("\n\nLast.")]


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("<pre>a\n  b\n</pre>", "```\na\n  b\n```"),
        ("<pre><code class='language-c++'>x;</code></pre>", "```c++\nx;\n```"),
        ("<pre>```\nquoted</pre>", "````\n```\nquoted\n````"),
        ("<pre>one<br>two</pre>", "```\none\ntwo\n```"),
        ("<p>Run <code>ls  -l</code> <b>now</b>.</p>", "Run `ls -l` **now**."),
        ("<p>a<code>x`y</code></p>", "a`` x`y ``"),
        ("<dl><dt>Keel<dd>Its spine<dd>Its pride</dl>", "**Keel**\n: Its spine\n: Its pride"),
        ("<ol start=4><li>a<li>b<ul><li>c</ul></ol>", "4. a\n5. b\n   - c"),
        ("<blockquote><p>x</p><p>y</p></blockquote>", "> x\n>\n> y"),
        ("<p>one<br>two</p>", "one\ntwo"),
        ("<p>H<sub>2</sub>O, 10<sup>3</sup></p>", "H_2O, 10^3"),
        ("<p><a href='/x?y=(1)'>the list</a></p>", "[the list](https://shop.example/x?y=%281%29)"),
        ("<p>see <a href='javascript:pay()'>this</a>, <a href='#n'>note</a></p>", "see this, note"),
        ("<figure><img src=a.png alt='A'></figure>", "![A](https://shop.example/articles/a.png)"),
        ("<img src='data:,' data-src='/b.jpg' alt=B>", "![B](https://shop.example/b.jpg)"),
        ("<img src='data:image/png;base64,R0' alt='Only words'>", "Only words"),
        ("<iframe src='/map' title=Map></iframe>", "[Map](https://shop.example/map)"),
        ("<details><summary>Why?</summary><p>So.</p></details>", "**Why?**\n\nSo."),
    ],
)  # fmt: skip
def test_a_part_of_a_page_becomes_markdown(inner: str, expected: str) -> None:
    assert middle(inner) == expected


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            "<tr><th>Ship<th>Tons<tr><td>Dove<td>1|2",
            "| Ship | Tons |\n|---|---|\n| Dove | 1\\|2 |",
        ),
        (
            "<caption>Fees</caption><tr><td>a<td>b<tr><td>c",
            "Fees\n\n| a | b |\n|---|---|\n| c |  |",
        ),
        (
            "<tr><th rowspan=2>K<th colspan=2>Y<tr><th>1<th>2<tr><td>g<td>3<td>4",
            "| K | Y |  |\n|---|---|---|\n| K | 1 | 2 |\n| g | 3 | 4 |",
        ),
        (
            "<tfoot><tr><td>sum<td>2</tfoot><tbody><tr><th>n<th>v<tr><td>a<td>2</tbody>",
            "| n | v |\n|---|---|\n| a | 2 |\n| sum | 2 |",
        ),
        (
            "<tr><th>a<th>b<tr><td><ul><li>x<li>y</ul><td><p>one<p>two",
            "| a | b |\n|---|---|\n| x; y | one; two |",
        ),
        (
            "<tr><th>a<th>b<tr><td>n<td><table><tr><td>c<td>d<tr><td>e<td>f</table>",
            "| a | b |\n|---|---|\n| n | c, d; e, f |",
        ),
        ("<tr><td>Only arranged<td>Twice", "Only arranged\n\nTwice"),
    ],
)
def test_a_table_keeps_its_rows_and_cells(table: str, expected: str) -> None:
    assert middle(f"<table>{table}</table>") == expected


def test_a_span_without_measure_is_bounded() -> None:
    text = middle("<table><tr><th colspan=99999999>a<th rowspan=-3>b<tr><td>c<td>d</table>")
    assert "| c | d |" in text
    assert len(text) < 100


def test_title_author_date_and_site_stand_on_top_once() -> None:
    head = (
        "<title>Two tides | Harbour News</title><meta name=author content='Ann Ho'>"
        "<meta property='og:site_name' content='Harbour News'>"
        "<meta property='article:published_time' content='2026-04-18T07:30:00Z'>"
    )
    text = read("<h1>Two tides</h1>", head)
    assert text.startswith("# Two tides\n\nBy Ann Ho · 2026-04-18 · Harbour News\n\nFirst.")
    assert text.count("Two tides") == 1
    assert "By Ann Ho" not in read("<h1>Two tides</h1>", head).split("First.")[1]


@pytest.mark.parametrize(
    ("head", "byline"),
    [
        ('[{"author": [{"name": "A"}, {"name": "B"}], "datePublished": "2025-01-02"}]',
         "By A, B · 2025-01-02"),
        ('{"@graph": [{"author": "C"}]}', "By C"),
        ('{"author": {"name": 7}, "datePublished": {}}', None),
        ('{"author": "https://social.example/d"}', None),
        ("[" * 5_000, None),
        ('{"author": "' + "x" * 500 + '"}', None),
    ],
)  # fmt: skip
def test_facts_come_from_structured_data_too_and_stay_short(head: str, byline: str | None) -> None:
    script = f"<title>T</title><script type='application/ld+json'>{head}</script>"
    lines = read("", script).split("\n\n")
    assert lines[0] == "# T"
    assert lines[1].startswith("First." if byline is None else byline)


def test_a_base_in_the_head_moves_relative_links() -> None:
    assert "(https://cdn.example/b/x)" in middle(
        "<p><a href=x>there</a></p>", "<base href='//cdn.example/b/'>"
    )


def test_a_page_of_frames_links_to_them() -> None:
    page = "<frameset><frame src=a.html name=Left><frame src=b.html><noframes><p>Or read."
    assert html_to_text(page, URL, "markdown").split("\n\n") == [
        "[Left](https://shop.example/articles/a.html)",
        "[embedded page](https://shop.example/articles/b.html)",
        "Or read.",
    ]


def test_a_link_around_a_heading_is_kept() -> None:
    assert middle("<a href=/j><h3>Pilot</h3><p>Nights</p></a>").startswith(
        "### [Pilot](https://shop.example/j)"
    )


def test_a_picture_inside_the_page_does_not_keep_it_from_being_read() -> None:
    data = "data:image/png;base64," + "A" * 50_000
    text = read(f"<nav>Menu</nav><img src='{data}' alt=Chart><h2>Tides</h2>")
    assert "## Tides" in text
    assert "Chart" in text
    assert "AAAA" not in text
    assert "Menu" not in text


@pytest.mark.parametrize("depth", [90, 200, 5_000])
@pytest.mark.parametrize("tag", ["div", "b", "ul><li", "blockquote", "table><tr><td"])
def test_deep_nesting_loses_no_words(tag: str, depth: int) -> None:
    page = f"<p>{FILL}</p>{f'<{tag}>' * depth}Deep down. {FILL * 3}"
    assert "Deep down" in html_to_text(page, URL, "markdown")


@pytest.mark.parametrize("value", ["", " ", ",", ", /ship.png 2x", ",,", "data:,"])
def test_a_lazy_picture_without_an_address_leaves_the_page_as_it_is(value: str) -> None:
    assert middle(f'<p>Here.<img alt="A ship" srcset="{value}"></p>') == "Here.A ship"


def test_a_plain_reading_has_no_marks_but_keeps_tables() -> None:
    table = "<table><tr><th>a<th>b</table>"
    page = f"<h1>T</h1><p>{FILL}<b>x</b> <a href=y>z</a></p><pre>c</pre>{table}"
    text = html_to_text(page, URL, "text")
    for mark in ("**", "](", "#", "```"):
        assert mark not in text
    assert "| a | b |" in text
