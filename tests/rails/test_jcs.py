"""Canonical JSON, compared with the specification's examples and with another implementation."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from wallet.rails.codec import CodecError, NumberLiteral
from wallet.rails.jcs import MAX_SAFE_INTEGER, canonical_json

_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
_SCALARS = st.none() | st.booleans() | _TEXT | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


def test_names_are_ordered_by_utf16_units() -> None:
    # RFC 8785 section 3.2.3: the astral character comes before U+FB33.
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    ordered = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    expected = "{" + ",".join(f'"{name}":0' for name in ordered).replace("\r", r"\r") + "}"
    assert canonical_json(dict.fromkeys(names, 0)) == expected


def test_texts_are_escaped_only_where_they_must_be() -> None:
    # The text of RFC 8785 section 3.2.2.
    assert canonical_json('\u20ac$\u000f\nA\'B"\\\\"/') == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'


def test_containers_are_ordered_at_every_depth() -> None:
    assert canonical_json({"b": [{"d": 1, "c": None}], "a": True}) == (
        '{"a":true,"b":[{"c":null,"d":1}]}'
    )


@pytest.mark.parametrize(
    "value",
    [1.5, 2**53, -(2**53), NumberLiteral("1e2"), {"a": [0.0]}, b"x", "\ud800", {"\ud800": 1}],
)
def test_what_has_no_one_spelling_is_refused(value: object) -> None:
    with pytest.raises(CodecError):
        canonical_json(value)


@given(_JSON)
@settings(max_examples=60, deadline=None)
def test_another_implementation_writes_the_same(value: Any) -> None:
    assert canonical_json(value).encode() == rfc8785.dumps(value)
