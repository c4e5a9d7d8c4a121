"""The cases of MPP: `evm` and `usdc` charges, what is refused, and who is never paid again."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from vector_given import (
    KEY,
    NOW_S,
    PAYEE,
    RULES,
    URL,
    USDC,
    Answer,
    Case,
    answer,
    asked_for,
    offer,
    one_402,
    v2_header,
)

ENDS = "2026-11-21T12:01:00Z"  # a minute after the time of the vectors
ENDED = "2026-11-21T12:00:00Z"
EURC = "0x60a3E35Cc302bFA44Cb288Bc5a4F316Fdb1adb42"
TX = "0x" + "ab" * 32
PROBLEM = "https://paymentauth.org/problems/"


def request_of(**changes: Any) -> dict[str, Any]:
    """Return what an `evm` charge of $0.01 in USDC on Base asks for, with changes."""
    details = {"chainId": 8453, "credentialTypes": ["authorization"], "decimals": 6}
    fields = {"amount": "10000", "currency": USDC, "recipient": PAYEE, "methodDetails": details}
    return {**fields, **changes}


def usdc_request(**changes: Any) -> dict[str, Any]:
    """Return what a `usdc` charge of the EVM profile asks for, with changes."""
    profile = {"chainId": 8453, "decimals": 6}
    return request_of(methodDetails={"type": "evm", "evm": profile}, **changes)


def charge(asked: dict[str, Any] | None = None, **changes: Any) -> str:
    """Return a challenge, by default of an `evm` charge that ends in a minute.

    A change to None leaves the parameter out. Values are quoted as RFC 9110 has it.
    """
    fields = {
        "id": "q3Fh0aTzWk2mB7sVxYpJcg",
        "realm": "api.example.com",
        "method": "evm",
        "intent": "charge",
        "expires": ENDS,
        "request": b64url(asked or request_of()),
        **changes,
    }
    kept = {name: value for name, value in fields.items() if value is not None}
    return "Payment " + ", ".join(f'{name}="{_quoted(value)}"' for name, value in kept.items())


def b64url(value: Any) -> str:
    """Return unpadded base64url of compact JSON; bytes are taken as they are."""
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def www(*values: str, more: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Return a 402 with these `WWW-Authenticate` values, and further headers."""
    return answer([*(("WWW-Authenticate", value) for value in values), *more], "{}")


def details_of(**changes: Any) -> dict[str, Any]:
    """Return the request of an `evm` charge with changes in its `methodDetails`."""
    return request_of(methodDetails={**request_of()["methodDetails"], **changes})


_REPEATED = b64url(b'{"amount":"1",' + json.dumps(request_of()).encode()[1:])
_BODY = '{"ship":"Ellery"}'
_POST = asked_for(method="POST", headers=[("Content-Type", "application/json")], body=_BODY)


def _digest_of(body: str) -> str:
    return "sha-256=:" + base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() + ":"


_TEMPO = charge(
    {"amount": "10000", "currency": "0x20c0" + "0" * 36, "recipient": PAYEE},
    id="tempo-1",
    method="tempo",
)
_LIGHTNING = 'L402 token="t", invoice="lnbc2500u1' + "qpzry9x8gf2tvdw0" * 8 + '"'
_SEVERAL = ", ".join(
    (
        'Basic realm="members, only"',
        _TEMPO,
        charge(request_of(amount="30000"), id="dear"),
        charge(request_of(amount="20000"), id="cheap"),
    )
)

_PAID: dict[str, Case] = {
    "mpp-evm-charge": one_402(
        "an evm charge, paid by EIP-3009; the nonce is the hash of the challenge's id and realm",
        www(charge()),
    ),
    "mpp-usdc-charge": one_402(
        "a usdc charge of the EVM profile, whose details lie one level deeper",
        www(charge(usdc_request(), method="usdc")),
    ),
    "mpp-no-end": one_402(
        "a challenge without an end: the payment lives as long as the user allows",
        www(charge(expires=None)),
    ),
    "mpp-cheapest-of-several": one_402(
        "several challenges in one header, and another header: the cheapest that can be paid",
        www(_SEVERAL, _LIGHTNING),
    ),
    "mpp-an-expired-one-beside": one_402(
        "the cheaper challenge has ended, so the other is paid",
        www(charge(request_of(amount="5000"), id="late", expires=ENDED), charge()),
    ),
    "mpp-body-digest": one_402(
        "a challenge that is bound to the body of the request",
        www(charge(digest=_digest_of(_BODY))),
        request=_POST,
    ),
    "mpp-other-header": one_402(
        "the caller's own Authorization stays, and the payment has a header of its own",
        www(charge(header="Payment-Authorization")),
        request=asked_for(headers=[("Authorization", "Bearer mine")]),
    ),
    "mpp-echo": one_402(
        "every parameter comes back as it was meant: escapes undone, base64url untouched",
        www(
            charge(
                {"note": "é", **request_of(recipient=PAYEE.lower())},
                realm='caf\u00e9 "x" \\ y',
                description="a, b; c",
                opaque=b64url({"order": "7"}),
            )
        ),
    ),
    "mpp-beside-x402": one_402(
        "at one price x402 is paid before MPP",
        www(charge(), more=(v2_header(offer()),)),
    ),
    "mpp-beside-a-dearer-x402": one_402(
        "the cheaper of two protocols",
        www(charge(), more=(v2_header(offer(amount="10001")),)),
    ),
    "mpp-beside-a-bound-x402": one_402(
        "at one price x402 gives way where its payment would have to be bound to the page",
        www(charge(), more=(v2_header(offer(), extensions={"mppx": {"info": {}}}),)),
    ),
}

