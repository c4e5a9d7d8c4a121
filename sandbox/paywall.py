"""The official x402 middleware in front of a FastAPI app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from x402 import x402ResourceServer
from x402.http.middleware.fastapi import payment_middleware
from x402.http.types import RouteConfig
from x402.http.x402_http_server import x402HTTPResourceServer

MAX_TIMEOUT_S = 60


def require_payment(
    app: FastAPI, server: x402ResourceServer, routes: dict[str, RouteConfig]
) -> None:
    """Let the middleware guard `routes` of `app`.

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
        return await pay(request, call_next)
