"""The official SDK as the judge of what a challenge means, and what we accept beyond it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from rails_targets import RAIL, TERMS, answer, read
from x402.http.utils import (
    decode_payment_required_header,
    decode_payment_response_header,
    encode_payment_required_header,
    encode_payment_response_header,
)
from x402.schemas import (
    PaymentRequired,
    PaymentRequirements,
    ResourceInfo,
    SettleResponse,
)
from x402.schemas.helpers import parse_payment_required
from x402.schemas.v1 import PaymentRequiredV1, PaymentRequirementsV1

from wallet.model import Challenge, Offer
from wallet.rails.codec import as_array, as_object, encode_json, parse_json

Official = PaymentRequired | PaymentRequiredV1
# What the SDK raises on input that it does not read: pydantic's and binascii's errors are among
# the ValueErrors, the others come from treating a list or a number as an object.
SDK_ERRORS = (ValueError, AttributeError, TypeError, RecursionError)


def sdk_challenge(version: int, offers: int = 2) -> bytes:
    """Return the JSON of a challenge as the official seller of that version writes it."""
    fields: dict[str, Any] = {
        "scheme": "exact",
        "asset": TERMS.asset,
        "pay_to": TERMS.pay_to,
        "max_timeout_seconds": 60,
        "extra": {"name": "USD Coin", "version": "2"},
    }
    url = "https://api.example.com/report"
    made: Official
    if version == 1:
        v1 = [
            PaymentRequirementsV1(
                **fields, network="base", max_amount_required=str(10 + i), resource=url
            )
            for i in range(offers)
        ]
        made = PaymentRequiredV1(error="Payment required", accepts=v1)
    else:
        v2 = [
            PaymentRequirements(**fields, network="eip155:8453", amount=str(10 + i))
            for i in range(offers)
        ]
        made = PaymentRequired(resource=ResourceInfo(url=url), accepts=v2, extensions={"a": {}})
    return base64.b64decode(encode_payment_required_header(made))


def sdk_settlement(*, success: bool) -> bytes:
    """Return the JSON of a settlement response as the official seller writes it."""
    made = SettleResponse(
        success=success,
        error_reason=None if success else "insufficient_funds",
        payer=TERMS.payer,
        transaction="0x" + "ab" * 32 if success else "",
        network=TERMS.network_id,
    )
    return base64.b64decode(encode_payment_response_header(made))


def official_reading(data: bytes, *, in_header: bool) -> Official | None:
    """Return what the SDK's client makes of the bytes, or None where it fails on them."""
    try:
        if in_header:
            return decode_payment_required_header(base64.b64encode(data).decode("ascii"))
        return parse_payment_required(data)
    except SDK_ERRORS:
        return None


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Something we accept and the SDK does not: why that is harmless, and how to undo it.

    `undo` changes the envelope and its entries, in place, to what the SDK reads. `example` is a
    change to a good v2 (or v1) challenge that only this tolerance explains.
    """

    name: str
    harmless: str
    undo: Callable[[dict[str, Any], list[dict[str, Any]]], None]
    version: int
    example: Callable[[dict[str, Any], list[Any]], object]


def _unless(holder: dict[str, Any], name: str, kinds: type | tuple[type, ...], new: object) -> None:
    if not isinstance(holder.get(name), kinds):
        holder.pop(name, None)
        if new is not None:
            holder[name] = new


def _undo_timeout(_: dict[str, Any], entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        if entry.get("maxTimeoutSeconds") is None:
            entry["maxTimeoutSeconds"] = 60


def _undo_extra(_: dict[str, Any], entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        if entry.get("extra") is None:
            entry["extra"] = {}


def _undo_resource(envelope: dict[str, Any], _: list[dict[str, Any]]) -> None:
    try:
        ResourceInfo.model_validate_json(encode_json(envelope.get("resource")))
    except SDK_ERRORS:
        envelope.pop("resource", None)


def _undo_prose(envelope: dict[str, Any], entries: list[dict[str, Any]]) -> None:
    _unless(envelope, "error", str, None)
    for entry in entries:
        if envelope["x402Version"] == 1:
            _unless(entry, "description", str, None)
            _unless(entry, "mimeType", str, None)
            _unless(entry, "outputSchema", dict, None)


def _undo_extensions(envelope: dict[str, Any], _: list[dict[str, Any]]) -> None:
    _unless(envelope, "extensions", dict, None)


def _undo_v1_resource(envelope: dict[str, Any], entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        if envelope["x402Version"] == 1:
            _unless(entry, "resource", str, "")


TOLERATED = (
    Tolerance(
        "an entry that cannot be read, beside one that can",
        "each is decoded on its own, and what cannot be read is never paid",
        lambda _, __: None,  # `_undone` keeps the entries that were read
        2,
        lambda _, entries: entries.append({"scheme": 7}),
    ),
    Tolerance(
        "no maxTimeoutSeconds",
        "60 seconds are assumed, which only shortens what is signed",
        _undo_timeout,
        2,
        lambda _, entries: entries[0].pop("maxTimeoutSeconds"),
    ),
    Tolerance(
        "extra is null",
        "the token's domain comes from our own table; extra names only what is refused",
        _undo_extra,
        2,
        lambda _, entries: entries[0].update(extra=None),
    ),
    Tolerance(
        "a resource that is not a description of one",
        "it is only repeated to the seller who wrote it, or left out",
        _undo_resource,
        2,
        lambda envelope, _: envelope.update(resource={"url": 7}),
    ),
    Tolerance(
        "error, description, mimeType or outputSchema of another type",
        "a seller's prose is never read",
        _undo_prose,
        1,
        lambda envelope, entries: (envelope.update(error=[7]), entries[0].update(mimeType=7)),
    ),
    Tolerance(
        "extensions that are not an object",
        "they count as none",
        _undo_extensions,
        2,
        lambda envelope, _: envelope.update(extensions="none"),
    ),
    Tolerance(
        "a v1 offer without the URL of its resource",
        "what is paid for is the URL that was asked, whatever the offer says",
        _undo_v1_resource,
        1,
        lambda _, entries: entries[0].pop("resource"),
    ),
)


def undone(data: bytes, found: Challenge, tolerated: Sequence[Tolerance]) -> bytes:
    """Return the challenge without what is tolerated, holding the offers that we read."""
    envelope = as_object(parse_json(data))
    entries = None if envelope is None else as_array(envelope.get("accepts"))
    assert envelope is not None
    assert entries is not None
    kept = [cast("dict[str, Any]", entries[offer.index]) for offer in found.offers]
    for one in tolerated:
        one.undo(envelope, kept)
    envelope["accepts"] = kept
    return encode_json(envelope).encode()


def challenges_agree(data: bytes) -> None:
    """An offer that we read means the same to the SDK, once what is tolerated is taken away."""
    coded = base64.b64encode(data).decode("ascii")
    for in_header in (True, False):
        response = answer(("PAYMENT-REQUIRED", coded)) if in_header else answer(body=data)
        found = read(response)
        if found is None or not found.offers:
            continue
        official = official_reading(data, in_header=in_header)
        if official is not None:
            agree(found, official, [official.accepts[offer.index] for offer in found.offers])
        plain = undone(data, found, TOLERATED)
        official = official_reading(plain, in_header=in_header)
        assert official is not None, "we accept what the SDK refuses, and it is not on the list"
        agree(found, official, official.accepts)


def agree(found: Challenge, official: Official, accepts: Sequence[object]) -> None:
    """Compare version and offers, field by field."""
    assert found.version == official.x402_version
    for ours, theirs in zip(found.offers, accepts, strict=True):
        meant, read_as = _meaning(ours), _official_meaning(theirs)
        assert meant == read_as, f"{meant} is {read_as} to the SDK"
        named = "maxTimeoutSeconds" in ours.raw and ours.raw["maxTimeoutSeconds"] is not None
        if named:
            assert ours.max_timeout_s == cast("Any", theirs).max_timeout_seconds


def _meaning(offer: Offer) -> tuple[str, ...]:
    amount, payee = str(offer.amount_atomic), offer.pay_to.lower()
    return offer.scheme, offer.network, offer.asset.lower(), amount, payee


def _official_meaning(offer: object) -> tuple[str, ...]:
    assert isinstance(offer, PaymentRequirements | PaymentRequirementsV1)
    asset, payee = offer.asset.lower(), offer.pay_to.lower()
    return offer.scheme, offer.network, asset, offer.get_amount(), payee


def settlements_agree(data: bytes) -> None:
    """A settlement field that we read means the same to the SDK, where the SDK reads it."""
    coded = base64.b64encode(data).decode("ascii")
    found = RAIL.read_settlement(answer(("PAYMENT-RESPONSE", coded), status=200))
    try:
        official = decode_payment_response_header(coded)
    except SDK_ERRORS:
        return
    if found is None:
        return
    assert found.success is official.success
    assert found.tx_hash in (None, official.transaction.lower())
    assert found.network in (None, official.network)
    assert found.payer is None or found.payer.lower() == (official.payer or "").lower()
    assert found.amount_atomic is None or str(found.amount_atomic) == official.amount


def example(tolerance: Tolerance) -> bytes:
    """Return a challenge that we accept and the SDK does not, for this reason alone."""
    envelope = json.loads(sdk_challenge(tolerance.version))
    tolerance.example(envelope, envelope["accepts"])
    return json.dumps(envelope).encode()
