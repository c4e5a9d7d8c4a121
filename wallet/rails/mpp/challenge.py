"""One `Payment` challenge, decoded on its own (draft-httpauth-payment-01 section 5.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wallet.rails.authenticate import AuthChallenge
from wallet.rails.codec import CodecError, as_object, decode_base64url, parse_json
from wallet.rails.mpp.moment import unix_second

SCHEME = "payment"
MAX_REQUEST_CHARS = 16 * 1024
MAX_ECHO_CHARS = 24 * 1024
MAX_NAME_CHARS = 64
CREDENTIAL_HEADER = "Authorization"
OTHER_CREDENTIAL_HEADER = "Payment-Authorization"

_REQUIRED = ("id", "realm", "method", "intent", "request")
_OPTIONAL = ("expires", "digest", "description", "opaque", "header")
_METHOD = re.compile(r"[a-z][a-z0-9:_-]{0,63}", re.ASCII)
_INTENT = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_TEXT = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]*")


class UnusableChallengeError(Exception):
    """A challenge that cannot be answered; the text is one of our fixed reasons."""


@dataclass(frozen=True, slots=True)
class PaymentChallenge:
    """One `Payment` challenge: `echo` has the parameters to repeat, unescaped, as they came.

    `request` is the decoded JSON object, `expires_at` the unix second it lapses in, `digest` what
    the body of the paid request must match, `header` the name of the one that carries the payment.
    """

    id: str
    realm: str
    method: str
    intent: str
    request: Mapping[str, Any]
    expires_at: int | None
    digest: str | None
    header: str
    echo: Mapping[str, str]


def read_payment_challenge(challenge: AuthChallenge) -> PaymentChallenge:
    """Decode a challenge of scheme `Payment`.

    Raises:
        UnusableChallengeError: a parameter is missing, twice there, too large or malformed.
    """
    if challenge.broken:
        raise UnusableChallengeError("its parameters cannot be told apart")
    given = {name: challenge.params[name] for name in _NAMES if name in challenge.params}
    _check_texts(given)
    return PaymentChallenge(
        id=given["id"],
        realm=given["realm"],
        method=given["method"],
        intent=given["intent"],
        request=_object("request", given["request"]),
        expires_at=_expires_at(given.get("expires")),
        digest=given.get("digest"),
        header=_credential_header(given.get("header")),
        echo=given,
    )


def method_and_intent(challenge: AuthChallenge) -> tuple[str, str] | None:
    """Return the method and intent a challenge names, or None where they are not well-formed."""
    method, intent = challenge.params.get("method", ""), challenge.params.get("intent", "")
    well_formed = _METHOD.fullmatch(method) and _INTENT.fullmatch(intent)
    return (method, intent) if well_formed else None


_NAMES = (*_REQUIRED, *_OPTIONAL)


def _check_texts(given: Mapping[str, str]) -> None:
    for name in _REQUIRED:
        if not given.get(name):
            raise UnusableChallengeError(f"{name} is missing")
    if sum(map(len, given.values())) > MAX_ECHO_CHARS:
        raise UnusableChallengeError("what a payment would have to repeat is too large")
    if not _METHOD.fullmatch(given["method"]):
        raise UnusableChallengeError("method is not well-formed")
    if not _INTENT.fullmatch(given["intent"]):
        raise UnusableChallengeError("intent is not well-formed")
    for name, value in given.items():
        if _TEXT.fullmatch(value) is None:
            raise UnusableChallengeError(f"{name} has characters that do not belong there")
    if "opaque" in given:
        _object("opaque", given["opaque"])


def _object(name: str, text: str) -> dict[str, Any]:
    try:
        value = as_object(parse_json(decode_base64url(text, MAX_REQUEST_CHARS)))
    except CodecError as error:
        raise UnusableChallengeError(f"{name} cannot be read: {error}") from None
    if value is None:
        raise UnusableChallengeError(f"{name} is not a JSON object")
    return value


def _expires_at(text: str | None) -> int | None:
    if text is None:
        return None
    moment = unix_second(text)
    if moment is None:
        raise UnusableChallengeError("expires is not an RFC 3339 time")
    return moment


def _credential_header(text: str | None) -> str:
    if text is None:
        return CREDENTIAL_HEADER
    if text.lower() != OTHER_CREDENTIAL_HEADER.lower():
        raise UnusableChallengeError("it wants the payment in a header that is not allowed")
    return OTHER_CREDENTIAL_HEADER
