"""The sellers as one app: most behind the official x402 v2 middleware, one in x402 v1."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from x402 import x402Facilitator, x402ResourceServer
from x402.http.types import PaymentOption, RouteConfig
from x402.mechanisms.evm.exact import (  # pyright: ignore[reportMissingTypeStubs]
    register_exact_evm_server,
)

from sandbox.clerk import add_services, refusal
from sandbox.delay import delayed
from sandbox.directory import add_directory_routes, declaration
from sandbox.facilitator import NETWORK, add_facilitator_routes
from sandbox.index_page import filled_index
from sandbox.library import add_library_routes
from sandbox.paywall import MAX_TIMEOUT_S, require_payment
from sandbox.picture import ship_png
from sandbox.rpc import AsgiApp, Receive, Scope, Send
from sandbox.version1 import add_v1_route
from sandbox.wares import BY_SCHEME, SHOP

_SCHEME_PATHS = tuple(sorted({ware.path[: ware.path.index("/", 1) + 1] for ware in BY_SCHEME}))

_PAGES = Path(__file__).parent / "pages"
_HTML_PAGES = {"/article": "article.html", "/pilotage": "pilotage.html", "/dear": "chart.html"}
_PAYMENT_HEADERS = (b"payment-signature", b"x-payment")


def build_seller(
    facilitator: x402Facilitator, pay_to: str, schemes: Callable[[], AsgiApp], seen: list[str]
) -> AsgiApp:
    """Return the sellers as one ASGI app that appends each payment header it gets to `seen`.

    `schemes` builds the seller of `BY_SCHEME`; it is called by the first request for one.

    Raises:
        x402.http.types.RouteConfigurationError: the facilitator does not support a route's scheme.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    server = x402ResourceServer(facilitator)  # pyright: ignore[reportArgumentType]
    register_exact_evm_server(server, [NETWORK])
    routes: dict[str, RouteConfig] = {
        ware.route: RouteConfig(
            accepts=PaymentOption("exact", pay_to, ware.price, NETWORK, MAX_TIMEOUT_S),
            description=ware.title,
            mime_type=ware.media_type,
            extensions=declaration(ware),
        )
        for ware in SHOP
    }
    require_payment(app, server, routes, refusal)
    _add_free_routes(app)
    _add_paid_routes(app)
    add_services(app)
    add_library_routes(app)
    add_v1_route(app, facilitator, pay_to, _page("article.html"))
    add_facilitator_routes(app, facilitator)
    add_directory_routes(app, pay_to)
    return delayed(_record_payment_headers(_choose(app, schemes), seen))


def _choose(app: AsgiApp, schemes: Callable[[], AsgiApp]) -> AsgiApp:
    """Return an app that asks `app`, or what `schemes` builds, by the beginning of the path."""
    scheme_app = functools.cache(schemes)

    async def choosing(scope: Scope, receive: Receive, send: Send) -> None:
        other = str(scope.get("path", "")).startswith(_SCHEME_PATHS)
        await (scheme_app() if other else app)(scope, receive, send)

    return choosing


def _record_payment_headers(app: AsgiApp, seen: list[str]) -> AsgiApp:
    async def recording(scope: Scope, receive: Receive, send: Send) -> None:
        for name, value in scope.get("headers", ()):
            if name in _PAYMENT_HEADERS:
                seen.append(value.decode("latin-1"))
        await app(scope, receive, send)

    return recording


# The handlers below are plain `async def`s: FastAPI would run others in a thread pool.


def _add_free_routes(app: FastAPI) -> None:
    index = _page("index.html")
    free = _page("free.html")

    async def get_index(request: Request) -> HTMLResponse:
        return HTMLResponse(filled_index(index, str(request.base_url).rstrip("/")))

    async def get_free() -> HTMLResponse:
        return HTMLResponse(free)

    app.get("/")(get_index)
    app.get("/free")(get_free)


def _add_paid_routes(app: FastAPI) -> None:
    for path, name in _HTML_PAGES.items():
        app.get(path)(_sending(_page(name)))

    async def get_image() -> Response:
        return Response(ship_png(), media_type="image/png")

    async def get_weather() -> JSONResponse:
        return JSONResponse(
            {"harbour": "Port Ellery", "sky": "fair", "wind": "SW 4", "celsius": 16, "glass": 1014}
        )

    async def fail() -> JSONResponse:
        return JSONResponse({"error": "the clerk dropped the ink"}, 500)

    app.get("/image.png")(get_image)
    app.get("/api/weather")(get_weather)
    app.get("/fails")(fail)


def _sending(text: str) -> Callable[[], Awaitable[HTMLResponse]]:
    async def send_page() -> HTMLResponse:
        return HTMLResponse(text)

    return send_page


def _page(name: str) -> str:
    return (_PAGES / name).read_text(encoding="utf-8")
