"""Strict base64 and JSON: what is read, what is refused, and that refusing stays quick."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallet.rails.codec import (
    MAX_BASE64_CHARS,
    MAX_JSON_CHARS,
    CodecError,
    NumberLiteral,
    decode_base64,
    encode_header,
    encode_json,
    parse_json,
)

_SCALARS = st.none() | st.booleans() | st.integers(-(10**76), 10**76) | st.text()
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_base64_reads_what_the_standard_library_writes_with_and_without_padding(
    data: bytes,
) -> None:
    text = base64.b64encode(data).decode()
    assert decode_base64(text) == data
    assert decode_base64(text.rstrip("=")) == data


@pytest.mark.parametrize(
    "text",
    [
        "e30=\n",
        " e30=",
        "e3 0=",
        "e30==",
        "e30===",
        "e=30",
        "QQ=",
        "e",
        "e30-",
        "e30_",
        "QR==",
        "ｅ30=",
        "e30=e30=",
        "=",
        "é",
    ],
)
def test_base64_refuses_anything_but_the_standard_alphabet(text: str) -> None:
    with pytest.raises(CodecError):
        decode_base64(text)


def test_base64_is_bounded() -> None:
    assert len(decode_base64("A" * MAX_BASE64_CHARS)) == MAX_BASE64_CHARS // 4 * 3
    with pytest.raises(CodecError, match="longer than 64 KiB"):
        decode_base64("A" * (MAX_BASE64_CHARS + 4))


@given(_JSON)
@settings(deadline=None)
def test_json_survives_a_round_trip(value: object) -> None:
    assert parse_json(encode_json(value)) == value
    assert json.loads(base64.b64decode(encode_header(value))) == value


@pytest.mark.parametrize(
    "literal", ["1.0", "1.50", "1e2", "1E+2", "-0", "-0.0", "1e999", "9" * 79, "0.1000000000000001"]
)
def test_a_number_that_is_not_a_plain_integer_keeps_its_spelling(literal: str) -> None:
    value = parse_json(f'{{"n":[{literal}]}}')
    assert value == {"n": [NumberLiteral(literal)]}
    assert encode_json(value) == f'{{"n":[{literal}]}}'


@pytest.mark.parametrize("literal", ["0", "-1", "10", "9" * 78])
def test_a_plain_integer_is_an_int(literal: str) -> None:
    assert parse_json(literal) == int(literal)
    assert encode_json(parse_json(literal)) == literal


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a":1,"a":2}', "repeats a key"),
        ('[{"b":{"a":1,"\\u0061":1}}]', "repeats a key"),
        ('{"a":NaN}', "not finite"),
        ('{"a":Infinity}', "not finite"),
        ("[-Infinity]", "not finite"),
        ('{"a":"\\ud800"}', "lone surrogate"),
        ('{"\\udc00":1}', "lone surrogate"),
        ("\ufeff{}", "not JSON"),
        ("", "not JSON"),
        ("{", "not JSON"),
        ("{} {}", "not JSON"),
        ("{'a':1}", "not JSON"),
        ("[01]", "not JSON"),
        ("[1_000]", "not JSON"),
        ("[１]", "not JSON"),
        ("[+1]", "not JSON"),
        ('"\x00"', "not JSON"),
        ("[" * 33 + "]" * 33, "deeper than 32"),
        ('{"a":' * 100_0 + "1" + "}" * 100_0, "deeper than 32"),
        ("[" * 200_000, "deeper than 32"),
        (" " * (MAX_JSON_CHARS + 1), "longer than 256 KiB"),
    ],
)
def test_json_refuses_what_two_parsers_could_read_differently(text: str, reason: str) -> None:
    for data in (text, text.encode()):
        with pytest.raises(CodecError, match=reason):
            parse_json(data)


def test_json_bytes_must_be_utf8() -> None:
    for data in (b'{"a":"\xff"}', '{"a":1}'.encode("utf-16"), b"\xed\xa0\x80"):
        with pytest.raises(CodecError, match=r"not UTF-8|not JSON"):
            parse_json(data)


def test_a_lone_surrogate_in_a_str_is_refused() -> None:
    with pytest.raises(CodecError, match="lone surrogate"):
        parse_json('["\ud800"]')
    with pytest.raises(CodecError, match="lone surrogate"):
        encode_header(["\ud800"])


def test_nesting_of_32_levels_is_read_and_brackets_in_strings_do_not_count() -> None:
    assert parse_json("[" * 32 + "]" * 32)
    text = json.dumps({"a": "[" * 500 + '\\"{{{' * 100})
    assert parse_json(text) == json.loads(text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        '"' + '\\"' * 131_000,
        '"' * 262_000,
        '"' + "a" * 262_000,
        "[" + "[]," * 87_000,
        "\\" * 262_000,
        '["' + "\\\\" * 131_000,
        "9" * 262_000,
        "[1." + "9" * 262_000 + "e",
        "-" * 262_000,
    ],
)
def test_the_largest_hostile_texts_are_refused_in_linear_time(text: str) -> None:
    try:
        parse_json(text)
    except CodecError:
        return
    assert text.isdigit()


@pytest.mark.parametrize("value", [1.5, float("nan"), {1: 2}, object(), b"x", {"a": {1}}])
def test_only_json_values_are_written(value: object) -> None:
    with pytest.raises(CodecError, match="only JSON values"):
        encode_json(value)


@given(st.binary(max_size=300) | st.text(max_size=300))
@settings(deadline=None)
def test_any_input_gives_a_value_or_a_codec_error_that_carries_none_of_it(
    data: bytes | str,
) -> None:
    caught = None
    try:
        parse_json(data)
    except CodecError as error:
        caught = error
    assert caught is None or (caught.__context__ is None and caught.__cause__ is None)


@given(st.text(max_size=100))
@settings(deadline=None)
def test_any_text_gives_bytes_or_a_codec_error(text: str) -> None:
    try:
        data = decode_base64(text)
    except CodecError:
        return
    assert base64.b64encode(data).decode().rstrip("=") == text.rstrip("=")
