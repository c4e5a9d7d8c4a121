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
from sandbox.wares import SHOP, Listing, Ware

PAGE = 100
_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
_DAY = "2026-11-21T08:00:00Z"
_TYPES = {str: "string", int: "integer"}
LISTED = tuple((ware, ware.listing) for ware in SHOP if ware.listing is not None)


def declaration(ware: Ware) -> dict[str, Any]:
    """Return the `extensions` of a ware's route: how it is called, and the schema of that."""
    told: dict[str, Any] = {"type": "http", "method": ware.method}
    properties: dict[str, Any] = {"type": {"type": "string", "const": "http"}}
    required = ["type", "method"]
    if ware.body is not None:
        told |= {"bodyType": "json", "body": dict(ware.body)}
        properties["method"] = {"type": "string", "enum": ["POST", "PUT", "PATCH"]}
        properties["bodyType"] = {"type": "string", "enum": ["json", "form-data", "text"]}
        properties["body"] = _body_schema(ware, ware.body)
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


def _body_schema(ware: Ware, body: Mapping[str, str | int]) -> dict[str, Any]:
    properties = {name: {"type": _TYPES[type(value)]} for name, value in body.items()}
    return {
        "properties": properties,
        "required": [name for name in body if name not in ware.optional],
    }


def add_directory_routes(app: FastAPI, pay_to: str) -> None:
    """Serve the directories of what the v2 paywall sells."""

    async def resources(request: Request) -> Response:
        limit = _number(request, "limit", PAGE)
        first = _number(request, "offset", 0)
        items = _items(request, pay_to)
        page = {"limit": limit, "offset": first, "total": len(items)}
        found = items[first : first + limit]
        return _json(request, {"x402Version": 2, "items": found, "pagination": page})

    async def search(request: Request) -> Response:
        wanted = set(re.findall(r"\w+", request.query_params.get("query", "").lower()))
        found = [
            one
            for one in _items(request, pay_to)
            if wanted & set(re.findall(r"\w+", json.dumps(one).lower()))
        ]
        return _json(request, {"x402Version": 2, "resources": found, "partialResults": False})

    async def catalog(request: Request) -> Response:
        return _json(request, {"version": 1, "services": [_mpp_service(pay_to)]})

    async def openapi(request: Request) -> Response:
        return _json(request, _openapi())

    async def well_known(request: Request) -> Response:
        urls = [one["resource"] for one in _items(request, pay_to)]
        return _json(request, {"version": 1, "resources": urls})

    app.get("/directory/discovery/resources")(resources)
    app.get("/directory/discovery/search")(search)
    app.get("/directory/services")(catalog)
    app.get("/openapi.json")(openapi)
    app.get("/.well-known/x402")(well_known)


def _items(request: Request, pay_to: str) -> list[dict[str, Any]]:
    base = str(request.base_url).rstrip("/")
    return [_item(base, ware, listing, pay_to) for ware, listing in LISTED]


def _item(base: str, ware: Ware, listing: Listing, pay_to: str) -> dict[str, Any]:
    quality = {"l30DaysTotalCalls": listing.calls, "l30DaysUniquePayers": listing.payers}
    return {
        "resource": ware.url(base),
        "type": "http",
        "x402Version": 2,
        "accepts": [_offer(ware, pay_to)],
        "lastUpdated": _DAY,
        "description": ware.title,
        "mimeType": ware.media_type,
        "serviceName": listing.name,
        "tags": list(listing.tags),
        "extensions": declaration(ware),
        "quality": {**quality, "lastCalledAt": _DAY} if listing.payers else None,
    }


def _offer(ware: Ware, pay_to: str) -> dict[str, Any]:
    return {
        "scheme": "exact",
        "network": NETWORK,
        "asset": USDC_ADDRESS,
        "amount": str(ware.amount_atomic),
        "payTo": pay_to,
        "maxTimeoutSeconds": 60,
        "extra": {"name": "USDC", "version": "2"},
    }


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


def _openapi() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for ware in SHOP:
        amount = ware.price.removeprefix("$")
        call: dict[str, Any] = {
            "summary": ware.title,
            "x-payment-info": {
                "protocols": ["x402"],
                "price": {"mode": "fixed", "currency": "USD", "amount": amount},
            },
            "responses": {
                "200": {"description": "OK", "content": {ware.media_type: {}}},
                "402": {"description": "Payment Required"},
            },
        }
        if ware.body is not None:
            schema = {"type": "object", **_body_schema(ware, ware.body)}
            call["requestBody"] = {"content": {"application/json": {"schema": schema}}}
        paths.setdefault(ware.path, {})[ware.method.lower()] = call
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
