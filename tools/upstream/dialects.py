"""How tool servers ask for money and are paid: the x402 and MPP bindings of MCP, as data.

A demand is found by its shape (`accepts`, `challenges`), never by an error code alone: MCP reserves
-32042 for something else, and servers of every age are in use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.upstream.link import RpcFailure, ToolReply
from tools.upstream.plain import (
    as_dict,
    as_list,
    from_base64url,
    from_header,
    read_text,
    to_base64url,
    to_header,
)

X402_PAYMENT = "x402/payment"
X402_RESPONSE = "x402/payment-response"
X402_ERROR = "x402/error"
MPP_REQUIRED = "org.paymentauth/payment-required"
MPP_CREDENTIAL = "org.paymentauth/credential"
MPP_RECEIPT = "org.paymentauth/receipt"
MAX_CHALLENGES = 20

_PAYMENT_HEADERS = ("payment-signature", "x-payment")
_CREDENTIAL_HEADERS = ("payment-authorization", "authorization")
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{0,16384}")
_TEXTS = ("id", "realm", "method", "intent", "expires", "digest", "description", "header")
_ENCODED = ("request", "opaque")

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Demand:
    """What an upstream asks: as HTTP headers for the rails, and what its dialect needs back.

    `as_text`: its x402 payment goes back as base64 text rather than as an object. `challenges`
    holds each MPP challenge by id, to be given back as it came.
    """

    headers: Headers
    as_text: bool = False
    challenges: Mapping[str, Any] = field(default_factory=dict[str, Any])


def read_demand(reply: ToolReply | RpcFailure) -> Demand | None:
    """Return the demand for payment in an answer, or None when it is none."""
    headers: list[tuple[str, str]] = []
    as_text = False
    for place, required in _x402(reply):
        text = to_header(required)
        if text is not None:
            headers.append(("PAYMENT-REQUIRED", text))
            as_text = place == X402_ERROR
            break
    challenges: dict[str, Any] = {}
    for challenge in _challenges(reply)[:MAX_CHALLENGES]:
        value = _www_authenticate(challenge)
        if value is not None:
            headers.append(("WWW-Authenticate", value))
            challenges.setdefault(challenge["id"], challenge)
    return Demand(tuple(headers), as_text, challenges) if headers else None


def payment_meta(demand: Demand, payment_headers: Mapping[str, str]) -> dict[str, Any] | None:
    """Return a payment as the `_meta` of the dialect that asked, or None if it cannot be carried.

    Args:
        demand: what the upstream asked.
        payment_headers: as the rail built them.
    """
    for name, value in payment_headers.items():
        if name.lower() in _PAYMENT_HEADERS:
            payment = value if demand.as_text else from_header(value)
            return None if payment is None else {X402_PAYMENT: payment}
        scheme, _, text = value.partition(" ")
        if name.lower() in _CREDENTIAL_HEADERS and scheme.lower() == "payment":
            credential = _credential(demand, text.strip())
            return None if credential is None else {MPP_CREDENTIAL: credential}
    return None


def receipt_headers(reply: ToolReply | RpcFailure) -> Headers:
    """Return the receipts in an answer as the headers that the rails read."""
    if isinstance(reply, RpcFailure):
        return ()
    meta = as_dict(reply.result.get("_meta")) or {}
    found: list[tuple[str, str]] = []
    settled = as_dict(meta.get(X402_RESPONSE))
    text = meta.get(X402_RESPONSE) if settled is None else to_header(settled)
    if isinstance(text, str):
        found.append(("PAYMENT-RESPONSE", text))
    receipt = as_dict(meta.get(MPP_RECEIPT))
    encoded = None if receipt is None else to_base64url(receipt)
    if encoded is not None:
        found.append(("Payment-Receipt", encoded))
    return tuple(found)


def _x402(reply: ToolReply | RpcFailure) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each x402 `PaymentRequired` in an answer, with the place where it stood."""
    for place, value in _places(reply):
        inner = as_dict((value or {}).get(X402_ERROR))
        for candidate in (value, inner, as_dict((inner or value or {}).get("data"))):
            if candidate is not None and as_list(candidate.get("accepts")) is not None:
                yield place, candidate
                break


def _places(reply: ToolReply | RpcFailure) -> Iterator[tuple[str, dict[str, Any] | None]]:
    if isinstance(reply, RpcFailure):
        data = as_dict(reply.data) or {}
        yield "error", as_dict(data.get("x402"))
        yield "error", data
        return
    result = reply.result
    yield X402_ERROR, as_dict((as_dict(result.get("_meta")) or {}).get(X402_ERROR))
    failed = result.get("isError") is True
    if failed:
        yield "structured", as_dict(result.get("structuredContent"))
    blocks = as_list(result.get("content")) or []
    text = read_text((as_dict(blocks[0]) or {}).get("text")) if blocks else None
    # A page that merely quotes a demand is not one: the text says so in so many words.
    if text is not None and (failed or (len(blocks) == 1 and X402_ERROR in text)):
        yield "text", text


def _challenges(reply: ToolReply | RpcFailure) -> list[dict[str, Any]]:
    if isinstance(reply, RpcFailure):
        holder = as_dict(reply.data)
    else:
        holder = as_dict((as_dict(reply.result.get("_meta")) or {}).get(MPP_REQUIRED))
    entries = as_list((holder or {}).get("challenges")) or []
    return [one for one in map(as_dict, entries) if one is not None]


def _www_authenticate(challenge: Mapping[str, Any]) -> str | None:
    """Write a challenge as the `Payment` scheme has it over HTTP; None when it cannot be."""
    parts: list[str] = []
    for name in (*_TEXTS, *_ENCODED):
        value = challenge.get(name)
        unpacked = as_dict(value) if name in _ENCODED else None
        if unpacked is not None:
            value = to_base64url(unpacked)
        if value is None:
            continue
        if not isinstance(value, str) or _PRINTABLE.fullmatch(value) is None:
            return None
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        parts.append(f'{name}="{escaped}"')
    wanted = {"id", "realm", "method", "intent", "request"}
    if not wanted <= {part.partition("=")[0] for part in parts} or not challenge["id"]:
        return None
    return "Payment " + ", ".join(parts)


def _credential(demand: Demand, text: str) -> dict[str, Any] | None:
    """Return a credential with the challenge as its seller wrote it, not as HTTP carries it."""
    credential = from_base64url(text)
    echoed = as_dict((credential or {}).get("challenge"))
    if credential is None or echoed is None:
        return None
    original = demand.challenges.get(str(echoed.get("id")))
    return {**credential, "challenge": original or _unpacked(echoed)}


def _unpacked(echoed: Mapping[str, Any]) -> dict[str, Any]:
    """Return a challenge as MCP has it, from the one in a credential for HTTP."""
    return {
        name: (from_base64url(value) or value) if name in _ENCODED else value
        for name, value in echoed.items()
    }
