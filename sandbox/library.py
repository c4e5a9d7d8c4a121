"""The corpus, sold by the seller under `/library/` and free under `/shelf/`."""

from __future__ import annotations

from fastapi import FastAPI, Response

from sandbox.corpus import Document, documents


def find_document(name: str) -> Document | None:
    """Return the document of this name, or None."""
    return next((one for one in documents() if one.name == name), None)


def add_library_routes(app: FastAPI) -> None:
    """Serve each document of the corpus as its own seller would, byte by byte."""

    async def get_document(name: str) -> Response:
        found = find_document(name)
        if found is None:
            return Response("no such document", 404, media_type="text/plain")
        return Response(found.body, headers={"content-type": found.content_type})

    app.get("/shelf/{name}")(get_document)
    app.get("/library/{name}")(get_document)
