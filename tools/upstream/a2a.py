"""Another agent's `message/send` as an exchange: the x402 extension of A2A v0.2, guarded HTTP.

A task that asks for payment is a 402; the payment goes back in a message of the same task. The
objects inside are x402's, v1 or v2, and are told apart by `x402Version`, like everywhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.to_thread

from tools.upstream.answer import read_result
from tools.upstream.exchange import CALL_FAILED, TOOL_FAILED, canonical
from tools.upstream.listing import MAX_ID_CHARS, MAX_MESSAGE_CHARS
from tools.upstream.plain import as_dict, as_list, from_header, keep_json, to_header, write_json
from tools.web.guard import check_url
from tools.web.headers import with_defaults
from tools.web.sending import Deadline, send_payment
from tools.web.wire import Answer, Wire, WireError
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import NeverSentError, WebRequest, WebResponse

EXTENSION = "https://github.com/google-agentic-commerce/a2a-x402/blob/main/spec/v0.2"
METHOD = "MESSAGE"
RESULT_TYPE = "application/vnd.purser.a2a-result+json"
STATUS, REQUIRED = "x402.payment.status", "x402.payment.required"
PAYLOAD, RECEIPTS = "x402.payment.payload", "x402.payment.receipts"
_FAILED_STATES = ("failed", "rejected", "canceled", "auth-required")
_HEADERS = (
    ("Content-Type", "application/json"),
    ("Accept", "application/json"),
    ("X-A2A-Extensions", EXTENSION),
)


@dataclass(frozen=True, slots=True)
class Message:
    """What is said to an agent; the ids go on with a conversation or a task of before."""

    text: str
    context_id: str | None = None
    task_id: str | None = None

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Message:
        """Return the message that a tool call describes.

        Raises:
            PurserError: INVALID_ARGUMENT, in words of ours.
        """
        unknown = arguments.keys() - {"text", "context_id", "task_id"}
        if unknown:
            raise _invalid("It takes text, context_id and task_id, and nothing else.")
        text = arguments.get("text")
        if not isinstance(text, str) or not 0 < len(text) <= MAX_MESSAGE_CHARS:
            raise _invalid(f"text must be a string of 1 to {MAX_MESSAGE_CHARS} characters.")
        ids = [arguments.get(name) for name in ("context_id", "task_id")]
        for one in ids:
            if one is not None and not (isinstance(one, str) and 0 < len(one) <= MAX_ID_CHARS):
                raise _invalid(f"context_id and task_id are at most {MAX_ID_CHARS} characters.")
        return cls(text, *ids)

    def parameters(self) -> dict[str, str]:
        """Return what makes two messages the same."""
        fields = {"text": self.text, "context_id": self.context_id, "task_id": self.task_id}
        return {name: value for name, value in fields.items() if value is not None}


class MessageExchange:
    """Implements `wallet.exchange.Exchange` over `message/send` of one agent.

    Args:
        name: the agent's name in the settings.
        url: where it takes JSON-RPC.
        client: guarded connections.
        message: what is said.
        timeout_s: for everything together, from the first `ask` on.
    """

    def __init__(
        self, name: str, url: str, client: Wire, message: Message, *, timeout_s: float
    ) -> None:
        self._url = url
        self._client = client
        self._message = message
        self._deadline = Deadline(timeout_s)
        self._task: dict[str, Any] | None = None
        self._request = WebRequest(
            METHOD, f"a2a://{name}/send_message", (), canonical(message.parameters())
        )

    @property
    def request(self) -> WebRequest:
        """Return the message as a request; its text and ids are the body."""
        return self._request

    async def ask(self) -> WebResponse:
        """Say it without payment; a task that wants to be paid is a 402.

        Raises:
            PurserError: the guard refuses, the agent fails, or time runs out.
        """
        message = self._spoken(self._message.text, self._message.task_id, self._message.context_id)
        try:
            with anyio.fail_after(self._deadline.left_s()):
                answer = await self._send(message)
        except TimeoutError:
            detail = f"The agent gave no answer within {self._deadline.total_s:g} seconds."
            raise PurserError(ErrorKind.TIMEOUT, detail) from None
        except WireError as error:
            detail = "No connection could be made." if error.unsent else "The answer broke off."
            raise PurserError(ErrorKind.UPSTREAM_ERROR, detail) from None
        response, self._task = await self._read(answer)
        if response.truncated:
            raise PurserError(ErrorKind.TOO_LARGE, f"The answer is over {len(answer.body)} bytes.")
        return response

    async def pay(self, payment_headers: Mapping[str, str]) -> WebResponse:
        """Submit the payment to the task that asked for it; without one, ask first.

        Raises:
            NeverSentError: the payment did not leave.
            TransportFailedError: it may have been received, and no whole answer came.
        """
        if self._task is None:
            try:
                await self.ask()
            except PurserError:
                raise NeverSentError("the agent could not be asked") from None
        payload = _payload(payment_headers)
        task_id = (self._task or {}).get("id")
        if payload is None or not isinstance(task_id, str):
            raise NeverSentError("the payment cannot be carried to the agent")
        message = self._spoken("Payment.", task_id, (self._task or {}).get("contextId"))
        message["metadata"] = {STATUS: "payment-submitted", PAYLOAD: payload}
        answer = await send_payment(
            self._deadline, lambda body_until: self._send(message, body_until)
        )
        response, _ = await self._read(answer)
        return response

    def start_over(self) -> None:
        """Forget the task that asked; the next payment asks anew."""
        self._task = None

    def can_still_pay(self) -> bool:
        """Tell whether a third of the time is left, which a settlement may well take."""
        return self._deadline.is_enough_to_pay()

    def _spoken(self, text: str, task_id: object, context_id: object) -> dict[str, Any]:
        message: dict[str, Any] = {
            "kind": "message",
            "role": "user",
            "messageId": str(uuid.uuid4()),
            "parts": [{"kind": "text", "text": text}],
        }
        ids = {"taskId": task_id, "contextId": context_id}
        return message | {name: value for name, value in ids.items() if isinstance(value, str)}

    async def _send(self, message: Mapping[str, Any], body_until: float | None = None) -> Answer:
        call = {
            "jsonrpc": "2.0",
            "id": message["messageId"],
            "method": "message/send",
            "params": {"message": message, "configuration": {"blocking": True}},
        }
        return await self._client.send(
            "POST",
            check_url(self._url, self._client.rules),
            with_defaults(_HEADERS, self._client.user_agent, {}),
            (write_json(call) or "").encode("utf-8", "replace"),
            lambda _: self._client.max_body_bytes,
            body_until=body_until,
        )

    async def _read(self, answer: Answer) -> tuple[WebResponse, dict[str, Any] | None]:
        """Return an answer as the rails and the store take it, and the task that asks, if any."""
        # In a thread: a hostile answer of many megabytes takes seconds to read.
        rpc = None
        if not answer.truncated:
            rpc = await anyio.to_thread.run_sync(read_result, answer.body)
        result = as_dict((rpc or {}).get("result"))
        if result is None:
            return self._failed(answer, rpc), None
        metadata = _metadata(result)
        receipts = _receipts(metadata)
        required = as_dict(metadata.get(REQUIRED))
        status = metadata.get(STATUS)
        if status in ("payment-required", "payment-failed", "payment-rejected"):
            text = None if required is None else to_header(required)
            asked = () if text is None else (("PAYMENT-REQUIRED", text),)
            return self._response(402, (*asked, *receipts), b""), result
        failed = (as_dict(result.get("status")) or {}).get("state") in _FAILED_STATES
        body = (keep_json(result) or "").encode("utf-8", "replace")
        return self._response(TOOL_FAILED if failed else 200, receipts, body), None

    def _failed(self, answer: Answer, rpc: Mapping[str, Any] | None) -> WebResponse:
        """Return what is no result: an error of JSON-RPC or HTTP, or bytes that cannot be read.

        Those are kept as they came: they may be what was paid for, cut short.
        """
        failure = as_dict((rpc or {}).get("error"))
        status = answer.status if answer.status >= 400 and answer.status != 402 else CALL_FAILED
        text = None if failure is None else keep_json({"error": failure})
        body = answer.body if text is None else text.encode("utf-8", "replace")
        headers = (("content-type", RESULT_TYPE),)
        return WebResponse(self._request.url, status, headers, body, answer.truncated)

    def _response(
        self, status: int, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> WebResponse:
        return WebResponse(
            self._request.url, status, (("content-type", RESULT_TYPE), *headers), body
        )


def _invalid(detail: str) -> PurserError:
    return PurserError(ErrorKind.INVALID_ARGUMENT, detail)


def _metadata(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a task's latest message, or of a message that is the whole answer."""
    message = as_dict((as_dict(result.get("status")) or {}).get("message")) or result
    return as_dict(message.get("metadata")) or {}


def _receipts(metadata: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the newest receipt as a header: each try adds one, and ours is the last."""
    receipts = [one for one in map(as_dict, as_list(metadata.get(RECEIPTS)) or []) if one]
    text = to_header(receipts[-1]) if receipts else None
    return () if text is None else (("PAYMENT-RESPONSE", text),)


def _payload(payment_headers: Mapping[str, str]) -> dict[str, Any] | None:
    for name, value in payment_headers.items():
        if name.lower() in ("payment-signature", "x-payment"):
            return from_header(value)
    return None
