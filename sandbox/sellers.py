"""The sellers: a FastAPI app behind the official x402 v2 middleware, and one hand-made v1 route."""

from __future__ import annotations

import base64
import binascii
import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from x402 import x402Facilitator, x402ResourceServer
from x402.http.types import PaymentOption, RouteConfig
from x402.mechanisms.evm.exact import (  # pyright: ignore[reportMissingTypeStubs]
    register_exact_evm_server,
)
from x402.schemas.helpers import parse_payment_payload, parse_payment_requirements
from x402.schemas.v1 import PaymentPayloadV1, PaymentRequirementsV1

from sandbox.delay import delayed
from sandbox.directory import add_directory_routes, declaration
from sandbox.evm import USDC_ADDRESS
from sandbox.facilitator import NETWORK, V1_NETWORK, add_facilitator_routes
from sandbox.library import LIBRARY_PRICE, add_library_routes
from sandbox.paywall import MAX_TIMEOUT_S, require_payment
from sandbox.picture import ship_png
from sandbox.rpc import AsgiApp, Receive, Scope, Send

PRICES = {
    "GET /article": ("$0.01", "An essay on ships' pursers and their ledgers", "text/html"),
    "GET /api/weather": ("$0.0001", "The weather at the harbour", "application/json"),
    "GET /image.png": ("$0.005", "A picture of a ship at sunset", "image/png"),
    "POST /api/summarise": ("$0.02", "The first sentences of your text", "application/json"),
    "GET /dear": ("$25.00", "The chart of a buried chest", "text/html"),
    "GET /library/*": LIBRARY_PRICE,
    "GET /fails": ("$0.01", "A seller that breaks after it is paid", "application/json"),
}
V1_PRICE_ATOMIC = 10_000  # $0.01
SCHEME_PRICES = {
    "GET /permit2/page": ("exact", "$0.01", "The times of high water, paid through Permit2"),
    "GET /permit2/gasless": ("exact", "$0.01", "The same; Permit2 is approved by a signature"),
    "GET /upto/page": ("upto", "$0.05", "An account of what you used; $0.05 is the most"),
    "GET /batch/page/*": ("batch-settlement", "$0.0001", "A page of the log, through a channel"),
}
"""What `sandbox.schemes` sells: scheme, price, description."""
_SCHEME_PATHS = ("/permit2/", "/upto/", "/batch/")

_PAGES = Path(__file__).parent / "pages"
_PAYMENT_HEADERS = (b"payment-signature", b"x-payment")
_MAX_SUMMARY_SENTENCES = 5


