"""What a rail is: pure functions from a seller's bytes to offers, and from a payment to bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from wallet.exchange import WebRequest, WebResponse
from wallet.model import Challenge, Offer, Purchase, SellerWord, Settlement, Transfer

SHORTEST_VALIDITY_S = 10
"""Sellers want a few seconds of slack; a shorter authorization would only be refused."""


class UnreadableChallengeError(Exception):
    """The 402 speaks this rail but cannot be read; the text is ours, never the seller's."""


class CannotFreezeError(Exception):
    """The offer cannot be turned into terms to sign after all; the text is ours."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a rail needs beside the offer to fix the terms to sign.

    `payer` is EIP-55 checksummed, `now_s` in unix seconds, `validity_s` the longest life the user
    allows, `random` 32 fresh bytes for a nonce, `payment_id` as sent where a seller wants one.
    `request` is the one that was asked for.
    """

    payer: str
    now_s: int
    validity_s: int
    random: bytes
    payment_id: str
    request: WebRequest


class Rail(Protocol):
    """One payment protocol."""

    @property
    def name(self) -> str:
        """Return the rail's name as receipts show it."""
        ...

    def recognise(self, response: WebResponse) -> Challenge | None:
        """Decode a 402, or return None when it is not this rail's.

        Raises:
            UnreadableChallengeError: it is this rail's, and broken as a whole.
        """
        ...

    def freeze(self, challenge: Challenge, offer: Offer, draft: Draft) -> Transfer:
        """Fix the exact terms to sign: payee and amount of the offer, validity, nonce.

        Raises:
            CannotFreezeError: the offer cannot be paid with these.
        """
        ...

    def payment_headers(
        self,
        challenge: Challenge,
        offer: Offer,
        transfer: Transfer,
        signature: str,
        payment_id: str,
    ) -> Mapping[str, str]:
        """Build the headers of the paid request; `signature` is 0x and 130 hex digits."""
        ...

    def read_settlement(self, response: WebResponse) -> Settlement | None:
        """Read the settlement response, or return None when there is none that can be read."""
        ...

    def disagreements(self, settlement: Settlement, transfer: Transfer) -> Sequence[str]:
        """Say, in our words, where a settlement response differs from what was signed."""
        ...

    def signed_offer(
        self, challenge: Challenge, offer: Offer, url: str, now_s: int
    ) -> SellerWord | None:
        """Check what the seller signed about an offer; None when it signed nothing.

        Blocking, never raises. It changes nothing of what is paid: an offer that the seller's own
        signed one denies is not among the readable ones. `url` is where the 402 came from.
        """
        ...

    def signed_receipt(
        self, response: WebResponse, purchase: Purchase, now_s: int
    ) -> SellerWord | None:
        """Check the receipt that the seller signed; None when it sent none.

        Blocking, never raises. It is the seller's word, and never evidence of a settlement.
        """
        ...
