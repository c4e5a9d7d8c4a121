"""Every way in which a tool server asks for money, as the wallet's one wire form and back."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tools.upstream.dialects import payment_meta, read_demand, receipt_headers
from tools.upstream.link import RpcFailure, ToolReply
from wallet.exchange import WebResponse
from wallet.rails.x402.rail import X402Rail

REQUIRED: dict[str, Any] = {
    "x402Version": 2,
    "resource": {"url": "mcp://tool/weather"},
    "accepts": [
        {
            "scheme": "exact",
            "network": "eip155:8453",
            "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
            "amount": "10000",
            "payTo": "0x2222222222222222222222222222222222222222",
            "maxTimeoutSeconds": 60,
            "extra": {"name": "USD Coin", "version": "2", "odd": [None, {"deep": 1}]},
        }
    ],
}
PAYLOAD = {"x402Version": 2, "payload": {"signature": "0x00"}, "accepted": REQUIRED["accepts"][0]}
PAYMENT = {"PAYMENT-SIGNATURE": base64.b64encode(json.dumps(PAYLOAD).encode()).decode()}
CHALLENGE: dict[str, Any] = {
    "id": "abc",
    "realm": 'api "quoted" \\ back',
    "method": "evm",
    "intent": "charge",
    "request": {"recipient": "0x22", "amount": "10000", "methodDetails": {"chainId": 8453}},
    "expires": "2026-12-01T00:00:00Z",
    "unknown": ["kept", None],
}


def block(value: object) -> dict[str, Any]:
    return {"type": "text", "text": json.dumps(value)}


X402_REPLIES = {
    "structured": ToolReply(
        {"isError": True, "structuredContent": REQUIRED, "content": [block(REQUIRED)]}
    ),
    "text": ToolReply({"isError": True, "content": [block(REQUIRED)]}),
    "cloudflare": ToolReply(
        {"isError": True, "_meta": {"x402/error": REQUIRED}, "content": [block(REQUIRED)]}
    ),
    "rpc x402": RpcFailure(-32042, "pay", {"x402": REQUIRED}),
    "rpc data": RpcFailure(-32042, "pay", REQUIRED),
    "rpc 402": RpcFailure(402, "pay", REQUIRED),
    "another code": RpcFailure(-32000, "pay", REQUIRED),
    "v1 text": ToolReply({"content": [block({"x402/error": {"code": 402, "data": REQUIRED}})]}),
}
LONG_NUMBER = '{"x402/error": ' + "1" * 5_000 + "}"


@pytest.mark.parametrize("dialect", X402_REPLIES)
def test_each_x402_dialect_becomes_a_challenge_the_rail_reads(dialect: str) -> None:
    demand = read_demand(X402_REPLIES[dialect])
    assert demand is not None
    challenge = X402Rail().recognise(WebResponse("mcp://shop/weather", 402, demand.headers, b""))
    assert challenge is not None
    (offer,) = challenge.offers
    assert offer.amount_atomic == 10_000
    assert dict(offer.raw) == REQUIRED["accepts"][0]


@pytest.mark.parametrize("dialect", X402_REPLIES)
def test_a_payment_goes_back_as_the_dialect_wants_it(dialect: str) -> None:
    demand = read_demand(X402_REPLIES[dialect])
    assert demand is not None
    wanted = PAYMENT["PAYMENT-SIGNATURE"] if dialect == "cloudflare" else PAYLOAD
    assert payment_meta(demand, PAYMENT) == {"x402/payment": wanted}


@pytest.mark.parametrize(
    "reply",
    [
        ToolReply({"content": [block({"answer": 42})]}),
        ToolReply({"content": [block(REQUIRED)]}),
        ToolReply({"structuredContent": REQUIRED, "content": []}),
        ToolReply({"content": [block({"x402/error": {"code": 402, "data": REQUIRED}})] * 2}),
        ToolReply({"isError": True, "content": [{"type": "text", "text": "not { json"}]}),
        ToolReply({"isError": True, "content": [{"type": "text", "text": "[" * 5_000}]}),
        ToolReply({"isError": True, "content": [{"type": "text", "text": LONG_NUMBER}]}),
        ToolReply({"isError": True, "content": [{"type": "text", "text": '{"a":' * 5_000}]}),
        ToolReply({"isError": True, "content": "no list", "_meta": [], "structuredContent": 3}),
        ToolReply({"_meta": {"org.paymentauth/payment-required": {"challenges": [7, {}]}}}),
        RpcFailure(-32042, "Payment required", {"elicitations": []}),
        RpcFailure(402, "Payment required", None),
        RpcFailure(-32042, "Payment required", {"challenges": [{**CHALLENGE, "id": ""}]}),
        RpcFailure(-32042, "Payment required", {"challenges": [{**CHALLENGE, "realm": "a\nb"}]}),
        RpcFailure(-32042, "Payment required", {"challenges": [{**CHALLENGE, "method": 7}]}),
    ],
)
def test_what_only_looks_like_a_demand_is_none(reply: ToolReply | RpcFailure) -> None:
    assert read_demand(reply) is None


MPP_REPLIES = {
    "error": RpcFailure(-32042, "pay", {"httpStatus": 402, "challenges": [CHALLENGE]}),
    "failed": RpcFailure(-32043, "pay", {"challenges": [CHALLENGE]}),
    "result": ToolReply(
        {"content": [], "_meta": {"org.paymentauth/payment-required": {"challenges": [CHALLENGE]}}}
    ),
}


@pytest.mark.parametrize("dialect", MPP_REPLIES)
def test_an_mpp_challenge_becomes_its_http_form(dialect: str) -> None:
    demand = read_demand(MPP_REPLIES[dialect])
    assert demand is not None
    ((name, value),) = demand.headers
    assert name == "WWW-Authenticate"
    request = base64.urlsafe_b64encode(
        b'{"amount":"10000","methodDetails":{"chainId":8453},"recipient":"0x22"}'
    )
    assert value == (
        'Payment id="abc", realm="api \\"quoted\\" \\\\ back", method="evm", intent="charge", '
        f'expires="2026-12-01T00:00:00Z", request="{request.decode().rstrip("=")}"'
    )


@pytest.mark.parametrize("header", ["Authorization", "Payment-Authorization"])
def test_a_credential_goes_back_with_the_challenge_as_it_came(header: str) -> None:
    demand = read_demand(MPP_REPLIES["error"])
    assert demand is not None
    echoed = {"id": "abc", "realm": "x", "method": "evm", "intent": "charge", "request": "e30"}
    credential = {"challenge": echoed, "payload": {"type": "authorization"}, "source": "did:x"}
    text = base64.urlsafe_b64encode(json.dumps(credential).encode()).decode().rstrip("=")
    assert payment_meta(demand, {header: f"Payment {text}"}) == {
        "org.paymentauth/credential": {**credential, "challenge": CHALLENGE}
    }


def test_a_credential_for_a_challenge_of_another_day_is_unpacked() -> None:
    demand = read_demand(MPP_REPLIES["error"])
    assert demand is not None
    request = base64.urlsafe_b64encode(b'{"amount":"1"}').decode().rstrip("=")
    credential = {"challenge": {"id": "old", "request": request}, "payload": {}}
    text = base64.urlsafe_b64encode(json.dumps(credential).encode()).decode().rstrip("=")
    assert payment_meta(demand, {"Authorization": f"Payment {text}"}) == {
        "org.paymentauth/credential": {
            "challenge": {"id": "old", "request": {"amount": "1"}},
            "payload": {},
        }
    }


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer x"}, {"X-PAYMENT": "!"}, {"Authorization": "Payment !!"}],
)
def test_a_payment_that_cannot_be_carried_is_not_sent(headers: dict[str, str]) -> None:
    demand = read_demand(X402_REPLIES["structured"])
    assert demand is not None
    assert payment_meta(demand, headers) is None


def test_a_mixed_demand_offers_both_rails() -> None:
    demand = read_demand(RpcFailure(-32042, "", {"x402": REQUIRED, "challenges": [CHALLENGE]}))
    assert demand is not None
    assert [name for name, _ in demand.headers] == ["PAYMENT-REQUIRED", "WWW-Authenticate"]


def test_receipts_come_back_as_headers() -> None:
    settled = {"success": True, "transaction": "0x" + "ab" * 32, "network": "eip155:8453"}
    proof = {"status": "success", "challengeId": "abc"}
    meta = {"x402/payment-response": settled, "org.paymentauth/receipt": proof}
    (first, second) = receipt_headers(ToolReply({"content": [], "_meta": meta}))
    assert first[0] == "PAYMENT-RESPONSE"
    assert json.loads(base64.b64decode(first[1])) == settled
    assert second[0] == "Payment-Receipt"
    assert json.loads(base64.urlsafe_b64decode(second[1] + "==")) == proof
    assert receipt_headers(RpcFailure(-1, "", None)) == ()
