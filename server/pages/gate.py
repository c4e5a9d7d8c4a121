"""Who may see a page: links that open once, the sessions they open, and the tokens of forms.

No secret is kept as it is, only its SHA-256, and each is compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

KEPT_MAX = 200
"""So many links, and so many sessions, are kept; a further one ends the oldest."""

SESSIONS = "/s/"
"""What the path of every page of a session begins with."""

_SECRET_BYTES = 32
_NAME_BYTES = 12


@dataclass(frozen=True, slots=True)
class Session:
    """One browser's access to `grant` and what lies below it, until `ends_at_s`.

    `name` is the first part of each of its paths, so that its cookie is sent to no other server of
    this machine, for a browser gives cookies away by path, whatever the port.
    """

    name: str
    grant: str
    ends_at_s: float
    cookie_sha256: bytes = field(repr=False)
    form_key: bytes = field(repr=False)

    @property
    def root(self) -> str:
        """The path that all of this session's pages lie below."""
        return SESSIONS + self.name

    @property
    def cookie_name(self) -> str:
        """The name of its cookie, which no other server of this machine can know and overwrite."""
        return cookie_name(self.name)

    def may_see(self, path: str) -> bool:
        """Tell whether a path, without the session's root, is within the grant."""
        return path == self.grant or path.startswith(self.grant.rstrip("/") + "/")

    def form_token(self, action: str) -> str:
        """Return the token that a form to this action (a path without the root) has to bring."""
        return hmac.digest(self.form_key, action.encode(), "sha256").hex()

    def owns_form(self, action: str, token: str) -> bool:
        """Tell whether a token is that of a form to this action."""
        return hmac.compare_digest(self.form_token(action).encode(), token.encode())


def cookie_name(session_name: str) -> str:
    """Return what the cookie of a session is called."""
    return f"purser-{session_name}"


@dataclass(frozen=True, slots=True)
class _Link:
    grant: str
    ends_at_s: float
    session_life_s: float
    secret_sha256: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link opened: the session, its cookie (shown once), and for how long it is good."""

    session: Session
    cookie: str = field(repr=False)
    life_s: int


EntryT = TypeVar("EntryT", _Link, Session)


class Gate:
    """Keeps links and sessions in memory, so that none outlives the process.

    Args:
        clock_s: seconds that only go forward.
        entropy: gives this many random bytes.
    """

    def __init__(
        self,
        clock_s: Callable[[], float] = time.monotonic,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._clock_s = clock_s
        self._entropy = entropy
        self._links: dict[str, _Link] = {}
        self._sessions: dict[str, Session] = {}

    def new_token(self, grant: str, *, life_s: float, session_life_s: float) -> str:
        """Return a token that opens one session, once, within `life_s`."""
        name, secret = self._random(_NAME_BYTES), self._random(_SECRET_BYTES)
        ends_at_s = self._clock_s() + life_s
        _keep(self._links, name, _Link(grant, ends_at_s, session_life_s, _sha256(secret)))
        return f"{name}.{secret}"

    def open(self, token: str) -> Opened | None:
        """Use a token up and open its session; None when it is wrong, used or too old."""
        name, _, secret = token.partition(".")
        link = self._links.get(name)
        if link is None or not hmac.compare_digest(link.secret_sha256, _sha256(secret)):
            return None
        del self._links[name]
        now_s = self._clock_s()
        if now_s >= link.ends_at_s:
            return None
        cookie = self._random(_SECRET_BYTES)
        session = Session(
            name=self._random(_NAME_BYTES),
            grant=link.grant,
            ends_at_s=now_s + link.session_life_s,
            cookie_sha256=_sha256(cookie),
            form_key=self._entropy(_SECRET_BYTES),
        )
        _keep(self._sessions, session.name, session)
        return Opened(session, cookie, int(link.session_life_s))

    def session(self, name: str, cookie: str) -> Session | None:
        """Return the session of this name if the cookie is its own and it has not ended."""
        session = self._sessions.get(name)
        if session is None or not hmac.compare_digest(session.cookie_sha256, _sha256(cookie)):
            return None
        if self._clock_s() >= session.ends_at_s:
            del self._sessions[name]
            return None
        return session

    def _random(self, size: int) -> str:
        return self._entropy(size).hex()


def _keep(kept: dict[str, EntryT], name: str, entry: EntryT) -> None:
    while len(kept) >= KEPT_MAX:
        del kept[next(iter(kept))]
    kept[name] = entry


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
