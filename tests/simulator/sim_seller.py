"""Sellers and their facilitator: real x402 v2 bytes, and every way to treat a payment badly."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import anyio
from sim_chain import BLOCK_S, NETWORK, USDC, Authorization, Blockchain
from sim_model import Model
from sim_plan import CENT, Answer

from wallet.errors import ErrorKind, PurserError
from wallet.exchange import NeverSentError, TransportFailedError, WebRequest, WebResponse
from wallet.rails.x402.evm import checksum_address

DEADLINE_S = 45
WORST_OF_ALL = 1_000 * CENT
PAYEES = {
    f"{name}.example": checksum_address("0x" + sha256(name.encode()).hexdigest()[:40])
    for name in ("a", "b", "last")
}
ELSEWHERE = "0x" + "12" * 20


@dataclass
class Market:
    """What all sellers share: the chain, the model, and every authorization they ever got."""

    truth: Blockchain
    model: Model
    note: Callable[[str], None]
    received: list[Authorization] = field(default_factory=list[Authorization])

    def cash_later(self, authorization: Authorization, in_s: int | float) -> None:
        """Submit an authorization after a while, whether or not the buyer still lives."""
        loop = asyncio.get_running_loop()
        loop.call_later(max(0, in_s), self._cash, authorization, context=Context())

    def _cash(self, authorization: Authorization) -> None:
        included = self.truth.submit(authorization, self.truth.now_s())
        when = "refused" if included is None else f"in block {included.block_s}"
        self.note(f"chain: {authorization.nonce[-4:]} {when}")

    def cash_all(self) -> None:
        """Submit every authorization once more, as a seller may at any time."""
        for authorization in self.received:
            self._cash(authorization)


def page(url: str) -> bytes:
    """Return what a URL sells."""
    return f"the page at {url}".encode()


class SimulatedExchange:
    """Implements `wallet.exchange.Exchange` with one seller that follows one `Answer`."""

    def __init__(self, market: Market, url: str, answer: Answer) -> None:
        self.request = WebRequest("GET", url)
        self.sent: list[str] = []
        self._market = market
        self._answer = answer
        self._offers: list[dict[str, Any]] = []

    async def ask(self) -> WebResponse:
        """Answer without payment: with terms, for free, or not at all."""
        await asyncio.sleep(self._answer.ask_ms / 1000)
        if self._answer.ask == "fail":
            raise PurserError(ErrorKind.UPSTREAM_ERROR, "The server failed.")
        if self._answer.ask == "free":
            return self._response(200, (), page(self.request.url))
        self._offers = _offers(self.request.url, self._answer)
        return self._response(402, (("PAYMENT-REQUIRED", _header(self._challenge())),), b"")

    def start_over(self) -> None:
        """Stay: nothing here redirects."""

    def can_still_pay(self) -> bool:
        """There is always time: what is too late comes as a failure of `pay`."""
        return True

    async def pay(self, payment_headers: Mapping[str, str]) -> WebResponse:
        """Take the payment as the plan says, and answer what the plan says."""
        answer, header = self._answer, payment_headers["PAYMENT-SIGNATURE"]
        if answer.say == "never_sent":
            await asyncio.sleep(answer.answer_ms / 1000)
            raise NeverSentError
        payment = json.loads(base64.b64decode(header))
        authorization = _authorization(payment["payload"]["authorization"])
        self._market.model.sending(authorization, header)
        self._market.received.append(authorization)
        self.sent.append(authorization.nonce)
        settle_s = answer.settle_ms / 1000
        if answer.settle == "last_moment":
            last_s = authorization.valid_before - BLOCK_S - 1
            settle_s = max(settle_s, last_s - self._market.truth.now_s())
        if answer.settle != "never":
            self._market.cash_later(authorization, settle_s)
        with anyio.move_on_after(DEADLINE_S):
            if answer.settle == "now":
                await self._until_included(authorization, settle_s)
            await asyncio.sleep(answer.answer_ms / 1000)
            if answer.say != "hang":
                return self._paid_answer(authorization)
            await asyncio.sleep(10 * DEADLINE_S)
        raise TransportFailedError

    async def _until_included(self, authorization: Authorization, settle_s: float) -> None:
        """Wait as an honest facilitator does; a hasty one claims before there is a block."""
        truth = self._market.truth
        await asyncio.sleep(settle_s)
        await asyncio.sleep(0)
        included = truth.included.get(authorization.nonce)
        if included is not None and self._answer.say != "claim":
            await asyncio.sleep(max(0, included.block_s - truth.now_s()))

    def _paid_answer(self, authorization: Authorization) -> WebResponse:
        body = page(self.request.url)
        claim: dict[str, Any] = {
            "success": True,
            "transaction": authorization.tx_hash,
            "network": NETWORK,
            "payer": authorization.payer,
        }
        if authorization.nonce not in self._market.truth.included and self._answer.say == "truth":
            return self._response(402, _settlement(claim | {"success": False}), b"")
        match self._answer.say:
            case "no_claim":
                return self._response(200, (), body)
            case "refuse":
                return self._response(402, (("PAYMENT-REQUIRED", _header(self._challenge())),), b"")
            case "error":
                return self._response(500, (), b"")
            case "disconnect":
                raise TransportFailedError
            case "failure":
                changes = {"success": False, "errorReason": "unexpected_settle_error"}
            case "pending":
                changes = {"success": False, "errorReason": "settlement_pending"}
            case "forged":
                changes = {"transaction": "0x" + "ab" * 32}
            case "other_hash":
                changes = {"transaction": self._another_hash(authorization)}
            case "other_payer":
                changes = {"payer": ELSEWHERE}
            case _:
                changes = {}
        status = 402 if changes.get("success") is False else 200
        return self._response(status, _settlement(claim | changes), body)

    def _another_hash(self, authorization: Authorization) -> str:
        others = [one for one in self._market.received if one.nonce != authorization.nonce]
        return others[0].tx_hash if others else "0x" + "cd" * 32

    def _challenge(self) -> dict[str, Any]:
        return {
            "x402Version": 2,
            "resource": {"url": self.request.url},
            "accepts": self._offers,
        }

    def _response(
        self, status: int, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> WebResponse:
        cut = self._answer.say == "large"
        headers = (("content-type", "text/plain"), *headers)
        return WebResponse(self.request.url, status, headers, body, truncated=cut)


def _offers(url: str, answer: Answer) -> list[dict[str, Any]]:
    """Return the offers of a 402; the one to pay is last, behind decoys where there are any."""
    good = {
        "scheme": "exact",
        "network": NETWORK,
        "asset": USDC,
        "amount": str(WORST_OF_ALL if answer.ask == "dear" else answer.price),
        "payTo": PAYEES[urlsplit(url).hostname or ""],
        "maxTimeoutSeconds": 300,
        "extra": {"name": "USDC", "version": "2"},
    }
    if answer.ask != "decoys":
        return [good]
    return [
        good | {"amount": "1", "asset": ELSEWHERE},
        good | {"amount": "1", "network": "eip155:8453"},
        good | {"amount": str(2 * answer.price)},
        good | {"amount": "0.1"},
        good,
    ]


def _authorization(fields: Mapping[str, str]) -> Authorization:
    return Authorization(
        payer=fields["from"],
        payee=fields["to"],
        amount_atomic=int(fields["value"]),
        valid_before=int(fields["validBefore"]),
        nonce=fields["nonce"],
    )


def _settlement(fields: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return (("PAYMENT-RESPONSE", _header(fields)),)


def _header(fields: Mapping[str, Any]) -> str:
    return base64.b64encode(json.dumps(fields).encode()).decode()
