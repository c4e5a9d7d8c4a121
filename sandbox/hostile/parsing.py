"""Challenges that two parsers would read differently, or that would break one."""

from __future__ import annotations

import json

from sandbox.hostile.scene import Reply, Scene, refused, settled
from sandbox.hostile.wording import CANARY, always, asking, asks, b64, challenge, offer

_HONEST = json.dumps(challenge(resource=...))


def _with(old: str, new: str) -> str:
    """Return the honest challenge's JSON with one piece of its text replaced."""
    if old not in _HONEST:
        raise ValueError("the challenge has no such piece")
    return _HONEST.replace(old, new, 1)


_DEEP = '{"x402Version": 2, "accepts": [], "deep": ' + "[" * 10_000 + "]" * 10_000 + "}"
_TEXTS: tuple[tuple[str, str, str | bytes], ...] = (
    ("two-amounts", "an amount given twice", _with('"amount"', '"amount": "900000", "amount"')),
    ("two-lists", "two lists of offers", _with('"accepts"', '"accepts": [], "accepts"')),
    ("nan", "a number that is none", _with(": 60", ": NaN")),
    ("infinity", "a time without end", _with(": 60", ": Infinity")),
    ("deep", "ten thousand lists in each other", _DEEP),
    ("not-utf8", "bytes that are no text", _with(CANARY, "caf\u00e9").encode("latin-1")),
    ("lone-surrogate", "half a character", _with(CANARY, "\\ud800")),
    ("byte-order-mark", "a mark before the text", "\ufeff" + _HONEST),
    ("single-quotes", "quotes that JSON does not have", _HONEST.replace('"', "'")),
    ("comment", "a comment", "/* " + CANARY + " */" + _HONEST),
    ("cut-short", "a text that breaks off", _HONEST[:-20]),
    ("list", "a list for an object", f"[{_HONEST}]"),
    ("text", "a text for an object", json.dumps(CANARY)),
    ("version-3", "a version that does not exist", _with(": 2,", ": 3,")),
    ("version-true", "true for a version", _with(": 2,", ": true,")),
    ("version-text", "a version in quotes", _with(": 2,", ': "2",')),
    ("offers-as-object", "an object for the list of offers", '{"x402Version": 2, "accepts": {}}'),
    ("nothing", "nothing at all", ""),
)

_BASE64: tuple[tuple[str, str, str], ...] = (
    ("junk", "junk between the characters", "!" + b64(_HONEST)),
    ("url-alphabet", "the other alphabet", b64(_HONEST + "\u00bf\u00ff").replace("/", "_") + "-_"),
    ("spaces", "spaces between the characters", b64(_HONEST)[:40] + " " + b64(_HONEST)[40:]),
    ("plain-json", "JSON that is not encoded", _HONEST),
    ("bad-padding", "too much padding", b64(_HONEST).rstrip("=") + "==="),
)

SCENES = (
    *(
        Scene(f"/json/{name}", 28, what, always(asking(b64(text))), refused("malformed_challenge"))
        for name, what, text in _TEXTS
    ),
    *(
        Scene(f"/base64/{name}", 28, what, always(asking(text)), refused("malformed_challenge"))
        for name, what, text in _BASE64
    ),
    Scene(
        "/base64/no-padding",
        28,
        "an honest challenge without padding",
        always(asking(b64(_HONEST).rstrip("="))),
        settled(),
    ),
    Scene(
        "/json/unknown-members",
        28,
        "an honest challenge with members nobody knows, and a number too long for any",
        always(asking(b64(_with('"note"', '"big": ' + "9" * 500 + ', "note"')))),
        settled(),
    ),
    Scene("/json/no-offers", 28, "an empty list", asks(accepts=[]), refused("no_payable_offer")),
    Scene(
        "/headers/no-challenge",
        28,
        "a 402 that asks for nothing",
        always(Reply(402, (("content-type", "text/plain"),), CANARY.encode())),
        refused("malformed_challenge"),
    ),
    Scene(
        "/headers/forty-kib",
        26,
        "an honest challenge of 40 KiB",
        asks(error="x" * 30_000),
        settled(),
    ),
    Scene(
        "/headers/too-large-to-repeat",
        26,
        "a challenge whose payment no server would accept",
        asks(offer(extra={"name": "USDC", "version": "2", "pad": "x" * 30_000})),
        refused("no_payable_offer"),
    ),
    Scene(
        "/headers/a-hundred-kib",
        26,
        "headers beyond all measure",
        always(asking(challenge(), *((f"x-{n}", "x" * 1000) for n in range(100)))),
        refused("upstream_error"),
    ),
)
