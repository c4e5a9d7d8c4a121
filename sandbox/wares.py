"""What the sandbox sells, in one table: the paywalls, index, directories and docs read it here."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Scheme = Literal["exact", "permit2", "upto", "batch-settlement"]


@dataclass(frozen=True, slots=True)
class Listing:
    """How a directory lists a ware: name, tags, and calls and payers of a month, made up."""

    name: str
    tags: tuple[str, ...]
    calls: int = 0
    payers: int = 0


@dataclass(frozen=True, slots=True)
class Ware:
    """One thing for sale.

    `path` is as a paywall matches it; `example` stands for the `*` at its end. `scheme` is what
    `wallet.schemes` calls the way to pay. `body` is the example of a JSON body, of which the
    `optional` members may be left out; a ware with a body is asked for by POST.
    """

    path: str
    price: str
    title: str
    media_type: str
    scheme: Scheme = "exact"
    version: int = 2
    example: str = ""
    body: Mapping[str, str | int] | None = None
    optional: tuple[str, ...] = ()
    listing: Listing | None = None

    @property
    def method(self) -> str:
        """Return the HTTP method."""
        return "GET" if self.body is None else "POST"

    @property
    def route(self) -> str:
        """Return method and path, as the official paywall names its routes."""
        return f"{self.method} {self.path}"

    @property
    def paid_by(self) -> str:
        """Return the scheme, and the version of x402 where it is not the newest."""
        return self.scheme if self.version == 2 else f"{self.scheme}, x402 v{self.version}"

    @property
    def amount_atomic(self) -> int:
        """Return the price in millionths of a dollar."""
        whole, _, fraction = self.price.removeprefix("$").partition(".")
        return int(whole) * 1_000_000 + int(fraction.ljust(6, "0"))

    def url(self, seller_url: str) -> str:
        """Return the URL of the example."""
        return seller_url + self.path.replace("*", self.example)

    def arguments(self, seller_url: str) -> str:
        """Return what `purser fetch` takes to buy the example, quoted for a POSIX shell."""
        if self.body is None:
            return self.url(seller_url)
        return f"{self.url(seller_url)} --body {shlex.quote(json.dumps(dict(self.body)))}"


def _json(**members: str | int) -> Mapping[str, str | int]:
    return MappingProxyType(members)


_HTML, _JSON, _TEXT = "text/html", "application/json", "text/plain"
_SENTENCES = _json(text="The captain keeps the ship. The clerk keeps the books.", sentences=1)
_PASSAGE = _json(start="Port Ellery", end="Skerry Light", knots=6)

WARES = (
    Ware(
        "/article",
        "$0.01",
        "An essay on ships' pursers and their ledgers",
        _HTML,
        listing=Listing("Harbour library", ("essay", "history"), calls=7, payers=3),
    ),
    Ware("/v1/article", "$0.01", "The same essay, sold in x402 v1", _HTML, version=1),
    Ware(
        "/api/weather",
        "$0.0001",
        "The weather at the harbour",
        _JSON,
        listing=Listing("Harbour weather", ("weather", "forecast"), calls=42, payers=15),
    ),
    Ware(
        "/image.png",
        "$0.005",
        "A picture of a ship at sunset",
        "image/png",
        listing=Listing("Harbour pictures", ("image",)),
    ),
    Ware(
        "/library/*",
        "$0.001",
        "Any document of the library, such as log.pdf",
        _HTML,
        example="log.pdf",
    ),
    Ware(
        "/api/summarise",
        "$0.02",
        "The first sentences of your text",
        _JSON,
        body=_SENTENCES,
        optional=("sentences",),
        listing=Listing("Harbour clerk", ("text", "summary")),
    ),
    Ware(
        "/pilotage",
        "$0.60",
        "The way into Port Ellery, dear enough to need your approval",
        _HTML,
        listing=Listing("Harbour pilots", ("pilotage", "harbour")),
    ),
    Ware(
        "/api/passage",
        "$0.75",
        "Distance and time between two harbours, dear enough to need your approval",
        _JSON,
        body=_PASSAGE,
    ),
    Ware(
        "/dear",
        "$25.00",
        "The chart of a buried chest",
        _HTML,
        listing=Listing("Harbour charts", ("maps",)),
    ),
    Ware("/fails", "$0.01", "A seller that breaks after it is paid", _JSON),
    Ware(
        "/permit2/page",
        "$0.01",
        "The times of high water, paid through Permit2",
        _TEXT,
        scheme="permit2",
    ),
    Ware(
        "/permit2/gasless",
        "$0.01",
        "The same; Permit2 is approved by a signature",
        _TEXT,
        scheme="permit2",
    ),
    Ware("/upto/page", "$0.05", "An account of what you used; $0.05 is the most", _JSON, "upto"),
    Ware(
        "/batch/page/*",
        "$0.0001",
        "A page of the log, through a channel",
        _TEXT,
        scheme="batch-settlement",
        example="1",
    ),
)
BY_PATH = {ware.path: ware for ware in WARES}
SHOP = tuple(ware for ware in WARES if (ware.scheme, ware.version) == ("exact", 2))
"""What the official v2 paywall of `sandbox.sellers` guards."""
BY_SCHEME = tuple(ware for ware in WARES if ware.scheme != "exact")
"""What `sandbox.schemes` sells."""
