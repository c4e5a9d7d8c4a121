"""What every request to a page has to pass, and the headers of every answer.

A page on loopback can be reached by each website that this machine's browser shows, and by each
program that runs here. So the Host has to be our own (a name that was rebound to 127.0.0.1 is
not), other sites are recognised by `Origin` and by `Sec-Fetch-Site` (W3C Fetch Metadata), and
nothing is shown without a session.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.routing import Mount, Router
from starlette.staticfiles import StaticFiles

from server.commands.launcher import for_person
from server.pages.gate import SESSIONS, Gate, Session, cookie_name
from server.pages.layout import page, problem
from server.pages.markup import Html, tag
from server.stderr_log import describe_exception

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.types import Message, Receive, Scope, Send

CSRF_FIELD = "csrf"
FORM_MAX_BYTES = 16_384
FORM_MAX_FIELDS = 50
OPEN_PATH = "/open"
STATIC = "static"

# `Referrer-Policy: no-referrer` would make browsers send `Origin: null` with our own forms (Fetch
# standard, "append a request Origin header"); `same-origin` sends nothing to anybody else either.
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that passed: its session, and the fields of its form, if it was a POST."""

    session: Session
    form: dict[str, str] = field(default_factory=dict[str, str], repr=False)

    def path(self, path: str) -> str:
        """Return a path of the site as this session's pages have to name it."""
        return self.session.root + path

    def csrf(self, action: str) -> Html:
        """Return the field that a form to this action, a path of the site, has to hold."""
        token = self.session.form_token(action)
        return tag("input", type="hidden", name=CSRF_FIELD, value=token)


def visit_of(request: Request) -> Visit:
    """Return what the guard found out about a request that a route is given."""
    return request.scope["state"]["visit"]


class _RefusedError(Exception):
    """The request is answered with this page instead."""

    def __init__(self, response: Response) -> None:
        super().__init__("refused")
        self.response = response


class Guard:
    """The ASGI application around the routes of a site.

    Args:
        routes: what a session may see; each path is one without the session's root.
        gate: knows links and sessions.
        host: the very `Host` that requests have to name, with the port.
    """

    def __init__(self, routes: Sequence[BaseRoute], gate: Gate, host: str) -> None:
        self._router = Router(routes)
        files = StaticFiles(packages=[(__package__ or "", STATIC)])
        self._files = Router([Mount(f"/{STATIC}", files)])
        self._gate = gate
        self._host = host
        self._origin = f"http://{host}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError("pages speak HTTP alone")
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                ours = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                others = [one for one in message["headers"] if one[0].decode() not in HEADERS]
                message = {**message, "headers": [*others, *ours]}
            await send(message)

        try:
            await self._answer(scope, receive, send_guarded)
        except _RefusedError as refused:
            await refused.response(scope, receive, send_guarded)
        except Exception as error:
            _log.error("a page failed: %s", describe_exception(error))
            if started:
                raise
            told = "Purser's log on stderr says where."
            await problem(500, "Something went wrong", told)(scope, receive, send_guarded)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self._check_sender(request)
        path: str = scope["path"]
        if path.startswith(f"/{STATIC}/"):
            await self._files(scope, receive, send)
        elif path == OPEN_PATH:
            await self._open(request)(scope, receive, send)
        else:
            session = self._session(request)
            form = await self._form(request, session) if request.method == "POST" else {}
            state = {"visit": Visit(session, form)}
            inner = {**scope, "root_path": session.root, "state": state}
            await self._router(inner, receive, send)

    def _check_sender(self, request: Request) -> None:
        """Refuse what does not come from a person's own browser, straight or from our pages."""
        headers = request.headers
        if headers.getlist("host") != [self._host]:
            raise _RefusedError(problem(421, "Wrong address", "This server has another name."))
        if request.method not in ("GET", "HEAD", "POST"):
            raise _RefusedError(problem(405, "Not possible", "Pages are read, or sent as forms."))
        origins = headers.getlist("origin")
        if origins != ([self._origin] if request.method == "POST" or origins else []):
            raise _RefusedError(_elsewhere())
        allowed = {"same-origin"} if request.method == "POST" else {"same-origin", "none"}
        if request.scope["path"] == OPEN_PATH:  # a link may stand on a page of the host's
            allowed = {"same-origin", "same-site", "cross-site", "none"}
        if not allowed.issuperset(headers.getlist("sec-fetch-site")):
            raise _RefusedError(_elsewhere())

    def _open(self, request: Request) -> Response:
        """Exchange a link's token for a session's cookie.

        The answer is a page that goes on by itself: after a redirect the browser would withhold a
        strict cookie if the link stood on another site (RFC 6265bis section 5.2).
        """
        fetched = request.headers.get("sec-fetch-dest", "document") != "document"
        if request.method != "GET" or fetched or "sec-purpose" in request.headers:
            raise _RefusedError(problem(403, "Not opened", "A link is opened as a page."))
        opened = self._gate.open(request.query_params.get("token", ""))
        if opened is None:
            told = "A link works once, and for a few minutes. This one was used, or is too old."
            raise _RefusedError(problem(403, "This link is over", told, _hint()))
        target = opened.session.root + opened.session.grant
        on = tag("p", tag("a", "Go on", href=target))
        response = page("One moment", on, refresh=f"0;url={target}")
        response.set_cookie(
            opened.session.cookie_name,
            opened.cookie,
            max_age=opened.life_s,
            path=opened.session.root,
            httponly=True,
            samesite="strict",
        )
        return response

    def _session(self, request: Request) -> Session:
        path: str = request.scope["path"]
        name, _, below = path.removeprefix(SESSIONS).partition("/")
        session = self._gate.session(name, request.cookies.get(cookie_name(name), ""))
        plain = path.startswith(SESSIONS) and not {"", ".", ".."}.intersection(
            below.split("/")[:-1]
        )
        if session is None or not plain or not session.may_see(f"/{below}"):
            told = "This page opens with a link that Purser gives to the person at this machine."
            raise _RefusedError(problem(403, "Nothing to see without a link", told, _hint()))
        return session

    async def _form(self, request: Request, session: Session) -> dict[str, str]:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise _RefusedError(problem(415, "Not a form", "Only a form of ours can be sent."))
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > FORM_MAX_BYTES:
                raise _RefusedError(problem(413, "Too much", "This form is too large."))
        try:
            pairs = parse_qsl(
                body.decode(), strict_parsing=True, max_num_fields=FORM_MAX_FIELDS, errors="strict"
            )
        except ValueError:
            raise _RefusedError(problem(400, "Not a form", "This form cannot be read.")) from None
        form = dict(pairs)
        action = request.scope["path"].removeprefix(session.root)
        if len(form) < len(pairs) or not session.owns_form(action, form.pop(CSRF_FIELD, "")):
            raise _RefusedError(_elsewhere())
        return form


def _elsewhere() -> Response:
    told = "This request came from another page than Purser's own, so nothing was done."
    return problem(403, "Not from here", told)


def _hint() -> str:
    told = "For a new link, run `purser dashboard` or `purser approvals --open` in a terminal."
    return for_person(told).replace("`", "")
