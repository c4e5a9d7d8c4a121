"""The official x402 middleware in front of a FastAPI app, behind a check of our own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from x402 import x402ResourceServer
from x402.http.middleware.fastapi import payment_middleware
from x402.http.types import RouteConfig
from x402.http.x402_http_server import x402HTTPResourceServer

MAX_TIMEOUT_S = 60


async def nothing_refused(_: Request) -> Response | None:
    """Refuse no request."""
    return None


def require_payment(
    app: FastAPI,
    server: x402ResourceServer,
    routes: dict[str, RouteConfig],
    refusal: Callable[[Request], Awaitable[Response | None]] = nothing_refused,
) -> None:
    """Let the middleware guard `routes` of `app`, once `refusal` has nothing against a request.

    Raises:
        x402.http.types.RouteConfigurationError: the facilitator does not support a route's scheme.
    """
    # Initialised here rather than by the middleware, which ends the process when it is not content.
    x402HTTPResourceServer(server, routes).initialize()
    pay = payment_middleware(routes, server, sync_facilitator_on_start=False)

    @app.middleware("http")
    async def guard(  # pyright: ignore[reportUnusedFunction]
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        refused = await refusal(request)
        return await pay(request, call_next) if refused is None else refused
