"""The border to a connection: what a tool call brings back, and how it can fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tools.web.wire import WireError


class Progress(Protocol):
    """Told how far a call is."""

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        """Take what is done, out of how much, and the upstream's words."""
        ...


@dataclass(frozen=True, slots=True)
class ToolReply:
    """The result object of `tools/call` as it came over the wire, checked by nobody."""

    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RpcFailure:
    """A JSON-RPC error that the upstream answered with; every field is its own text."""

    code: int
    message: str
    data: Any


class LinkDownError(WireError):
    """There is no connection, so nothing was sent; the text is ours and says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, unsent=True)


class LinkBrokenError(WireError):
    """The connection ended under the call; the upstream may have received it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, unsent=False)


class Link(Protocol):
    """One upstream server, connected or not."""

    @property
    def name(self) -> str:
        """Return the name that the user gave it in the settings."""
        ...

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        meta: Mapping[str, Any],
        progress: Progress | None,
    ) -> ToolReply | RpcFailure:
        """Call a tool once; a cancelled call is cancelled at the upstream too.

        Raises:
            LinkDownError: not one byte of the call was sent.
            LinkBrokenError: no answer came.
        """
        ...
