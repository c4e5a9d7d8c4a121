"""The border between one HTTP request and an exchange: what came back, or how far it got."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tools.web.guard import HostRules, Target
from tools.web.headers import Headers


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `truncated` says the body was cut, `undecoded` that its coding was unusable."""

    status: int
    headers: Headers
    body: bytes
    truncated: bool
    undecoded: bool


class WireError(Exception):
    """No whole answer came back; `unsent` is True only where not one byte of it left."""

    def __init__(self, reason: str, *, unsent: bool, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.unsent = unsent
        self.timed_out = timed_out


class Wire(Protocol):
    """What sends one request to one checked target, following nothing."""

    @property
    def rules(self) -> HostRules:
        """Return the host rules that every hop is checked against."""
        ...

    @property
    def user_agent(self) -> str:
        """Return the default User-Agent."""
        ...

    @property
    def max_body_bytes(self) -> int:
        """Return the largest body kept, in bytes after decoding."""
        ...

    async def send(
        self,
        method: str,
        target: Target,
        headers: Headers,
        body: bytes,
        body_limit: Callable[[int], int],
        *,
        body_until: float | None = None,
    ) -> Answer:
        """Send one request; `body_limit` maps a status to the most bytes to keep.

        With `body_until` (on anyio's clock) a body that breaks off, or is not whole by then, comes
        back cut: once a payment was sent, its answer's headers and first bytes must not be lost.

        Raises:
            PurserError: the guard refused an address, before anything was sent.
            WireError: no whole answer came back.
        """
        ...
