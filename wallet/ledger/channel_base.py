"""What a ledger promises about channels; every method is one durable database transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from wallet.ledger.base import HoldRequest
from wallet.model import Evidence, Purchase

if TYPE_CHECKING:
    from wallet.channels.model import Channel, Place


class ChannelBusyError(Exception):
    """Another page, or another opening, is in the way; nothing was written."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel.id)
        self.channel = channel


class ChannelMovedError(Exception):
    """The channel is not as it was read, or has too little left; nothing was written."""


class Channels(Protocol):
    """The channels of a ledger; see `wallet.ledger.channel_book.ChannelBook`.

    Every method may raise LedgerUnavailableError.
    """

    def open(self, channel: Channel, request: HoldRequest) -> Purchase:
        """Hold a whole deposit in every cap, and lend the first page its price."""
        ...

    def lend(self, channel: Channel, request: HoldRequest) -> Purchase:
        """Write a page as HELD, its price taken from the channel's hold."""
        ...

    def supersede(self, purchase_id: str, note: str) -> Purchase:
        """Void a page that the seller says it did not charge; frees nothing."""
        ...

    def opened(self, channel_id: str, evidence: Evidence, tx_hash: str | None) -> None:
        """Record that the deposit was made."""
        ...

    def stop(self, channel_id: str, note: str) -> None:
        """Sign nothing more for a channel; its money stays held."""
        ...

    def drained(self, channel_id: str, block_time: int | None) -> None:
        """Note when the chain showed that nothing is left to claim."""
        ...

    def close(self, channel_id: str, claimed_atomic: int, now: int) -> Channel:
        """End a channel by proof that nothing more can be claimed, and free what came back."""
        ...

    def prove(self, channel_id: str, claimed_atomic: int) -> int:
        """Raise to VERIFIED every settled page that claims on the chain reach."""
        ...

    def get(self, channel_id: str) -> Channel | None:
        """Return one channel."""
        ...

    def of_origin(self, principal: str, origin: str) -> list[Channel]:
        """Return every channel with a seller that has not ended, oldest first."""
        ...

    def listed(self, *, ended: bool = False, limit: int = 100) -> list[Channel]:
        """Return channels, newest first."""
        ...

    def open_page(self, channel_id: str) -> Purchase | None:
        """Return the page of a channel whose outcome is not recorded yet."""
        ...

    def last_url(self, channel_id: str) -> str | None:
        """Return the URL of the newest page that was paid through a channel."""
        ...

    def remember(self, method: str, place: str, channel_id: str, offer: str, now: int) -> None:
        """Keep what a page cost, for the next one in the same place."""
        ...

    def recall(self, method: str, place: str) -> Place | None:
        """Return what the last page in a place cost, and the channel it was paid through."""
        ...

    def forget(self, method: str, place: str) -> None:
        """Drop what a place cost."""
        ...
