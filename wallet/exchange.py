"""An exchange: one request that may have to be paid; HTTP today, other carriers later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


def is_good(status: int) -> bool:
    """Tell whether an HTTP status means that what was asked for came (RFC 9110 section 15.3)."""
    return 200 <= status < 300


@dataclass(frozen=True, slots=True)
class WebRequest:
    """A request as the user meant it; `headers` in order, `body` whole so it can be sent again.

    `typed` tells that the last header is a Content-Type that the body was given here.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    typed: bool = False

    @property
    def own_headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that the caller gave."""
        return self.headers[:-1] if self.typed else self.headers


@dataclass(frozen=True, slots=True)
class WebResponse:
    """A bounded answer; `body` is decoded and at most `max_body_bytes`, `truncated` says if cut."""

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool = False

    def values(self, name: str) -> list[str]:
        """Return every value of a header, in order, by case-insensitive name."""
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]

    def header(self, name: str) -> str | None:
        """Return the header's only value, or the first of several, or None."""
        return next(iter(self.values(name)), None)


class NeverSentError(Exception):
    """Not one byte of the paid request left: proof that its authorization is unknown to anyone."""


class TransportFailedError(Exception):
    """The paid request may have been received, but no whole answer came back."""


class Exchange(Protocol):
    """One purchase's conversation with one seller."""

    @property
    def request(self) -> WebRequest:
        """Return the request that was asked for."""
        ...

    async def ask(self) -> WebResponse:
        """Send the request without payment, following guarded redirects.

        Raises:
            PurserError: the guard refuses, the server fails, or time runs out.
        """
        ...

    def start_over(self) -> None:
        """Forget where redirects led: what is paid next goes to the request's own URL."""
        ...

    def can_still_pay(self) -> bool:
        """Tell whether enough of the deadline is left to wait for a settlement."""
        ...

    async def pay(self, payment_headers: Mapping[str, str]) -> WebResponse:
        """Send the request again, with payment, to the very URL that answered 402.

        No redirect is followed. A body over the limit is cut, not refused.

        Raises:
            NeverSentError: no connection could be made.
            TransportFailedError: anything else that kept a whole answer from arriving.
        """
        ...
