"""The sandbox's official facilitator behind the three HTTP endpoints that sellers ask."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from x402.schemas.helpers import parse_payment_payload, parse_payment_requirements

from sandbox.facilitator import build_facilitator, build_signer
from sandbox.rpc import JsonRpc
from sandbox.run import THIEF_KEY, Sandbox
from sandbox.serve import Served


@contextmanager
def served_facilitator(sandbox: Sandbox) -> Generator[str]:
    """Serve `/supported`, `/verify` and `/settle` on loopback and yield the URL (x402 v2)."""
    # The sandbox's own facilitator counts its transactions itself, so this one has another key.
    facilitator = build_facilitator(build_signer(JsonRpc(sandbox.chain), THIEF_KEY))
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    async def answer(request: Request) -> JSONResponse:
        asked = await request.json()
        payload = parse_payment_payload(asked["paymentPayload"])
        requirements = parse_payment_requirements(
            payload.x402_version, asked["paymentRequirements"]
        )
        work = facilitator.settle if request.url.path == "/settle" else facilitator.verify
        done = await work(payload, requirements)
        return JSONResponse(done.model_dump(by_alias=True, exclude_none=True))

    async def supported() -> JSONResponse:
        return JSONResponse(facilitator.get_supported().model_dump(by_alias=True, mode="json"))

    app.post("/verify")(answer)
    app.post("/settle")(answer)
    app.get("/supported")(supported)
    served = Served(app, 0, "facilitator-http")
    served.start()
    try:
        yield served.url
    finally:
        served.stop()
