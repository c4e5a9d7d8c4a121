"""Markup that escapes by default, and the gate's memory."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.pages.gate import KEPT_MAX, Gate
from server.pages.markup import Html, foreign, join, tag


@given(st.text())
def test_a_text_is_never_markup(text: str) -> None:
    inside = tag("p", text, title=text)
    assert inside.count("<") == 2
    assert inside.count(">") == 2
    assert inside.count('"') == 2


def test_markup_is_kept_and_nothing_is_left_out() -> None:
    row = join([tag("b", "a & b"), " < ", None, 3])
    assert row == "<b>a &amp; b</b> &lt; 3"
    assert tag("input", name="x", disabled=True, data_n=1, class_=None, hidden=False) == (
        '<input name="x" disabled data-n="1">'
    )


@pytest.mark.parametrize(
    "attributes",
    [
        {"onclick": "x()"},
        {"style": "color: red"},
        {"srcdoc": "<p>"},
        {"href": "javascript:x()"},
        {"href": "http://evil.example"},
        {"src": "//evil.example/x.js"},
        {"action": "data:text/html,x"},
    ],
)
def test_an_attribute_that_leads_out_is_a_mistake(attributes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        tag("a", "x", **attributes)


def test_a_foreign_text_is_bounded_and_hides_nothing() -> None:
    assert foreign("a\u202eb\x1b[31mc\u200bd") == "ab[31mcd"
    assert len(foreign("x" * 10_000)) == 4_000
    assert not isinstance(foreign("<b>"), Html)


def test_links_and_sessions_are_bounded_and_the_oldest_goes() -> None:
    gate = Gate(lambda: 0.0)
    tokens = [gate.new_token("/", life_s=9, session_life_s=9) for _ in range(KEPT_MAX + 1)]
    assert gate.open(tokens[0]) is None
    opened = [gate.open(token) for token in tokens[1:]]
    assert all(opened)


def test_a_wrong_secret_opens_nothing_and_leaves_the_link() -> None:
    gate = Gate(lambda: 0.0)
    token = gate.new_token("/", life_s=9, session_life_s=9)
    name = token.partition(".")[0]
    for wrong in ("", ".", name, f"{name}.", f"{name}.{'0' * 64}", f"{token}0", "x" * 10_000):
        assert gate.open(wrong) is None
    assert gate.open(token) is not None


def test_no_secret_is_in_a_repr() -> None:
    numbers = count(1)
    gate = Gate(lambda: 0.0, lambda size: next(numbers).to_bytes(size, "big"))
    opened = gate.open(gate.new_token("/", life_s=9, session_life_s=9))
    assert opened is not None
    assert opened.cookie not in repr(opened)
    assert "form_key" not in repr(opened)
