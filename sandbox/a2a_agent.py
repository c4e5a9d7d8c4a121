"""A small agent of our own that is paid by message: A2A `message/send`, x402 extension v0.2.

It repeats what it is told, for a cent, and settles through the sandbox's facilitator. A word in the
text chooses how it behaves: `v1` asks in x402 v1, `refuse` fails the task after it was paid, and
`hello` alone is answered for nothing.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from sandbox.asking import payment_required, settle

EXTENSION = "https://github.com/google-agentic-commerce/a2a-x402/blob/main/spec/v0.2"
PRICE_ATOMIC = 10_000  # $0.01
STATUS, REQUIRED = "x402.payment.status", "x402.payment.required"
PAYLOAD, RECEIPTS = "x402.payment.payload", "x402.payment.receipts"
ERROR = "x402.payment.error"


@dataclass
class Agent:
    """One agent; `seen` lists the payment payloads that arrived."""

    facilitator: str
    pay_to: str
    seen: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def app(self) -> FastAPI:
        """Return the agent as an ASGI app that takes JSON-RPC at `/`."""
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

        async def rpc(request: Request) -> JSONResponse:
            call = await request.json()
            if request.headers.get("x-a2a-extensions") != EXTENSION:
                error = {"code": -32600, "message": "the x402 extension is required"}
                return JSONResponse({"jsonrpc": "2.0", "id": call["id"], "error": error})
            result = await self._answer(call["params"]["message"])
            return JSONResponse({"jsonrpc": "2.0", "id": call["id"], "result": result})

        app.post("/")(rpc)
        return app

    async def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        text = message["parts"][0]["text"]
        metadata: dict[str, Any] = message.get("metadata") or {}
        if metadata.get(STATUS) == "payment-submitted":
            return await self._paid(message["taskId"], metadata[PAYLOAD])
        if text == "hello":
            return {
                "kind": "message",
                "role": "agent",
                "messageId": str(uuid.uuid4()),
                "contextId": message.get("contextId") or "context-1",
                "parts": [{"kind": "text", "text": "Good day."}],
            }
        version = 1 if "v1" in text else 2
        required = payment_required(version, "https://agent.example/", self.pay_to, PRICE_ATOMIC)
        task_id = str(uuid.uuid4())
        self.tasks[task_id] = {"text": text, "required": required}
        asked = {STATUS: "payment-required", REQUIRED: required}
        return _task(task_id, "input-required", "Payment is required.", asked)

    async def _paid(self, task_id: str, payment: dict[str, Any]) -> dict[str, Any]:
        self.seen.append(payment)
        task = self.tasks[task_id]
        receipt = await settle(self.facilitator, payment, task["required"]["accepts"][0])
        if not receipt.get("success"):
            told = {STATUS: "payment-failed", ERROR: "SETTLEMENT_FAILED", RECEIPTS: [receipt]}
            return _task(task_id, "failed", "The payment failed.", told)
        told = {STATUS: "payment-completed", RECEIPTS: [receipt]}
        if "refuse" in task["text"]:
            return _task(task_id, "failed", "I would rather not.", told)
        done = _task(task_id, "completed", "Done.", told)
        parts = [{"kind": "text", "text": f"You said: {task['text']}"}]
        return done | {"artifacts": [{"artifactId": "a1", "name": "echo", "parts": parts}]}


def _task(task_id: str, state: str, text: str, metadata: dict[str, Any]) -> dict[str, Any]:
    message = {
        "kind": "message",
        "role": "agent",
        "messageId": str(uuid.uuid4()),
        "parts": [{"kind": "text", "text": text}],
        "metadata": metadata,
    }
    return {
        "kind": "task",
        "id": task_id,
        "contextId": "context-1",
        "status": {"state": state, "message": message},
    }
