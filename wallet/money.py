"""Money as integers: micro-USD for budgets, atomic units for tokens; no float ever comes near."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

MICROS_PER_USD = 1_000_000
UINT256_MAX = 2**256 - 1
USD_MICROS_MAX = 2**63 - 1

_USD = re.compile(r"(0|[1-9][0-9]{0,11})(?:\.([0-9]{1,6}))?", re.ASCII)
_ATOMIC = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Usd:
    """An amount of US dollars in whole micro-dollars (0 to 2**63 - 1)."""

    micros: int

    def __post_init__(self) -> None:
        if not 0 <= self.micros <= USD_MICROS_MAX:
            raise ValueError("a USD amount must lie between 0 and 2**63 - 1 micro-dollars")

    @classmethod
    def parse(cls, text: str) -> Usd:
        """Read a plain decimal such as `1.00` with at most six decimals.

        Raises:
            ValueError: anything else: signs, exponents, separators, other scripts' digits.
        """
        match = _USD.fullmatch(text)
        if match is None:
            raise ValueError("write a USD amount as digits with up to 6 decimals, such as 0.50")
        whole, fraction = match.group(1), match.group(2) or ""
        return cls(int(whole) * MICROS_PER_USD + int(fraction.ljust(6, "0")))

    def __add__(self, other: Usd) -> Usd:
        return Usd(self.micros + other.micros)

    def minus_floor_zero(self, other: Usd) -> Usd:
        """Return the difference, or zero where it would be negative."""
        return Usd(max(0, self.micros - other.micros))

    def __str__(self) -> str:
        """Write with at least cents and without needless zeros: `1.00`, `0.0001`."""
        whole, rest = divmod(self.micros, MICROS_PER_USD)
        fraction = f"{rest:06d}".rstrip("0").ljust(2, "0")
        return f"{whole}.{fraction}"


def parse_atomic(text: str) -> int:
    """Read a canonical decimal uint256 (x402 v2 section 5.1: amounts are digit strings).

    Raises:
        ValueError: leading zeros, signs, separators, other scripts' digits, or above 2**256 - 1.
    """
    if _ATOMIC.fullmatch(text) is None:
        raise ValueError("an amount must be a plain decimal integer")
    value = int(text)
    if value > UINT256_MAX:
        raise ValueError("an amount must fit in 256 bits")
    return value


def usd_from_atomic(amount_atomic: int, decimals: int) -> Usd:
    """Convert atomic units of a USD-pegged token to micro-USD, rounded up.

    Raises:
        ValueError: the amount is negative or too large for a 64-bit budget.
    """
    if amount_atomic < 0:
        raise ValueError("a token amount must not be negative")
    scaled, divisor = amount_atomic * MICROS_PER_USD, 10**decimals
    return Usd(-(-scaled // divisor))


def atomic_from_usd(amount: Usd, decimals: int) -> int:
    """Convert micro-USD to atomic units of a USD-pegged token, rounded down."""
    return amount.micros * 10**decimals // MICROS_PER_USD


def token_units(amount_atomic: int, decimals: int) -> str:
    """Write atomic units as a plain decimal of whole tokens, exactly: `10000`, 6 -> `0.01`."""
    sign, digits, exponent = Decimal(amount_atomic).as_tuple()
    text = format(Decimal((sign, digits, int(exponent) - decimals)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
