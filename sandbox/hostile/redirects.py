"""Redirects before and after the 402: to another origin, to a private one, and without end."""

from __future__ import annotations

from sandbox.hostile.scene import Place, Play, Reply, Scene, Visit, refused, settled, still_open
from sandbox.hostile.wording import CANARY, always, asking, asks, challenge, offer

_SEE_OTHER = 307


def _moved(location: str) -> Reply:
    return Reply(_SEE_OTHER, (("location", location), ("content-type", "text/plain")))


def _to(place: Place) -> Play:
    """Send everyone who comes to the seller on to this place, where the price is asked."""

    def play(visit: Visit) -> Reply:
        if visit.place == "seller":
            return _moved(visit.urls[place])
        return asking(challenge())

    return play


def _to_url(location: str) -> Play:
    return lambda _: _moved(location)


def _paid_then(place: Place, *, cash: bool) -> Play:
    """Answer a payment with a redirect to this place."""

    def play(visit: Visit) -> Reply:
        if cash:
            visit.cash()
        return _moved(visit.urls[place])

    return play


def _names_another_origin(visit: Visit) -> Reply:
    resource = {"url": visit.urls["elsewhere"], "description": CANARY}
    return asking(challenge(resource=resource), ("content-location", visit.urls["elsewhere"]))


def _names_servers(visit: Visit) -> Reply:
    there = visit.urls["forbidden"]
    named = {"rpcUrl": there, "rpc_urls": [there], "facilitator": there, "explorer": there}
    terms = offer(extra={"name": "USDC", "version": "2", **named})
    return asking(challenge(terms, extensions={"network": named}, **named))


_FORBIDDEN = (
    ("metadata", "http://169.254.169.254/latest/meta-data/", "private_address"),
    ("metadata-as-number", "http://2852039166/", "private_address"),
    ("mapped", "https://[::ffff:169.254.169.254]/", "private_address"),
    ("plain-http", f"http://example.com/{CANARY}", "insecure_url"),
    ("file", "file:///etc/passwd", "upstream_error"),
    ("script", f"javascript:{CANARY}", "upstream_error"),
    ("credentials", "https://user:word@example.com/", "upstream_error"),
)

SCENES = (
    Scene(
        "/redirects/elsewhere-before",
        9,
        "another origin asks for the money, and gets it; the first one never sees the payment",
        _to("elsewhere"),
        settled(),
        paid_at="elsewhere",
    ),
    Scene(
        "/redirects/elsewhere-keeps",
        9,
        "another origin asks for the money and keeps the payment; the first one never sees it",
        _to("elsewhere"),
        still_open("outcome_unknown"),
        always(Reply(500, (("content-type", "text/plain"),), CANARY.encode())),
        paid_at="elsewhere",
    ),
    Scene(
        "/redirects/forbidden-before",
        10,
        "a private address asks for the money",
        _to("forbidden"),
        refused("private_address"),
    ),
    *(
        Scene(f"/redirects/{name}", 10, f"a redirect: {name}", _to_url(location), refused(code))
        for name, location, code in _FORBIDDEN
    ),
    Scene(
        "/redirects/endless",
        10,
        "redirects without end",
        lambda visit: _moved(visit.urls["seller"]),
        refused("upstream_error"),
    ),
    Scene(
        "/redirects/cashed-then-elsewhere",
        9,
        "the payment is cashed and sent on to another origin",
        asks(),
        settled(),
        _paid_then("elsewhere", cash=True),
        blind=still_open("outcome_unknown", 10_000),
    ),
    Scene(
        "/redirects/kept-then-elsewhere",
        9,
        "the payment is kept and sent on to another origin",
        asks(),
        still_open("outcome_unknown"),
        _paid_then("elsewhere", cash=False),
    ),
    Scene(
        "/redirects/kept-then-forbidden",
        10,
        "the payment is kept and sent on to a private address",
        asks(),
        still_open("outcome_unknown"),
        _paid_then("forbidden", cash=False),
    ),
    Scene(
        "/redirects/names-another-origin",
        19,
        "the challenge names a resource of another origin; the one that asked is paid",
        _names_another_origin,
        settled(),
    ),
    Scene(
        "/redirects/names-servers",
        10,
        "the challenge names an RPC server and a facilitator; nobody asks them anything",
        _names_servers,
        settled(),
    ),
)
