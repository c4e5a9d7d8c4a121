"""A seller that speaks MPP by the official Python package and settles on the sandbox's chain."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from mpp.errors import PaymentError
from mpp.methods.evm import server as evm
from mpp.server.http import Request, Response
from mpp.server.mpp import Mpp
from x402.schemas.helpers import parse_payment_payload, parse_payment_requirements

from sandbox.evm import CHAIN_ID, USDC_ADDRESS
from sandbox.facilitator import build_facilitator, build_signer
from sandbox.rpc import JsonRpc, Receive, Scope, Send
from sandbox.run import SELLER, THIEF_KEY, Sandbox
from sandbox.serve import Served

PAGE = b"the tide tables of Port Ellery"
PRICE = "0.01"
L402 = 'L402 token="t", invoice="lnbc2500u1' + "qpzry9x8gf2tvdw0" * 8 + '"'

Headers = list[tuple[str, str]]


class LocalFacilitator:
    """The official x402 facilitator in the shape that the package wants, on the local chain.

    `fails`: raised after a settlement, or instead of it where `settles` is False.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._official: Any = build_facilitator(build_signer(JsonRpc(sandbox.chain), THIEF_KEY))
        self.fails: Exception | None = None
        self.settles = True

    async def verify(self, payment_payload: Any, payment_requirements: Any) -> Any:
        payload = parse_payment_payload(payment_payload)
        asked = parse_payment_requirements(2, payment_requirements)
        answer = await self._official.verify(payload, asked)
        return answer.model_dump(by_alias=True, exclude_none=True)

    async def settle(self, payment_payload: Any, payment_requirements: Any) -> Any:
        payload = parse_payment_payload(payment_payload)
        asked = parse_payment_requirements(2, payment_requirements)
        answer: Any = None
        if self.settles:
            answer = await self._official.settle(payload, asked)
        if self.fails is not None:
            raise self.fails
        return answer.model_dump(by_alias=True, exclude_none=True)


@dataclass
class MppSeller:
    """A running seller: its address, what it is asked, and how it may be made to misbehave.

    `change` rewrites the headers of each 402. `payments` has each credential that came by.
    """

    facilitator: LocalFacilitator
    url: str = ""
    change: Callable[[Headers], Headers] = lambda headers: headers
    requests: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])
    payments: list[str] = field(default_factory=list[str])

    def fail_with(self, error: PaymentError | None, *, settles: bool) -> None:
        """Let each settlement end in this error from now on, with or without the transfer."""
        self.facilitator.fails, self.facilitator.settles = error, settles


def official_engine(facilitator: LocalFacilitator, route_binding: Any, **options: Any) -> Mpp:
    """Return the package's engine, which sells for the sandbox's dollar token."""
    method = evm.charge(
        currency=USDC_ADDRESS,
        recipient=SELLER,
        chain_id=CHAIN_ID,
        decimals=6,
        authorization={"name": "USDC", "version": "2"},
        facilitator=facilitator,
        route_binding=route_binding,
    )
    return Mpp(
        methods=method, realm="ellery.example", secret_key="not a secret of anybody's", **options
    )


@contextmanager
def mpp_seller(
    sandbox: Sandbox,
    *,
    requires_auth: bool = False,
    expires_in_s: int = 60,
    unique: bool = True,
    expires: str | None = None,
    route_binding: Any = "required",
) -> Generator[MppSeller]:
    """Sell a page for $0.01 to MPP and x402 alike; the body of a POST is bound by its digest."""
    seller = MppSeller(LocalFacilitator(sandbox))
    engine = official_engine(
        seller.facilitator, route_binding, requires_auth=requires_auth, unique_challenges=unique
    )
    lasting = {"expires": expires} if expires else {"expires_in": timedelta(seconds=expires_in_s)}
    by_get = engine.charge(amount=PRICE, **lasting)
    by_post = engine.charge(amount=PRICE, body=_body_of, **lasting)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = await _request(scope, receive, seller.url)
        headers = dict(request.headers.multi_items())
        seller.requests.append(headers)
        paid = ("authorization", "payment-authorization", "payment-signature")
        seller.payments += [
            headers[name] for name in paid if "Bearer" not in headers.get(name, "Bearer")
        ]
        result = await (by_post if request.method == "POST" else by_get)(request)
        if result.status == 200:
            answer: Response = result.with_receipt(
                Response(200, {"content-type": "text/plain"}, PAGE)
            )
            await _send(send, answer, answer.headers.multi_items())
        else:
            await _send(
                send, result.challenge, seller.change(result.challenge.headers.multi_items())
            )

    served = Served(app, 0, "mpp-seller")
    seller.url = served.url
    served.start()
    try:
        yield seller
    finally:
        served.stop()


def without(*names: str) -> Callable[[Headers], Headers]:
    """Return a change that leaves these headers out."""
    return lambda headers: [pair for pair in headers if pair[0].lower() not in names]


def _body_of(request: Request) -> bytes:
    return request.body or b""


async def _request(scope: Scope, receive: Receive, origin: str) -> Request:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
    ]
    return Request(scope["method"], origin + scope["path"], headers, body or None)


async def _send(send: Send, answer: Response, headers: Headers) -> None:
    body = answer.body or b""
    kept = [pair for pair in headers if pair[0].lower() != "content-length"]
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in kept]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
