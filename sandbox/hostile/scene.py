"""What a scene is: a path, how it behaves before and after payment, and how it has to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Place = Literal["seller", "elsewhere", "forbidden"]
"""The seller's own origin, a second one the buyer may talk to, and one that it may not."""

Manner = Literal["close", "hang", "drip", "endless"]
"""After the bytes of a reply: close, keep silent, send a byte now and then, or never stop."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer on the wire. `raw` stands for the whole of it; `promised_bytes` may be a lie."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    reason: str = "Played"
    promised_bytes: int | None = None
    then: Manner = "close"
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment header as it arrived: where, at which path, its text, and what it carries."""

    place: Place
    path: str
    header: str
    raw: str
    payload: dict[str, Any]

    @property
    def authorization(self) -> dict[str, str]:
        """Return the EIP-3009 authorization inside; a payment without one is a KeyError."""
        return self.payload["payload"]["authorization"]

    @property
    def nonce(self) -> str:
        """Return the authorization's nonce, 0x and 64 hex digits."""
        return self.authorization["nonce"]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request as a scene sees it.

    `place` is where it arrived, `urls` the URL of this path at each place. `asked` counts the
    unpaid requests to the path before this one. `cash` submits the payment to the chain and
    returns its hash; `foreign_hash` is that of a transfer which has nothing to do with it.
    `sign_in` is what a `SIGN-IN-WITH-X` header holds.
    """

    place: Place
    urls: Mapping[Place, str]
    asked: int
    payment: Payment | None
    cash: Callable[[], str]
    foreign_hash: Callable[[], str]
    sign_in: Mapping[str, Any] | None = None


Play = Callable[[Visit], Reply]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a scene has to end. `code` None: content is returned.

    `signed_atomic` is what the one signature is for, 0 where none may exist; `moved_atomic` what
    the chain moves. `state` and `evidence` are the ledger's; None: the ledger holds no such row.
    """

    code: str | None = None
    spent: Literal["no", "yes", "unknown"] = "no"
    signed_atomic: int = 0
    moved_atomic: int = 0
    state: Literal["free", "settled", "unknown"] | None = None
    evidence: Literal["verified", "claimed", "unknown", "none"] | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """One row of the catalogue.

    `threat` is a number of `docs/threat-model.md`. `paid` answers a payment; None: it is cashed
    and the goods are delivered. `blind` is the ending for a buyer that cannot read the chain,
    where a test plays that too. `paid_at` names the one place that may see the payment. `quoted`:
    the buyer asks for the price first and then allows no more. `impatient`: the buyer has to wait
    for its own deadline.
    """

    path: str
    threat: int
    what: str
    ask: Play
    expected: Ending
    paid: Play | None = None
    blind: Ending | None = None
    paid_at: Place = "seller"
    quoted: bool = False
    impatient: bool = False

    @property
    def is_control(self) -> bool:
        """Tell whether this is an honest sale, or one as good as honest: it has to be paid."""
        return self.expected.code is None and self.expected.evidence == "verified"


def refused(code: str) -> Ending:
    """Return the ending where nothing is signed."""
    return Ending(code)


def settled(amount_atomic: int = 10_000) -> Ending:
    """Return the ending where the chain shows the payment and content came."""
    return Ending(None, "yes", amount_atomic, amount_atomic, "settled", "verified")


def settled_without_content(amount_atomic: int = 10_000) -> Ending:
    """Return the ending where the chain shows the payment and no content came."""
    return Ending("upstream_error", "yes", amount_atomic, amount_atomic, "settled", "verified")


def claimed(moved_atomic: int = 0) -> Ending:
    """Return the ending where only the seller's word says that it was paid."""
    return Ending(None, "yes", 10_000, moved_atomic, "settled", "claimed")


def still_open(code: str | None, moved_atomic: int = 0) -> Ending:
    """Return the ending where the outcome is not known and the money stays held."""
    return Ending(code, "unknown", 10_000, moved_atomic, "unknown", "unknown")


FREE = Ending(state="free", evidence="none")