_REFUSED: dict[str, Case] = {
    "hostile-mpp-expired": one_402("a challenge that has ended", www(charge(expires=ENDED))),
    "hostile-mpp-about-to-expire": one_402(
        "a challenge that ends before a payment could settle",
        www(charge(expires="2026-11-21T12:00:09Z")),
    ),
    "hostile-mpp-expires-unreadable": one_402(
        "an end that is no RFC 3339 time", www(charge(expires="1795262460"))
    ),
    "hostile-mpp-named-payee": one_402(
        "a payee that is a name and no address",
        www(charge(request_of(recipient="ellery.example"))),
    ),
    "hostile-mpp-mistyped-payee": one_402(
        "a payee that fails its checksum",
        www(charge(request_of(recipient=PAYEE.replace("Bc", "bC")))),
    ),
    "hostile-mpp-repeated-parameter": one_402(
        "a parameter twice, with another value", www(charge() + ', realm="other.example.com"')
    ),
    "hostile-mpp-repeated-key": one_402(
        "a request that is JSON with a key twice",
        www(charge(request=_REPEATED)),
    ),
    "hostile-mpp-other-method": one_402("no method but one that is not paid here", www(_TEMPO)),
    "hostile-mpp-other-intent": one_402(
        "a session, where one charge was expected", www(charge(intent="session"))
    ),
    "hostile-mpp-other-body": one_402(
        "a challenge that is bound to another body",
        www(charge(digest=_digest_of('{"ship":"Other"}'))),
        request=_POST,
    ),
    "hostile-mpp-split": one_402(
        "a payment to several payees",
        www(charge(details_of(splits=[{"recipient": PAYEE, "amount": "1"}]))),
    ),
    "hostile-mpp-transaction": one_402(
        "a charge that does not take an authorization",
        www(charge(details_of(credentialTypes=["transaction"]))),
    ),
    "hostile-mpp-cookie": one_402(
        "a payment in a header that means something else", www(charge(header="Cookie"))
    ),
    "hostile-mpp-zero": one_402("an amount of zero", www(charge(request_of(amount="0")))),
    "hostile-mpp-number": one_402(
        "an amount that is a number and no string", www(charge(request_of(amount=10000)))
    ),
    "hostile-mpp-not-usdc": one_402(
        "a usdc charge in another token", www(charge(usdc_request(currency=EURC), method="usdc"))
    ),
    "hostile-mpp-other-chain": one_402(
        "a network nobody enabled", www(charge(details_of(chainId=84532)))
    ),
    "hostile-mpp-over-the-limit": one_402(
        "a price above the cap", www(charge(request_of(amount="1000001")))
    ),
}


def _problem(status: int, kind: str, *headers: tuple[str, str]) -> Answer:
    body = json.dumps({"type": PROBLEM + kind, "title": kind, "status": status})
    return answer([("Content-Type", "application/problem+json"), *headers], body, status)


def _good() -> Answer:
    receipt = {
        "status": "success",
        "method": "evm",
        "reference": TX,
        "chainId": 8453,
        "timestamp": "2026-11-21T12:00:30Z",
    }
    headers = [("Content-Type", "text/plain"), ("Payment-Receipt", b64url(receipt))]
    return answer(headers, "the tide tables", 200)


def _call(after_s: int, *answers: Answer | None, pay_again: bool = False) -> dict[str, Any]:
    return {
        "do": "fetch",
        "now_s": NOW_S + after_s,
        "pay_again": pay_again,
        "request": asked_for(URL),
        "answers": list(answers),
    }


def _conversation(about: str, *calls: dict[str, Any]) -> Case:
    given = {"rules": RULES, "chain": {}, "private_key": KEY, "calls": list(calls)}
    return Case(about, given, format=2)


_AGAIN = ("WWW-Authenticate", charge(id="another-challenge"))

_TURNED_DOWN: dict[str, Case] = {
    "mpp-turned-down": _conversation(
        "403 and 500 after the payment prove nothing: the same bytes go out again, and pay",
        _call(0, www(charge()), _problem(403, "verification-failed")),
        _call(10, _problem(500, "internal-payment-error")),
        _call(20, _good(), pay_again=True),
        _call(30),
    ),
    "hostile-mpp-fresh-challenge": _conversation(
        "a fresh challenge for every payment: one signature, and none again once it has lapsed",
        _call(0, www(charge()), _problem(402, "payment-required", _AGAIN)),
        _call(10, _problem(402, "payment-required", _AGAIN), pay_again=True),
        _call(61, pay_again=True),
    ),
    "hostile-mpp-broken-off": _conversation(
        "no answer to the payment, and none to the same bytes again",
        _call(0, www(charge()), None),
        _call(10, None),
    ),
}

CASES: dict[str, Case] = {**_PAID, **_REFUSED, **_TURNED_DOWN}
