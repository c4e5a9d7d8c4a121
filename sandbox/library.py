"""The corpus, sold by the seller under `/library/` and free under `/shelf/`."""

from __future__ import annotations

from fastapi import FastAPI, Response

from sandbox.corpus import documents

LIBRARY_PRICE = ("$0.001", "Any document of the library, such as log.pdf", "text/html")
"""Price, description and media type of `GET /library/*`."""


def add_library_routes(app: FastAPI) -> None:
    """Serve each document of the corpus as its own seller would, byte by byte."""

    async def get_document(name: str) -> Response:
        found = next((one for one in documents() if one.name == name), None)
        if found is None:
            return Response("no such document", 404, media_type="text/plain")
        return Response(found.body, headers={"content-type": found.content_type})

    app.get("/shelf/{name}")(get_document)
    app.get("/library/{name}")(get_document)
