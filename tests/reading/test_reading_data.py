"""JSON, JSON lines and CSV: small ones as they are, large ones with their shape on top."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.reading.content import render
from tools.reading.csv_text import csv_text, delimiter_of
from tools.reading.json_text import SMALL_CHARS, json_text, ndjson_text

URL = "https://shop.example/data"
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


def records(count: int) -> list[dict[str, Any]]:
    return [{"id": number, "name": f"ship {number}", "tons": None} for number in range(count)]


def test_a_large_array_has_its_shape_on_top_and_a_record_a_line() -> None:
    text, rows = json_text(json.dumps(records(1_200), indent=2))
    shape, opening, first, *_, closing = text.split("\n")
    assert shape == "JSON array of 1,200 objects; keys: id (number), name (string), tons (null)"
    assert (opening, first, closing) == ("[", '{"id":0,"name":"ship 0","tons":null},', "]")
    assert rows
    assert len(text.split("\n")) == 1_203


def test_an_array_inside_an_object_is_counted_and_lined_up_too() -> None:
    source = {"next": None, "ships": records(900), "by": {"host": "a", "n": 1}, "tags": []}
    text, _ = json_text(json.dumps(source))
    shape, *lines = text.split("\n")
    assert shape.startswith("JSON object of 4 keys: next (null), ships (array of 900 objects; keys")
    assert "by (object of 2 keys)" in shape
    assert lines[:4] == ["{", '"next":null,', '"ships":[', '{"id":0,"name":"ship 0","tons":null},']
    assert lines[-4:] == ["],", '"by":{"host":"a","n":1},', '"tags":[]', "}"]


@settings(max_examples=40)
@given(st.lists(json_values, min_size=1, max_size=10))
def test_lining_up_changes_no_value(values: list[Any]) -> None:
    padded = {"pad": ["x" * 100] * 220, "values": values, "again": {"deep": [values] * 3}}
    text, rows = json_text(json.dumps(padded, ensure_ascii=False))
    assert rows
    assert json.loads(text.partition("\n")[2]) == padded


def test_every_digit_of_a_large_file_stays() -> None:
    source = "[" + ", ".join(["1.10", "1e400", "12345678901234567890.5"] * 900) + "]"
    text, _ = json_text(source)
    assert text.startswith("JSON array of 2,700 numbers\n[\n1.10,\n1e400,\n")
    exact = json.loads(source, parse_float=Decimal)
    assert json.loads(text.partition("\n")[2], parse_float=Decimal) == exact


def test_what_is_small_is_compact_and_alone() -> None:
    source = json.dumps(records(3), indent=4)
    text, rows = json_text(source)
    assert text == json.dumps(records(3), separators=(",", ":"))
    assert not rows
    exactly = "[" + "1" * (SMALL_CHARS - 2) + "]"
    assert json_text(exactly)[0] == exactly


@pytest.mark.parametrize("broken", ["[1,", "[" * 100_000, '{"a":1} trailing', "[" + "1" * 5_000])
def test_broken_json_stays_as_it_is(broken: str) -> None:
    long = broken + " " * SMALL_CHARS
    assert json_text(long) == (long, False)


def test_keys_in_the_shape_are_few_and_short() -> None:
    wide = [{f"key {number} {'x' * 100}": 1 for number in range(500)}]
    shape = json_text(json.dumps(wide))[0].partition("\n")[0]
    assert len(shape) < 2_500
    assert shape.endswith("and 470 more")


def test_json_lines_are_counted_and_stay_a_line_each() -> None:
    lines = [json.dumps(one) for one in records(800)]
    text, rows = ndjson_text("\n".join([*lines, "not json", ""]))
    shape, first, *_, last = text.split("\n")
    assert shape == (
        "JSON lines: 800 records; keys: id (number), name (string), tons (null)"
        "; 1 lines are no JSON"
    )
    assert (first, last) == ('{"id":0,"name":"ship 0","tons":null}', "not json")
    assert rows
    assert ndjson_text(lines[0]) == (lines[0], True)


def cargo(count: int, delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(["no", "ship", "tons", "day", "paid", "remark"])
    for number in range(count):
        row = [number, "Dove; of | Ellery, north", f"{number}.5", "2026-05-01", "yes", ""]
        writer.writerow(row)
    return out.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_large_file_becomes_a_table_under_its_shape(delimiter: str) -> None:
    source = cargo(900, delimiter)
    assert delimiter_of(source) == delimiter
    shown = render(source.encode(), "text/csv", URL)
    shape, names, rule, first, *_ = shown.text.split("\n")
    assert shape == (
        "Table of 900 rows and 6 columns: no (integer), ship (text), tons (number), day (date), "
        "paid (boolean), remark (empty)"
    )
    assert (names, rule) == ("|no|ship|tons|day|paid|remark|", "|---|---|---|---|---|---|")
    assert first == "|0|Dove; of \\| Ellery, north|0.5|2026-05-01|yes||"
    assert shown.rows


def test_a_small_file_stays_as_it_is_unless_a_cell_holds_a_newline() -> None:
    assert csv_text(cargo(3)) == (cargo(3), True)
    text, rows = csv_text('day,note\nMonday,"rain\nand wind"\n')
    assert (text.split("\n")[-1], rows) == ("|Monday|rain and wind|", True)


def test_a_table_costs_less_than_one_with_aligned_columns() -> None:
    source = cargo(900)
    rows = list(csv.reader(io.StringIO(source)))
    widths = [max(len(row[at]) for row in rows) for at in range(6)]
    aligned = "\n".join("  ".join(map(str.ljust, row, widths)) for row in rows)
    assert len(csv_text(source)[0]) < len(aligned)
    assert len(csv_text(source)[0]) < 1.05 * len(source) + 400


def test_a_first_row_of_figures_names_no_columns() -> None:
    text, _ = csv_text("\n".join(f"{number},{number * 2}" for number in range(3_000)))
    assert text.startswith(
        "Table of 3,000 rows and 2 columns: column 1 (integer), column 2 (integer)"
        "\n|column 1|column 2|"
    )
    assert "\n|0|0|\n" in text


@pytest.mark.parametrize(
    "source",
    [
        "no delimiter here\n" * 3_000,
        '"never closed, ' + "x" * 140_000,
        "a,b\n" + "x," * 30_000,
        "",
    ],
)
def test_what_cannot_be_read_as_rows_stays_as_it_is(source: str) -> None:
    assert csv_text(source)[0] == source


def test_one_wide_row_does_not_widen_a_long_file_many_times() -> None:
    source = '"a\nb"' + "," * 199 + "\n" + "1,\n" * 1_000
    assert csv_text(source) == (source, False)
    assert len(csv_text(source.replace("," * 199, ",x"))[0]) < 4 * len(source)


def test_rows_of_uneven_length_are_filled_up() -> None:
    text, _ = csv_text("a,b,c\n" + "1,2\n" * 6_000)
    assert text.split("\n")[3] == "|1|2||"


@pytest.mark.parametrize(
    ("name", "body", "mime"),
    [
        ("rows.csv", b"a,b\n1,2\n", "text/csv"),
        ("rows.tsv?x=1", b"a\tb\n", "text/tab-separated-values"),
        ("log.jsonl", b'{"a":1}\n{"a":2}\n', "application/x-ndjson"),
    ],
)
def test_a_file_without_a_type_is_known_by_its_name(name: str, body: bytes, mime: str) -> None:
    shown = render(body, "application/octet-stream", f"https://shop.example/{name}")
    assert (shown.mime_type, shown.rows) == (mime, True)
