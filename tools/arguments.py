"""The argument types tools share: what the model may say, bounded and strict.

A message raised here never quotes the value: it may be a secret, and it may be hostile.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from tools.bounds import FETCHED_URLS, PRICED_URLS, URL_CHARS
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebRequest
from wallet.money import Usd
from wallet.rails.codec import nests_deeper

MAX_CHARS_DEFAULT = 20_000
MAX_CHARS_LIMIT = 50_000
MAX_BODY_CHARS = 1_000_000

MAX_JSON_DEPTH = 200

_NUMBER_LIMIT = 10**12


def _parse_price(value: object) -> Usd:
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a USD amount such as 0.50")
    elif isinstance(value, int):
        text = str(value) if 0 <= value < _NUMBER_LIMIT else "out of range"
    else:
        # A JSON number arrives as a float; its shortest text is what was written.
        text = format(Decimal(repr(value)), "f")
    try:
        return Usd.parse(text)
    except ValueError:
        raise ValueError(
            "must be a USD amount as plain digits with up to 6 decimals, such as 0.50"
        ) from None


def _unpack_json(value: object) -> object:
    """Read a list or object that a host sent as JSON text, as some hosts always do."""
    if not isinstance(value, str) or nests_deeper(value, MAX_JSON_DEPTH):
        return value
    try:
        unpacked: object = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return value if isinstance(unpacked, str | int | float | None) else unpacked


PriceUsd = Annotated[
    Usd,
    PlainValidator(_parse_price),
    WithJsonSchema({"type": "string"}),  # a number is understood too
]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
ContentFormat = Literal["auto", "markdown", "text", "raw"]
Url = Annotated[str, Field(min_length=1, max_length=URL_CHARS)]
Urls = Annotated[
    list[Url], BeforeValidator(_unpack_json), Field(min_length=1, max_length=PRICED_URLS)
]
ManyUrls = Annotated[
    list[Url], BeforeValidator(_unpack_json), Field(min_length=1, max_length=FETCHED_URLS)
]
Headers = Annotated[dict[str, str], BeforeValidator(_unpack_json)]
Body = Annotated[str, Field(max_length=MAX_BODY_CHARS)]
ReceiptId = Annotated[str, Field(min_length=1, max_length=64)]
Start = Annotated[int, Field(ge=0, le=1_000_000_000)]
MaxChars = Annotated[int, Field(ge=1, le=MAX_CHARS_LIMIT)]


def web_request(
    url: str, method: Method, headers: dict[str, str] | None, body: str | None
) -> WebRequest:
    """Build the request the model asked for; a body without a type is named JSON or plain text.

    Raises:
        PurserError: INVALID_ARGUMENT, a body with a method that carries none.
    """
    fields = tuple((headers or {}).items())
    if body is None:
        return WebRequest(method, url, fields)
    if method == "GET":
        raise PurserError(
            ErrorKind.INVALID_ARGUMENT, "body needs method POST, PUT, PATCH or DELETE."
        )
    untyped = not any(name.lower() == "content-type" for name, _ in fields)
    if untyped:
        fields += (("content-type", _body_type(body)),)
    return WebRequest(method, url, fields, body.encode("utf-8", "surrogatepass"), untyped)


def _body_type(body: str) -> str:
    if nests_deeper(body, MAX_JSON_DEPTH):
        return "text/plain; charset=utf-8"
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return "text/plain; charset=utf-8"
    return "application/json"


def invalid(argument: str, reason: str) -> PurserError:
    """Return the error for one bad argument; `reason` is ours and quotes nothing."""
    return PurserError(ErrorKind.INVALID_ARGUMENT, f"{argument} {reason}.")
