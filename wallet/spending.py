"""What was spent, summed up: by day, host, tool, network, protocol or HTTP method.

Pure, and whole micro-USD alone. The ledger gives `Line`s, each of which stands for purchases that
are alike in everything a report tells apart. A purchase counts in the UTC day in which it was made,
whenever it settled. A channel's deposit is no spending: what its pages cost is, the rest of it is
held, and what the payee claimed beyond the pages counts when the channel ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from wallet.assets import find_network
from wallet.channels.model import Channel
from wallet.model import Evidence, State

WEB = "fetch"
"""The tool of a purchase from the web: the ledger knows that it was one, not who asked for it."""

CHANNELS = "payment channels"
"""The tool of what a channel holds, or took, beside its pages."""


class By(StrEnum):
    """What a report can be broken down by."""

    DAY = "day"
    HOST = "host"
    TOOL = "tool"
    NETWORK = "network"
    PROTOCOL = "protocol"
    METHOD = "method"


@dataclass(frozen=True, slots=True)
class Line:
    """Purchases that are alike: how many, and what they cost or hold, in micro-USD.

    `day` is the UTC day (`2026-11-21`). `source` is the address of a paid tool (`mcp://NAME/TOOL`
    or `a2a://NAME/send_message`) and empty for the web; `method` is the HTTP method. What a channel
    holds or took beside its pages has `of_channel` and no purchase, so its `count` is 0.
    """

    day: str
    host: str
    source: str
    network_id: str
    rail: str
    scheme: str
    method: str
    state: State
    evidence: Evidence
    count: int
    micros: int
    of_channel: bool = False


@dataclass(frozen=True, slots=True)
class Spending:
    """What the ledger knows of a time: lines, the channels opened in it, and free fetches."""

    lines: tuple[Line, ...]
    channels: tuple[Channel, ...]
    free_fetches: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums in micro-USD, and how many purchases each is of.

    The words are those of `wallet.money_words`: `verified` and `claimed` are spent; `unknown`,
    `unsent` and `in_channels`, which is of no purchase, are held; `void` was freed.
    """

    verified: int = 0
    claimed: int = 0
    unknown: int = 0
    unsent: int = 0
    in_channels: int = 0
    void: int = 0
    verified_count: int = 0
    claimed_count: int = 0
    unknown_count: int = 0
    unsent_count: int = 0
    void_count: int = 0

    def __add__(self, other: Totals) -> Totals:
        names = [field.name for field in fields(self)]
        return Totals(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def settled(self) -> int:
        """What was spent."""
        return self.verified + self.claimed

    @property
    def settled_count(self) -> int:
        """How many purchases were settled."""
        return self.verified_count + self.claimed_count

    @property
    def held(self) -> int:
        """What is held against the limits, and may yet be spent."""
        return self.unknown + self.unsent + self.in_channels

    @property
    def held_count(self) -> int:
        """How many purchases are open."""
        return self.unknown_count + self.unsent_count

    @property
    def counted(self) -> int:
        """What counts against the limits: spent or held."""
        return self.settled + self.held


NOTHING = Totals()


def kind_of(line: Line) -> str | None:
    """Return which sum of `Totals` a line belongs to; None for what was free."""
    if line.state is State.FREE:
        return None
    if line.state is State.SETTLED:
        return "verified" if line.evidence is Evidence.VERIFIED else "claimed"
    if line.of_channel:
        return "in_channels"
    return {State.HELD: "unsent", State.VOID: "void"}.get(line.state, "unknown")


def total(lines: Iterable[Line]) -> Totals:
    """Add lines up."""
    sums = {field.name: 0 for field in fields(Totals)}
    for line in lines:
        kind = kind_of(line)
        if kind is not None:
            sums[kind] += line.micros
        if kind is not None and line.count:
            sums[f"{kind}_count"] += line.count
    return Totals(**sums)


def name_in(line: Line, by: By) -> str:
    """Return the heading that a line comes under."""
    match by:
        case By.DAY:
            return line.day
        case By.HOST:
            return line.host
        case By.TOOL:
            return CHANNELS if line.of_channel else tool_name(line.source)
        case By.NETWORK:
            return network_name(line.network_id)
        case By.PROTOCOL:
            return f"{line.rail} {line.scheme}"
        case By.METHOD:
            return CHANNELS if line.of_channel else line.method


def tool_name(source: str) -> str:
    """Return a paid tool under the name it is called by, `NAME__TOOL`, or that of the web."""
    parts = urlsplit(source)
    if parts.scheme not in ("mcp", "a2a"):
        return WEB
    return f"{parts.netloc}__{unquote(parts.path.removeprefix('/'))}"


def network_name(network_id: str) -> str:
    """Return a network's name from our table, or its CAIP-2 id."""
    network = find_network(network_id)
    return network_id if network is None else network.name


def broken_down(lines: Sequence[Line], by: By) -> dict[str, Totals]:
    """Return the sums under each heading: days in order, others by what counts, dearest first."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(name_in(line, by), []).append(line)
    sums = {name: total(group) for name, group in groups.items()}
    if by is By.DAY:
        return dict(sorted(sums.items()))
    return dict(sorted(sums.items(), key=lambda item: (-item[1].counted, item[0])))


def every_day(sums: Mapping[str, Totals], days: Iterable[str]) -> dict[str, Totals]:
    """Return the sums of each of these days, with nothing where there is none."""
    return {day: sums.get(day, NOTHING) for day in days}


def leading(sums: Mapping[str, Totals], most: int) -> tuple[dict[str, Totals], Totals | None]:
    """Return the first so many headings, and the others added up, if there are others."""
    names = list(sums)
    if len(names) <= most:
        return dict(sums), None
    rest = sum((sums[name] for name in names[most:]), NOTHING)
    return {name: sums[name] for name in names[:most]}, rest