def build_seller(
    facilitator: x402Facilitator, pay_to: str, schemes: Callable[[], AsgiApp], seen: list[str]
) -> AsgiApp:
    """Return the sellers as one ASGI app that appends each payment header it gets to `seen`.

    `schemes` builds the seller of `SCHEME_PRICES`; it is called by the first request for one.

    Raises:
        x402.http.types.RouteConfigurationError: the facilitator does not support a route's scheme.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    server = x402ResourceServer(facilitator)  # pyright: ignore[reportArgumentType]
    register_exact_evm_server(server, [NETWORK])
    routes: dict[str, RouteConfig] = {
        route: RouteConfig(
            accepts=PaymentOption("exact", pay_to, price, NETWORK, MAX_TIMEOUT_S),
            description=description,
            mime_type=mime_type,
            extensions=declaration(route),
        )
        for route, (price, description, mime_type) in PRICES.items()
    }
    require_payment(app, server, routes)
    _add_free_routes(app)
    _add_paid_routes(app)
    add_library_routes(app)
    _add_v1_route(app, facilitator, pay_to)
    add_facilitator_routes(app, facilitator)
    add_directory_routes(app, PRICES, pay_to)
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
    exact = [(route, price, text) for route, (price, text, _) in PRICES.items()]
    others = [(route, price, text) for route, (_, price, text) in SCHEME_PRICES.items()]
    rows = "".join(
        f"<tr><td><code>{route}</code></td><td>{price}</td><td>{description}</td></tr>"
        for route, price, description in (*exact, *others)
    )
    index = _page("index.html").replace("<!-- prices -->", rows)
    free = _page("free.html")

    async def get_index() -> HTMLResponse:
        return HTMLResponse(index)

    async def get_free() -> HTMLResponse:
        return HTMLResponse(free)

    app.get("/")(get_index)
    app.get("/free")(get_free)


def _add_paid_routes(app: FastAPI) -> None:
    article, chart = _page("article.html"), _page("chart.html")

    async def get_article() -> HTMLResponse:
        return HTMLResponse(article)

    async def get_chart() -> HTMLResponse:
        return HTMLResponse(chart)

    async def get_image() -> Response:
        return Response(ship_png(), media_type="image/png")

    async def get_weather() -> JSONResponse:
        return JSONResponse(
            {"harbour": "Port Ellery", "sky": "fair", "wind": "SW 4", "celsius": 16, "glass": 1014}
        )

    async def fail() -> JSONResponse:
        return JSONResponse({"error": "the clerk dropped the ink"}, 500)

    app.get("/article")(get_article)
    app.get("/dear")(get_chart)
    app.get("/image.png")(get_image)
    app.get("/api/weather")(get_weather)
    app.get("/fails")(fail)
    app.post("/api/summarise")(_summarise)


async def _summarise(request: Request) -> JSONResponse:
    """Answer `{"text": str, "sentences": int}` with the text's first sentences."""
    try:
        body: Any = await request.json()
    except ValueError:
        return JSONResponse({"error": "the body must be JSON"}, 400)
    match body:
        case {"text": str(text), **rest}:
            wanted = rest.get("sentences", 2)
        case _:
            return JSONResponse({"error": "the body must have a text"}, 400)
    if not isinstance(wanted, int) or not 1 <= wanted <= _MAX_SUMMARY_SENTENCES:
        return JSONResponse({"error": "sentences must be 1 to 5"}, 400)
    sentences = re.split(r"(?<=[.!?])\s+", text.strip())
    summary = " ".join(sentences[:wanted])
    return JSONResponse({"summary": summary, "words": len(text.split())})


def _add_v1_route(app: FastAPI, facilitator: x402Facilitator, pay_to: str) -> None:
    """Sell the article in x402 v1; the official package has no v1 seller (x402 v1, HTTP)."""
    article = _page("article.html")

    async def get_v1_article(request: Request) -> Response:
        offer = _v1_offer(str(request.url), pay_to)
        header = request.headers.get("x-payment")
        if header is None:
            return _v1_challenge(offer, "X-PAYMENT header is required")
        try:
            payload = parse_payment_payload(base64.b64decode(header, validate=True))
        except (binascii.Error, ValueError):
            return _v1_challenge(offer, "invalid_payload")
        if not isinstance(payload, PaymentPayloadV1):
            return _v1_challenge(offer, "invalid_x402_version")
        verified = await facilitator.verify(payload, offer)
        if not verified.is_valid:
            return _v1_challenge(offer, verified.invalid_reason or "invalid_payment")
        settled = await facilitator.settle(payload, offer)
        receipt = base64.b64encode(settled.model_dump_json(by_alias=True).encode()).decode()
        if not settled.success:
            response = _v1_challenge(offer, settled.error_reason or "settlement_failed")
        else:
            response = HTMLResponse(article)
        response.headers["X-PAYMENT-RESPONSE"] = receipt
        return response

    app.get("/v1/article")(get_v1_article)


def _v1_offer(resource: str, pay_to: str) -> PaymentRequirementsV1:
    offer = parse_payment_requirements(
        1,
        {
            "scheme": "exact",
            "network": V1_NETWORK,
            "maxAmountRequired": str(V1_PRICE_ATOMIC),
            "resource": resource,
            "description": "The same essay, sold in x402 v1",
            "mimeType": "text/html",
            "payTo": pay_to,
            "maxTimeoutSeconds": MAX_TIMEOUT_S,
            "asset": USDC_ADDRESS,
            "extra": {"name": "USDC", "version": "2"},
        },
    )
    assert isinstance(offer, PaymentRequirementsV1)
    return offer


def _v1_challenge(offer: PaymentRequirementsV1, error: str) -> JSONResponse:
    accepts = [offer.model_dump(by_alias=True, exclude_none=True)]
    return JSONResponse({"x402Version": 1, "error": error, "accepts": accepts}, 402)


def _page(name: str) -> str:
    return (_PAGES / name).read_text(encoding="utf-8")
