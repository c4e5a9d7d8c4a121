"""What a rail is: pure functions from a seller's bytes to offers, and from a payment to bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from wallet.exchange import WebResponse
from wallet.model import Challenge, Offer, Settlement, Transfer


class UnreadableChallengeError(Exception):
    """The 402 speaks this rail but cannot be read; the text is ours, never the seller's."""


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
