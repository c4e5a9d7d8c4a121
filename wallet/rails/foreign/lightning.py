"""The amount of a Lightning invoice, read from its human-readable part alone (BOLT 11)."""

from __future__ import annotations

import re

from wallet.money import token_units

MAX_INVOICE_CHARS = 8 * 1024
MAX_PRICE_MSAT = 21_000_000 * 100_000_000 * 1000

# The prefix of the main network alone: test coins have no price.
_INVOICE = re.compile(r"lnbc([1-9][0-9]{0,17})([munp]?)1[02-9ac-hj-np-z]{104,}", re.ASCII)
# One bitcoin is 10**11 millisatoshi; the multipliers divide it (BOLT 11, "Human-Readable Part").
_DIVISORS = {"": 1, "m": 10**3, "u": 10**6, "n": 10**9, "p": 10**12}
_MSAT_PER_BITCOIN = 10**11


def invoice_price(invoice: str) -> str | None:
    """Return the amount of an invoice such as `150 sat`, or None where it names none.

    The text has to look like a whole invoice, in one case; its checksum is not checked, since
    nothing is paid by it.
    """
    if len(invoice) > MAX_INVOICE_CHARS or invoice not in (invoice.lower(), invoice.upper()):
        return None
    match = _INVOICE.fullmatch(invoice.lower())
    if match is None:
        return None
    amount_msat, rest = divmod(int(match[1]) * _MSAT_PER_BITCOIN, _DIVISORS[match[2]])
    if rest or not 0 < amount_msat <= MAX_PRICE_MSAT:
        return None
    return f"{token_units(amount_msat, 3)} sat"
