"""Amounts are read strictly, converted exactly and rounded against the payer."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.money import (
    UINT256_MAX,
    USD_MICROS_MAX,
    Usd,
    parse_atomic,
    token_units,
    usd_from_atomic,
)

MICROS = st.integers(0, USD_MICROS_MAX)
ATOMIC = st.integers(0, UINT256_MAX)
DECIMALS = st.integers(0, 36)

NOT_A_NUMBER = [
    "",
    " ",
    "+1",
    "-1",
    "-0",
    "1_000",
    "1,000",
    "1e3",
    "1E3",
    "0x10",
    "NaN",
    "Infinity",
    "inf",
    " 1",
    "1 ",
    "1\n",
    "\n1",
    "1\r\n",
    "1\x00",
    "\ufeff1",
    "1\u00a0",
    "１",  # full-width
    "٣",  # Arabic-Indic
    "۳",  # Persian
    "३",  # Devanagari
    "²",
    "Ⅷ",
    "01",
    "00",
]


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0", 0),
        ("1", 1_000_000),
        ("1.00", 1_000_000),
        ("0.5", 500_000),
        ("0.000001", 1),
        ("0.0001", 100),
        ("12.345678", 12_345_678),
        ("999999999999.999999", 999_999_999_999_999_999),
    ],
)
def test_a_plain_decimal_is_read_in_micro_dollars(text: str, micros: int) -> None:
    assert Usd.parse(text) == Usd(micros)


@pytest.mark.parametrize(
    "text",
    [*NOT_A_NUMBER, "1.", ".5", "1.0.0", "1.0000000", "$1", "1USD", "1.０", "1.5\n", "9" * 13],
)
def test_anything_but_a_plain_decimal_is_refused_as_usd(text: str) -> None:
    with pytest.raises(ValueError, match="USD amount"):
        Usd.parse(text)


@pytest.mark.parametrize("text", [*NOT_A_NUMBER, "1.0", "1.", ".1", "9" * 79])
def test_anything_but_plain_digits_is_refused_as_an_atomic_amount(text: str) -> None:
    with pytest.raises(ValueError, match="plain decimal integer"):
        parse_atomic(text)


@given(st.text(max_size=8))
def test_whatever_is_read_as_usd_is_ascii_digits_with_at_most_one_point(text: str) -> None:
    try:
        Usd.parse(text)
    except ValueError:
        return
    assert set(text) <= set("0123456789.")
    assert text.count(".") <= 1


def test_the_largest_uint256_is_read_and_one_more_is_refused() -> None:
    assert parse_atomic(str(UINT256_MAX)) == UINT256_MAX
    with pytest.raises(ValueError, match="256 bits"):
        parse_atomic(str(UINT256_MAX + 1))


@given(ATOMIC)
def test_an_atomic_amount_survives_writing_and_reading(amount_atomic: int) -> None:
    assert parse_atomic(str(amount_atomic)) == amount_atomic


@given(st.integers(0, 999_999_999_999_999_999))
def test_a_usd_amount_survives_writing_and_reading(micros: int) -> None:
    assert Usd.parse(str(Usd(micros))) == Usd(micros)


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "0.00"),
        (1, "0.000001"),
        (100, "0.0001"),
        (100_000, "0.10"),
        (1_000_000, "1.00"),
        (1_234_500, "1.2345"),
        (USD_MICROS_MAX, "9223372036854.775807"),
    ],
)
def test_usd_is_written_with_at_least_cents_and_no_needless_zeros(micros: int, text: str) -> None:
    assert str(Usd(micros)) == text


@pytest.mark.parametrize("micros", [-1, USD_MICROS_MAX + 1])
def test_usd_outside_the_range_of_a_budget_is_refused(micros: int) -> None:
    with pytest.raises(ValueError, match="between 0"):
        Usd(micros)


def test_a_sum_beyond_the_range_is_refused_and_does_not_wrap() -> None:
    with pytest.raises(ValueError, match="between 0"):
        _ = Usd(USD_MICROS_MAX) + Usd(1)


@given(MICROS, MICROS)
def test_a_difference_never_goes_below_zero(left: int, right: int) -> None:
    assert Usd(left).minus_floor_zero(Usd(right)) == Usd(max(0, left - right))


@given(MICROS, MICROS)
def test_usd_amounts_compare_as_their_micro_dollars(left: int, right: int) -> None:
    assert (Usd(left) < Usd(right)) is (left < right)
    assert (Usd(left) == Usd(right)) is (left == right)


@pytest.mark.parametrize(
    ("amount_atomic", "decimals", "micros"),
    [
        (10_000, 6, 10_000),
        (1, 6, 1),
        (0, 18, 0),
        (1, 18, 1),
        (10**12, 18, 1),
        (10**12 + 1, 18, 2),
        (10**18, 18, 1_000_000),
        (3, 2, 30_000),
        (7, 0, 7_000_000),
    ],
)
def test_token_amounts_become_micro_dollars_rounded_up(
    amount_atomic: int, decimals: int, micros: int
) -> None:
    assert usd_from_atomic(amount_atomic, decimals) == Usd(micros)


@given(ATOMIC, DECIMALS)
def test_rounding_never_counts_too_little_and_less_than_one_micro_too_much(
    amount_atomic: int, decimals: int
) -> None:
    exact = Fraction(amount_atomic * 1_000_000, 10**decimals)
    if exact > USD_MICROS_MAX:
        with pytest.raises(ValueError, match="between 0"):
            usd_from_atomic(amount_atomic, decimals)
        return
    assert 0 <= usd_from_atomic(amount_atomic, decimals).micros - exact < 1


@given(st.integers(0, 10**12), st.integers(0, 10**12), DECIMALS)
def test_payments_counted_one_by_one_never_cost_less_than_their_sum(
    first: int, second: int, decimals: int
) -> None:
    apart = usd_from_atomic(first, decimals) + usd_from_atomic(second, decimals)
    assert apart >= usd_from_atomic(first + second, decimals)


@given(st.integers(max_value=-1))
def test_a_negative_token_amount_is_refused(amount_atomic: int) -> None:
    with pytest.raises(ValueError, match="negative"):
        usd_from_atomic(amount_atomic, 6)


@pytest.mark.parametrize(
    ("amount_atomic", "decimals", "text"),
    [
        (10_000, 6, "0.01"),
        (0, 6, "0"),
        (1, 18, "0.000000000000000001"),
        (10**18, 18, "1"),
        (1_500_000, 6, "1.5"),
        (100, 0, "100"),
        (UINT256_MAX, 0, str(UINT256_MAX)),
        (UINT256_MAX, 6, f"{str(UINT256_MAX)[:-6]}.{str(UINT256_MAX)[-6:]}"),
    ],
)
def test_token_units_are_written_exactly(amount_atomic: int, decimals: int, text: str) -> None:
    assert token_units(amount_atomic, decimals) == text


@given(ATOMIC, DECIMALS)
def test_token_units_give_back_the_atomic_amount(amount_atomic: int, decimals: int) -> None:
    text = token_units(amount_atomic, decimals)
    assert Fraction(text) * 10**decimals == amount_atomic
    assert set(text) <= set("0123456789.")
    assert not ("." in text and text.endswith(("0", ".")))
