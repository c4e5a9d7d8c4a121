"""The services that take a JSON body, and what is refused before anything is charged for it.

A good seller does not ask money for what it will not deliver. So a body is read, and a name is
looked up, before the paywall says its price; `/fails` alone breaks on purpose.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from sandbox.library import find_document
from wallet.rails.codec import CodecError, as_object, parse_json

MOST_SENTENCES = 5
MOST_KNOTS = 60
HARBOURS = {
    "Port Ellery": (0, 0),
    "Skerry Light": (9, 12),
    "Saint Wen": (-20, 21),
    "Cold Haven": (3, 45),
}
"""Nautical miles east and north of Port Ellery."""
_LIBRARY = "/library/"


class RefusedError(ValueError):
    """A request that no money makes good; the text says why, in the seller's words."""


def summarise(body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `{"text": str, "sentences": int}` with the text's first sentences.

    Raises:
        RefusedError: the body is another one.
    """
    text, wanted = body.get("text"), body.get("sentences", 2)
    if not isinstance(text, str):
        raise RefusedError("the body must have a text")
    if type(wanted) is not int or not 1 <= wanted <= MOST_SENTENCES:
        raise RefusedError(f"sentences must be 1 to {MOST_SENTENCES}")
    sentences = re.split(r"(?<=[.!?])\s+", text.strip())
    return {"summary": " ".join(sentences[:wanted]), "words": len(text.split())}


def passage(body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `{"start": str, "end": str, "knots": int}` with the way from one to the other.

    Raises:
        RefusedError: the body is another one.
    """
    start, end, knots = (body.get(name) for name in ("start", "end", "knots"))
    if not all(isinstance(one, str) and one in HARBOURS for one in (start, end)):
        raise RefusedError(f"start and end must be two of: {', '.join(HARBOURS)}")
    if type(knots) is not int or not 1 <= knots <= MOST_KNOTS:
        raise RefusedError(f"knots must be 1 to {MOST_KNOTS}")
    (east, north), (to_east, to_north) = (HARBOURS[str(one)] for one in (start, end))
    miles = math.isqrt((to_east - east) ** 2 + (to_north - north) ** 2)
    hours, minutes = divmod(miles * 60 // knots, 60)
    return {"start": start, "end": end, "miles": miles, "time": f"{hours} h {minutes:02} min"}


SERVICES: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "/api/summarise": summarise,
    "/api/passage": passage,
}


def add_services(app: FastAPI) -> None:
    """Serve each service by POST."""

    async def serve(request: Request) -> JSONResponse:
        return JSONResponse(await _answer(request))

    for path in SERVICES:
        app.post(path)(serve)


async def refusal(request: Request) -> Response | None:
    """Return the answer to a request that is not worth its price, or None for a good one."""
    path: str = request.scope["path"]
    if request.method == "POST" and path in SERVICES:
        try:
            await _answer(request)
        except RefusedError as error:
            return JSONResponse({"error": str(error)}, 400)
    if path.startswith(_LIBRARY) and find_document(path.removeprefix(_LIBRARY)) is None:
        return JSONResponse({"error": "there is no such document"}, 404)
    return None


async def _answer(request: Request) -> dict[str, Any]:
    try:
        body = as_object(parse_json(await request.body()))
    except CodecError:
        body = None
    if body is None:
        raise RefusedError("the body must be a JSON object")
    return SERVICES[request.scope["path"]](body)
