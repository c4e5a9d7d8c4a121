"""Every scene of the hostile seller: the one table that the server plays and the tests expect."""

from __future__ import annotations

from sandbox.hostile import (
    after,
    bombs,
    members,
    orders,
    parsing,
    redirects,
    schemes,
    signed,
    terms,
)
from sandbox.hostile.scene import Scene, settled, still_open
from sandbox.hostile.wording import always, asking, asks, challenge, offer

STATION_ATOMIC = 300_000  # $0.30

STATIONS = (
    Scene(
        "/stations/endless",
        14,
        "every payment is answered with another 402",
        asks(),
        still_open("payment_rejected"),
        always(asking(challenge())),
    ),
    Scene(
        "/stations/cheap",
        14,
        "one of many stations, each a little below what needs approval; by query, another page",
        asks(offer(amount=str(STATION_ATOMIC))),
        settled(STATION_ATOMIC),
    ),
)

SCENES: tuple[Scene, ...] = (
    *terms.SCENES,
    *schemes.SCENES,
    *parsing.SCENES,
    *after.SCENES,
    *redirects.SCENES,
    *orders.SCENES,
    *bombs.SCENES,
    *signed.SCENES,
    *members.SCENES,
    *STATIONS,
)
