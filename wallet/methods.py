"""Every way to pay that there is: whose offer it is, what the user calls it, and what is signed.

What is not in the table is neither allowed by policy, nor frozen by a rail, nor signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wallet.model import Method, Offer


@dataclass(frozen=True, slots=True)
class Way:
    """One way to pay: what the setting `wallet.schemes` calls it, and how it is signed."""

    setting: str
    method: Method


WAYS: Mapping[tuple[str, str, str], Way] = {
    ("x402", "exact", "eip3009"): Way("exact", Method.EIP3009),
    ("x402", "exact", "permit2"): Way("permit2", Method.PERMIT2),
    ("x402", "upto", "permit2"): Way("upto", Method.UPTO),
    ("x402", "batch-settlement", "eip3009"): Way("batch-settlement", Method.VOUCHER),
    ("mpp", "charge", "eip3009"): Way("exact", Method.EIP3009),
}
"""By rail, scheme and transfer method, as an offer names them."""


def way_of(offer: Offer) -> Way | None:
    """Return how an offer is paid, or None where nothing here can pay it."""
    return WAYS.get((offer.rail, offer.scheme, offer.transfer_method))


def method_of(offer: Offer) -> Method:
    """Return how an offer that policy allowed is signed.

    Raises:
        KeyError: no offer like this is ever allowed.
    """
    return WAYS[offer.rail, offer.scheme, offer.transfer_method].method


def is_known_scheme(rail: str, scheme: str) -> bool:
    """Tell whether a rail's scheme is paid by at least one transfer method."""
    return any((rail, scheme) == key[:2] for key in WAYS)


def transfer_methods(rail: str | None, scheme: str | None) -> frozenset[Method]:
    """Return the methods that sign a purchase's transfer; a page of a channel has no transfer."""
    methods = {way.method for key, way in WAYS.items() if key[:2] == (rail, scheme)}
    return frozenset(methods - {Method.VOUCHER})
