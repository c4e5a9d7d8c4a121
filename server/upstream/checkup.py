"""One look at each upstream of the settings, for `purser doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import anyio

from server.upstream.connection import Upstream
from server.upstream.hub import client_info, guarded_client
from server.upstream.transports import command_streams, url_streams

if TYPE_CHECKING:
    from server.settings import Settings

LOOK_TIMEOUT_S = 30
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Look:
    """What one upstream looks like: `reason` says why it cannot be used, if it cannot."""

    name: str
    tools: int
    left_out: tuple[str, ...]
    reason: str | None


async def look_at_all(settings: Settings) -> list[Look]:
    """Connect to each server of tools, side by side, and list what would be exported.

    Agents are left alone: the first message to one may cost money.
    """
    looks: dict[str, Look] = {}

    async def look(name: str) -> None:
        chosen = settings.upstream[name]
        limit = settings.fetch.max_body_bytes
        opener = (
            partial(command_streams, chosen.command, chosen.env)
            if chosen.command
            else partial(url_streams, chosen.url, partial(guarded_client, settings), limit)
        )
        upstream = Upstream(name, opener, chosen.tools, lambda: None, client_info())
        reason: str | None = "it does not answer"
        with anyio.move_on_after(LOOK_TIMEOUT_S):
            reason = await upstream.look()
        listing = upstream.listing
        looks[name] = Look(name, len(listing.tools), listing.left_out[:SHOWN], reason)

    async with anyio.create_task_group() as group:
        for name, chosen in settings.upstream.items():
            if not chosen.a2a:
                group.start_soon(look, name)
    return [looks[name] for name in settings.upstream if name in looks]
