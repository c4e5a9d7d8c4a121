"""Where the sandbox's sellers are listed: a Bazaar, an MPP catalog, and what a site says of itself.

What the routes declare of themselves (x402 v2, extension `bazaar`) is written out here: the
official package builds the same, which a test compares, but takes most of a second to import.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response

from sandbox.evm import USDC_ADDRESS
from sandbox.facilitator import NETWORK

PAGE = 100
_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
_TEXT = {"text": "A purser keeps the books. The captain keeps the ship.", "sentences": 1}
_TEXT_SCHEMA = {
    "properties": {"text": {"type": "string"}, "sentences": {"type": "integer"}},
    "required": ["text"],
}
_LISTED = {
    "GET /article": ("Harbour library", ["essay", "history"]),
    "GET /api/weather": ("Harbour weather", ["weather", "forecast"]),
    "GET /image.png": ("Harbour pictures", ["image"]),
    "POST /api/summarise": ("Harbour clerk", ["text", "summary"]),
    "GET /dear": ("Harbour charts", ["maps"]),
}
_QUALITY = {"GET /api/weather": (42, 15), "GET /article": (7, 3)}


def declaration(route: str) -> dict[str, Any]:
    """Return the `extensions` of a route: how it is called, and the schema of that."""
    method = route.partition(" ")[0]
    told: dict[str, Any] = {"type": "http", "method": method}
    properties: dict[str, Any] = {"type": {"type": "string", "const": "http"}}
    required = ["type", "method"]
    if method == "POST":
        told |= {"bodyType": "json", "body": _TEXT}
        properties["method"] = {"type": "string", "enum": ["POST", "PUT", "PATCH"]}
        properties["bodyType"] = {"type": "string", "enum": ["json", "form-data", "text"]}
        properties["body"] = _TEXT_SCHEMA
        required += ["bodyType", "body"]
    else:
        properties["method"] = {"type": "string", "enum": ["GET", "HEAD", "DELETE"]}
    schema = {"type": "object", "properties": properties, "required": required}
    whole = {"$schema": _SCHEMA, "type": "object", "required": ["input"]}
    return {
        "bazaar": {
            "info": {"input": told},
            "schema": {
                **whole,
                "properties": {"input": {**schema, "additionalProperties": False}},
            },
        }
    }


def add_directory_routes(
    app: FastAPI, prices: Mapping[str, tuple[str, str, str]], pay_to: str
) -> None:
    """Serve the directories of what is sold under `prices`: route to price, text, media type."""

    async def resources(request: Request) -> Response:
        limit = _number(request, "limit", PAGE)
        first = _number(request, "offset", 0)
        items = _items(request, prices, pay_to)
        page = {"limit": limit, "offset": first, "total": len(items)}
        found = items[first : first + limit]
        return _json(request, {"x402Version": 2, "items": found, "pagination": page})

    async def search(request: Request) -> Response:
        wanted = set(re.findall(r"\w+", request.query_params.get("query", "").lower()))
        found = [
            one
            for one in _items(request, prices, pay_to)
            if wanted & set(re.findall(r"\w+", json.dumps(one).lower()))
        ]
        return _json(request, {"x402Version": 2, "resources": found, "partialResults": False})

    async def catalog(request: Request) -> Response:
        return _json(request, {"version": 1, "services": [_mpp_service(pay_to)]})

    async def openapi(request: Request) -> Response:
        return _json(request, _openapi(prices, pay_to))

    async def well_known(request: Request) -> Response:
        urls = [one["resource"] for one in _items(request, prices, pay_to)]
        return _json(request, {"version": 1, "resources": urls})

    app.get("/directory/discovery/resources")(resources)
    app.get("/directory/discovery/search")(search)
    app.get("/directory/services")(catalog)
    app.get("/openapi.json")(openapi)
    app.get("/.well-known/x402")(well_known)


def _items(
    request: Request, prices: Mapping[str, tuple[str, str, str]], pay_to: str
) -> list[dict[str, Any]]:
    base = str(request.base_url).rstrip("/")
    return [
        _item(base, route, price, text, media_type, pay_to)
        for route, (price, text, media_type) in prices.items()
        if route in _LISTED
    ]


def _item(
    base: str, route: str, price: str, text: str, media_type: str, pay_to: str
) -> dict[str, Any]:
    name, tags = _LISTED[route]
    calls, payers = _QUALITY.get(route, (0, 0))
    quality = {"l30DaysTotalCalls": calls, "l30DaysUniquePayers": payers}
    return {
        "resource": base + route.partition(" ")[2],
        "type": "http",
        "x402Version": 2,
        "accepts": [_offer(price, pay_to)],
        "lastUpdated": "2026-11-21T08:00:00Z",
        "description": text,
        "mimeType": media_type,
        "serviceName": name,
        "tags": tags,
        "extensions": declaration(route),
        "quality": {**quality, "lastCalledAt": "2026-11-21T08:00:00Z"} if payers else None,
    }


def _offer(price: str, pay_to: str) -> dict[str, Any]:
    return {
        "scheme": "exact",
        "network": NETWORK,
        "asset": USDC_ADDRESS,
        "amount": str(_atomic(price)),
        "payTo": pay_to,
        "maxTimeoutSeconds": 60,
        "extra": {"name": "USDC", "version": "2"},
    }


def _atomic(price: str) -> int:
    """Return the amount of a price such as `$0.01` in millionths."""
    whole, _, fraction = price.removeprefix("$").partition(".")
    return int(whole) * 1_000_000 + int(fraction.ljust(6, "0"))


def _mpp_service(pay_to: str) -> dict[str, Any]:
    """Return a service as an MPP catalog has it; it is made up, and nobody sells it."""
    charge = {"intent": "charge", "method": "evm", "amount": "30000", "currency": USDC_ADDRESS}
    chain_id = int(NETWORK.partition(":")[2])
    tempo = {
        "intent": "charge",
        "method": "tempo",
        "amount": "500",
        "currency": "0x20c0000000000000000000000000000000000000",
        "decimals": 6,
    }
    return {
        "id": "tides",
        "name": "Tide tables",
        "serviceUrl": "https://tides.example.com",
        "description": "High and low water for every harbour",
        "categories": ["data"],
        "endpoints": [
            {
                "method": "GET",
                "path": "/v1/tides/:harbour",
                "description": "One day's tides",
                "payment": {**charge, "chainId": chain_id, "recipient": pay_to},
            },
            {"method": "POST", "path": "/v1/year", "payment": tempo},
            {"method": "GET", "path": "/v1/harbours", "description": "Free"},
        ],
    }


def _openapi(prices: Mapping[str, tuple[str, str, str]], pay_to: str) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for route, (price, text, media_type) in prices.items():
        method, _, path = route.partition(" ")
        paths.setdefault(path, {})[method.lower()] = {
            "summary": text,
            "x-payment-info": {
                "protocols": ["x402"],
                "price": {"mode": "fixed", "currency": "USD", "amount": price.removeprefix("$")},
            },
            "responses": {
                "200": {"description": "OK", "content": {media_type: {}}},
                "402": {"description": "Payment Required"},
            },
        }
    paths["/api/summarise"]["post"]["requestBody"] = {
        "content": {"application/json": {"schema": {"type": "object", **_TEXT_SCHEMA}}}
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "The sandbox's sellers", "version": "1"},
        "x-service-info": {"categories": ["data"]},
        "paths": paths,
    }


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else default


def _json(request: Request, data: Any) -> Response:
    """Answer JSON with an entity tag, or 304 to whoever has it already (RFC 9110 section 13)."""
    body = json.dumps(data).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"etag": tag})
    return Response(body, media_type="application/json", headers={"etag": tag})
