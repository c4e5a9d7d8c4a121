"""Well-formed `Payment` challenges and answers for the tests of the MPP rail."""

from __future__ import annotations

import base64
import json
from typing import Any

from x402_samples import BASE_USDC, PAYEE, web

from wallet.exchange import WebResponse

__all__ = ["CHALLENGE_ID", "REALM", "auth", "b64url", "charge", "unb64url", "usdc_charge", "www"]

CHALLENGE_ID = "x7Tg2pLqR9mKvNwY3hBcZa"
REALM = "api.example.com"


def b64url(value: object) -> str:
    """Return unpadded base64url of compact JSON; bytes are taken as they are."""
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64url(text: str) -> Any:
    """Return the JSON value of unpadded base64url."""
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def charge(**changes: Any) -> dict[str, Any]:
    """Return an `evm` charge of $0.01 in USDC on Base.

    A change to `...` removes the field. One of a name in `methodDetails` changes it there.
    """
    details: dict[str, Any] = {"chainId": 8453, "credentialTypes": ["authorization"], "decimals": 6}
    fields: dict[str, Any] = {"amount": "10000", "currency": BASE_USDC, "recipient": PAYEE}
    inner = ("chainId", "credentialTypes", "decimals", "splits", "evm", "type")
    details |= {name: value for name, value in changes.items() if name in inner}
    fields |= {name: value for name, value in changes.items() if name not in inner}
    given: dict[str, Any] = {
        "methodDetails": {name: value for name, value in details.items() if value is not ...}
    }
    return {name: value for name, value in {**given, **fields}.items() if value is not ...}


def usdc_charge(**changes: Any) -> dict[str, Any]:
    """Return a `usdc` charge of the EVM profile; changes are to the details of that profile."""
    inner = {"chainId": 8453, "decimals": 6, **changes}
    details = {name: value for name, value in inner.items() if value is not ...}
    return charge(methodDetails={"type": "evm", "evm": details})


def auth(asked: object = None, /, **changes: Any) -> str:
    """Return one `WWW-Authenticate` value that asks for a charge, by default `charge()`.

    A change to `...` removes the parameter.
    """
    fields: dict[str, Any] = {
        "id": CHALLENGE_ID,
        "realm": REALM,
        "method": "evm",
        "intent": "charge",
        "request": b64url(charge() if asked is None else asked),
    }
    fields |= changes
    pairs = [f'{name}="{value}"' for name, value in fields.items() if value is not ...]
    return "Payment " + ", ".join(pairs)


def www(*values: str, **options: Any) -> WebResponse:
    """Return a 402 with these `WWW-Authenticate` values."""
    return web(*(("WWW-Authenticate", value) for value in values), **options)
