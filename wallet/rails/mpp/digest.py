"""The digest by which a challenge binds the body of the request that pays (RFC 9530)."""

from __future__ import annotations

import base64
import hashlib
import re

# RFC 9530 writes the value between colons; pympp and mppx leave them out.
_MEMBER = re.compile(r"[ \t]*([a-z0-9-]{1,32})=(:?)([A-Za-z0-9+/]{1,128}={0,2})\2[ \t]*", re.ASCII)
_MAX_MEMBERS = 8


def matches_body(digest: str, body: bytes) -> bool:
    """Tell whether a digest is of this body: it has a SHA-256, and that one fits.

    Members of other algorithms are passed over; a malformed one, or two of SHA-256, fit nothing.
    """
    members = [_MEMBER.fullmatch(text) for text in digest.split(",", _MAX_MEMBERS)]
    if not all(members):
        return False
    given = [member[3] for member in members if member and member[1] == "sha-256"]
    expected = base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")
    return given == [expected]
