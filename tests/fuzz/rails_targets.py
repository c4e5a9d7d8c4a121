"""What any bytes of a seller may do to the rails: give a bounded value or a typed refusal."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, cast

from wallet.errors import ErrorKind, PurserError
from wallet.exchange import WebResponse
from wallet.model import Challenge, Settlement, Transfer
from wallet.money import UINT256_MAX
from wallet.rails.base import Rail, UnreadableChallengeError
from wallet.rails.codec import (
    MAX_DEPTH,
    CodecError,
    NumberLiteral,
    decode_base64,
    encode_json,
    nests_deeper,
    parse_json,
)
from wallet.rails.mpp.receipt import KNOWN_PROBLEMS
from wallet.rails.x402 import X402Rail
from wallet.rails.x402.evm import checksum_address
from wallet.rails.x402.reasons import KNOWN, UNRECOGNISED

RAIL = X402Rail()
MAX_OFFERS = 50
MAX_PAYMENT_CHARS = 64 * 1024
MAX_WORDS_CHARS = 200
KNOWN_REASONS = KNOWN | KNOWN_PROBLEMS | {UNRECOGNISED}
TERMS = Transfer(
    network_id="eip155:8453",
    asset="0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
    payer="0x857b06519E91e3A54538791bDbb0E22373e36b66",
    pay_to="0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
    amount_atomic=10000,
    valid_after=0,
    valid_before=1740672154,
    nonce="0x" + "f3" * 32,
)
SIGNATURE = "0x" + "1b" * 65


def answer(
    *headers: tuple[str, str], body: bytes = b"", status: int = 402, truncated: bool = False
) -> WebResponse:
    """Return what a seller sent."""
    return WebResponse("https://api.example.com/x", status, headers, body, truncated)


def places(data: bytes) -> list[WebResponse]:
    """Return the bytes in each place where a challenge is looked for."""
    coded = base64.b64encode(data).decode("ascii")
    return [
        answer(("PAYMENT-REQUIRED", coded)),
        answer(("PAYMENT-REQUIRED", coded.rstrip("="))),
        answer(("PAYMENT-REQUIRED", data.decode("latin-1"))),
        answer(("PAYMENT-REQUIRED", "!"), body=data),
        answer(body=data),
    ]


def read(response: WebResponse) -> Challenge | None:
    """Recognise a 402; a refusal must be short and in our own words."""
    try:
        return RAIL.recognise(response)
    except UnreadableChallengeError as error:
        check_words(str(error))
        return None


def check_words(text: str, most_chars: int = MAX_WORDS_CHARS) -> None:
    """A text of ours is short and plain, whatever it is about."""
    assert 0 < len(text) <= most_chars
    assert text.isascii()
    assert text.isprintable()


def check_refusal(error: PurserError, *kinds: ErrorKind) -> None:
    """A refusal is one of those expected, in words of ours."""
    assert error.kind in kinds
    check_words(str(error), 300)


def challenge(data: bytes) -> None:
    """A 402 gives offers within their bounds, each of which makes one header of bounded size."""
    for response in places(data):
        found = read(response)
        if found is not None:
            check_challenge(found)


def check_challenge(found: Challenge) -> None:
    """Check every offer, and that a payment for it can be built and repeats it to the letter."""
    assert found.version in (1, 2)
    assert len(found.offers) + len(found.unreadable) <= MAX_OFFERS + 1
    indexes = [one.index for one in (*found.offers, *found.unreadable)]
    assert len(set(indexes)) == len(indexes)
    for bad in found.unreadable:
        check_words(bad.reason)
    for offer in found.offers:
        assert 0 < offer.amount_atomic <= UINT256_MAX
        assert 0 < offer.max_timeout_s < 2**53
        for text in (offer.scheme, offer.network, offer.asset, offer.pay_to):
            assert 0 < len(text) <= 128
            assert text.isascii()
            assert text.isprintable()
        if offer.network_id is not None:
            assert offer.pay_to == checksum_address(offer.pay_to)
            assert offer.asset == checksum_address(offer.asset)
        price = offer.raw["maxAmountRequired" if found.version == 1 else "amount"]
        assert price == str(offer.amount_atomic)
        headers = RAIL.payment_headers(found, offer, TERMS, SIGNATURE, "pay_" + "0" * 32)
        ((name, value),) = headers.items()
        assert len(value) <= MAX_PAYMENT_CHARS
        sent = cast("dict[str, Any]", parse_json(base64.b64decode(value)))
        if found.version == 1:
            assert (name, sent["network"]) == ("X-PAYMENT", offer.network)
        else:
            assert (name, sent["accepted"]) == ("PAYMENT-SIGNATURE", offer.raw)
        assert sent["payload"]["authorization"]["to"] == TERMS.pay_to
        assert sent["payload"]["authorization"]["value"] == str(TERMS.amount_atomic)


def settlement(data: bytes) -> None:
    """A settlement response gives safe fields or nothing, and its faults are told in our words."""
    coded = base64.b64encode(data).decode("ascii")
    for name in ("PAYMENT-RESPONSE", "X-PAYMENT-RESPONSE"):
        for value in (coded, data.decode("latin-1")):
            found = RAIL.read_settlement(answer((name, value), status=200))
            if found is not None:
                check_settlement(RAIL, found)


def check_settlement(rail: Rail, found: Settlement) -> None:
    """What a seller said about settling is of safe fields, and its faults are told in our words."""
    assert isinstance(cast("object", found.success), bool)
    assert found.tx_hash is None or (len(found.tx_hash), found.tx_hash[:2]) == (66, "0x")
    assert found.payer is None or found.payer == checksum_address(found.payer)
    assert found.network is None or (len(found.network) <= 64 and found.network.isascii())
    assert found.amount_atomic is None or 0 <= found.amount_atomic <= UINT256_MAX
    assert found.error_reason is None or found.error_reason in KNOWN_REASONS
    told = list(rail.disagreements(found, TERMS))
    assert len(told) <= 3
    for text in told:
        check_words(text)
    if found.amount_atomic not in (None, TERMS.amount_atomic):
        assert told


def codec(data: bytes) -> None:
    """What we read as JSON, the standard library reads alike; what we write, we read again."""
    try:
        value = parse_json(data)
    except CodecError as error:
        check_words(str(error))
        return
    theirs = json.loads(data, parse_float=NumberLiteral, parse_int=_as_spelled)
    assert value == theirs
    text = encode_json(value)
    assert parse_json(text) == value
    assert not nests_deeper(text, MAX_DEPTH)
    assert _depth(value) <= MAX_DEPTH


def _as_spelled(literal: str) -> int | NumberLiteral:
    plain = len(literal) <= 78 and literal != "-0"
    return int(literal) if plain else NumberLiteral(literal)


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, cast("dict[str, object]", value).values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, cast("list[object]", value)), default=0)
    return 0


def base64_text(data: bytes) -> None:
    """What we read as base64, the standard library reads alike, and it has one spelling only."""
    text = data.decode("latin-1")
    try:
        value = decode_base64(text)
    except CodecError as error:
        check_words(str(error))
        return
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    assert base64.b64encode(value).decode("ascii") == padded
    try:
        assert base64.b64decode(padded, validate=True) == value
    except binascii.Error as error:
        raise AssertionError("the standard library refuses what we read") from error
