"""A tool call as an exchange: what may have to be paid is asked once, and paid once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import anyio

from tools.upstream.dialects import Demand, payment_meta, read_demand, receipt_headers
from tools.upstream.link import (
    Link,
    LinkBrokenError,
    LinkDownError,
    Progress,
    RpcFailure,
    ToolReply,
)
from tools.upstream.plain import MAX_RESULT_DEPTH, keep_json
from tools.web.sending import Deadline, sending_payment
from wallet.errors import ErrorKind, PurserError
from wallet.exchange import NeverSentError, WebRequest, WebResponse
from wallet.rails.codec import nests_deeper

METHOD = "TOOL"
RESULT_TYPE = "application/vnd.purser.tool-result+json"
MAX_ARGUMENT_BYTES = 1_000_000
MAX_MESSAGE_CHARS = 2_000
TOOL_FAILED, CALL_FAILED = 500, 502
"""The statuses of a result that says `isError`, and of a JSON-RPC error."""


class ToolExchange:
    """Implements `wallet.exchange.Exchange` over a tool call of an upstream server.

    Args:
        link: the connection to the upstream.
        tool: the tool's own name there.
        arguments: as the caller gave them.
        timeout_s: for everything together, from the first `ask` on.
        max_bytes: the largest result kept, as JSON.
        progress: told how far a call is.

    Raises:
        PurserError: INVALID_ARGUMENT, the arguments are too large or no JSON.
    """

    def __init__(
        self,
        link: Link,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        timeout_s: float,
        max_bytes: int,
        progress: Progress | None = None,
    ) -> None:
        self._link = link
        self._tool = tool
        self._arguments = arguments
        self._deadline = Deadline(timeout_s)
        self._max_bytes = max_bytes
        self._progress = progress
        self._demand: Demand | None = None
        url = f"mcp://{link.name}/{quote(tool, safe='')}"
        self._request = WebRequest(METHOD, url, (), canonical(arguments))

    @property
    def request(self) -> WebRequest:
        """Return the call as a request: the arguments in canonical JSON are its body."""
        return self._request

    async def ask(self) -> WebResponse:
        """Call the tool without payment; a demand for one is a 402 with the rails' headers.

        Raises:
            PurserError: TIMEOUT, UPSTREAM_ERROR or TOO_LARGE.
        """
        try:
            with anyio.fail_after(self._deadline.left_s()):
                reply = await self._call({})
        except TimeoutError:
            detail = f"The upstream tool gave no answer within {self._deadline.total_s:g} seconds."
            raise PurserError(ErrorKind.TIMEOUT, detail) from None
        except LinkDownError as error:
            detail = f"The upstream server {self._link.name} is down: {error}."
            raise PurserError(ErrorKind.UPSTREAM_ERROR, detail) from None
        except LinkBrokenError:
            detail = f"The connection to the upstream server {self._link.name} broke."
            raise PurserError(ErrorKind.UPSTREAM_ERROR, detail) from None
        self._demand = read_demand(reply)
        response = self._response(reply, self._demand)
        if response.truncated and response.status == 200:
            raise PurserError(ErrorKind.TOO_LARGE, f"The result is over {self._max_bytes} bytes.")
        return response

    async def pay(self, payment_headers: Mapping[str, str]) -> WebResponse:
        """Call the tool again with the payment, in the dialect that asked for it.

        Without an `ask` before, it asks first: only the upstream says which dialect it speaks.

        Raises:
            NeverSentError: the payment did not leave.
            TransportFailedError: it may have been received, and no answer came.
        """
        if self._demand is None:
            try:
                await self.ask()
            except PurserError:
                raise NeverSentError("the upstream could not be asked") from None
        meta = payment_meta(self._demand or Demand(()), payment_headers)
        if meta is None:
            raise NeverSentError("the payment cannot be carried to the upstream")
        with sending_payment(self._deadline.left_s()):
            reply = await self._call(meta)
        return self._response(reply, read_demand(reply))

    def start_over(self) -> None:
        """Forget what was asked; the next payment asks anew which dialect is spoken."""
        self._demand = None

    def can_still_pay(self) -> bool:
        """Tell whether a third of the time is left, which a settlement may well take."""
        return self._deadline.is_enough_to_pay()

    async def _call(self, meta: Mapping[str, Any]) -> ToolReply | RpcFailure:
        return await self._link.call(self._tool, self._arguments, meta, self._progress)

    def _response(self, reply: ToolReply | RpcFailure, demand: Demand | None) -> WebResponse:
        receipts = receipt_headers(reply)
        if demand is not None:
            return WebResponse(self._request.url, 402, (*demand.headers, *receipts), b"")
        if isinstance(reply, RpcFailure):
            status, result = CALL_FAILED, _as_result(reply)
        else:
            status = TOOL_FAILED if reply.result.get("isError") is True else 200
            result = reply.result
        text = keep_json(result)
        if text is None:
            status, text = CALL_FAILED, keep_json(_as_result(RpcFailure(0, "", None))) or ""
        body = text.encode("utf-8", "replace")
        headers = (("content-type", RESULT_TYPE), *receipts)
        cut = len(body) > self._max_bytes
        return WebResponse(self._request.url, status, headers, body[: self._max_bytes], cut)


def canonical(arguments: Mapping[str, Any]) -> bytes:
    """Return arguments as JSON with sorted keys: the same call has the same bytes.

    Raises:
        PurserError: INVALID_ARGUMENT, they are no JSON, too deep or over a million bytes.
    """
    try:
        text = json.dumps(
            arguments, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
        )
    except (TypeError, ValueError, RecursionError):
        raise PurserError(ErrorKind.INVALID_ARGUMENT, "The arguments are no JSON.") from None
    body = text.encode("utf-8", "surrogatepass")
    if len(body) > MAX_ARGUMENT_BYTES or nests_deeper(text, MAX_RESULT_DEPTH):
        raise PurserError(ErrorKind.INVALID_ARGUMENT, "The arguments are too large.")
    return body


def _as_result(failure: RpcFailure) -> dict[str, Any]:
    """Write a JSON-RPC error as the result of a failed tool."""
    text = failure.message[:MAX_MESSAGE_CHARS] or "The upstream gave no readable answer."
    return {"content": [{"type": "text", "text": text}], "isError": True}
